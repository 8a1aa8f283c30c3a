//! The result of `map`, from columns to Purchases: one pass over the text, nothing copied twice.
//!
//! **Invariant:** no field can shift silently and no record can get lost: the counts must use up the strings to the
//! last, and each record must stand in exactly one purchase, ignored group or rejection. What breaks that is the
//! plugin's fault as a whole; a malformed decimal, date or currency only rejects its records.

use std::borrow::Cow;

use purser_domain::Decimal;
use purser_domain::decimal::MAX_DIGITS;
use purser_domain::purchase::Description;

use crate::contract::types::Fact;
use crate::error::{Counted, DIGITS, STRING};
use crate::{CallError, Limits, Usage};
use fields::Reader;

mod fields;

/// What became of a page's records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapped {
    /// Records that became Purchases.
    pub purchases: Vec<MappedPurchase>,
    /// Lines of an invoice that another feed bills.
    pub covered: Vec<Covered>,
    /// Rule and record ordinals of what is left out on purpose.
    pub ignored: Vec<(String, Vec<u32>)>,
    /// Ordinal and reason of what could not be read, by ordinal.
    pub rejected: Vec<(u32, String)>,
    /// What later feeds need.
    pub facts: Vec<Fact>,
    /// What the call used.
    pub usage: Usage,
}

/// A Purchase as the plugin gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedPurchase {
    /// The natural key inside scope and day; see [`Description::reference`].
    pub natural_reference: String,
    /// What it is about.
    pub description: Description,
    /// In the description's unit.
    pub quantity: Decimal,
    /// What the vendor charges; none where there is no amount or the host works it out.
    pub cost: Option<Decimal>,
    /// Ordinals of the records it was read from, at least one.
    pub records: Vec<u32>,
}

/// A line of an invoice that another feed bills.
#[derive(Debug, Clone, PartialEq)]
pub struct Covered {
    /// The rule it is ignored by.
    pub rule: String,
    /// The feed that bills it.
    pub billed_by: String,
    /// What it says; it has a cost.
    pub line: MappedPurchase,
}

/// What is wrong with a result as a whole.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It breaks the contract.
    Contract(Cow<'static, str>),
    /// It goes beyond a limit.
    Limit(Box<CallError>),
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Contract(text) => Self::Contract(text.into_owned()),
            Fault::Limit(error) => *error,
        }
    }
}

fn broken(text: impl Into<Cow<'static, str>>) -> Fault {
    Fault::Contract(text.into())
}

type Result<T> = std::result::Result<T, Fault>;

/// How large the parts of a result may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    string_bytes: u64,
    digits: usize,
    facts: u32,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Self {
        let digits = usize::try_from(limits.number_digits).unwrap_or(usize::MAX);
        Self { string_bytes: limits.string_bytes, digits, facts: limits.facts }
    }

    /// Why a text of so many bytes rejects its record, if it does.
    pub(crate) fn too_long(&self, bytes: usize) -> Option<String> {
        let limit = self.string_bytes;
        (bytes as u64 > limit)
            .then(|| format!("{STRING} the plugin gave a text of {bytes} bytes, {limit} are allowed"))
    }

    /// Why a number rejects its record that has too many digits.
    pub(crate) fn too_many_digits(&self, what: &str) -> String {
        format!("{DIGITS} the plugin gave {what} with more than {} digits", self.digits)
    }

    /// Whether a number is short enough; the domain has refused those with more than [`MAX_DIGITS`] already.
    pub(crate) fn allow(&self, text: &str, number: &Decimal) -> bool {
        if self.digits as u128 >= MAX_DIGITS.unsigned_abs().into() {
            return true;
        }
        let is_plain = !text.contains(['e', 'E']);
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        if is_plain { digits(text) <= self.digits } else { digits(&number.canonical()) <= self.digits }
    }

    fn short(&self, what: &'static str, text: &str, times: u64) -> Result<()> {
        let (bytes, limit_bytes) = (text.len() as u64, self.string_bytes.saturating_mul(times));
        if bytes <= limit_bytes {
            return Ok(());
        }
        Err(Fault::Limit(Box::new(CallError::TooLong { what, bytes, limit_bytes })))
    }
}

