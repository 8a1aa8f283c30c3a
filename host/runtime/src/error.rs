//! What can go wrong when a sandbox starts and when a plugin is called: code, sentence, remedy.
//!
//! **Invariant:** [`CallError::Trap`], [`CallError::Contract`] and [`CallError::OutputTooLarge`] come from the plugin
//! and its input alone, so the same call fails again; [`CallError::Deadline`] and [`CallError::Memory`] may come from a
//! busy host, and are worth another try with room. The pipeline bisects traps alone.

use crate::Role;
use crate::contract::types::Problem;

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine refuses the limits or the machine.
    #[error("PLG-001 the sandbox could not be started: {0} · lower `memory-mib` or `pool-instances`")]
    Engine(String),
    /// The cache folder cannot be used.
    #[error(
        "PLG-002 the folder for compiled plugins cannot be used: {0} · make it writable for Purser alone"
    )]
    Cache(String),
    /// The ticker's thread could not be started.
    #[error("PLG-003 no thread for the plugins' deadlines: {0} · raise the limit on threads of this process")]
    Ticker(#[source] std::io::Error),
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} {} · {}", self.code(), self.sentence(), self.remedy())]
pub enum CallError {
    /// The plugin answered with a problem of its own.
    Problem(Problem),
    /// The guest crashed on this input, and will again.
    Trap {
        /// The engine's word for it.
        reason: String,
        /// What the guest printed before, shortened; empty where it imports no output.
        log: String,
    },
    /// The guest took longer than it may, or the host was busy.
    Deadline {
        /// How long it ran, in milliseconds.
        used_ms: u64,
        /// How long it may, in milliseconds.
        limit_ms: u64,
    },
    /// The guest asked for more memory than it may have.
    Memory {
        /// What it would have held, in bytes.
        wanted_bytes: u64,
        /// What it may hold, in bytes.
        limit_bytes: u64,
    },
    /// The result is larger than it may be.
    OutputTooLarge {
        /// How large it may be, in bytes.
        limit_bytes: u64,
    },
    /// The plugin or its page has more of something than there may be.
    TooMany {
        /// Of what.
        what: Counted,
        /// How many there are; of crashes, how many were waited for.
        given: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A string outside of any record is longer than it may be.
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is, in bytes.
        bytes: u64,
        /// How long it may be, in bytes.
        limit_bytes: u64,
    },
    /// The result breaks the contract: counts that do not match, a record in two places or in none.
    Contract(String),
    /// The component does not play this role.
    NotPlayed(Role),
    /// The sandbox itself failed.
    Sandbox(String),
}

impl CallError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Problem(Problem::RetryLater(_)) => "PLG-211",
            Self::Problem(Problem::NeedsConsent(_)) => "PLG-212",
            Self::Problem(Problem::Reject(_)) => "PLG-213",
            Self::Problem(Problem::Bug(_)) => "PLG-214",
            Self::Trap { .. } => "PLG-201",
            Self::Deadline { .. } => "PLG-202",
            Self::Memory { .. } => "PLG-203",
            Self::OutputTooLarge { .. } => "PLG-204",
            Self::Contract(_) => "PLG-205",
            Self::NotPlayed(_) => "PLG-206",
            Self::Sandbox(_) => "PLG-207",
            Self::TooMany { what, .. } => what.code(),
            Self::TooLong { .. } => STRING,
        }
    }

    /// What happened, with use against limit.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Problem(Problem::RetryLater(seconds)) => format!("the vendor asks to wait {seconds} s"),
            Self::Problem(Problem::NeedsConsent(reason)) => format!("a new consent is needed: {reason}"),
            Self::Problem(Problem::Reject(reason)) => format!("the plugin cannot read this: {reason}"),
            Self::Problem(Problem::Bug(text)) => format!("the plugin found itself wrong: {text}"),
            Self::Trap { reason, log } if log.is_empty() => format!("the plugin crashed: {reason}"),
            Self::Trap { reason, log } => format!("the plugin crashed: {reason}; it printed: {log}"),
            Self::Deadline { used_ms, limit_ms } => {
                format!("the plugin was stopped after {used_ms} ms of {limit_ms} ms allowed")
            }
            Self::Memory { wanted_bytes, limit_bytes } => {
                format!("the plugin asked for {} of {} memory allowed", mib(*wanted_bytes), mib(*limit_bytes))
            }
            Self::OutputTooLarge { limit_bytes } => {
                format!("the plugin handed back more than the {} allowed", mib(*limit_bytes))
            }
            Self::TooMany { what, given, limit } => what.sentence(*given, *limit),
            Self::TooLong { what, bytes, limit_bytes } => {
                format!("the plugin handed back {what} of {bytes} bytes, {limit_bytes} are allowed")
            }
            Self::Contract(text) => format!("the plugin's answer breaks the contract: {text}"),
            Self::NotPlayed(role) => format!("the plugin does not play the role {role}"),
            Self::Sandbox(text) => format!("the sandbox failed: {text}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Problem(Problem::RetryLater(_)) => "nothing to do: it is tried again",
            Self::Problem(Problem::NeedsConsent(_)) => "sign in again from the connector's settings",
            Self::Problem(Problem::Reject(_)) => {
                "look at the page under Activity; a newer plugin version may read it"
            }
            Self::Problem(Problem::Bug(_)) | Self::Trap { .. } | Self::Contract(_) => {
                "tell the plugin's publisher, or roll back to the version before"
            }
            Self::Deadline { .. } => {
                "it is tried again with room; if it stays, raise `deadline-base-ms` or `deadline-per-mib-ms`"
            }
            Self::Memory { .. } => "it is tried again with room; if it stays, raise `memory-mib`",
            Self::OutputTooLarge { .. } => "use smaller pages, or raise `output-mib`",
            Self::TooMany { what, .. } => what.remedy(),
            Self::TooLong { .. } => "shorten it in the plugin, or raise `string-kib`",
            Self::NotPlayed(_) => "pin this role to a component that plays it",
            Self::Sandbox(_) => "see the log of the server; `purser doctor` checks the machine",
        }
    }

    /// Whether the guest crashed: the same call crashes again, so the record that is guilty of it can be found.
    #[must_use]
    pub fn is_deterministic_trap(&self) -> bool {
        matches!(self, Self::Trap { .. })
    }

    /// Whether the same call would fail in the same way, so that trying it again is of no use.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        match self {
            Self::Problem(problem) => !matches!(problem, Problem::RetryLater(_)),
            Self::Trap { .. }
            | Self::OutputTooLarge { .. }
            | Self::TooMany { .. }
            | Self::TooLong { .. }
            | Self::Contract(_)
            | Self::NotPlayed(_) => true,
            Self::Deadline { .. } | Self::Memory { .. } | Self::Sandbox(_) => false,
        }
    }
}

