//! Plugin components from an OCI registry: by digest, as the artifact WebAssembly tools write, within limits.
//!
//! The artifact is an image manifest with the configuration `application/vnd.wasm.config.v0+json` and one layer of
//! `application/wasm`. Signatures are artifacts of their own that refer to it, so that whoever reviews a plugin can sign
//! it after it was published, and other tools still find the one layer they expect. The protocol is the library's.
//!
//! **Invariants:** what is handed on has the digest that was asked for, by way of the manifest; credentials go to the
//! registry they are configured for and to the token service it names, encrypted, and to nobody a redirect leads to; only a
//! registry on this machine is spoken to in clear.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures::StreamExt as _;
use oci_client::Reference;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use purser_domain::Digest;

use crate::Secret;

mod error;

pub use error::RegistryError;

/// How an address of a registry begins.
pub const SCHEME: &str = "oci://";
/// The configuration of a component's manifest.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// A component.
pub const COMPONENT: &str = "application/wasm";
/// A signature: the kind of the artifact that refers to the component, and of its layers.
pub const SIGNATURE: &str = "application/vnd.purser.minisig.v1";

/// Waits and sizes. One table, so that no bound is forgotten.
#[derive(Debug, Clone)]
pub struct RegistryLimits {
    /// To connect, with TLS.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For everything.
    pub whole: Duration,
    /// Bytes of a component.
    pub component_bytes: u64,
    /// Bytes of one signature.
    pub signature_bytes: u64,
    /// Artifacts that refer to a component and are looked at.
    pub signatures: usize,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(600),
            component_bytes: 64 << 20,
            signature_bytes: 4 << 10,
            signatures: 16,
        }
    }
}

/// Who asks a registry.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password or access token.
    pub password: Secret,
}

/// Where a component lies, by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Reference);

/// What lay there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The component's bytes.
    pub component: Vec<u8>,
    /// The texts of signature files that refer to it; whether they fit has not been looked at.
    pub signatures: Vec<String>,
}

/// Registries, and who asks each.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    /// By registry, as it stands in an address; without, nobody says who asks.
    pub logins: BTreeMap<String, Login>,
    /// All bounds.
    pub limits: RegistryLimits,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0.whole())
    }
}

impl Registries {
    /// What an address `oci://registry/repository@sha256:…` names.
    ///
    /// # Errors
    /// Where it is none, or names a tag only: a tag can be moved, so what it points to now is told instead.
    pub async fn place(&self, address: &str) -> Result<Place, RegistryError> {
        let wrong = || RegistryError::Address(address.to_owned());
        let rest = address.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let reference: Reference = rest.parse().map_err(|_| wrong())?;
        // Without a registry the library would take the one it knows best.
        if !rest.starts_with(&format!("{}/", reference.registry())) {
            return Err(wrong());
        }
        match reference.digest() {
            Some(digest) if digest.starts_with("sha256:") => Ok(Place(reference)),
            Some(_) => Err(wrong()),
            None => Err(self.pinned(reference).await),
        }
    }

    /// The refusal of a tag, with what to ask for instead.
    async fn pinned(&self, reference: Reference) -> RegistryError {
        let client = match self.client(reference.registry()) {
            Ok(client) => client,
            Err(error) => return error,
        };
        let auth = self.auth(reference.registry());
        let asked = client.fetch_manifest_digest(&reference, &auth);
        match self.in_time(&reference, asked).await {
            Ok(digest) => {
                let pinned = reference.clone_with_digest(digest).whole();
                RegistryError::Tag { tag: reference.whole(), pinned: format!("{SCHEME}{pinned}") }
            }
            Err(error) => error,
        }
    }

    /// Fetches a component and the signatures that refer to it.
    ///
    /// # Errors
    /// Where the registry cannot be asked, or what it gives is not what was asked for.
    pub async fn pull(&self, place: &Place) -> Result<Pulled, RegistryError> {
        let visit = Visit {
            client: self.client(place.0.registry())?,
            auth: self.auth(place.0.registry()),
            place: &place.0,
            limits: &self.limits,
        };
        match tokio::time::timeout(self.limits.whole, visit.pull()).await {
            Ok(pulled) => pulled,
            Err(_) => Err(RegistryError::TooSlow(place.0.registry().to_owned())),
        }
    }

    async fn in_time<T>(
        &self,
        reference: &Reference,
        asked: impl Future<Output = oci_client::errors::Result<T>>,
    ) -> Result<T, RegistryError> {
        let registry = reference.registry();
        match tokio::time::timeout(self.limits.whole, asked).await {
            Ok(answer) => answer.map_err(|error| RegistryError::of(registry, error)),
            Err(_) => Err(RegistryError::TooSlow(registry.to_owned())),
        }
    }

