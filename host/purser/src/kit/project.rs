//! A plugin's project: which language it is in, and how it becomes a component.
//!
//! **Invariant:** building changes nothing in the project but its build folders. What a language's tool chain wants to say
//! goes to the author, as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use purser_plugin_build::{Request, build_component};

use super::templates::Language;
use crate::failure::Failure;

/// Folders that a build writes: nothing in them is a source.
pub const BUILT: [&str; 6] = ["build", "target", "node_modules", ".venv", "__pycache__", ".git"];

/// A folder with a plugin's sources.
pub struct Project {
    /// Where.
    pub folder: PathBuf,
    language: Language,
}

impl Project {
    /// Looks what lies in a folder.
    ///
    /// # Errors
    /// Where it is no project of a plugin.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let has = |file: &str| folder.join(file).is_file();
        let language = match (has("Cargo.toml"), has("package.json"), has("requirements.txt")) {
            (true, _, _) => Language::Rust,
            (_, true, _) => Language::JavaScript,
            (_, _, true) => Language::Python,
            _ => {
                let what = format!("{} holds no plugin", folder.display());
                let remedy =
                    "go to the folder `purser plugin new` has made, or give it, or give a .wasm file";
                return Err(Failure::input("CLI-PROJECT", what, remedy).into());
            }
        };
        Ok(Self { folder: std::path::absolute(folder)?, language })
    }

    /// Builds the component, and leaves it in the project's `build` folder.
    ///
    /// # Errors
    /// Where a tool is missing or the sources do not build.
    pub fn build(&self) -> anyhow::Result<(PathBuf, Vec<u8>)> {
        let out = self.folder.join("build").join("plugin.wasm");
        std::fs::create_dir_all(self.folder.join("build"))?;
        match self.language {
            Language::Rust => std::fs::write(&out, self.cargo()?)?,
            Language::JavaScript => self.npm(&out)?,
            Language::Python => self.componentize_py(&out)?,
        }
        let bytes = std::fs::read(&out)?;
        Ok((out, bytes))
    }

    /// Cargo makes a module, and Purser's own code a component of it.
    fn cargo(&self) -> anyhow::Result<Vec<u8>> {
        let request = Request {
            locked: false,
            world: None,
            ..Request::connector(&self.folder, &self.package()?, self.folder.join("target"))
        };
        Ok(build_component(&request)?)
    }

    /// The package's name, as cargo reads it.
    fn package(&self) -> anyhow::Result<String> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.folder).args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: serde_json::Value =
            serde_json::from_str(&done(&mut cargo, "install Rust with rustup")?)?;
        let name = metadata.pointer("/packages/0/name").and_then(serde_json::Value::as_str);
        let remedy = "give Cargo.toml a [package] with a name";
        Ok(name
            .ok_or_else(|| Failure::input("CLI-PROJECT", "Cargo.toml names no package", remedy))?
            .to_owned())
    }

    fn npm(&self, out: &Path) -> anyhow::Result<()> {
        const NODE: &str = "install Node.js 20 or newer, with npm";
        if !self.is_newer("node_modules/.package-lock.json", "package-lock.json") {
            done(self.command("npm").args(["ci", "--no-audit", "--no-fund"]), NODE)?;
        }
        done(self.command("node").arg("build.js").arg(out), NODE)?;
        Ok(())
    }

    fn componentize_py(&self, out: &Path) -> anyhow::Result<()> {
        const PYTHON: &str = "install Python 3.10 or newer, with its venv module";
        let programs = if cfg!(windows) { ".venv/Scripts" } else { ".venv/bin" };
        if !self.is_newer(".venv/purser", "requirements.txt") {
            let python = if cfg!(windows) { "python" } else { "python3" };
            done(self.command(python).args(["-m", "venv", ".venv"]), PYTHON)?;
            let pip = self.folder.join(programs).join("python");
            let mut pip = self.command(&pip);
            let install =
                ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
            done(pip.args(install), PYTHON)?;
            std::fs::write(self.folder.join(".venv/purser"), b"")?;
        }
        let tool = self.folder.join(programs).join("componentize-py");
        let mut tool = self.command(&tool);
        tool.args([
            "--wit-path",
            "wit/v0.1",
            "--world",
            "connector",
            "componentize",
            "--stub-wasi",
            "plugin",
            "-o",
        ]);
        done(tool.arg(out), PYTHON)?;
        Ok(())
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
    }

    /// Whether one file was written after the other.
    fn is_newer(&self, made: &str, from: &str) -> bool {
        let written = |file: &str| self.folder.join(file).metadata().and_then(|file| file.modified());
        match (written(made), written(from)) {
            (Ok(made), Ok(from)) => made >= from,
            _ => false,
        }
    }
}

/// Runs a tool to its end; gives what it printed.
fn done(command: &mut Command, remedy: &str) -> anyhow::Result<String> {
    let tool =
        Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        Failure::input("CLI-TOOL", format!("{tool} could not be started: {error}"), remedy)
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let what = format!("{tool} failed:\n{}\n", String::from_utf8_lossy(&said).trim());
    Err(Failure::new("CLI-BUILD", what, "mend what it names, and build again").into())
}
