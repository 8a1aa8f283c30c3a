//! The plugins of `tests/fixtures` as components, built once for all tests of this package.

use std::path::Path;

use purser_plugin_build::{Request, build_component, build_wasi_component};

/// A fixture that links nothing, with some of its features.
pub fn component_with(package: &str, features: &[&str]) -> Vec<u8> {
    let request = request(package).with_features(features);
    build_component(&request).unwrap_or_else(|error| panic!("{error}"))
}

/// A fixture as its toolchain's WASI component.
pub fn wasi_component(package: &str) -> Vec<u8> {
    build_wasi_component(&request(package)).unwrap_or_else(|error| panic!("{error}"))
}

fn request(package: &str) -> Request {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").canonicalize().unwrap();
    Request::connector(
        fixtures.join(package),
        package,
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"),
    )
}
