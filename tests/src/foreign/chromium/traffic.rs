//! What the browser asked for and was answered, and what its console says.

use serde_json::{Value, json};

use super::{BrowserError, Chromium};

/// What happened since somebody last looked.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// All that was asked for, whether or not an answer came.
    pub requests: Vec<Request>,
    /// The answers that are documents, redirects included.
    pub documents: Vec<Answer>,
    /// What the console says that is worse than information.
    pub complaints: Vec<String>,
}

/// Something that a page asked for; a page itself asks for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked for.
    pub url: String,
    /// The page that wanted it.
    pub page: String,
}

/// A document as it was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its address.
    pub url: String,
    /// The HTTP status.
    pub status: u64,
    headers: Value,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_object()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str()
    }

    fn of(response: &Value) -> Option<Self> {
        Some(Self {
            url: response.get("url")?.as_str()?.to_owned(),
            status: response.get("status")?.as_u64()?,
            headers: response.get("headers")?.clone(),
        })
    }
}

impl Chromium {
    /// What happened since this was last called.
    ///
    /// # Errors
    /// If the driver does not say.
    pub fn traffic(&self) -> Result<Traffic, BrowserError> {
        let mut traffic = Traffic::default();
        for entry in self.log("performance")? {
            let message = entry.get("message").and_then(Value::as_str).unwrap_or_default();
            let message: Value = serde_json::from_str(message)?;
            if let Some(event) = message.get("message") {
                traffic.add(event);
            }
        }
        for entry in self.log("browser")? {
            let level = entry.get("level").and_then(Value::as_str).unwrap_or_default();
            if matches!(level, "WARNING" | "SEVERE") {
                let said = entry.get("message").and_then(Value::as_str).unwrap_or_default();
                traffic.complaints.push(format!("{level}: {said}"));
            }
        }
        Ok(traffic)
    }

    fn log(&self, kind: &str) -> Result<Vec<Value>, BrowserError> {
        let entries = self.command("POST", "se/log", &json!({ "type": kind }))?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }
}

impl Traffic {
    fn add(&mut self, event: &Value) {
        let Some(parameters) = event.get("params") else { return };
        let is_document = parameters.get("type").and_then(Value::as_str) == Some("Document");
        match event.get("method").and_then(Value::as_str) {
            Some("Network.requestWillBeSent") => {
                let url = parameters.get("request").and_then(|request| request.get("url")?.as_str());
                let page = parameters.get("documentURL").and_then(Value::as_str);
                let pair = url.zip(page);
                let request =
                    |(url, page): (&str, &str)| Request { url: url.to_owned(), page: page.to_owned() };
                self.requests.extend(pair.map(request));
                if is_document {
                    self.documents.extend(parameters.get("redirectResponse").and_then(Answer::of));
                }
            }
            Some("Network.responseReceived") if is_document => {
                self.documents.extend(parameters.get("response").and_then(Answer::of));
            }
            _ => {}
        }
    }
}