/// Reads columns given for a page of so many records.
pub(crate) fn decode(text: &[u8], counts: &[u32], records: u32, bounds: &Bounds) -> Result<Mapped> {
    let mut columns = Columns::new(text, counts, records, *bounds)?;
    let mut mapped = Mapped::default();
    columns.purchases(&mut mapped)?;
    columns.ignored(&mut mapped)?;
    columns.rejected(&mut mapped)?;
    columns.facts(&mut mapped)?;
    columns.finish()?;
    mapped.rejected.sort_unstable();
    Ok(mapped)
}

struct Columns<'a> {
    strings: Strings<'a>,
    counts: Counts<'a>,
    seen: Seen,
    bounds: Bounds,
    reader: Reader<'a>,
    /// Metadata of the purchase at hand, kept for its memory.
    metadata: Vec<(&'a str, &'a str)>,
}

impl<'a> Columns<'a> {
    fn new(text: &'a [u8], counts: &'a [u32], records: u32, bounds: Bounds) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| broken("the text is not UTF-8"))?;
        Ok(Self {
            strings: Strings { rest: text, longest: 0 },
            counts: Counts { rest: counts },
            seen: Seen::new(records),
            bounds,
            reader: Reader::new(bounds),
            metadata: Vec::new(),
        })
    }

    fn purchases(&mut self, mapped: &mut Mapped) -> Result<()> {
        let purchases = self.counts.next()?;
        // Each purchase takes three counts at least, which bounds what a wrong number can reserve.
        mapped.purchases.reserve((purchases as usize).min(self.counts.rest.len() / 3));
        for _ in 0..purchases {
            self.purchase(mapped)?;
        }
        Ok(())
    }

    fn purchase(&mut self, mapped: &mut Mapped) -> Result<()> {
        let pairs = self.counts.next()?;
        let records = self.ordinals()?;
        if records.is_empty() {
            return Err(broken("a purchase names no record"));
        }
        self.strings.longest = 0;
        let fields = self.strings.take()?;
        self.metadata.clear();
        for _ in 0..pairs {
            self.metadata.push((self.strings.next()?, self.strings.next()?));
        }
        if let Some(reason) = self.bounds.too_long(self.strings.longest) {
            let number = fields::long_number(&fields, &self.bounds);
            let reason = number.map_or(reason, |field| self.bounds.too_many_digits(field));
            mapped.rejected.extend(records.into_iter().map(|record| (record, reason.clone())));
            return Ok(());
        }
        let covered = fields::covered(&fields)?;
        let (fields, cover) = covered.map_or((fields, None), |(fields, cover)| (fields, Some(cover)));
        match (self.reader.purchase(&fields, &mut self.metadata, records), cover) {
            (Err(malformed), _) => mapped.rejected.extend(malformed.rejections()),
            (Ok(purchase), None) => mapped.purchases.push(purchase),
            (Ok(line), Some([rule, billed_by])) => {
                let (rule, billed_by) = (rule.to_owned(), billed_by.to_owned());
                mapped.covered.push(Covered { rule, billed_by, line });
            }
        }
        Ok(())
    }

    fn ignored(&mut self, mapped: &mut Mapped) -> Result<()> {
        for _ in 0..self.counts.next()? {
            let records = self.ordinals()?;
            let rule = self.strings.next()?;
            if rule.is_empty() {
                return Err(broken("an ignored group names no rule"));
            }
            self.bounds.short("the name of a rule", rule, 1)?;
            mapped.ignored.push((rule.to_owned(), records));
        }
        Ok(())
    }

    fn rejected(&mut self, mapped: &mut Mapped) -> Result<()> {
        for _ in 0..self.counts.next()? {
            let ordinal = self.counts.next()?;
            self.seen.mark(ordinal)?;
            let reason = match self.strings.next()? {
                "" => "the plugin gave no reason",
                reason => reason,
            };
            let mut reason = reason.to_owned();
            clip(&mut reason);
            mapped.rejected.push((ordinal, reason));
        }
        Ok(())
    }

    fn facts(&mut self, mapped: &mut Mapped) -> Result<()> {
        let (given, limit) = (self.counts.next()?, self.bounds.facts);
        if given > limit {
            let (given, limit) = (given.into(), limit.into());
            let error = CallError::TooMany { what: Counted::Facts, given, limit };
            return Err(Fault::Limit(Box::new(error)));
        }
        for _ in 0..given {
            let [kind, key, value] = self.strings.take()?;
            let fact = Fact { kind: kind.to_owned(), key: key.to_owned(), value: value.to_owned() };
            check_fact(&fact, &self.bounds)?;
            mapped.facts.push(fact);
        }
        Ok(())
    }

    fn ordinals(&mut self) -> Result<Vec<u32>> {
        let length = self.counts.next()?;
        let ordinals = self.counts.take(length)?;
        ordinals.iter().try_for_each(|ordinal| self.seen.mark(*ordinal))?;
        Ok(ordinals.to_vec())
    }

    fn finish(self) -> Result<()> {
        if !self.counts.rest.is_empty() {
            return Err(broken(format!("{} counts too many", self.counts.rest.len())));
        }
        if !self.strings.rest.is_empty() {
            let strings = self.strings.rest.split_terminator('\0').count();
            return Err(broken(format!("{strings} strings more than the counts say")));
        }
        self.seen.finish()
    }
}

