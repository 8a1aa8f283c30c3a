//! The arrows of the house: who may depend on whom, and that nothing of one vendor settles in the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate and the crates of ours it may name. What is not listed here may not exist.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("purser-domain", &[]),
    ("purser-store", &["purser-domain"]),
    ("purser-store-sqlite", &["purser-domain", "purser-store"]),
    ("purser-runtime", &["purser-domain"]),
    ("purser-vendor", &["purser-domain"]),
    ("purser-pipeline", &["purser-domain", "purser-store", "purser-runtime", "purser-vendor"]),
    ("purser-web", &["purser-domain", "purser-store", "purser-vendor", "purser-runtime", "purser-pipeline"]),
    (
        "purser",
        &[
            "purser-domain",
            "purser-store",
            "purser-store-sqlite",
            "purser-runtime",
            "purser-vendor",
            "purser-pipeline",
            "purser-web",
            "purser-simulator",
            "purser-plugin-build",
        ],
    ),
    ("purser-plugin-sdk", &[]),
    ("purser-plugin-build", &[]),
    ("purser-focus-csv", &["purser-plugin-sdk"]),
    ("purser-microsoft-csp", &["purser-plugin-sdk"]),
    ("purser-partner-mapping", &["purser-plugin-sdk", "purser-microsoft-csp"]),
    ("purser-simulator", &[]),
    (
        "purser-bench",
        &[
            "purser-domain",
            "purser-store",
            "purser-store-sqlite",
            "purser-runtime",
            "purser-vendor",
            "purser-pipeline",
            "purser-simulator",
            "purser-plugin-build",
        ],
    ),
];

/// Outside crates that only some of ours may name.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("wasmtime", &["purser-runtime"]),
    ("wasmtime-wasi", &["purser-runtime"]),
    ("sqlx", &["purser-store-sqlite", "purser-bench"]),
    ("oauth2", &["purser-vendor"]),
    ("oci-client", &["purser-vendor"]),
    ("openidconnect", &["purser-vendor"]),
    ("axum", &["purser-web", "purser", "purser-simulator", "purser-bench"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Normal dependencies of each crate of the workspace.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            (
                name(package),
                package["dependencies"].as_array().unwrap().iter().filter(normal).map(name).collect(),
            )
        })
        .collect()
}

#[test]
fn every_crate_names_only_the_crates_its_arrow_allows() {
    let dependencies = dependencies();
    for (package, named) in &dependencies {
        let allowed = MAY_NAME.iter().find(|(name, _)| name == package);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{package} has no place in the house"));
        for ours in named.iter().filter(|name| name.starts_with("purser")) {
            assert!(allowed.contains(&ours.as_str()), "{package} may not name {ours}");
        }
        for (outside, only_in) in ONLY_IN {
            let names_it = named.iter().any(|name| name == outside);
            assert!(!names_it || only_in.contains(&package.as_str()), "{package} may not name {outside}");
        }
    }
    assert_eq!(dependencies.len(), MAY_NAME.len(), "a crate is listed that is not there");
}

/// Paths, headers, fields, feeds and numbers of one vendor. In lower case.
const VENDOR_WORDS: &[&str] = &[
    "partnercenter",
    "microsoftonline",
    "graph.microsoft",
    "windows.net",
    "aadsts",
    "x-locale",
    "ms-requestid",
    "ms-correlationid",
    "ms-continuationtoken",
    "continuationtoken",
    "validatemfa",
    "ismfacompliant",
    "seekoperation",
    "/v1/customers",
    "utilizations/azure",
    "ratecards/azure",
    "subscribedskus",
    "reports/partners",
    "billingpretaxtotal",
    "resourceuri",
    "usagestarttime",
    "rated-usage",
    "rate-card",
    "\"utilization\"",
    "\"licences\"",
    "9188040d-6c67",
];

/// Sources that may name the vendor: the demo plugs the simulated Microsoft cloud in.
const MAY_NAME_THE_VENDOR: &[&str] = &[
    "host/purser/src/demo",
    "host/purser/src/command/demo",
    "host/purser/src/command/simulator",
    "host/purser/docs",
];

#[test]
fn no_host_source_names_what_is_the_vendors() {
    let root = root();
    let mut checked = 0;
    for file in sources(&root.join("host")) {
        let place = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if MAY_NAME_THE_VENDOR.iter().any(|allowed| place.starts_with(allowed)) {
            continue;
        }
        // Tests may speak of real payloads; the rule is for what runs.
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in VENDOR_WORDS {
            assert!(!code.contains(word), "{place} names {word:?}: that belongs in the plugin");
        }
        checked += 1;
    }
    assert!(checked > 50, "only {checked} sources were found");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            let is_tests = path.file_name().is_some_and(|name| {
                ["tests", "testing", "examples", "guests", "contract"].iter().any(|tests| name == *tests)
            });
            files.extend(if is_tests { Vec::new() } else { sources(&path) });
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "html")
            && path.file_stem().is_some_and(|stem| stem != "tests")
        {
            files.push(path);
        }
    }
    files
}
