//! Builds the bundled plugin and hands the component to the binary.
#![expect(clippy::panic, reason = "a build script reports by failing")]

use std::path::{Path, PathBuf};

use purser_plugin_build::{Request, build_component};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for watched in
        ["plugins/sdk", "plugins/microsoft-csp", "plugins/build", "wit", "Cargo.toml", "Cargo.lock"]
    {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let out =
        std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_else(|| panic!("cargo gives no OUT_DIR"));
    let request = Request::connector(
        root.join("plugins/microsoft-csp"),
        "purser-microsoft-csp",
        out.join("plugin-target"),
    );
    let component = build_component(&request).unwrap_or_else(|error| panic!("{error}"));
    let file = out.join("microsoft-csp.wasm");
    std::fs::write(&file, component).unwrap_or_else(|error| panic!("the plugin cannot be written: {error}"));
}
