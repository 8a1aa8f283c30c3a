//! The token vault: envelope encryption of grants and consent flows.
//!
//! Each sealed record has a random data key of its own (XChaCha20-Poly1305); the data key is wrapped by a versioned
//! key-encryption key that never enters the database. **Invariant:** what a record is and whose it is — account,
//! connector, tenant, kind — is bound in as associated data, so that no sealed text can be moved to another record.
//! Rotation re-wraps the data key only; the text is not touched.

mod keyring;
mod source;

use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use purser_domain::{AccountId, ConnectorId};
use zeroize::Zeroizing;

pub use keyring::{KeyFault, KeyRing};
pub use source::KeySource;

use crate::secret::Secret;
use crate::surroundings::Chance;

const FORMAT: &[u8; 3] = b"PV1";
const NONCE: usize = 24;
const WRAPPED_KEY: usize = 32 + 16;

/// What a sealed record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An OAuth refresh token.
    RefreshToken,
    /// A vendor's plain API secret.
    ApiSecret,
    /// A consent flow under way.
    Flow,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::RefreshToken => 1,
            Self::ApiSecret => 2,
            Self::Flow => 3,
        }
    }
}

/// Whose grant it is. Bound into the sealed record.
#[derive(Debug, Clone, Copy)]
pub struct GrantIdentity<'a> {
    /// The account.
    pub account: AccountId,
    /// Its connector.
    pub connector: &'a ConnectorId,
    /// The vendor's id of its tenant.
    pub tenant: &'a str,
}

/// A sealed record, and which key-encryption key its data key is wrapped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// All that is needed to open it, but the key.
    pub bytes: Vec<u8>,
    /// The key's version.
    pub key_version: u32,
}

/// Why a sealed record stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key ring lacks the key.
    #[error("there is no key of version {0}, which stored grants need")]
    MissingKey(u32),
    /// Damaged, moved from another record, or sealed by another key of the same version.
    #[error("a stored grant can not be opened with the keys there are")]
    WontOpen,
}

impl VaultError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingKey(_) => "VLT-MISSING-KEY",
            Self::WontOpen => "VLT-WONT-OPEN",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        "give the keys that belong to this database; without them each account must consent anew, or its secret be entered again"
    }
}

/// Seals and opens.
pub struct Vault {
    ring: RwLock<Arc<KeyRing>>,
    source: Option<KeySource>,
    chance: Chance,
}

impl Vault {
    /// With these keys, for good.
    #[must_use]
    pub fn new(ring: KeyRing, chance: Chance) -> Self {
        Self { ring: RwLock::new(Arc::new(ring)), source: None, chance }
    }

    /// With keys of a source, which is asked again where a key is missing.
    #[must_use]
    pub fn over(source: KeySource, ring: KeyRing, chance: Chance) -> Self {
        Self { ring: RwLock::new(Arc::new(ring)), source: Some(source), chance }
    }

    /// Asks the source again, and takes what is new there; keys that are not there any more stay until the next start.
    pub async fn reread(&self) -> Result<(), KeyFault> {
        let Some(source) = &self.source else { return Ok(()) };
        let read = source.load().await?;
        let joined = self.ring().joined(&read)?;
        self.replace_ring(joined);
        Ok(())
    }

    /// Another vault with other keys, to try them.
    #[must_use]
    pub fn with_keys(&self, ring: KeyRing) -> Self {
        Self { ring: RwLock::new(Arc::new(ring)), source: None, chance: self.chance.clone() }
    }

    /// The keys as they are now.
    #[must_use]
    pub fn keys(&self) -> KeyRing {
        KeyRing::clone(&self.ring())
    }

