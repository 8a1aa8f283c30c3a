//! The search for planted secrets: in every form one might be written in, inside whatever is packed, in files and in
//! the rows of a database. Whoever adds a place where Purser writes (a backup, a recording) hands it to [`Search`].

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use purser_store_sqlite::SqliteStore;

/// Where secrets must not be, by name.
pub type Places = Vec<(String, Vec<u8>)>;

/// The forms a secret is looked for in.
pub const FORMS: [&str; 7] = ["plain", "JSON", "HTML", "percent", "hex", "UTF-16", "base64"];

/// What is unpacked wherever it begins inside a place.
pub const PACKINGS: [&str; 3] = ["gzip", "zlib", "zstd"];

/// Of one stream not more is unpacked, and streams inside of streams not deeper.
const MOST_UNPACKED: u64 = 64 << 20;
const DEEPEST: u32 = 3;

/// A search for some secrets.
pub struct Search {
    automaton: AhoCorasick,
    /// Whose form each pattern is.
    needles: Vec<(&'static str, &'static str)>,
}

impl Search {
    /// For these secrets, by name.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'static str, &'a str)>) -> Self {
        let (mut needles, mut patterns) = (Vec::new(), Vec::new());
        for (name, secret) in secrets {
            assert!(secret.len() > 12, "{name} is too short to be looked for");
            for (form, bytes) in forms(secret) {
                needles.push((name, form));
                patterns.push(bytes);
            }
        }
        Self { automaton: AhoCorasick::new(patterns).unwrap(), needles }
    }

    /// What is found, as `the client secret as base64 in purser.db`; packed: `in purser.db, gzip at 17`.
    pub fn found(&self, places: &Places) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (place, bytes) in places {
            self.look(place, bytes, DEEPEST, &mut found);
        }
        found.into_iter().collect()
    }

    fn look(&self, place: &str, bytes: &[u8], deeper: u32, found: &mut BTreeSet<String>) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let (name, form) = self.needles[hit.pattern().as_usize()];
            found.insert(format!("{name} as {form} in {place}"));
        }
        if deeper > 0 {
            for (at, packing, plain) in streams(bytes) {
                self.look(&format!("{place}, {packing} at {at}"), &plain, deeper - 1, found);
            }
        }
    }
}

/// Each form with its bytes; those that a secret does not change are left out.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |format: &dyn Fn(u8) -> String| secret.bytes().map(format).collect::<String>();
    let percent = |keeps: fn(u8) -> bool, upper: bool| {
        each(&|byte| match (keeps(byte), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        })
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let of_forms = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    let utf16 = |order: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let quoted = serde_json::to_string(secret).unwrap();
    let html =
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;");
    let mut forms = vec![
        ("plain", secret.as_bytes().to_vec()),
        ("JSON", quoted[1..quoted.len() - 1].into()),
        ("JSON", each(&|byte| format!("\\u{byte:04x}")).into()),
        ("JSON", each(&|byte| format!("\\u{byte:04X}")).into()),
        ("HTML", html.into()),
        ("HTML", each(&|byte| format!("&#{byte};")).into()),
        ("HTML", each(&|byte| format!("&#x{byte:x};")).into()),
        ("percent", percent(unreserved, true).into()),
        ("percent", percent(unreserved, false).into()),
        ("percent", percent(of_forms, true).into()),
        ("percent", percent(of_forms, false).into()),
        ("percent", percent(|_| false, true).into()),
        ("percent", percent(|_| false, false).into()),
        ("hex", hex::encode(secret).into()),
        ("hex", hex::encode_upper(secret).into()),
        ("UTF-16", utf16(u16::to_le_bytes)),
        ("UTF-16", utf16(u16::to_be_bytes)),
    ];
    forms.extend(base64(secret).map(|text| ("base64", text.into())));
    let mut known = BTreeSet::new();
    forms.retain(|(_, bytes)| known.insert(bytes.clone()));
    forms
}

/// Base64 of a longer text shows a part of it in one of three shapes, by where in the text the part begins.
fn base64(secret: &str) -> impl Iterator<Item = String> {
    (0..3).flat_map(move |before| {
        let whole = STANDARD_NO_PAD.encode([&vec![b'x'; before], secret.as_bytes()].concat());
        let inner = whole[4..whole.len() - 3].to_owned();
        [inner.replace('+', "-").replace('/', "_"), inner]
    })
}

