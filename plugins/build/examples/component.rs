//! Builds a plugin crate into a component file: `component MANIFEST_DIR PACKAGE OUT.wasm [PROFILE [WORLD]]`.

use std::path::PathBuf;
use std::process::ExitCode;

use purser_plugin_build::{Request, build_component};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manifest_dir, package, out, profile @ ..] = arguments.as_slice() else {
        eprintln!("usage: component MANIFEST_DIR PACKAGE OUT.wasm [PROFILE [WORLD]]");
        return ExitCode::from(2);
    };
    let mut request =
        Request::connector(manifest_dir, package, std::env::temp_dir().join("purser-components"));
    if let Some(profile) = profile.first() {
        request.profile.clone_from(profile);
    }
    if let Some(world) = profile.get(1) {
        request.world = Some(world.clone());
    }
    match build_component(&request).map(|bytes| (std::fs::write(PathBuf::from(out), &bytes), bytes.len())) {
        Ok((Ok(()), size)) => {
            println!("{out}: {size} bytes");
            ExitCode::SUCCESS
        }
        Ok((Err(error), _)) => {
            eprintln!("{out} cannot be written: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
