//! The web UI and the API: server-rendered pages under a strict content security policy, one file per resource.
//!
//! [`router`] is all the binary needs: it takes a [`WebState`] with the store and the [`Acts`] — the one port through
//! which a page makes something happen outside the store. Every route, with the role it asks for, stands in one table
//! (`routes.rs`), from which the router itself is made.
//!
//! **Invariants:** no route is reachable but through that table's guard; a GET changes nothing but the consent flow,
//! which is bound to the session, and who has signed in elsewhere, which is bound to the browser; nothing
//! vendor-specific is written here, only what the connector's view says.

mod access;
mod acts;
mod assets;
mod books;
mod entry;
mod export;
mod format;
mod guard;
mod headers;
mod mappings;
mod names;
mod pages;
mod password;
mod plugin_acts;
mod problem;
mod routes;
mod sessions;
mod shell;
mod state;
mod throttle;
mod try_acts;

pub use access::{AccessRules, OutsideSignIn, Outsider};
pub use acts::{
    Acts, BeginConsent, CallView, CloudView, Confirmation, ConnectorView, ConsentView, CoverageView,
    CredentialView, FeedView, LocaleView, Occurrence, RoleSetView,
};
pub use entry::{NewAccount, account_name, by_consent};
pub use pages::hand_overs::HAND_OVER_LIFE;
pub use pages::outside::OUTSIDE_CALLBACK;
pub use pages::tokens::{MAX_TOKEN_DAYS, new_token};
pub use password::{MIN_PASSWORD_LENGTH, PasswordError, hash_password};
pub use plugin_acts::PluginActs;
pub use problem::Problem;
pub use routes::{APPLICATION_STATE, callback_path, router};
pub use state::WebState;
pub use try_acts::{Try, TryActs, TryState};

#[cfg(test)]
mod audited;
#[cfg(test)]
mod hardening;
#[cfg(test)]
mod testing;
