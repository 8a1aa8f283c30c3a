//! The bundled plugin and the fixtures as components: built as the host builds them, checked against the contract.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use purser_plugin_build::{Error, Request, build_component, check_world, encode};

/// A plugin that has grown past this does more than describe requests and map records.
const LARGEST_PLUGIN: usize = 1 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// One for all plugins, so that what they share is built once; never the one this test was built in.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

fn fixture(package: &str) -> Request {
    Request::connector(root().join("tests/fixtures").join(package), package, target())
}

#[test]
fn the_bundled_plugin_is_a_small_connector_without_imports_or_paths_of_its_builder() {
    let request = Request::connector(root().join("plugins/microsoft-csp"), "purser-microsoft-csp", target());
    let component = build_component(&request).unwrap_or_else(|error| panic!("{error}"));
    assert!(component.len() < LARGEST_PLUGIN, "{} bytes", component.len());
    check_world(&component, "connector").unwrap();
    let home = std::env::home_dir().unwrap();
    for folder in [home.as_path(), &root()] {
        let name = folder.to_str().unwrap().as_bytes();
        assert!(!component.windows(name.len()).any(|bytes| bytes == name), "it names {}", folder.display());
    }
}

#[test]
fn a_second_connector_builds_from_a_workspace_of_its_own() {
    let component = build_component(&fixture("meterhub")).unwrap_or_else(|error| panic!("{error}"));
    check_world(&component, "connector").unwrap();
}

#[test]
fn a_hostile_plugin_has_the_right_shape_until_it_imports() {
    let shaped = build_component(&fixture("hostile")).unwrap_or_else(|error| panic!("{error}"));
    check_world(&shaped, "connector").unwrap();

    let importing = Request { features: vec!["imports".into()], ..fixture("hostile") };
    let error = build_component(&importing).unwrap_err();
    assert!(matches!(&error, Error::World { why, .. } if why.contains("acme:surprise/clock")), "{error}");
    let unchecked =
        build_component(&Request { world: None, ..importing }).unwrap_or_else(|error| panic!("{error}"));
    assert!(check_world(&unchecked, "connector").is_err());
}

#[test]
fn a_plugin_that_does_not_compile_says_what_the_compiler_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let manifest =
        "[workspace]\n[package]\nname = \"broken\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(
        folder.path().join("Cargo.lock"),
        "version = 4\n\n[[package]]\nname = \"broken\"\nversion = \"0.0.0\"\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "pub fn nonsense() -> u8 { \"text\" }").unwrap();
    let request = Request {
        profile: "dev".into(),
        ..Request::connector(folder.path(), "broken", folder.path().join("t"))
    };
    let error = build_component(&request).unwrap_err();
    assert!(
        matches!(&error, Error::Compile { messages, .. } if messages.contains("mismatched types")),
        "{error}"
    );

    std::fs::write(folder.path().join("src/lib.rs"), "pub fn sense() -> u8 { 1 }").unwrap();
    let error = build_component(&request).unwrap_err();
    assert!(matches!(error, Error::World { .. } | Error::Encode(_)), "{error}");
    assert!(matches!(encode(b"no module"), Err(Error::Encode(_))));
}
