//! Whose plugins are trusted: detached minisign signatures over a component's bytes, by keys the operator has pinned.
//!
//! The descriptor and everything a plugin may ask are inside the component, so one signature covers them. Nothing is asked
//! of anybody: keys stand in the configuration, signatures beside the version. Asked before a component is installed, and
//! each time its bytes are loaded.
//!
//! **Invariants:** with keys pinned, no byte of a component runs on its way to being installed, or for a run, before the
//! signatures that are wanted fit it; a signature by a pinned key that does not fit is never passed over.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{PublicKey, Signature};
use purser_runtime::Finding;
use purser_store::plugins::Vouchers;
use serde::Serialize;

#[cfg(test)]
mod tests;

/// A longer text is no signature, in bytes.
const LONGEST_SIGNATURE: usize = 4 << 10;
/// A signature says first which kind it is: this one is over the hash of the file, as minisign has made them since 0.8.
const PREHASHED: &[u8] = b"ED";

/// The keys an operator has pinned, and which of them must have signed.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<Key>,
    all_of: BTreeSet<String>,
    any_of: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Key {
    name: String,
    id: String,
    key: PublicKey,
}

/// Why pinned keys cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The text is no public key of minisign's.
    #[error("the key {0} is no public key of minisign's, which begins with RW")]
    NoKey(String),
    /// Two names would count as two signers.
    #[error("the keys {0} and {1} are the same")]
    Same(String, String),
    /// A rule names a key that is not there.
    #[error("there is no key {0}")]
    Unknown(String),
}

/// Why bytes are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// They came with a Purser.
    OfPurser,
    /// These keys have signed them, by name.
    Signed(Vec<String>),
    /// No key is pinned; so many signatures stand beside them.
    Unchecked(usize),
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfPurser => f.write_str("came with Purser"),
            Self::Signed(names) => write!(f, "signed by {}", names.join(", ")),
            Self::Unchecked(0) => f.write_str("not signed"),
            Self::Unchecked(_) => f.write_str("signed, but no key is pinned to check that by"),
        }
    }
}

/// Why bytes are not let in: everything that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} the plugin is not trusted:{}", Self::CODE, self.lines())]
pub struct Untrusted {
    /// What is missing or wrong; never empty.
    pub findings: Vec<Finding>,
}

impl Untrusted {
    /// The stable code of the refusal as a whole.
    pub const CODE: &'static str = "PLG-400";

    fn lines(&self) -> String {
        self.findings.iter().map(|finding| format!("\n  {finding}")).collect()
    }
}

/// What is told of an installed version's signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whether it is loaded when it is needed.
    pub may_load: bool,
    /// Why, or everything that is against it.
    pub told: Vec<String>,
}

impl From<Result<Word, Untrusted>> for Standing {
    fn from(judged: Result<Word, Untrusted>) -> Self {
        match judged {
            Ok(word) => Self { may_load: true, told: vec![word.to_string()] },
            Err(refused) => {
                let told = refused.findings.iter().map(ToString::to_string).collect();
                Self { may_load: false, told }
            }
        }
    }
}

impl Trust {
    /// Keys by name, in minisign's text form, and the names of those that must all have signed and of those of which one
    /// must. With neither, one of all keys must.
    ///
    /// # Errors
    /// Where a key is none, stands there twice, or is not there.
    pub fn new(
        keys: &BTreeMap<String, String>,
        all_of: &[String],
        any_of: &[String],
    ) -> Result<Self, Unusable> {
        let keys = keys.iter().map(|(name, text)| Key::read(name, text)).collect::<Result<Vec<_>, _>>()?;
        for (at, key) in keys.iter().enumerate() {
            if let Some(same) = keys.iter().skip(at + 1).find(|other| other.id == key.id) {
                return Err(Unusable::Same(key.name.clone(), same.name.clone()));
            }
        }
        let is_known = |name: &&String| keys.iter().any(|key| key.name == **name);
        if let Some(unknown) = all_of.iter().chain(any_of).find(|name| !is_known(name)) {
            return Err(Unusable::Unknown(unknown.clone()));
        }
        let all_of: BTreeSet<String> = all_of.iter().cloned().collect();
        let mut any_of: BTreeSet<String> = any_of.iter().cloned().collect();
        if all_of.is_empty() && any_of.is_empty() {
            any_of = keys.iter().map(|key| key.name.clone()).collect();
        }
        Ok(Self { keys, all_of, any_of })
    }

