//! What went wrong, for the person who must act: a stable code, what happened, what to do.
//!
//! A handler returns a [`Problem`]; the outermost layer of pages (`shell::dress`) turns it into a page with the menu
//! around it, or into JSON for the API. **Invariant:** a problem never says anything internal: no SQL, path or token.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use url::Url;

/// Something a person should know and can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} {what}")]
pub struct Problem {
    /// Stable, and searchable in the documentation.
    pub code: String,
    /// What happened, in a lower-case sentence.
    pub what: String,
    /// What to do about it; empty where nothing can be done.
    pub remedy: String,
    /// HTTP status code.
    pub status: u16,
    /// Each thing by itself, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    #[serde(skip)]
    ways: Option<Box<Ways>>,
}

/// What a page offers beside the words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Ways {
    /// What it is called, and where it leads.
    on: Option<(&'static str, &'static str)>,
    /// At the vendor's.
    administrator: Option<Url>,
}

impl Problem {
    /// A problem with this status.
    #[must_use]
    pub fn new(status: u16, code: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (code, what, remedy) = (code.to_owned(), what.into(), remedy.into());
        Self { code, what, remedy, status, details: Vec::new(), ways: None }
    }

    /// With each thing by itself.
    #[must_use]
    pub fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// With a way on instead of the dashboard, and what it is called.
    pub(crate) fn leading(mut self, title: &'static str, address: &'static str) -> Self {
        self.ways.get_or_insert_default().on = Some((title, address));
        self
    }

    /// With an address at the vendor's that whoever administers the tenant there must open.
    #[must_use]
    pub fn for_administrator(mut self, link: Url) -> Self {
        self.ways.get_or_insert_default().administrator = Some(link);
        self
    }

    /// What the way on is called, and where it leads.
    pub(crate) fn way_on(&self) -> (&'static str, &'static str) {
        self.ways.as_ref().and_then(|ways| ways.on).unwrap_or(("Go to the dashboard", "/"))
    }

    pub(crate) fn administrator(&self) -> Option<&Url> {
        self.ways.as_ref()?.administrator.as_ref()
    }

    /// There is no such page or thing.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        let remedy = "check the address, or start from the menu";
        Self::new(404, "WEB-NOT-FOUND", format!("there is no such {what}"), remedy)
    }

    /// What was sent cannot be used.
    #[must_use]
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(400, "WEB-INPUT", what, "go back, correct the input and send it again")
    }

    /// What happened, as a sentence begins.
    pub(crate) fn headline(&self) -> String {
        crate::format::sentence(&self.what)
    }

    pub(crate) fn internal() -> Self {
        let remedy = "try again; if it stays, look at the server's log at this time";
        Self::new(500, "WEB-INTERNAL", "something went wrong inside Purser", remedy)
    }

    /// The problem of a response that no handler of ours has explained.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::not_found("page"),
            405 => Self::new(
                405,
                "WEB-METHOD",
                "this address does not take that kind of request",
                "start from the menu",
            ),
            413 => Self::new(413, "WEB-TOO-LARGE", "what was sent is too large", "send less"),
            503 => Self::new(503, "WEB-BUSY", "Purser is busy", "wait a moment and try again"),
            code @ 400..=499 => Self { status: code, ..Self::input("the request could not be read") },
            _ => Self::internal(),
        }
    }
}

impl From<purser_store::Error> for Problem {
    fn from(error: purser_store::Error) -> Self {
        use purser_store::Error;
        match &error {
            Error::NotFound(what) => Self::not_found(what),
            Error::Conflict(what) => Self::new(
                409,
                "STO-CONFLICT",
                format!("the {what} was changed by somebody else meanwhile, or exists already"),
                "load the page again, look at what is there now, and repeat your change",
            ),
            Error::DiskFull => {
                Self::new(507, "STO-DISK-FULL", "the disk is full; nothing was changed", "free some space")
            }
            Error::Fenced | Error::Stale | Error::RetiredKey(_) => Self::new(
                409,
                "STO-STALE",
                "newer data is stored already; nothing was changed",
                "load the page again",
            ),
            Error::NotClosable(why) => {
                let told = why.to_string();
                let told = told.strip_prefix(why.code()).unwrap_or(&told).trim();
                let (what, remedy) = told.split_once(" · ").unwrap_or((told, "load the page again"));
                Self::new(409, why.code(), what, remedy)
            }
            Error::LastAdministrator => Self::new(
                409,
                "WEB-LAST-ADMIN",
                "this is the last administrator: nobody could undo it, so nothing was changed",
                "make somebody else an administrator first",
            ),
            Error::Incomplete(what) => {
                Self::new(409, "STO-REFUSED", what.as_str(), "look at the run's notes")
            }
            Error::Damaged(_) | Error::Failed(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "store failed");
                let remedy = "try again; if it stays, look at the server's log at this time";
                Self::new(500, "STO-FAILED", "the database could not answer", remedy)
            }
        }
    }
}

impl From<tower_sessions::session::Error> for Problem {
    fn from(error: tower_sessions::session::Error) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "session failed");
        Self::internal()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