/// What unpacks from some position on, as far as it does.
fn streams(bytes: &[u8]) -> Vec<(usize, &'static str, Vec<u8>)> {
    let mut streams = Vec::new();
    for at in 0..bytes.len().saturating_sub(3) {
        let rest = &bytes[at..];
        let (packing, plain) = match rest {
            [0x1f, 0x8b, 8, ..] => ("gzip", read(flate2::read::GzDecoder::new(rest))),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => ("zlib", read(flate2::read::ZlibDecoder::new(rest))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => match zstd::stream::read::Decoder::new(rest) {
                Ok(decoder) => ("zstd", read(decoder)),
                Err(_) => continue,
            },
            _ => continue,
        };
        if plain.len() > 12 {
            streams.push((at, packing, plain));
        }
    }
    streams
}

/// Until it ends, or breaks off: the part before counts as well.
fn read(stream: impl std::io::Read) -> Vec<u8> {
    let (mut plain, mut stream) = (Vec::new(), stream.take(MOST_UNPACKED));
    let mut chunk = [0; 8192];
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        plain.extend_from_slice(&chunk[..count]);
    }
    plain
}

/// Every file under a folder, key files excepted.
pub fn files(folder: &Path) -> Places {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            // What is compiled is the plugin's: long, and nothing of a run.
            if path.file_name().is_some_and(|name| name != "compiled") {
                found.extend(files(&path));
            }
        } else if path.extension().is_none_or(|extension| extension != "key")
            && let Ok(bytes) = std::fs::read(&path)
        {
            found.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
    }
    found
}

/// Every value of every table: a long one lies scattered over the pages of the file, where it is not found whole.
pub async fn rows(store: &SqliteStore) -> Places {
    store.every_value().await.unwrap()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    /// With what every encoding changes, and with what one leaves alone that another does not.
    const SECRET: &str = "pl4nted~s\"cr&t.8Q<zEw7+yq/Lr0*ok'é";

    fn search() -> Search {
        Search::new([("it", SECRET)])
    }

    fn found(bytes: impl Into<Vec<u8>>) -> Vec<String> {
        search().found(&vec![("here".to_owned(), bytes.into())])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// As others would write it.
    fn written() -> Vec<(&'static str, Vec<u8>)> {
        let bytes = SECRET.as_bytes();
        let mut query = url::Url::parse("https://a.example/").unwrap();
        query.query_pairs_mut().append_pair("x", SECRET);
        let mut written = vec![
            ("plain", format!("token={SECRET}; path=/").into_bytes()),
            ("JSON", serde_json::to_vec(&serde_json::json!({"token": SECRET})).unwrap()),
            ("percent", query.as_str().into()),
            ("percent", bytes.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()),
            ("hex", format!("{bytes:x?}").replace([',', ' ', '[', ']'], "").into()),
            ("hex", hex::encode_upper(bytes).into()),
            ("UTF-16", SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("UTF-16", SECRET.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            (
                "HTML",
                SECRET
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('"', "&quot;")
                    .replace('\'', "&#39;")
                    .into(),
            ),
        ];
        for before in ["", "a", "ab", "abc"] {
            let longer = format!("{before}{SECRET} and more");
            written.push(("base64", STANDARD.encode(&longer).into()));
            written.push(("base64", URL_SAFE.encode(&longer).into()));
        }
        written
    }

    #[test]
    fn each_form_of_a_secret_is_found() {
        let mut controlled = BTreeSet::new();
        for (form, bytes) in written() {
            let told = String::from_utf8_lossy(&bytes).into_owned();
            assert!(found(bytes).contains(&format!("it as {form} in here")), "{form}: {told}");
            controlled.insert(form);
        }
        assert_eq!(controlled, FORMS.into_iter().collect(), "a form without a control");
    }

    #[test]
    fn what_is_packed_is_unpacked_in_every_form_and_in_each_other() {
        let mut controlled = BTreeSet::new();
        for (form, bytes) in written() {
            let padded = [&[0; 300][..], &bytes, &[7; 300]].concat();
            for (packing, packed) in [
                ("gzip", gzip(&padded)),
                ("zlib", zlib(&padded)),
                ("zstd", zstd::encode_all(&padded[..], 3).unwrap()),
            ] {
                let inside = [b"something before ".as_slice(), &packed, b" and after"].concat();
                let expected = format!("it as {form} in here, {packing} at 17");
                assert!(found(inside.clone()).contains(&expected), "{expected}");
                assert!(!found(gzip(&inside)).is_empty(), "{packing} in gzip");
                controlled.insert(packing);
            }
        }
        assert_eq!(controlled, PACKINGS.into_iter().collect(), "a packing without a control");
        let more: String = (0_u32..3_000).map(|number| (number * number).to_string()).collect();
        let whole = gzip(format!("{SECRET}{more}").as_bytes());
        assert!(!found(&whole[..whole.len() / 2]).is_empty(), "what breaks off is read as far as it goes");
    }

    #[test]
    fn what_is_nearly_a_secret_is_none() {
        for (form, bytes) in written() {
            let other = String::from_utf8_lossy(&bytes).replace("4", "5").replace("34", "35");
            let changed = other.as_bytes() != bytes.as_slice();
            assert!(!changed || form == "base64" || found(other).is_empty(), "{form}");
        }
        assert_eq!(found("nothing here"), Vec::<String>::new());
    }
}
