//! The face over `wss://…/ws`: JSON-RPC 2.0, one request at a time, and events for whoever subscribed.
//!
//! A password comes in the sub-protocol `auth-…` or as Basic, with the upgrade. A wrong one is told 403, too many 503. A peer that no longer answers pings
//! is let go, and so is one that takes nothing in for longer than our patience.

pub mod rpc;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use zeroize::Zeroizing;

use super::bounds::LONGEST;
use super::device::accounts::{Claim, Who};
use super::device::limits::asker;
use super::device::{Change, Device};
use super::https::{Front, Peer};
use super::xapi::text::collapsed;
use super::xapi::{Node, Path};

/// What a connection listens to: numbers and paths.
#[derive(Default)]
struct Subscriptions {
    last: u64,
    paths: Vec<(u64, Path)>,
}

/// `GET /ws`.
pub(super) async fn upgrade(
    State(front): State<Front>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response<Body> {
    let refused = |status: StatusCode| status.into_response();
    let (accounts, claimed) = (front.device.accounts(), claimed(&headers));
    let account = claimed.as_ref().and_then(|(claim, _)| accounts.known(&claim.name));
    if !front.basic.admits(&asker(peer, account)) {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    }
    let believed = claimed.and_then(|(claim, protocol)| Some((accounts.believe(&claim)?, protocol)));
    let Some((who, protocol)) = believed else { return refused(StatusCode::FORBIDDEN) };
    match socket {
        Err(rejection) => rejection.into_response(),
        Ok(socket) => {
            let socket = socket.protocols(protocol).max_message_size(LONGEST).max_frame_size(LONGEST);
            socket.on_upgrade(move |socket| serve(front, who, socket))
        }
    }
}

/// Who this says to be, and the sub-protocol that is to be agreed to.
fn claimed(headers: &HeaderMap) -> Option<(Claim, Option<String>)> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = offered.flat_map(|line| line.split(',')).map(str::trim).collect();
    if let Some(protocol) = offered.iter().find(|protocol| protocol.starts_with("auth-")) {
        return Some((Claim::sub_protocol(protocol)?, Some((*protocol).to_owned())));
    }
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
    Some((Claim::basic(given)?, None))
}

/// A socket, and how long its peer may take to take in one message.
struct Line {
    socket: WebSocket,
    patience: Duration,
}

impl Line {
    async fn send(&mut self, message: Message) -> ControlFlow<()> {
        match tokio::time::timeout(self.patience, self.socket.send(message)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
        }
    }

    async fn say(&mut self, value: &Value) -> ControlFlow<()> {
        self.send(Message::Text(value.to_string().into())).await
    }

    async fn respond(&mut self, id: Value, result: Result<Value, rpc::Error>) -> ControlFlow<()> {
        self.say(&rpc::response(id, result)).await
    }
}

async fn serve(front: Front, who: Who, socket: WebSocket) {
    let Some(_place) = front.bounds.place() else { return };
    let mut line = Line { socket, patience: front.bounds.patience };
    let device = &front.device;
    let (mut events, mut subscriptions) = (device.listen(), Subscriptions::default());
    let mut heard = true;
    let mut pings = tokio::time::interval(front.bounds.idle);
    pings.reset();
    loop {
        let flow = tokio::select! {
            () = front.stop.cancelled() => ControlFlow::Break(()),
            message = line.socket.recv() => {
                heard = true;
                match message {
                    Some(Ok(Message::Text(text))) => {
                        let text = Zeroizing::new(text.to_string());
                        answer(device, &who, &text, &mut subscriptions, &mut line).await
                    }
                    Some(Ok(Message::Binary(_))) => line.say(&rpc::not_json()).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => ControlFlow::Break(()),
                }
            }
            change = events.recv() => match change {
                Ok(change) => tell(&change, &subscriptions, &mut line).await,
                Err(RecvError::Lagged(_)) => ControlFlow::Continue(()),
                Err(RecvError::Closed) => ControlFlow::Break(()),
            },
            _ = pings.tick() => {
                let alive = std::mem::replace(&mut heard, false);
                if alive { line.send(Message::Ping(bytes::Bytes::new())).await } else { ControlFlow::Break(()) }
            }
        };
        if flow.is_break() {
            return;
        }
    }
}

async fn answer(
    device: &Device,
    who: &Who,
    text: &str,
    subscriptions: &mut Subscriptions,
    line: &mut Line,
) -> ControlFlow<()> {
    let request = match rpc::parse(text) {
        Ok(request) => request,
        Err(error) => return line.say(&error).await,
    };
    let id = request.id.clone();
    let method = match rpc::understand(request) {
        Ok(method) => method,
        Err(error) => return line.respond(id, Err(error)).await,
    };
    let mut shown_at_once = None;
    let result = match method {
        rpc::Method::Subscribe { path, show } => subscriptions.add(path.clone()).map(|number| {
            shown_at_once = show.then_some((number, path));
            json!({ "Id": number })
        }),
        rpc::Method::Unsubscribe { number } => subscriptions.remove(number),
        other => match rpc::perform(device, who, other).await {
            Some(result) => result,
            None => return ControlFlow::Break(()),
        },
    };
    line.respond(id, result).await?;
    match shown_at_once {
        Some((number, path)) => match device.get(&path).await {
            Ok((path, node)) => line.say(&event(number, &node.under(&path))).await,
            Err(_) => ControlFlow::Continue(()),
        },
        None => ControlFlow::Continue(()),
    }
}

impl Subscriptions {
    fn add(&mut self, path: Path) -> Result<u64, rpc::Error> {
        if self.paths.len() >= super::bounds::MOST_SUBSCRIPTIONS {
            return Err(super::xapi::Refusal::Subscriptions.into());
        }
        self.last += 1;
        self.paths.push((self.last, path));
        Ok(self.last)
    }

    fn remove(&mut self, number: u64) -> Result<Value, rpc::Error> {
        let before = self.paths.len();
        self.paths.retain(|(known, _)| *known != number);
        if self.paths.len() < before { Ok(Value::Bool(true)) } else { Err(rpc::Error::parameters("Id")) }
    }
}

async fn tell(change: &Arc<Change>, subscriptions: &Subscriptions, line: &mut Line) -> ControlFlow<()> {
    for (number, path) in &subscriptions.paths {
        let about = change.iter().filter(|(changed, _)| changed.is_within(path));
        let node = Node::of_values(about);
        if node != Node::empty() {
            line.say(&event(*number, &node)).await?;
        }
    }
    ControlFlow::Continue(())
}

fn event(number: u64, node: &Node) -> Value {
    let mut params = collapsed(node);
    if let Value::Object(members) = &mut params {
        members.insert("Id".to_owned(), number.into());
    }
    json!({ "jsonrpc": "2.0", "method": "xFeedback/Event", "params": params })
}