    /// Takes a rotated key ring into use.
    pub fn replace_ring(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// The version that seals.
    #[must_use]
    pub fn newest_key(&self) -> u32 {
        self.ring().newest().0
    }

    /// Refuses where a stored grant's key is missing: asked at start, before anything could be overwritten.
    pub fn require_key(&self, version: u32) -> Result<(), VaultError> {
        self.ring().key(version).map(|_| ()).ok_or(VaultError::MissingKey(version))
    }

    /// Seals an account's refresh token or API secret.
    pub fn seal_grant(
        &self,
        identity: GrantIdentity<'_>,
        kind: Kind,
        secret: &Secret,
    ) -> Result<Sealed, VaultError> {
        self.seal(kind, &grant_context(identity), secret.expose().as_bytes())
    }

    /// Opens it again.
    pub fn open_grant(
        &self,
        identity: GrantIdentity<'_>,
        kind: Kind,
        sealed: &[u8],
    ) -> Result<Secret, VaultError> {
        let plain = self.open(kind, &grant_context(identity), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::WontOpen)?;
        Ok(Secret::new(text.to_owned()))
    }

    /// Opens a grant that a newer key than ours may have sealed: then the source is asked for it first.
    pub async fn open_current(
        &self,
        identity: GrantIdentity<'_>,
        kind: Kind,
        sealed: &[u8],
    ) -> Result<Secret, VaultError> {
        match self.open_grant(identity, kind, sealed) {
            Err(VaultError::MissingKey(version)) => {
                if let Err(error) = self.reread().await {
                    tracing::error!(key.version = version, error = %error, "keys.not_read");
                }
                self.open_grant(identity, kind, sealed)
            }
            opened => opened,
        }
    }

    /// What only the key of this version opens: kept beside what it seals, it tells a wrong key at the next start.
    pub fn check_value(&self, version: u32) -> Result<Vec<u8>, VaultError> {
        let ring = self.ring();
        let key = ring.key(version).ok_or(VaultError::MissingKey(version))?;
        let nonce = self.chance.bytes::<NONCE>();
        Ok([nonce.as_slice(), &encrypt(key, &nonce, &check_aad(version), b"")?].concat())
    }

    /// Whether our key of this version is the one the check value was made with.
    pub fn verify_key(&self, version: u32, check: &[u8]) -> Result<(), VaultError> {
        let ring = self.ring();
        let key = ring.key(version).ok_or(VaultError::MissingKey(version))?;
        let (nonce, text) = check.split_at_checked(NONCE).ok_or(VaultError::WontOpen)?;
        decrypt(key, nonce, &check_aad(version), text).map(|_| ())
    }

    /// Wraps a grant's data key with the newest key, leaving its text as it is.
    pub fn rewrap_grant(&self, identity: GrantIdentity<'_>, sealed: &[u8]) -> Result<Sealed, VaultError> {
        let context = grant_context(identity);
        let kind = grant_kind(sealed).ok_or(VaultError::WontOpen)?;
        let record = Record::parse(kind, sealed)?;
        let data_key = self.unwrap_key(kind, &context, &record)?;
        self.wrapped(kind, &context, &data_key, record.text)
    }

    /// Seals a consent flow under the hash of its handle.
    pub(crate) fn seal_flow(&self, handle_hash: &[u8; 32], plain: &[u8]) -> Result<Sealed, VaultError> {
        self.seal(Kind::Flow, handle_hash, plain)
    }

    /// Opens it again.
    pub(crate) fn open_flow(
        &self,
        handle_hash: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open(Kind::Flow, handle_hash, sealed)
    }

    /// A key for one purpose, so that no other use can produce what this one produces.
    pub(crate) fn derived_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derived(self.ring().newest().1, purpose)
    }

    /// The same of each key there is, the newest first.
    pub(crate) fn derived_keys(&self, purpose: &str) -> Vec<Zeroizing<[u8; 32]>> {
        self.ring().keys().map(|key| derived(key, purpose)).collect()
    }

