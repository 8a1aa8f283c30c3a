//! Seek paging: the next page is asked for with the token of this one.
//!
//! The vendor's `links.next.uri` is never replayed: it comes without a slash, without `/v1`, with a second question
//! mark. The request is built again from its own parts, and only the token is taken.

use purser_plugin_sdk::crawl::{Request, Response, Step, Target};
use purser_plugin_sdk::json;
use purser_plugin_sdk::pairs::pair;
use purser_plugin_sdk::types::Problem;
use serde::{Deserialize, Serialize};

use super::{asking, done, incomplete};

const TOKEN_HEADER: &str = "ms-continuationtoken";

/// What is carried from page to page: the tokens seen, hashed. A token that comes back would page for ever.
#[derive(Default, Serialize, Deserialize)]
struct Seen {
    tokens: Vec<u64>,
}

/// The request for the page after this one; `operation` is the query parameter's name, which differs by resource.
pub fn follow(request: &Request, response: &Response, operation: &str) -> Result<Step, Problem> {
    let token = match next_token(&response.envelope) {
        Next::None => return Ok(done()),
        Next::Broken => {
            return Ok(incomplete(
                "CSP-405 Microsoft announced a further page without saying how to ask for it",
            ));
        }
        Next::Token(token) => token,
    };
    let mut seen = seen(&request.state)?;
    let hash = fnv(&token);
    if seen.tokens.contains(&hash) {
        return Ok(incomplete("CSP-405 Microsoft repeated a page · the next run reads it again"));
    }
    seen.tokens.push(hash);
    let state = serde_json::to_string(&seen).map_err(|error| Problem::Bug(error.to_string()))?;
    Ok(asking(vec![following(request, operation, &token, state)]))
}

fn following(request: &Request, operation: &str, token: &str, state: String) -> Request {
    let mut following = request.clone();
    if let Target::Call(call) = &mut following.target {
        call.query.retain(|pair| pair.name != operation);
        call.query.push(pair(operation, "Next"));
    }
    following.headers.retain(|header| header.name != TOKEN_HEADER);
    following.headers.push(pair(TOKEN_HEADER, token));
    following.delay = 0;
    following.state = state;
    following
}

enum Next {
    None,
    Token(String),
    Broken,
}

fn next_token(envelope: &str) -> Next {
    let top = json::find_text(envelope, "/continuationToken");
    if !top.is_empty() {
        return Next::Token(top.into_owned());
    }
    let link = json::find(envelope, "/links/next").ok().flatten();
    let Some(link) = link.filter(|link| *link != "{}") else { return Next::None };
    let headers = json::find(link, "/headers").ok().flatten().unwrap_or("[]");
    let headers = json::items(headers).unwrap_or_default();
    let token =
        headers.into_iter().find(|header| json::find_text(header, "/key").eq_ignore_ascii_case(TOKEN_HEADER));
    match token.map(|header| json::find_text(header, "/value")).filter(|token| !token.is_empty()) {
        Some(token) => Next::Token(token.into_owned()),
        None => Next::Broken,
    }
}

fn seen(state: &str) -> Result<Seen, Problem> {
    if state.is_empty() {
        return Ok(Seen::default());
    }
    serde_json::from_str(state)
        .map_err(|error| Problem::Bug(format!("the paging state cannot be read: {error}")))
}

/// FNV-1a: tells tokens apart without carrying them.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
