//! The templates of `purser plugin new`, as the binary carries them.
//!
//! A stranger has this binary and a compiler, and nothing of our repository. So a project holds all it needs: the contract,
//! and for Rust the SDK's source, which no registry has; its path dependency works without a network and is pinned by
//! being there. The other languages get their helpers as files of their own.

/// A file of a project, by its path in it.
pub type File = (&'static str, &'static str);

/// What every project has.
const ALL: &[File] = &[
    ("wit/v0.1/connector.wit", purser_runtime::WIT),
    ("recordings/answers.jsonl", include_str!("../../../../plugins/templates/answers.jsonl")),
    ("README.md", include_str!("../../../../plugins/templates/README.md")),
];

/// For Rust.
const RUST: &[File] = &[
    ("Cargo.toml", include_str!("../../../../plugins/templates/rust/Cargo.toml.in")),
    ("Cargo.lock", include_str!("../../../../plugins/templates/rust/Cargo.lock.in")),
    (".gitignore", "/target\n/build\n"),
    ("src/lib.rs", include_str!("../../../../plugins/templates/rust/src/lib.rs")),
    ("src/manifest.rs", include_str!("../../../../plugins/templates/rust/src/manifest.rs")),
    ("src/tests.rs", include_str!("../../../../plugins/templates/rust/src/tests.rs")),
    ("vendor/sdk/Cargo.toml", include_str!("../../../../plugins/templates/rust/sdk.toml.in")),
    ("vendor/sdk/src/changed.rs", include_str!("../../../../plugins/sdk/src/changed.rs")),
    ("vendor/sdk/src/connector.rs", include_str!("../../../../plugins/sdk/src/connector.rs")),
    ("vendor/sdk/src/date.rs", include_str!("../../../../plugins/sdk/src/date.rs")),
    ("vendor/sdk/src/json.rs", include_str!("../../../../plugins/sdk/src/json.rs")),
    ("vendor/sdk/src/lib.rs", include_str!("../../../../plugins/sdk/src/lib.rs")),
    ("vendor/sdk/src/mapped.rs", include_str!("../../../../plugins/sdk/src/mapped.rs")),
    ("vendor/sdk/src/number.rs", include_str!("../../../../plugins/sdk/src/number.rs")),
    ("vendor/sdk/src/page.rs", include_str!("../../../../plugins/sdk/src/page.rs")),
    ("vendor/sdk/src/pairs.rs", include_str!("../../../../plugins/sdk/src/pairs.rs")),
    ("vendor/sdk/src/shorthand.rs", include_str!("../../../../plugins/sdk/src/shorthand.rs")),
    ("vendor/sdk/src/unpack.rs", include_str!("../../../../plugins/sdk/src/unpack.rs")),
];

/// For JavaScript.
const JAVASCRIPT: &[File] = &[
    ("package.json", include_str!("../../../../plugins/templates/javascript/package.json")),
    ("package-lock.json", include_str!("../../../../plugins/templates/javascript/package-lock.json")),
    (".gitignore", "/node_modules\n/build\n"),
    ("build.js", include_str!("../../../../plugins/templates/javascript/build.js")),
    ("src/plugin.js", include_str!("../../../../plugins/templates/javascript/src/plugin.js")),
    ("src/manifest.js", include_str!("../../../../plugins/templates/javascript/src/manifest.js")),
    ("src/plugin.test.js", include_str!("../../../../plugins/templates/javascript/src/plugin.test.js")),
    ("purser/columns.js", include_str!("../../../../plugins/templates/javascript/purser/columns.js")),
    ("purser/crawl.js", include_str!("../../../../plugins/templates/javascript/purser/crawl.js")),
    ("purser/exact.js", include_str!("../../../../plugins/templates/javascript/purser/exact.js")),
];

/// For Python.
const PYTHON: &[File] = &[
    ("requirements.txt", include_str!("../../../../plugins/templates/python/requirements.txt")),
    (".gitignore", "/.venv\n/build\n__pycache__/\n"),
    ("plugin.py", include_str!("../../../../plugins/templates/python/plugin.py")),
    ("manifest.py", include_str!("../../../../plugins/templates/python/manifest.py")),
    ("reading.py", include_str!("../../../../plugins/templates/python/reading.py")),
    ("columns.py", include_str!("../../../../plugins/templates/python/columns.py")),
    ("test_reading.py", include_str!("../../../../plugins/templates/python/test_reading.py")),
];

/// The languages there are templates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Built by cargo, made a component by Purser.
    Rust,
    /// Built by componentize-js, from npm.
    #[value(name = "javascript")]
    JavaScript,
    /// Built by componentize-py, from PyPI.
    Python,
}

impl Language {
    /// How people test the plugin's functions without the sandbox.
    #[must_use]
    pub fn unit_test(self) -> &'static str {
        match self {
            Self::Rust => "cargo test",
            Self::JavaScript => "npm test",
            Self::Python => "python3 -m unittest",
        }
    }
}

/// The files of a new project.
#[must_use]
pub fn files(language: Language, name: &str) -> Vec<(&'static str, String)> {
    let own = match language {
        Language::Rust => RUST,
        Language::JavaScript => JAVASCRIPT,
        Language::Python => PYTHON,
    };
    let title = title(name);
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{title}}", &title)
            .replace("{{test}}", language.unit_test())
            .replace("{{purser}}", env!("CARGO_PKG_VERSION"))
    };
    ALL.iter().chain(own).map(|(path, text)| (*path, fill(text))).collect()
}

/// `acme-cloud` is called `Acme Cloud`.
fn title(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('-').map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_sdk_is_carried_whole_and_with_the_workspace_s_versions() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let there = std::fs::read_dir(root.join("plugins/sdk/src")).unwrap();
        let there: BTreeSet<String> =
            there.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        let carried = RUST.iter().filter_map(|(path, _)| path.strip_prefix("vendor/sdk/src/"));
        assert_eq!(carried.map(str::to_owned).collect::<BTreeSet<_>>(), there);
        let workspace = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let own = std::fs::read_to_string(root.join("plugins/sdk/Cargo.toml")).unwrap();
        let carried = include_str!("../../../../plugins/templates/rust/sdk.toml.in");
        let of = |text: &str| {
            let (_, dependencies) = text.split_once("[dependencies]").unwrap();
            dependencies.lines().filter(|line| line.contains('=')).map(str::to_owned).collect::<Vec<_>>()
        };
        let names = |lines: Vec<String>| {
            lines.iter().map(|line| line.split(['.', ' ']).next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(of(carried)), names(of(&own)), "the same dependencies");
        for line in of(carried).iter().filter(|line| !line.starts_with("jiff")) {
            assert!(workspace.lines().any(|known| known == line), "{line} is not the workspace's");
        }
    }

    #[test]
    fn the_contract_lies_where_the_sdk_looks_for_it() {
        let files = files(Language::Rust, "acme");
        let (_, sdk) = files.iter().find(|(path, _)| *path == "vendor/sdk/src/lib.rs").unwrap();
        let (folder, _) = sdk.split_once("path: \"../../").unwrap().1.split_once('"').unwrap();
        assert!(files.iter().any(|(path, _)| *path == format!("{folder}/connector.wit")), "{folder}");
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        for language in [Language::Rust, Language::JavaScript, Language::Python] {
            for (path, text) in files(language, "acme-cloud") {
                for place in ["{{name}}", "{{title}}", "{{test}}", "{{purser}}"] {
                    assert!(!text.contains(place), "{place} is left in {path}");
                }
            }
        }
        assert_eq!(title("acme-cloud"), "Acme Cloud");
    }
}
