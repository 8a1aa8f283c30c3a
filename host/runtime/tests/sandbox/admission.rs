//! Broken components: what each is told, all at once and with a remedy.

use crate::support::{guest, page, run, sandbox};
use purser_runtime::{AdmissionError, CallError, Limits, Role};

fn refusal(component: &[u8]) -> AdmissionError {
    sandbox(Limits::default()).admit(component).unwrap_err()
}

#[test]
fn a_sound_component_tells_its_roles_and_its_digest() {
    let component = guest("hostile", None);
    let plugin = sandbox(Limits::default()).admit(&component).unwrap();
    assert_eq!(plugin.digest(), purser_domain::Digest::of(&component));
    assert_eq!(plugin.admission().roles, [Role::Crawl, Role::Mapping, Role::Localisation]);
    assert_eq!(plugin.admission().world, "connector");
    assert!(plugin.admission().wasi.is_empty());
    assert_eq!(plugin.descriptor().id, "hostile");
}

#[test]
fn a_component_may_play_one_role_alone() {
    let plugin = sandbox(Limits::default()).admit(&guest("hostile", Some("mapping-only"))).unwrap();
    assert_eq!(plugin.admission().world, "mapping-plugin");
    assert_eq!(plugin.admission().roles, [Role::Mapping]);
    assert_eq!(plugin.map(&page("mirror"), b"1\n", 1).unwrap().purchases.len(), 1);
    assert_eq!(plugin.start(&run(), "lines", &[]).unwrap_err(), CallError::NotPlayed(Role::Crawl));
}

#[test]
fn a_core_module_is_told_from_a_component_and_from_anything_else() {
    let core = refusal(b"\0asm\x01\0\0\0").to_string();
    assert_eq!(
        core,
        "PLG-100 the plugin is not admitted:\n  PLG-102 this is a core WebAssembly module, not a component · build it \
         with `purser plugin` or wrap it with `wasm-tools component new`"
    );
    assert_eq!(refusal(b"PK\x03\x04").findings[0].code, "PLG-101");
    assert_eq!(refusal(b"").findings[0].code, "PLG-101");
}

#[test]
fn a_component_cut_off_is_unreadable() {
    let component = guest("hostile", None);
    let error = refusal(&component[..component.len() / 2]);
    assert_eq!(error.findings[0].code, "PLG-104", "{error}");
}

#[test]
fn a_component_over_its_size_is_refused_before_it_is_read() {
    let limits = Limits { component_bytes: 1_000, ..Limits::default() };
    let error = sandbox(limits).admit(&[0; 1_001]).unwrap_err().to_string();
    assert!(error.contains("PLG-103 the component has 1001 bytes of 1000 allowed"), "{error}");
}

#[test]
fn a_component_of_another_world_is_told_each_missing_interface() {
    let error = refusal(&guest("misfit", Some("foreign")));
    let texts: Vec<_> = error.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    assert_eq!(
        texts,
        [
            "it does not export purser:connector/manifest@0.1.0, which the world `connector` has",
            "it does not export purser:connector/crawl@0.1.0, which the world `connector` has",
            "it does not export purser:connector/mapping@0.1.0, which the world `connector` has",
            "it does not export purser:connector/localisation@0.1.0, which the world `connector` has",
        ]
    );
}

#[test]
fn changed_types_are_told_for_each_interface() {
    let error = refusal(&guest("misfit", Some("changed")));
    let texts: Vec<_> = error.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "PLG-106 its types are not those of purser:connector/manifest@0.1.0: missing expected export `pair` · build it \
             against this host's WIT: a record or variant never changes within a version",
            "PLG-106 its types are not those of purser:connector/mapping@0.1.0: missing expected export `page-context` · \
             build it against this host's WIT: a record or variant never changes within a version",
        ]
    );
}

#[test]
fn another_version_of_the_contract_is_told_with_both_versions() {
    let error = refusal(&guest("misfit", Some("newer")));
    assert_eq!(
        error.findings[0].to_string(),
        "PLG-105 it exports purser:connector/manifest@0.9.0; this host serves the versions 0.1.0 · build it against version \
         0.1.0, or use a host that serves 0.9.0"
    );
}

#[test]
fn an_unknown_import_and_a_bad_descriptor_are_told_together() {
    let error = refusal(&guest("hostile", Some("importing")));
    let codes: Vec<_> = error.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["PLG-107", "PLG-120"], "{error}");
    assert_eq!(error.findings[0].sentence, "it imports test:hostile/network, which the host does not offer");
}

#[test]
fn a_compiled_component_is_taken_from_the_cache() {
    let component = guest("hostile", None);
    let cache = tempfile::tempdir().unwrap();
    let compiled = cache.path().join("compiled");
    let admit =
        || purser_runtime::Sandbox::new(Limits::default(), Some(compiled.clone())).unwrap().admit(&component);
    admit().unwrap();
    let files = || {
        let mut all = vec![compiled.clone()];
        let mut files = Vec::new();
        while let Some(folder) = all.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { all.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    };
    let code: Vec<_> = files().into_iter().filter(|file| file.extension().is_none()).collect();
    assert_eq!(code.len(), 1, "{code:?}");
    let written = std::fs::metadata(&code[0]).unwrap().modified().unwrap();
    admit().unwrap();
    assert_eq!(std::fs::metadata(&code[0]).unwrap().modified().unwrap(), written);
}
