//! The blobs of an export: gzip, one JSON object a line, read with a signature in the URL and no `Authorization` header.
//!
//! **Invariant:** a blob's path names everything its bytes depend on (currency, month, day of the data, attribute set),
//! so the same path always gives the same bytes, also tomorrow.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;

use super::answer::{Answer, Refusal, body_of, query_of, value_of};
use crate::calendar::month;
use crate::cloud::Cloud;
use crate::ledger::Altered;
use crate::rated;
use crate::rated_json::LineWriter;
use crate::world::{Customer, Kind, Subscription, World};

/// Lines of a blob, about.
const LINES_OF_A_BLOB: u64 = 20_000;

/// What an export gives, as of the day it was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) currency: String,
    /// `2026-11`.
    pub(crate) month: String,
    pub(crate) today: Date,
    pub(crate) full: bool,
    pub(crate) late: bool,
    pub(crate) empty: bool,
}

impl Dataset {
    pub(crate) fn is_euro(&self) -> bool {
        self.currency == "EUR"
    }

    /// `unbilled/EUR/2026-11/2026-11-23/full`, with marks for what is switched.
    pub(crate) fn folder(&self) -> String {
        let set = if self.full { "full" } else { "basic" };
        let calm = if self.late { "" } else { "-calm" };
        let empty = if self.empty { "-empty" } else { "" };
        format!("unbilled/{}/{}/{}/{set}{calm}{empty}", self.currency, self.month, self.today)
    }

    fn parse(folder: &str) -> Option<Self> {
        let mut parts = folder.strip_prefix("unbilled/")?.split('/');
        let (currency, month, today, set) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            currency: currency.into(),
            month: month.into(),
            today: today.parse().ok()?,
            full: set.starts_with("full"),
            late: !set.contains("-calm"),
            empty: set.contains("-empty"),
        })
    }

    /// How many lines there are; upper bound, exact when 0.
    pub(crate) fn lines(&self, world: &World) -> u64 {
        if self.empty {
            return 0;
        }
        let days =
            rated::usage_days(world, self.today).filter(|day| month(*day) == self.month).count() as u64;
        days * self.plans(world).count() as u64 * world.rated_records
    }

    /// How many blobs: at least two of euro data.
    pub(crate) fn blobs(&self, world: &World) -> u64 {
        self.lines(world).div_ceil(LINES_OF_A_BLOB).max(if self.is_euro() { 2 } else { 1 })
    }

    pub(crate) fn blob_name(&self, world: &World, part: u64) -> String {
        format!("part-{part:05}-{}.c000.json.gz", world.seed.guid(&format!("blob {}", self.folder()), part))
    }

    pub(crate) fn etag(&self, world: &World) -> String {
        world.seed.hex(&format!("etag {}", self.folder()), 0).split_off(47)
    }

    fn plans<'a>(&'a self, world: &'a World) -> impl Iterator<Item = (&'a Customer, &'a Subscription)> {
        let mine =
            |(c, s): &(&Customer, &Subscription)| c.currency == self.currency && matches!(s.kind, Kind::Plan);
        world.subscriptions().filter(mine)
    }

    /// The lines of one blob: plans are dealt out to blobs in turn.
    fn blob(&self, world: &World, altered: Altered, part: u64) -> std::io::Result<Bytes> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let writer = LineWriter { world, altered, full: self.full };
        let blobs = self.blobs(world) as usize;
        let plans = self.plans(world).skip(part as usize).step_by(blobs);
        let mut text = String::new();
        for (customer, plan) in plans.filter(|_| !self.empty) {
            let lines = rated::lines(world, customer, plan, self.today, self.late);
            for line in lines.filter(|line| month(line.usage_day) == self.month) {
                text.clear();
                writer.write(&mut text, customer, plan, &line);
                gzip.write_all(text.as_bytes())?;
            }
        }
        gzip.finish().map(Bytes::from)
    }
}

/// A signed token for everything under a folder, without a `?`.
pub(crate) fn sas_token(world: &World, folder: &str, until: i64) -> String {
    format!("sv=2021-08-06&se={until}&sr=d&sp=rl&sdd=5&sig={}", signature(world, folder, until))
}

fn signature(world: &World, folder: &str, until: i64) -> String {
    world.seed.hex(&format!("signature {folder}"), u64::try_from(until).unwrap_or(0))
}

pub(super) async fn download(
    State(cloud): State<Arc<Cloud>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    if headers.contains_key("authorization") {
        let message = "Authentication information is not given in the correct format.";
        return Err(refused(StatusCode::BAD_REQUEST, "InvalidAuthenticationInfo", message));
    }
    let missing = || refused(StatusCode::NOT_FOUND, "BlobNotFound", "There is no such blob.");
    let (folder, name) = path.rsplit_once('/').ok_or_else(missing)?;
    let query = query_of(query.as_deref());
    let until: i64 = value_of(&query, "se").and_then(|se| se.parse().ok()).unwrap_or(0);
    let signed = value_of(&query, "sig") == Some(signature(&cloud.world, folder, until).as_str());
    if !signed || until < cloud.now().as_second() {
        let message = "The signature did not match, or has expired.";
        return Err(refused(StatusCode::FORBIDDEN, "AuthenticationFailed", message));
    }
    let dataset = Dataset::parse(folder).ok_or_else(missing)?;
    let part = (0..dataset.blobs(&cloud.world)).find(|part| dataset.blob_name(&cloud.world, *part) == name);
    let part = part.ok_or_else(missing)?;
    let body = tokio::task::spawn_blocking(move || {
        let key = format!("blob|{path}");
        cloud.bodies.get(key, || dataset.blob(&cloud.world, cloud.altered, part).unwrap_or_default())
    });
    let body =
        body.await.map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "No blob."))?;
    Ok(body_of(StatusCode::OK, "application/octet-stream", body))
}

fn refused(status: StatusCode, code: &str, message: &str) -> Refusal {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    body_of(status, "application/xml", Bytes::from(xml)).into()
}
