//! Builds the bundled plugins and hands the components to the binary.
#![expect(clippy::panic, reason = "a build script reports by failing")]

use std::path::{Path, PathBuf};

use purser_plugin_build::{Request, build_component};

/// Folder under `plugins`, which is the connector's id as well.
const BUNDLED: [&str; 2] = ["microsoft-csp", "focus-csv"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bundled = BUNDLED.map(|id| format!("plugins/{id}"));
    let shared = ["plugins/sdk", "plugins/build", "wit", "Cargo.toml", "Cargo.lock"];
    for watched in shared.into_iter().chain(bundled.iter().map(String::as_str)) {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let out =
        std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_else(|| panic!("cargo gives no OUT_DIR"));
    for id in BUNDLED {
        let (folder, package) = (root.join("plugins").join(id), format!("purser-{id}"));
        let request = Request::connector(folder, &package, out.join("plugin-target"));
        let component = build_component(&request).unwrap_or_else(|error| panic!("{error}"));
        let file = out.join(format!("{id}.wasm"));
        std::fs::write(&file, component)
            .unwrap_or_else(|error| panic!("the plugin {id} cannot be written: {error}"));
    }
}
