//! `getxml`: what is at a place of `Status` or `Configuration`, under the elements that lead to it.

use crate::room::device::Device;
use crate::room::xapi::{Node, Path};

/// What is there, or the empty result that devices give.
pub(super) async fn at(device: &Device, path: Option<Path>) -> Node {
    let Some(path) = path else { return empty() };
    match device.get(&path).await {
        Ok((path, node)) => node.under(&path),
        Err(_) => empty(),
    }
}

fn empty() -> Node {
    Node::branch([("EmptyResult", Node::leaf(""))])
}
