//! What the binary carries: its plugins, built for the contract it serves.

/// Bundled components, in the order of the menu.
pub const PLUGINS: &[(&str, &[u8])] = &[
    ("microsoft-csp", include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"))),
    ("focus-csv", include_bytes!(concat!(env!("OUT_DIR"), "/focus-csv.wasm"))),
];
