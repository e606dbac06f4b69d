//! A client of `putxml` and `getxml`.

use std::net::IpAddr;

use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use roxmltree::{Document, Node};
use serde_json::{Map, Value};

use crate::faces::{Parameters, Refused, dig};
use crate::setting::Room;

pub(crate) struct Web {
    pub(crate) client: Client,
    pub(crate) base: String,
    user: String,
    password: String,
}

/// A client that trusts the emulator alone, and asks from this address.
pub(crate) fn client(room: &Room, from: Option<IpAddr>) -> Client {
    let root = Certificate::from_pem(room.emulator.addresses().certificate.as_bytes()).unwrap();
    Client::builder().tls_certs_only([root]).no_proxy().local_address(from).build().unwrap()
}

impl Web {
    pub(crate) fn new(room: &Room, user: &str, password: &str) -> Self {
        let client = client(room, None);
        let at = room.emulator.addresses();
        let base = format!("https://localhost:{}", at.https.port());
        Self { client, base, user: user.to_owned(), password: password.to_owned() }
    }

    /// A request with the password.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .basic_auth(&self.user, Some(&self.password))
    }

    pub(crate) async fn put(&self, xml: &str) -> Response {
        let request = self.request(Method::POST, "/putxml").header("content-type", "text/xml");
        request.body(xml.to_owned()).send().await.unwrap()
    }

    pub(crate) async fn command(
        &self,
        words: &str,
        parameters: Parameters<'_>,
        body: Option<&str>,
    ) -> Result<Value, Refused> {
        let mut inside: String =
            parameters.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escaped(value))).collect();
        if let Some(body) = body {
            inside.push_str(&format!("<body>{}</body>", escaped(body)));
        }
        let words: Vec<&str> = words.split(' ').collect();
        let (last, before) = words.split_last().unwrap();
        let opened: String = before.iter().map(|word| format!("<{word}>")).collect();
        let closed: String = before.iter().rev().map(|word| format!("</{word}>")).collect();
        let xml = format!("<Command>{opened}<{last} command=\"True\">{inside}</{last}>{closed}</Command>");
        let answer = self.put(&xml).await;
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        let document = Document::parse(&text).unwrap();
        let result = document.root_element().first_element_child().unwrap();
        let mut value = value(result);
        if value.is_string() {
            value = Value::Object(Map::new());
        }
        value["status"] = result.attribute("status").unwrap().into();
        if value["status"] == "OK" {
            return Ok(value);
        }
        let said = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Err(Refused { code: said("Code"), reason: said("Reason"), rpc: None })
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let request = self.request(Method::GET, &format!("/getxml?location=/{path}"));
        let text = request.send().await.unwrap().text().await.unwrap();
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        if root.tag_name().name() == "EmptyResult" {
            return None;
        }
        let mut whole = Map::new();
        whole.insert(root.tag_name().name().to_owned(), value(root));
        dig(&Value::Object(whole), path)
    }

    pub(crate) async fn set(&self, path: &str, value: &str) -> Result<(), String> {
        let words: Vec<&str> = path.split('/').collect();
        let opened: String = words.iter().map(|word| format!("<{word}>")).collect();
        let closed: String = words.iter().rev().map(|word| format!("</{word}>")).collect();
        let text = self.put(&format!("{opened}{}{closed}", escaped(value))).await.text().await.unwrap();
        if text.contains("<Success") { Ok(()) } else { Err(text) }
    }
}

/// An element as JSON: lists where devices say that there can be several.
fn value(element: Node<'_, '_>) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for child in element.children().filter(Node::is_element) {
        let name = child.tag_name().name().to_owned();
        if let Some(item) = child.attribute("item") {
            let mut inside = value(child);
            if let Value::Object(fields) = &mut inside {
                fields.insert("id".to_owned(), item.into());
            }
            let list = members.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().unwrap().push(inside);
        } else {
            members.insert(name, value(child));
        }
    }
    if members.is_empty() { Value::from(element.text().unwrap_or_default()) } else { Value::Object(members) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
