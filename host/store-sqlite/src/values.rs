//! How values stand in columns: instants as nanoseconds, dates and enums as text, documents as JSON.

use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Cast, Decimal, Digest};
use purser_store::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::damaged;

/// Nanoseconds since 1970; instants beyond the years 1677–2262 are held to that range.
pub(crate) fn nanos(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The instant of [`nanos`].
pub(crate) fn instant(nanos: i64) -> Result<Timestamp> {
    Timestamp::from_nanosecond(nanos.into()).map_err(|_| damaged("instant"))
}

/// The same, where there may be none.
pub(crate) fn instant_if(nanos: Option<i64>) -> Result<Option<Timestamp>> {
    nanos.map(instant).transpose()
}

/// A UTC day.
pub(crate) fn date(text: &str) -> Result<Date> {
    text.parse().map_err(|_| damaged("date"))
}

/// A decimal.
pub(crate) fn decimal(text: &str) -> Result<Decimal> {
    text.parse().map_err(|_| damaged("decimal"))
}

/// An identifier.
pub(crate) fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| damaged(what))
}

/// An account's number.
pub(crate) fn account(number: i64) -> Result<AccountId> {
    unsigned(number).map(AccountId)
}

/// A count or a revision, never negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| damaged("number"))
}

/// A count that goes into a column.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A sha256 digest.
pub(crate) fn digest(bytes: &[u8]) -> Result<Digest> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| damaged("digest"))
}

/// Who plays each role.
pub(crate) fn cast(crawl: &[u8], mapping: &[u8], localisation: &[u8]) -> Result<Cast<Digest>> {
    Ok(Cast { crawl: digest(crawl)?, mapping: digest(mapping)?, localisation: digest(localisation)? })
}

/// A 32-byte hash.
pub(crate) fn hash(bytes: &[u8]) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| damaged("hash"))
}

/// A ledger key.
pub(crate) fn key(bytes: &[u8]) -> Result<Key> {
    bytes.try_into().map(Key::from_bytes).map_err(|_| damaged("key"))
}

/// A document.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Failed(Box::new(error)))
}

/// The document of [`to_json`].
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| damaged(what))
}

/// An enum's word: what it is as JSON, without the quotes.
pub(crate) fn word<T: Serialize>(value: T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) => Err(damaged("word")),
        Err(error) => Err(Error::Failed(Box::new(error))),
    }
}

/// The enum of [`word`].
pub(crate) fn from_word<T: DeserializeOwned>(word: String, what: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|_| damaged(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_back_to_the_nanosecond() {
        let at: Timestamp = "2026-11-23T18:00:00.123456789Z".parse().unwrap();
        assert_eq!(instant(nanos(at)).unwrap(), at);
    }

    #[test]
    fn instants_beyond_the_range_are_held_to_it() {
        assert_eq!(nanos(Timestamp::MAX), i64::MAX);
        assert_eq!(nanos(Timestamp::MIN), i64::MIN);
    }
}
