//! Builds a plugin crate into a component: nested cargo, then wit-component.
//!
//! Called from build scripts (the binary embeds the bundled plugin) and from tests (fixtures). Cargo itself decides
//! what is stale, so an unchanged plugin costs one up-to-date check.
//!
//! **Invariant:** the nested build shares nothing with the outer one but the sources and the registry: it has a target
//! directory of its own (a shared one would wait for cargo's lock for ever) and none of the outer build's flags.

mod contract;
mod nested;

use std::path::PathBuf;

use wit_component::ComponentEncoder;

pub use contract::check_world;

/// What to build.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the plugin's `Cargo.toml`.
    pub manifest_dir: PathBuf,
    /// The plugin's package name; it must be a `cdylib`.
    pub package: String,
    /// The world of `wit/v0.1/connector.wit` the component must match; none: it is not checked.
    pub world: Option<String>,
    /// Where the nested build keeps its files; never the outer target directory.
    pub target_dir: PathBuf,
    /// Cargo features to switch on.
    pub features: Vec<String>,
    /// Cargo profile; the workspace has one named `plugin`.
    pub profile: String,
    /// Whether the lock file must be as it is; an author's may be out of date, and is then brought up to it.
    pub locked: bool,
}

impl Request {
    /// A whole connector, built with the profile `plugin`.
    #[must_use]
    pub fn connector(
        manifest_dir: impl Into<PathBuf>,
        package: &str,
        target_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            manifest_dir: manifest_dir.into(),
            package: package.to_owned(),
            world: Some("connector".to_owned()),
            target_dir: target_dir.into(),
            features: Vec::new(),
            profile: "plugin".to_owned(),
            locked: true,
        }
    }

    /// With these of its features switched on.
    #[must_use]
    pub fn with_features(self, features: &[&str]) -> Self {
        Self { features: features.iter().map(|&feature| feature.to_owned()).collect(), ..self }
    }
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler has no standard library for plugins.
    #[error(
        "PLG-BUILD-TARGET the Rust target for plugins is missing · run: rustup target add wasm32-unknown-unknown wasm32-wasip2"
    )]
    MissingTarget,
    /// A tool could not be started at all.
    #[error("PLG-BUILD-TOOL {tool} could not be started · install Rust with rustup")]
    Tool {
        /// `cargo` or `rustc`.
        tool: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The plugin does not compile.
    #[error("PLG-BUILD-COMPILE the plugin {package} does not compile · see the messages below\n{messages}")]
    Compile {
        /// The package asked for.
        package: String,
        /// What cargo and the compiler said.
        messages: String,
    },
    /// The build left no module behind.
    #[error(
        "PLG-BUILD-OUTPUT {package} gave no wasm module · its Cargo.toml needs [lib] crate-type = [\"cdylib\"]"
    )]
    Output {
        /// The package asked for.
        package: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The module cannot become a component.
    #[error("PLG-BUILD-ENCODE the module is no component · export the plugin with export_connector!: {0}")]
    Encode(String),
    /// The component does not match the contract.
    #[error("PLG-BUILD-WORLD the component does not match the world {world}: {why}")]
    World {
        /// The world asked for.
        world: String,
        /// The first difference.
        why: String,
    },
}

/// Builds the plugin and gives its component.
///
/// # Errors
/// Where the target is missing, the plugin does not compile, or its component does not match the world.
pub fn build_component(request: &Request) -> Result<Vec<u8>, Error> {
    let module = nested::build(request, nested::Target::Bare)?;
    let component = encode(&module)?;
    if let Some(world) = &request.world {
        check_world(&component, world)?;
    }
    Ok(component)
}

/// Builds the plugin as its toolchain's WASI component, whose imports match no world: for tests of what becomes of those.
///
/// # Errors
/// Where the target is missing or the plugin does not compile.
pub fn build_wasi_component(request: &Request) -> Result<Vec<u8>, Error> {
    nested::build(request, nested::Target::Wasi)
}

/// Turns a core module made with `wit-bindgen` into a component.
///
/// # Errors
/// Where the module lacks the contract's exports, or imports what no contract gives.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, Error> {
    let encoder = ComponentEncoder::default().validate(true).module(module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| Error::Encode(format!("{error:#}")))
}
