//! The manifest of an export: where its blobs are.

use purser_plugin_sdk::crawl::{Request, Target};
use purser_plugin_sdk::json::{self, Fields, Names};
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::types::Problem;

use super::phase::Phase;

const MEMBERS: Names<7> =
    [&["id"], &["dataFormat"], &["eTag"], &["rootDirectory"], &["sasToken"], &["blobCount"], &["blobs"]];
const ID: usize = 0;
const DATA_FORMAT: usize = 1;
const ETAG: usize = 2;
const ROOT: usize = 3;
const SAS_TOKEN: usize = 4;
const BLOB_COUNT: usize = 5;
const BLOBS: usize = 6;

/// What the vendor calls compressed JSON lines, in documents and in samples.
const FORMATS: [&str; 3] = ["", "compressedjson", "compressedjsonlines"];

pub struct Manifest {
    pub id: String,
    pub etag: String,
    root: String,
    sas_token: String,
    /// Names under the root; never empty.
    pub blobs: Vec<String>,
}

impl Manifest {
    /// Reads a manifest; the error is the reason why its partition stays incomplete.
    pub fn read(text: &str) -> Result<Self, String> {
        let unreadable = |reason: String| format!("CSP-406 the export's manifest cannot be read: {reason}");
        let fields = Fields::read(&MEMBERS, text).map_err(unreadable)?;
        let text = |at: usize| fields.text(at).map(|text| text.trim().to_owned()).map_err(unreadable);
        let format = text(DATA_FORMAT)?;
        if !FORMATS.contains(&format.to_ascii_lowercase().as_str()) {
            return Err(format!("CSP-407 the export is in the unknown format {format:?}"));
        }
        let listed = json::items(fields.raw(BLOBS).unwrap_or("[]")).map_err(unreadable)?;
        let blobs: Vec<_> =
            listed.into_iter().map(|blob| json::find_text(blob, "/name").into_owned()).collect();
        let announced = text(BLOB_COUNT)?;
        if blobs.is_empty()
            || blobs.iter().any(String::is_empty)
            || !(announced.is_empty() || announced == blobs.len().to_string())
        {
            return Err(format!(
                "CSP-406 the manifest announces {announced:?} parts and names {}",
                blobs.len()
            ));
        }
        let root = text(ROOT)?.trim_end_matches('/').to_owned();
        if root.is_empty() {
            return Err("CSP-406 the manifest does not say where its parts are".to_owned());
        }
        Ok(Self { id: text(ID)?, etag: text(ETAG)?, root, sas_token: text(SAS_TOKEN)?, blobs })
    }

    /// The request for a blob: its lines are kept in the export's partition.
    pub fn download(&self, export: &Request, blob: &str, phase: &Phase) -> Result<Request, Problem> {
        let signature = self.sas_token.trim_start_matches('?');
        let query = if signature.is_empty() { String::new() } else { format!("?{signature}") };
        Ok(Request {
            target: Target::Absolute(format!("{}/{}{query}", self.root, blob.trim_start_matches('/'))),
            headers: Vec::new(),
            body: None,
            partition: export.partition.clone(),
            keep: Some(Framing::Lines),
            delay: 0,
            state: phase.write()?,
        })
    }
}