/// What there may be so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Requests of one step.
    Requests,
    /// Facts of one answer.
    Facts,
    /// Product texts of one page.
    Texts,
    /// Records of one page.
    Records,
    /// Records of one page that the guest crashed on.
    Crashes,
}

impl Counted {
    fn code(self) -> &'static str {
        match self {
            Self::Requests => "PLG-221",
            Self::Facts => "PLG-222",
            Self::Texts => "PLG-223",
            Self::Records => "PLG-224",
            Self::Crashes => "PLG-225",
        }
    }

    fn sentence(self, given: u64, limit: u64) -> String {
        let things = match self {
            Self::Requests => "requests in one step",
            Self::Facts => "facts in one answer",
            Self::Texts => "product texts for one page",
            Self::Records => return format!("the page holds {given} records, {limit} are allowed"),
            Self::Crashes => {
                return format!("the plugin crashed on {given} records of one page, {limit} are allowed");
            }
        };
        format!("the plugin handed back {given} {things}, {limit} are allowed")
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Requests => "ask in smaller steps, or raise `requests-per-step`",
            Self::Facts => "keep records and read facts from them, or raise `facts-per-answer`",
            Self::Texts => "give fewer texts for a record, or raise `texts-per-record`",
            Self::Records => "ask for smaller answers, or raise `records-per-page`",
            Self::Crashes => {
                "tell the plugin's publisher, or roll back to the version before; `crashes-per-page` is the limit"
            }
        }
    }
}

/// The code of a string that is too long.
pub(crate) const STRING: &str = "PLG-226";

/// The code of a number with too many digits.
pub(crate) const DIGITS: &str = "PLG-227";

/// The code of a log that was cut: what a guest prints beyond `log-kib` is dropped, and nothing is stopped.
pub const LOG_CUT: &str = "PLG-228";

/// Bytes as MiB with one decimal, without floats.
fn mib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    match tenths % 10 {
        0 => format!("{} MiB", tenths / 10),
        rest => format!("{}.{rest} MiB", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stop_says_code_use_limit_and_remedy() {
        let texts: Vec<String> = [
            CallError::Deadline { used_ms: 6_013, limit_ms: 6_000 },
            CallError::Memory { wanted_bytes: 300 << 20, limit_bytes: 256 << 20 },
            CallError::OutputTooLarge { limit_bytes: 64 << 20 },
            CallError::Trap { reason: "wasm `unreachable` instruction executed".into(), log: String::new() },
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(
            texts,
            [
                "PLG-202 the plugin was stopped after 6013 ms of 6000 ms allowed · it is tried again with room; if it \
                 stays, raise `deadline-base-ms` or `deadline-per-mib-ms`",
                "PLG-203 the plugin asked for 300 MiB of 256 MiB memory allowed · it is tried again with room; if it \
                 stays, raise `memory-mib`",
                "PLG-204 the plugin handed back more than the 64 MiB allowed · use smaller pages, or raise \
                 `output-mib`",
                "PLG-201 the plugin crashed: wasm `unreachable` instruction executed · tell the plugin's publisher, or \
                 roll back to the version before",
            ]
        );
    }

    #[test]
    fn only_what_the_plugin_alone_decides_is_deterministic() {
        assert!(CallError::Trap { reason: String::new(), log: String::new() }.is_deterministic());
        assert!(CallError::Contract(String::new()).is_deterministic());
        assert!(!CallError::Deadline { used_ms: 1, limit_ms: 1 }.is_deterministic());
        assert!(!CallError::Memory { wanted_bytes: 1, limit_bytes: 1 }.is_deterministic());
    }
}