/// A fact's value must be JSON, and its kind and key must be there: the host keeps one per kind and key.
pub(crate) fn check_fact(fact: &Fact, bounds: &Bounds) -> Result<()> {
    bounds.short("the kind of a fact", &fact.kind, 1)?;
    bounds.short("the key of a fact", &fact.key, 1)?;
    bounds.short("the value of a fact", &fact.value, Limits::LONG)?;
    if fact.kind.is_empty() || fact.key.is_empty() {
        return Err(broken("a fact without kind or key"));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(&fact.value) {
        Ok(_) => Ok(()),
        Err(_) => Err(broken(format!("the value of a fact of kind {:?} is not JSON", shorten(&fact.kind)))),
    }
}

/// Bytes of a reason for which a record is set aside; it stands in reports, once for each reason.
const REASON_BYTES: usize = 1_000;

/// Shortens a reason that the plugin gave, visibly.
pub(crate) fn clip(reason: &mut String) {
    if reason.len() > REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES));
        reason.push('…');
    }
}

/// The first characters of a text that the plugin chose, for messages.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// Strings, each ended by U+0000.
struct Strings<'a> {
    rest: &'a str,
    /// Bytes of the longest string since this was set to 0.
    longest: usize,
}

impl<'a> Strings<'a> {
    fn next(&mut self) -> Result<&'a str> {
        let Some((string, rest)) = self.rest.split_once('\0') else {
            return Err(broken("fewer strings than the counts say"));
        };
        self.rest = rest;
        self.longest = self.longest.max(string.len());
        Ok(string)
    }

    fn take<const N: usize>(&mut self) -> Result<[&'a str; N]> {
        let mut strings = [""; N];
        for string in &mut strings {
            *string = self.next()?;
        }
        Ok(strings)
    }
}

struct Counts<'a> {
    rest: &'a [u32],
}

impl<'a> Counts<'a> {
    fn next(&mut self) -> Result<u32> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| broken("the counts end too early"))?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u32]> {
        let halves = self.rest.split_at_checked(length as usize);
        let (taken, rest) = halves.ok_or_else(|| broken("the counts end too early"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Which records have found their place.
struct Seen {
    placed: Vec<bool>,
}

impl Seen {
    fn new(records: u32) -> Self {
        Self { placed: vec![false; records as usize] }
    }

    fn mark(&mut self, ordinal: u32) -> Result<()> {
        let records = self.placed.len();
        match self.placed.get_mut(ordinal as usize) {
            None => Err(broken(format!("it names record {ordinal} of a page with {records} records"))),
            Some(true) => Err(broken(format!("record {ordinal} stands in two places"))),
            Some(place) => {
                *place = true;
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self.placed.iter().position(|placed| !placed) {
            None => Ok(()),
            Some(ordinal) => Err(broken(format!("record {ordinal} stands in no place"))),
        }
    }
}

#[cfg(test)]
mod tests;
