//! Everything that talks to a vendor: consent, token vault, the one HTTP client, preflight.
//!
//! Nothing here knows a vendor by name. What is particular to one — base URLs, paths, claims, error numbers, probes —
//! comes in as a [`connector::Connector`], translated from the plugin's descriptor and the operator's configuration.
//! Nothing here knows a store either: what must be kept goes through the small ports [`tokens::GrantStore`] and
//! [`consent::FlowStore`].
//!
//! **Invariants:** a plugin can only ask what its descriptor lists; a token is sent only to the endpoint whose audience
//! it was made for; a secret is never in a log, an error, or in clear outside memory.

pub mod address;
pub mod body;
pub mod client;
pub mod client_auth;
pub mod connector;
pub mod consent;
pub mod error;
pub mod host_pattern;
mod oauth;
pub mod operator;
mod pacing;
pub mod preflight;
pub mod registry;
mod request;
pub mod roles;
pub mod secret;
pub mod sent;
pub mod surroundings;
pub mod tokens;
pub mod transport;
mod unpack;
pub mod vault;

pub use body::Body;
pub use client::{Answer, Client, Outgoing, Target};
pub use client_auth::{Certificate, ClientAuth, Credential, Nearness};
pub use connector::{Audience, Auth, Call, Connector, ConsentRules, Endpoint, GrantEffect, Method};
pub use error::SendError;
pub use host_pattern::HostPattern;
pub use request::address_of;
pub use secret::{Secret, SecretFault};
pub use sent::Sent;
pub use surroundings::{Chance, Clock, Pace, Surroundings, TokioPace};
pub use tokens::{GrantStore, TokenError, TokenSource};
pub use transport::{HttpLimits, Transport};
pub use vault::{KeyRing, KeySource, Vault};
