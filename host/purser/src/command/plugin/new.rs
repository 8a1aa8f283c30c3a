//! `purser plugin new`: a project that builds and passes its tests at once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use purser_domain::ConnectorId;

use crate::failure::Failure;
use crate::kit::templates::{self, Language};
use crate::say::say;

/// What to make.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The connector's id, for ever the same: lower-case letters, digits and dashes.
    name: String,
    /// The language to write it in.
    #[arg(long)]
    lang: Language,
    /// The folder to make; one of the plugin's name here, unless given.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Makes it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let name = checked(&args.name)?;
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    write(&folder, args.lang, name)?;
    say!("{} is a plugin now. Next:\n", folder.display());
    say!("  cd {}", folder.display());
    say!("  purser plugin test");
    say!("  purser demo --plugin . --answers recordings/answers.jsonl\n");
    say!("Its README says where to begin.");
    Ok(ExitCode::SUCCESS)
}

/// A name that is a connector's id, and that cargo, npm and Python take as well.
fn checked(name: &str) -> anyhow::Result<&str> {
    let wrong = |what: String| {
        let remedy =
            "choose lower-case letters, digits and single dashes, beginning with a letter: acme-cloud";
        Err(Failure::input("CLI-NAME", what, remedy).into())
    };
    let is_plain =
        name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains("--") && !name.ends_with('-');
    if name.parse::<ConnectorId>().is_err() || !is_plain || name.len() > LONGEST {
        return wrong(format!("{name:?} cannot be a plugin's name"));
    }
    if crate::bundled::PLUGINS.iter().any(|(id, _)| *id == name) || TAKEN.contains(&name) {
        return wrong(format!("the name {name:?} is taken"));
    }
    Ok(name)
}

/// What a screen and a file system bear.
const LONGEST: usize = 40;
/// Names that a tool chain keeps for itself.
const TAKEN: [&str; 8] =
    ["test", "core", "std", "alloc", "plugin", "purser-plugin-sdk", "serde-json", "columns"];

fn write(folder: &Path, language: Language, name: &str) -> anyhow::Result<()> {
    // Made by this command alone: of two at once, one fails, and what lies there is never written over.
    std::fs::create_dir(folder).map_err(|error| {
        let (what, remedy) = match error.kind() {
            std::io::ErrorKind::AlreadyExists => (
                format!("{} is there already", folder.display()),
                "choose another name, or another folder with --dir",
            ),
            _ => (
                format!("{} cannot be made: {error}", folder.display()),
                "choose a folder that may be written with --dir",
            ),
        };
        Failure::input("CLI-FOLDER", what, remedy)
    })?;
    for (path, text) in templates::files(language, name) {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_every_tool_chain_or_says_what_to_choose() {
        for good in ["acme", "acme-cloud-2"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        let long = "a".repeat(41);
        for bad in [
            "",
            "Acme",
            "2cloud",
            "a--b",
            "a-",
            "-a",
            "a_b",
            "a/b",
            "..",
            "ä",
            "microsoft-csp",
            "test",
            &long,
        ] {
            let told = checked(bad).unwrap_err().to_string();
            assert!(told.starts_with("CLI-NAME") && told.contains("acme-cloud"), "{bad}: {told}");
        }
    }

    #[test]
    fn what_lies_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("acme");
        std::fs::create_dir(&there).unwrap();
        let told = write(&there, Language::Rust, "acme").unwrap_err().to_string();
        assert!(told.starts_with("CLI-FOLDER"), "{told}");
        assert_eq!(std::fs::read_dir(&there).unwrap().count(), 0);
    }
}
