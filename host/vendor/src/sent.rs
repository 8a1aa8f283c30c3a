//! One request as the log of a run shows it.
//!
//! **Invariant:** no header, no query, no body and no token comes in here; of a download no path either, because an
//! address that the vendor made may bear its secret there.

use crate::client::{Answer, Outgoing, Target};
use crate::error::SendError;
use crate::request::Prepared;
use crate::transport::host_of;

/// Where a request went, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The call's name; empty for a download.
    pub call: String,
    /// Empty where the request was refused before it could be sent.
    pub method: String,
    /// Host and port.
    pub host: String,
    /// Of a call, without its query.
    pub path: String,
    /// Of the last answer.
    pub status: Option<u16>,
    /// The code of what went wrong; empty: nothing did.
    pub code: String,
    /// Tries.
    pub attempts: u32,
}

impl Sent {
    /// What was asked, before it is known whether it may be.
    pub(crate) fn asked(outgoing: &Outgoing) -> Self {
        match &outgoing.target {
            Target::Call { name, .. } => Self { call: short(name), ..Self::default() },
            Target::Absolute(url) => {
                let host = url::Url::parse(url).map(|url| short(&host_of(&url))).unwrap_or_default();
                Self { host, ..Self::default() }
            }
        }
    }

    /// It may be sent.
    pub(crate) fn granted(&mut self, prepared: &Prepared) {
        self.method = prepared.method.to_string();
        self.host = short(&host_of(&prepared.url));
        self.path = shown_path(prepared).to_owned();
    }

    /// How it ended.
    pub(crate) fn came_to(&mut self, outcome: &Result<Answer, SendError>) {
        match outcome {
            Ok(answer) => self.status = Some(answer.status),
            Err(error) => self.code = error.code(),
        }
    }
}

/// The path of a call; a download's is not for showing.
pub(crate) fn shown_path(prepared: &Prepared) -> &str {
    if prepared.call.is_empty() { "" } else { prepared.url.path() }
}

/// What a plugin says is shown only so far.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