    fn auth(&self, registry: &str) -> RegistryAuth {
        match self.logins.get(registry) {
            Some(login) => RegistryAuth::Basic(login.user.clone(), login.password.expose().to_owned()),
            None => RegistryAuth::Anonymous,
        }
    }

    fn client(&self, registry: &str) -> Result<Client, RegistryError> {
        /// Nothing listens there: what a registry leads to in clear is not asked.
        const NOWHERE: &str = "http://127.0.0.1:0";
        let is_here = is_this_machine(registry);
        let config = ClientConfig {
            protocol: if is_here { ClientProtocol::Http } else { ClientProtocol::Https },
            http_proxy: (!is_here).then(|| NOWHERE.to_owned()),
            connect_timeout: Some(self.limits.connect),
            read_timeout: Some(self.limits.idle),
            user_agent: concat!("purser/", env!("CARGO_PKG_VERSION")),
            platform_resolver: None,
            ..ClientConfig::default()
        };
        Client::try_from(config).map_err(|error| RegistryError::of(registry, error))
    }
}

/// Whether a registry is on this machine: only there is nothing encrypted.
fn is_this_machine(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let address: Option<std::net::IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// One pull.
struct Visit<'a> {
    client: Client,
    auth: RegistryAuth,
    place: &'a Reference,
    limits: &'a RegistryLimits,
}

impl Visit<'_> {
    async fn pull(&self) -> Result<Pulled, RegistryError> {
        let manifest = self.manifest(self.place).await?;
        let layer = component_of(&manifest).map_err(RegistryError::NoComponent)?;
        let component = self.blob(layer, self.limits.component_bytes).await?;
        Ok(Pulled { component, signatures: self.signatures().await? })
    }

    /// A manifest with the digest that its reference names.
    async fn manifest(&self, reference: &Reference) -> Result<OciImageManifest, RegistryError> {
        let pulled = self.client.pull_manifest_raw(reference, &self.auth, &[OCI_IMAGE_MEDIA_TYPE]).await;
        let (bytes, _) = pulled.map_err(|error| self.refused(error))?;
        if reference.digest() != Some(named(&bytes).as_str()) {
            return Err(RegistryError::OtherBytes("manifest"));
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| RegistryError::NoComponent("its manifest cannot be read".to_owned()))
    }

    /// A layer, which is what its manifest says.
    async fn blob(&self, layer: &OciDescriptor, most: u64) -> Result<Vec<u8>, RegistryError> {
        let size = u64::try_from(layer.size).unwrap_or(u64::MAX);
        if size > most {
            return Err(RegistryError::TooLarge { bytes: size, most });
        }
        // By digest alone: other addresses that a manifest names are not asked.
        let blob = self.client.pull_blob_stream(self.place, layer.digest.as_str()).await;
        let mut blob = blob.map_err(|error| self.refused(error))?;
        let mut bytes = Vec::new();
        while let Some(piece) = blob.next().await {
            // Cut off, or of another digest.
            bytes.extend_from_slice(&piece.map_err(|_| RegistryError::OtherBytes("layer"))?);
            if bytes.len() as u64 > size {
                return Err(RegistryError::OtherBytes("layer"));
            }
        }
        if bytes.len() as u64 != size || named(&bytes) != layer.digest {
            return Err(RegistryError::OtherBytes("layer"));
        }
        Ok(bytes)
    }

    async fn signatures(&self) -> Result<Vec<String>, RegistryError> {
        let referring = self.client.pull_referrers(self.place, Some(SIGNATURE)).await;
        let referring = referring.map_err(|error| self.refused(error))?;
        // A registry may give them all, whatever was asked for.
        let referring = referring.manifests.iter();
        let signing = referring.filter(|entry| entry.artifact_type.as_deref() == Some(SIGNATURE));
        let mut signatures = Vec::new();
        for entry in signing.take(self.limits.signatures) {
            let manifest = self.manifest(&self.place.clone_with_digest(entry.digest.clone())).await?;
            for layer in manifest.layers.iter().filter(|layer| layer.media_type == SIGNATURE) {
                let bytes = self.blob(layer, self.limits.signature_bytes).await?;
                signatures.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        Ok(signatures)
    }

    fn refused(&self, error: oci_client::errors::OciDistributionError) -> RegistryError {
        RegistryError::of(self.place.registry(), error)
    }
}

/// The one layer that is the component, or why there is none.
fn component_of(manifest: &OciImageManifest) -> Result<&OciDescriptor, String> {
    if manifest.config.media_type != CONFIG {
        return Err(format!("its configuration is {:?}, not {CONFIG}", manifest.config.media_type));
    }
    match manifest.layers.as_slice() {
        [layer] if layer.media_type == COMPONENT => Ok(layer),
        [layer] => Err(format!("its layer is {:?}, not {COMPONENT}", layer.media_type)),
        layers => Err(format!("it has {} layers, not one", layers.len())),
    }
}

/// A digest as registries write it.
fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", Digest::of(bytes))
}
