//! What the binary carries: the Microsoft CSP plugin, and the contract it was built for.

/// The bundled component.
pub const MICROSOFT_CSP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"));

/// Bundled plugins by id.
pub const PLUGINS: &[(&str, &[u8])] = &[("microsoft-csp", MICROSOFT_CSP)];
