//! Why a component does not come from a registry. Nothing a registry says is repeated: it may hold what was asked with.

use oci_client::errors::OciDistributionError as Failed;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It names nothing.
    #[error(
        "PLG-420 {0:?} names no component in a registry · write oci://registry/repository@sha256:… with all 64 digits"
    )]
    Address(String),
    /// It can be moved.
    #[error(
        "PLG-421 {tag} is a tag, and a tag can be moved · look at what it points to now, and install that: {pinned}"
    )]
    Tag {
        /// What was asked for.
        tag: String,
        /// What it points to.
        pinned: String,
    },
    /// Nobody answers.
    #[error(
        "PLG-422 the registry {0} cannot be reached · check its name and this machine's network; a registry elsewhere needs https"
    )]
    Unreachable(String),
    /// It takes too long.
    #[error("PLG-422 the registry {0} did not answer in time · try again, or bring the component as a file")]
    TooSlow(String),
    /// It refuses.
    #[error(
        "PLG-423 the registry {0} refuses this · name a user that may read it under [plugins.registries] in the configuration"
    )]
    Refused(String),
    /// It has none.
    #[error(
        "PLG-424 the registry {0} has nothing of this name and digest · check both with whoever publishes it"
    )]
    NotThere(String),
    /// What came is not what was asked for.
    #[error(
        "PLG-425 the {0} that the registry gave is not the one that was asked for · try again; if it stays, do not trust this registry"
    )]
    OtherBytes(&'static str),
    /// It is another kind of artifact.
    #[error(
        "PLG-426 what lies there is no WebAssembly component: {0} · have it published with the standard types, for example by oras or wkg"
    )]
    NoComponent(String),
    /// It is larger than it may be.
    #[error("PLG-427 what lies there has {bytes} bytes of {most} allowed · check that it is the right one")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most it may be.
        most: u64,
    },
}

impl RegistryError {
    /// What the library's error means for who asked.
    pub(super) fn of(registry: &str, error: Failed) -> Self {
        let registry = registry.to_owned();
        match error {
            Failed::DigestError(_) => Self::OtherBytes("content"),
            Failed::UnauthorizedError { .. } | Failed::AuthenticationFailure(_) => Self::Refused(registry),
            Failed::ServerError { code: 403, .. } => Self::Refused(registry),
            Failed::ServerError { code: 404, .. } | Failed::ImageManifestNotFoundError(_) => {
                Self::NotThere(registry)
            }
            Failed::RegistryError { envelope, .. } => Self::told(registry, &envelope),
            Failed::RequestError(error) if error.is_timeout() => Self::TooSlow(registry),
            Failed::ManifestParsingError(_)
            | Failed::VersionedParsingError(_)
            | Failed::UnsupportedMediaTypeError(_)
            | Failed::UnsupportedSchemaVersionError(_)
            | Failed::JsonError(_) => Self::NoComponent("its manifest cannot be read".to_owned()),
            _ => Self::Unreachable(registry),
        }
    }

    fn told(registry: String, envelope: &oci_client::errors::OciEnvelope) -> Self {
        use oci_client::errors::OciErrorCode as Code;
        match envelope.errors.first().map(|error| &error.code) {
            Some(Code::Unauthorized | Code::Denied) => Self::Refused(registry),
            _ => Self::NotThere(registry),
        }
    }
}
