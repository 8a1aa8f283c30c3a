//! A component as it is brought: by itself, or in a bundle with its signatures for where no network leads.
//!
//! A bundle is a plain tar archive: one file that ends in `.wasm`, and its signatures, which end in `.minisig`. Any tar
//! makes one, and any opens it.

use std::io::{Cursor, Read};
use std::path::Path;

use purser_store::plugins::{Version, Vouchers};

/// The ending of a component's name.
const COMPONENT: &str = ".wasm";
/// The ending of a signature's name.
const SIGNATURE: &str = ".minisig";
/// Files in a bundle.
const MOST_FILES: usize = 64;
/// A longer signature is none, in bytes.
const LONGEST_SIGNATURE: u64 = 4 << 10;

/// A component as it is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its bytes, or a bundle's.
    pub component: Vec<u8>,
    /// The texts of signature files over the component.
    pub signatures: Vec<String>,
    /// Where it comes from, in a few words.
    pub source: String,
}

/// Why a bundle gives no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "PLG-410 the bundle cannot be used: {0} · make it anew with `purser plugin bundle`, or with tar from one .wasm file and its .minisig files"
)]
pub struct Unbundled(String);

impl Delivery {
    /// The component itself, where a bundle was brought; with the bundle's signatures beside those that were given.
    ///
    /// # Errors
    /// Where the bundle has no component, or more than one.
    pub fn opened(self) -> Result<Self, Unbundled> {
        if !is_bundle(&self.component) {
            return Ok(self);
        }
        let (component, found) = open(&self.component)?;
        let signatures = self.signatures.into_iter().chain(found).collect();
        Ok(Self { component, signatures, source: self.source })
    }
}

/// A tar archive says so after the first file's name, size and times.
fn is_bundle(bytes: &[u8]) -> bool {
    const AT: usize = 257;
    bytes.get(AT..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

fn open(bundle: &[u8]) -> Result<(Vec<u8>, Vec<String>), Unbundled> {
    let unread = |_| Unbundled("it is cut off or damaged".to_owned());
    let (mut component, mut signatures) = (None, Vec::new());
    let mut archive = tar::Archive::new(Cursor::new(bundle));
    for (at, entry) in archive.entries().map_err(unread)?.enumerate() {
        let mut entry = entry.map_err(unread)?;
        if at >= MOST_FILES {
            return Err(Unbundled(format!("it has more than {MOST_FILES} files")));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match (entry.header().entry_type().is_file(), name.ends_with(COMPONENT), name.ends_with(SIGNATURE)) {
            (true, true, _) if component.is_some() => {
                return Err(Unbundled("it has more than one component".to_owned()));
            }
            // An archive can claim more bytes than it has.
            (true, true, _) => component = Some(read(&mut entry, bundle.len() as u64)?),
            (true, _, true) => signatures.push(text(&read(&mut entry, LONGEST_SIGNATURE)?)),
            _ => {}
        }
    }
    let component = component.ok_or_else(|| Unbundled(format!("it has no file that ends in {COMPONENT}")))?;
    Ok((component, signatures))
}

fn read(entry: &mut impl Read, most: u64) -> Result<Vec<u8>, Unbundled> {
    let mut bytes = Vec::new();
    let read = entry.take(most + 1).read_to_end(&mut bytes);
    match read {
        Ok(read) if read as u64 <= most => Ok(bytes),
        Ok(_) => Err(Unbundled(format!("a file in it has more than {most} bytes"))),
        Err(_) => Err(Unbundled("it is cut off or damaged".to_owned())),
    }
}

/// What is no text is no signature, and is told as that where signatures are read.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A bundle of an installed version with what has signed it; the same bytes whenever it is made.
///
/// # Errors
/// Where it cannot be written.
pub fn bundle(
    version: &Version,
    component: &[u8],
    vouchers: &Vouchers,
    out: impl std::io::Write,
) -> std::io::Result<()> {
    let name = format!("{}-{}{COMPONENT}", version.plugin, version.version);
    let mut archive = tar::Builder::new(out);
    add(&mut archive, &name, component)?;
    for (key, signature) in &vouchers.signatures {
        add(&mut archive, &format!("{name}.{key}{SIGNATURE}"), signature.as_bytes())?;
    }
    archive.into_inner().map(drop)
}

fn add(archive: &mut tar::Builder<impl std::io::Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, Path::new(name), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            add(&mut archive, name, bytes).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn opened(component: Vec<u8>) -> Result<(Vec<u8>, Vec<String>), String> {
        let delivery = Delivery { component, signatures: vec!["given".into()], source: "a test".into() };
        let opened = delivery.opened().map_err(|error| error.to_string())?;
        Ok((opened.component, opened.signatures))
    }

    #[test]
    fn a_bundle_is_opened_and_anything_else_is_left_as_it_is() {
        let bundle = tar_of(&[
            ("by-anna.minisig", b"anna"),
            ("readme.txt", b"not needed"),
            ("hub.wasm", b"component"),
            ("by-bob.minisig", b"bob"),
        ]);
        let signatures = ["given", "anna", "bob"].map(str::to_owned).to_vec();
        assert_eq!(opened(bundle), Ok((b"component".to_vec(), signatures)));
        for other in [&b""[..], b"\0asm rest", &[7; 300]] {
            assert_eq!(opened(other.to_vec()), Ok((other.to_vec(), vec!["given".to_owned()])));
        }
    }

    #[test]
    fn a_bundle_that_cannot_be_used_says_why() {
        let whole = tar_of(&[("hub.wasm", &[1; 2000])]);
        let many: Vec<(String, &[u8])> = (0..=MOST_FILES).map(|at| (format!("{at}"), &b"x"[..])).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        for (bundle, because) in [
            (tar_of(&[("hub.minisig", b"anna")]), "no file that ends in .wasm"),
            (tar_of(&[("a.wasm", b"a"), ("b.wasm", b"b")]), "more than one component"),
            (whole[..1000].to_vec(), "cut off"),
            (tar_of(&[("hub.wasm", b"a"), ("hub.minisig", &[b'x'; 5000])]), "more than 4096 bytes"),
            (tar_of(&many), "more than 64 files"),
        ] {
            let told = opened(bundle).unwrap_err();
            assert!(told.starts_with("PLG-410") && told.contains(because), "{because}: {told}");
        }
    }

    #[test]
    fn a_file_that_claims_more_than_the_archive_holds_is_not_believed() {
        let mut bundle = Vec::new();
        let mut header = tar::Header::new_gnu();
        header.set_path("hub.wasm").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        bundle.extend_from_slice(header.as_bytes());
        bundle.extend_from_slice(&[0; 1024]);
        assert!(opened(bundle).unwrap_err().starts_with("PLG-410"));
    }
}