    fn ring(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seal(&self, kind: Kind, context: &[u8], plain: &[u8]) -> Result<Sealed, VaultError> {
        let data_key = Zeroizing::new(self.chance.bytes::<32>());
        let nonce = self.chance.bytes::<NONCE>();
        let mut text = nonce.to_vec();
        text.extend(encrypt(&data_key, &nonce, &text_aad(kind, context), plain)?);
        self.wrapped(kind, context, &data_key, &text)
    }

    fn open(&self, kind: Kind, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let record = Record::parse(kind, sealed)?;
        let data_key = self.unwrap_key(kind, context, &record)?;
        let (nonce, text) = record.text.split_at_checked(NONCE).ok_or(VaultError::WontOpen)?;
        decrypt(&data_key, nonce, &text_aad(kind, context), text)
    }

    fn wrapped(
        &self,
        kind: Kind,
        context: &[u8],
        data_key: &[u8; 32],
        text: &[u8],
    ) -> Result<Sealed, VaultError> {
        let ring = self.ring();
        let (key_version, key) = ring.newest();
        let nonce = self.chance.bytes::<NONCE>();
        let mut bytes = FORMAT.to_vec();
        bytes.push(kind.byte());
        bytes.extend(key_version.to_be_bytes());
        bytes.extend(nonce);
        bytes.extend(encrypt(key, &nonce, &key_aad(kind, context, key_version), data_key)?);
        bytes.extend(text);
        Ok(Sealed { bytes, key_version })
    }

    fn unwrap_key(
        &self,
        kind: Kind,
        context: &[u8],
        record: &Record<'_>,
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let ring = self.ring();
        let version = record.key_version;
        let key = ring.key(version).ok_or(VaultError::MissingKey(version))?;
        let plain = decrypt(key, record.nonce, &key_aad(kind, context, version), record.wrapped_key)?;
        let data_key: [u8; 32] = plain.as_slice().try_into().map_err(|_| VaultError::WontOpen)?;
        Ok(Zeroizing::new(data_key))
    }
}

/// Which version wraps a sealed record's key; none for what is no sealed record.
#[must_use]
pub fn key_version_of(sealed: &[u8]) -> Option<u32> {
    let version = sealed.strip_prefix(FORMAT)?.get(1..)?.first_chunk()?;
    Some(u32::from_be_bytes(*version))
}

fn grant_kind(sealed: &[u8]) -> Option<Kind> {
    let kind = *sealed.strip_prefix(FORMAT)?.first()?;
    [Kind::RefreshToken, Kind::ApiSecret].into_iter().find(|grant| grant.byte() == kind)
}

fn derived(key: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    hasher.update(purpose.as_bytes());
    hasher.update([0]);
    hasher.update(key);
    Zeroizing::new(hasher.finalize().into())
}

/// A sealed record's parts.
struct Record<'a> {
    key_version: u32,
    nonce: &'a [u8],
    wrapped_key: &'a [u8],
    text: &'a [u8],
}

impl<'a> Record<'a> {
    fn parse(kind: Kind, sealed: &'a [u8]) -> Result<Self, VaultError> {
        let rest = sealed.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix(&[kind.byte()]));
        let split = |bytes: &'a [u8], at| bytes.split_at_checked(at).ok_or(VaultError::WontOpen);
        let (version, rest) = rest.and_then(<[u8]>::split_first_chunk::<4>).ok_or(VaultError::WontOpen)?;
        let (nonce, rest) = split(rest, NONCE)?;
        let (wrapped_key, text) = split(rest, WRAPPED_KEY)?;
        Ok(Self { key_version: u32::from_be_bytes(*version), nonce, wrapped_key, text })
    }
}

fn grant_context(identity: GrantIdentity<'_>) -> Vec<u8> {
    let mut context = identity.account.0.to_be_bytes().to_vec();
    for part in [identity.connector.as_str(), identity.tenant] {
        context.extend(part.len().to_be_bytes());
        context.extend(part.as_bytes());
    }
    context
}

fn text_aad(kind: Kind, context: &[u8]) -> Vec<u8> {
    [b"purser text ".as_slice(), &[kind.byte()], context].concat()
}

fn check_aad(key_version: u32) -> Vec<u8> {
    [b"purser check ".as_slice(), &key_version.to_be_bytes()].concat()
}

fn key_aad(kind: Kind, context: &[u8], key_version: u32) -> Vec<u8> {
    [b"purser key ".as_slice(), &[kind.byte()], &key_version.to_be_bytes(), context].concat()
}

fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad }).map_err(|_| VaultError::WontOpen)
}

fn decrypt(
    key: &[u8; 32],
    nonce: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| VaultError::WontOpen)?;
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let plain = cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad });
    plain.map(Zeroizing::new).map_err(|_| VaultError::WontOpen)
}

#[cfg(test)]
mod tests;