    /// Whether bytes are let in, and on whose word.
    ///
    /// # Errors
    /// With everything that is missing or wrong.
    pub fn judge(&self, bytes: &[u8], vouchers: &Vouchers) -> Result<Word, Untrusted> {
        if vouchers.bundled {
            return Ok(Word::OfPurser);
        }
        if self.keys.is_empty() {
            return Ok(Word::Unchecked(vouchers.signatures.len()));
        }
        let (mut signers, mut findings) = (Vec::new(), Vec::new());
        for key in &self.keys {
            match vouchers.signatures.get(&key.id) {
                Some(signature) if key.fits(bytes, signature) => signers.push(key.name.clone()),
                Some(_) => findings.push(does_not_fit(&key.name)),
                None => {}
            }
        }
        findings.extend(self.missing(&signers));
        if findings.is_empty() {
            return Ok(Word::Signed(signers));
        }
        let is_foreign = |id: &&String| !self.keys.iter().any(|key| key.id == **id);
        findings.extend(vouchers.signatures.keys().filter(is_foreign).map(|id| foreign(id)));
        Err(Untrusted { findings })
    }

    fn missing(&self, signers: &[String]) -> Vec<Finding> {
        let has_signed = |name: &&String| signers.contains(name);
        let mut missing: Vec<Finding> =
            self.all_of.iter().filter(|name| !has_signed(name)).map(|name| unsigned(name)).collect();
        if !self.any_of.is_empty() && !self.any_of.iter().any(|name| has_signed(&name)) {
            missing.push(signed_by_none(&self.any_of));
        }
        missing
    }
}

impl Key {
    fn read(name: &str, text: &str) -> Result<Self, Unusable> {
        let wrong = || Unusable::NoKey(name.to_owned());
        // A key is one line; its file has a comment above it.
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).ok_or_else(wrong)?;
        let key = PublicKey::from_base64(line).map_err(|_| wrong())?;
        let bytes = STANDARD.decode(line).map_err(|_| wrong())?;
        let id = key_id(&bytes).ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    fn fits(&self, bytes: &[u8], signature: &str) -> bool {
        let signature = Signature::decode(signature);
        signature.is_ok_and(|signature| self.key.verify(bytes, &signature, false).is_ok())
    }
}

/// Signature files by the id of the key that made each.
///
/// # Errors
/// With those that are none.
pub fn signatures(texts: &[String]) -> Result<BTreeMap<String, String>, Untrusted> {
    let (mut read, mut findings) = (BTreeMap::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        match signer(text) {
            Some(id) => drop(read.insert(id, text.clone())),
            None => findings.push(no_signature(at + 1)),
        }
    }
    if findings.is_empty() { Ok(read) } else { Err(Untrusted { findings }) }
}

fn signer(text: &str) -> Option<String> {
    if text.len() > LONGEST_SIGNATURE || Signature::decode(text).is_err() {
        return None;
    }
    let bytes = STANDARD.decode(text.lines().nth(1)?).ok()?;
    bytes.starts_with(PREHASHED).then(|| key_id(&bytes)).flatten()
}

/// A key's id as minisign writes it: after two bytes for the kind, eight, the last one first.
fn key_id(bytes: &[u8]) -> Option<String> {
    Some(bytes.get(2..10)?.iter().rev().map(|byte| format!("{byte:02X}")).collect())
}

const SIGN: &str =
    "have it signed with that key (minisign -S -m FILE), and give that signature with the component";

fn finding(code: &'static str, sentence: String, remedy: &str) -> Finding {
    Finding { code, sentence, remedy: remedy.to_owned() }
}

fn unsigned(name: &str) -> Finding {
    finding("PLG-401", format!("the key {name} must have signed it, and has not"), SIGN)
}

fn signed_by_none(names: &BTreeSet<String>) -> Finding {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sentence = format!("one of the keys {} must have signed it, and none has", names.join(", "));
    finding("PLG-402", sentence, SIGN)
}

fn does_not_fit(name: &str) -> Finding {
    let sentence = format!("the signature by the key {name} is not over these bytes");
    let remedy = "the component or its signature was changed: get both anew from whoever publishes it";
    finding("PLG-403", sentence, remedy)
}

fn foreign(id: &str) -> Finding {
    let sentence = format!("it is signed by the key {id}, which is not pinned");
    let remedy = "where that key is to be trusted, name it under [plugins.trust] and start Purser again";
    finding("PLG-404", sentence, remedy)
}

fn no_signature(ordinal: usize) -> Finding {
    let sentence = format!("the signature number {ordinal} that was given is none");
    let remedy =
        "give the file that `minisign -S` writes; those made with its option -l (legacy) are not taken";
    finding("PLG-405", sentence, remedy)
}
