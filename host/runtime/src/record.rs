//! What is told of every call: who was called, what it used of what it may, how it ended, what it printed.
//!
//! A [`Recorder`] is passed in with the sandbox; the sandbox itself counts nothing. **Invariant:** every call of an
//! admitted plugin is told once, also one that was stopped.

use purser_domain::{Digest, RunId};

use crate::{Budget, Role, Usage};

/// Who is told. Called on the thread of the call: it must not wait.
pub trait Recorder: Send + Sync {
    /// A call has ended.
    fn called(&self, call: &Called<'_>);
    /// A page has been mapped to its end.
    fn mapped(&self, version: &Version<'_>, records: Records);
}

/// Tells nobody.
pub(crate) struct Unrecorded;

impl Recorder for Unrecorded {
    fn called(&self, _: &Called<'_>) {}
    fn mapped(&self, _: &Version<'_>, _: Records) {}
}

/// A plugin version at work.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The plugin's id.
    pub plugin: &'a str,
    /// Its bytes' name.
    pub digest: Digest,
    /// For which run it works; none: outside of one.
    pub run: Option<RunId>,
}

/// A call that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Who was called.
    pub version: Version<'a>,
    /// What was called.
    pub function: Function,
    /// `ok`, or the code of what went wrong.
    pub outcome: &'static str,
    /// What it was given, in bytes.
    pub input_bytes: u64,
    /// What it used …
    pub used: Usage,
    /// … of what it may.
    pub allowed: Budget,
    /// What it printed.
    pub printed: &'a Printed,
}

/// A function of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// `crawl.start`.
    Start,
    /// `crawl.next`.
    Next,
    /// `mapping.map`.
    Map,
    /// `localisation.products`.
    Products,
}

impl Function {
    /// Its name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Next => "next",
            Self::Map => "map",
            Self::Products => "products",
        }
    }

    /// The role it belongs to.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Start | Self::Next => Role::Crawl,
            Self::Map => Role::Mapping,
            Self::Products => Role::Localisation,
        }
    }
}

/// What a guest printed, as far as it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Printed {
    /// The beginning.
    pub text: String,
    /// Bytes that came after it and were dropped.
    pub dropped_bytes: u64,
}

/// What became of the records of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Records {
    /// Records that came in.
    pub received: u64,
    /// Those that became Purchases, facts or texts.
    pub mapped: u64,
    /// Left out by a rule.
    pub ignored: u64,
    /// Set aside for a reason.
    pub rejected: u64,
}
