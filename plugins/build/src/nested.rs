//! The nested cargo build: a plugin's sources to a core wasm module.
//!
//! The environment of a build script or a test names the outer build everywhere. What would leak into the plugin —
//! flags, wrappers, target directories, features — is left out here, and nothing else.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Request};

/// What a nested build compiles for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A module that links nothing; it is made a component afterwards.
    Bare,
    /// The toolchain's own component, which imports what its standard library needs of WASI.
    Wasi,
}

impl Target {
    fn triple(self) -> &'static str {
        match self {
            Self::Bare => "wasm32-unknown-unknown",
            Self::Wasi => "wasm32-wasip2",
        }
    }
}

/// Cargo's own settings that stay: where the registry is, how it is reached, how cargo prints.
const KEPT_CARGO: [&str; 6] =
    ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];

/// What cargo sets for build scripts, and what changes how the compiler works.
const CLEARED: [&str; 18] = [
    "TARGET",
    "HOST",
    "OUT_DIR",
    "NUM_JOBS",
    "OPT_LEVEL",
    "PROFILE",
    "DEBUG",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_LINKER",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_BOOTSTRAP",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
    "LLVM_PROFILE_FILE",
];

/// Builds the package and reads what it became.
pub fn build(request: &Request, target: Target) -> Result<Vec<u8>, Error> {
    require_target(&request.manifest_dir, target)?;
    let _lock = lock(&target_dir(request));
    let output = cargo(request, target).output().map_err(|source| Error::Tool { tool: "cargo", source })?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Compile { package: request.package.clone(), messages });
    }
    std::fs::read(module_path(request, target))
        .map_err(|source| Error::Output { package: request.package.clone(), source })
}

/// Cargo's own lock ends before the module is read, and builds with other features share its name. Where there is no
/// lock to be had, cargo cannot write there either, and says why.
fn lock(target_dir: &Path) -> Option<File> {
    std::fs::create_dir_all(target_dir).ok()?;
    let file = File::create(target_dir.join("component.lock")).ok()?;
    file.lock().ok().map(|()| file)
}

fn cargo(request: &Request, target: Target) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&request.manifest_dir).env_clear().envs(clean_environment(std::env::vars_os()));
    command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&request.manifest_dir));
    command.args(["build", "--lib", "--target", target.triple(), "--profile", &request.profile]);
    command.args(["--package", &request.package, "--target-dir"]).arg(target_dir(request));
    if request.locked {
        command.arg("--locked");
    }
    if !request.features.is_empty() {
        command.arg("--features").arg(request.features.join(","));
    }
    command
}

/// Bulk memory is worth 12–16 % of mapping time; remapped paths keep the builder's folders out of the component.
fn rust_flags(manifest_dir: &Path) -> OsString {
    let mut flags = vec![OsString::from("-Ctarget-feature=+bulk-memory")];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    for (folder, name) in [(home, "cargo"), (Some(source_root(manifest_dir)), "purser")] {
        if let Some(folder) = folder {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(folder);
            flag.push(format!("={name}"));
            flags.push(flag);
        }
    }
    flags.join(OsStr::new("\x1f"))
}

/// The outermost folder above the plugin that cargo knows as a package or workspace; absolute, as the compiler names it.
fn source_root(manifest_dir: &Path) -> PathBuf {
    let manifest_dir = manifest_dir.canonicalize().unwrap_or_else(|_| manifest_dir.to_owned());
    let known = manifest_dir.ancestors().filter(|folder| folder.join("Cargo.toml").is_file());
    known.last().unwrap_or(&manifest_dir).to_owned()
}

fn clean_environment(outer: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let stays = |name: &OsStr| {
        let Some(name) = name.to_str() else { return true };
        if name == "CARGO" || name.starts_with("CARGO_") {
            return KEPT_CARGO.iter().any(|kept| name.starts_with(kept));
        }
        !CLEARED.contains(&name) && !name.starts_with("DEP_") && !name.starts_with("__CARGO")
    };
    outer.filter(|(name, _)| stays(name)).collect()
}

/// Asks the compiler before building: cargo's own message for this is a page of "can't find crate for `core`".
fn require_target(manifest_dir: &Path, target: Target) -> Result<(), Error> {
    let outer = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(outer);
    rustc.current_dir(manifest_dir).args(["--print", "target-libdir", "--target", target.triple()]);
    let output = rustc.output().map_err(|source| Error::Tool { tool: "rustc", source })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if has_core_library(&folder) { Ok(()) } else { Err(Error::MissingTarget) }
}

fn has_core_library(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

fn module_path(request: &Request, target: Target) -> PathBuf {
    // Cargo keeps the profile `dev` under the name it had before profiles had names.
    let profile = if request.profile == "dev" { "debug" } else { &request.profile };
    let file = format!("{}.wasm", request.package.replace('-', "_"));
    target_dir(request).join(target.triple()).join(profile).join(file)
}

/// Absolute: cargo runs in the plugin's folder, this process elsewhere.
fn target_dir(request: &Request) -> PathBuf {
    std::path::absolute(&request.target_dir).unwrap_or_else(|_| request.target_dir.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_outer_build_reaches_the_plugin() {
        let outer = [
            "CARGO_TARGET_DIR",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CARGO_FEATURE_X",
            "CARGO_BUILD_TARGET",
            "CARGO_PKG_NAME",
            "CARGO_MAKEFLAGS",
            "CARGO",
            "DEP_Z_ROOT",
            "OUT_DIR",
            "CARGO_PROFILE_DEV_DEBUG",
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "RUSTUP_TOOLCHAIN",
        ];
        let cleaned = clean_environment(outer.iter().map(|name| (OsString::from(name), OsString::from("1"))));
        let names: Vec<_> = cleaned.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["PATH", "HOME", "CARGO_HOME", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN"]);
    }

    #[test]
    fn a_missing_target_is_seen_before_building_and_named_by_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path();
        assert!(!has_core_library(empty));
        assert!(!has_core_library(&empty.join("not-there")));
        std::fs::write(empty.join("libcore-1.rlib"), b"").unwrap();
        assert!(has_core_library(empty));
        let message = Error::MissingTarget.to_string();
        assert!(message.ends_with("rustup target add wasm32-unknown-unknown wasm32-wasip2"), "{message}");
    }

    #[test]
    fn the_source_root_is_absolute_and_outermost() {
        let root = source_root(Path::new("src"));
        assert!(root.is_absolute() && root.join("wit/v0.1/connector.wit").is_file(), "{}", root.display());
    }

    #[test]
    fn the_module_is_looked_for_where_cargo_puts_it() {
        let request = Request { profile: "dev".into(), ..Request::connector("/p", "my-plugin", "/t") };
        let path = module_path(&request, Target::Bare);
        assert_eq!(path, PathBuf::from("/t/wasm32-unknown-unknown/debug/my_plugin.wasm"));
    }
}
