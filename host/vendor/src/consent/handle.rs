//! Handles: the `state` of the redirect, and the handle of the confirmation.
//!
//! 256 random bits, an expiry, and a tag only this host can make. The tag is what tells a forged handle from one that
//! was used up; the store alone could only say "not there". Only a handle's hash is ever stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use sha2::Digest as _;

use crate::surroundings::Chance;
use crate::vault::{Vault, VaultError};

const RANDOM: usize = 32;
const EXPIRY: usize = 8;

/// What a handle stands for; one kind is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    State,
    Confirmation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandleFault {
    NotOurs,
    Expired,
}

impl Handle {
    pub(super) fn make(
        self,
        vault: &Vault,
        chance: &Chance,
        expires_at: Timestamp,
    ) -> Result<String, VaultError> {
        let mut bytes = chance.bytes::<RANDOM>().to_vec();
        bytes.extend(expires_at.as_second().to_be_bytes());
        let key = vault.derived_key(self.purpose());
        let tag = tag(&key, &bytes).ok_or(VaultError::WontOpen)?;
        bytes.extend(tag);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn check(self, vault: &Vault, handle: &str, now: Timestamp) -> Result<(), HandleFault> {
        let bytes = URL_SAFE_NO_PAD.decode(handle).map_err(|_| HandleFault::NotOurs)?;
        let (signed, tag) = bytes.split_at_checked(RANDOM + EXPIRY).ok_or(HandleFault::NotOurs)?;
        // Both are hashed first, so that the time a comparison takes says nothing about the tag. Older keys count too: a
        // rotation meanwhile does not break a consent under way.
        let is_ours =
            |key: &[u8; 32]| self::tag(key, signed).is_some_and(|expected| hash(&expected) == hash(tag));
        if !vault.derived_keys(self.purpose()).iter().any(|key| is_ours(key)) {
            return Err(HandleFault::NotOurs);
        }
        let expiry = signed.last_chunk::<EXPIRY>().copied().map(i64::from_be_bytes);
        if expiry.is_some_and(|expiry| now.as_second() < expiry) { Ok(()) } else { Err(HandleFault::Expired) }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::State => "consent state",
            Self::Confirmation => "consent confirmation",
        }
    }
}

/// The tag of an empty message over the signed bytes.
fn tag(key: &[u8; 32], signed: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; 24] = *signed.first_chunk()?;
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.encrypt(&XNonce::from(nonce), Payload { msg: b"", aad: signed }).ok()
}

pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::KeyRing;

    #[test]
    fn a_handle_outlives_a_rotation_and_not_its_key() {
        let chance = Chance::seeded(5);
        let first = KeyRing::generate(&chance);
        let rotated = first.rotated(&chance);
        let vault = Vault::new(first, chance.clone());
        let (before, expires_at) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let handle = Handle::State.make(&vault, &chance, expires_at).unwrap();
        vault.replace_ring(rotated.clone());
        assert_eq!(Handle::State.check(&vault, &handle, before), Ok(()));
        vault.replace_ring(rotated.without(1).unwrap());
        assert_eq!(Handle::State.check(&vault, &handle, before), Err(HandleFault::NotOurs));
    }

    #[test]
    fn a_handle_is_ours_of_one_kind_and_for_a_time() {
        let chance = Chance::seeded(5);
        let vault = Vault::new(KeyRing::generate(&chance), chance.clone());
        let expires_at: Timestamp = "2026-11-23T06:10:00Z".parse().unwrap();
        let before: Timestamp = "2026-11-23T06:09:59Z".parse().unwrap();
        let handle = Handle::State.make(&vault, &chance, expires_at).unwrap();
        assert_eq!(Handle::State.check(&vault, &handle, before), Ok(()));
        assert_eq!(Handle::State.check(&vault, &handle, expires_at), Err(HandleFault::Expired));
        assert_eq!(Handle::Confirmation.check(&vault, &handle, before), Err(HandleFault::NotOurs));
        let forged = format!("A{}", &handle[1..]);
        for other in [forged.as_str(), "", "x", &handle[..20]] {
            assert!(
                other == handle || Handle::State.check(&vault, other, before) == Err(HandleFault::NotOurs)
            );
        }
    }
}
