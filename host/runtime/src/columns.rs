//! The result of `map`, from columns to Purchases: one pass over the text, nothing copied twice.
//!
//! **Invariant:** no field can shift silently and no record can get lost: the counts must use up the strings to the
//! last, and each record must stand in exactly one purchase, ignored group or rejection. What breaks that is the
//! plugin's fault as a whole; a malformed decimal, date or currency only rejects its records.

use std::borrow::Cow;

use purser_domain::Decimal;
use purser_domain::purchase::Description;

use crate::Usage;
use crate::contract::types::Fact;
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

/// How a result breaks the contract.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch(pub Cow<'static, str>);

type Result<T> = std::result::Result<T, Mismatch>;

/// Reads columns given for a page of so many records.
pub(crate) fn decode(text: &[u8], counts: &[u32], records: u32) -> Result<Mapped> {
    let mut columns = Columns::new(text, counts, records)?;
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
    reader: Reader<'a>,
    /// Metadata of the purchase at hand, kept for its memory.
    metadata: Vec<(&'a str, &'a str)>,
}

impl<'a> Columns<'a> {
    fn new(text: &'a [u8], counts: &'a [u32], records: u32) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| Mismatch("the text is not UTF-8".into()))?;
        Ok(Self {
            strings: Strings { rest: text },
            counts: Counts { rest: counts },
            seen: Seen::new(records),
            reader: Reader::default(),
            metadata: Vec::new(),
        })
    }

    fn purchases(&mut self, mapped: &mut Mapped) -> Result<()> {
        let purchases = self.counts.next()?;
        // Each purchase takes three counts at least, which bounds what a wrong number can reserve.
        mapped.purchases.reserve((purchases as usize).min(self.counts.rest.len() / 3));
        for _ in 0..purchases {
            let pairs = self.counts.next()?;
            let records = self.ordinals()?;
            if records.is_empty() {
                return Err(Mismatch("a purchase names no record".into()));
            }
            let fields = self.strings.take()?;
            self.metadata.clear();
            for _ in 0..pairs {
                self.metadata.push((self.strings.next()?, self.strings.next()?));
            }
            match fields::covered(&fields)? {
                None => match self.reader.purchase(&fields, &mut self.metadata, records) {
                    Ok(purchase) => mapped.purchases.push(purchase),
                    Err(malformed) => mapped.rejected.extend(malformed.rejections()),
                },
                Some((fields, [rule, billed_by])) => {
                    match self.reader.purchase(&fields, &mut self.metadata, records) {
                        Ok(line) => mapped.covered.push(Covered {
                            rule: rule.to_owned(),
                            billed_by: billed_by.to_owned(),
                            line,
                        }),
                        Err(malformed) => mapped.rejected.extend(malformed.rejections()),
                    }
                }
            }
        }
        Ok(())
    }

    fn ignored(&mut self, mapped: &mut Mapped) -> Result<()> {
        for _ in 0..self.counts.next()? {
            let records = self.ordinals()?;
            let rule = self.strings.next()?;
            if rule.is_empty() {
                return Err(Mismatch("an ignored group names no rule".into()));
            }
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
            mapped.rejected.push((ordinal, reason.to_owned()));
        }
        Ok(())
    }

    fn facts(&mut self, mapped: &mut Mapped) -> Result<()> {
        for _ in 0..self.counts.next()? {
            let [kind, key, value] = self.strings.take()?;
            let fact = Fact { kind: kind.to_owned(), key: key.to_owned(), value: value.to_owned() };
            check_fact(&fact)?;
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
            return Err(Mismatch(format!("{} counts too many", self.counts.rest.len()).into()));
        }
        if !self.strings.rest.is_empty() {
            let strings = self.strings.rest.split_terminator('\0').count();
            return Err(Mismatch(format!("{strings} strings more than the counts say").into()));
        }
        self.seen.finish()
    }
}

/// A fact's value must be JSON, and its kind and key must be there: the host keeps one per kind and key.
pub(crate) fn check_fact(fact: &Fact) -> Result<()> {
    if fact.kind.is_empty() || fact.key.is_empty() {
        return Err(Mismatch("a fact without kind or key".into()));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(&fact.value) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(Mismatch(format!("the value of a fact of kind {:?} is not JSON", shorten(&fact.kind)).into()))
        }
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
}

impl<'a> Strings<'a> {
    fn next(&mut self) -> Result<&'a str> {
        let Some((string, rest)) = self.rest.split_once('\0') else {
            return Err(Mismatch("fewer strings than the counts say".into()));
        };
        self.rest = rest;
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
        let (first, rest) = self.rest.split_first().ok_or(Mismatch("the counts end too early".into()))?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u32]> {
        let halves = self.rest.split_at_checked(length as usize);
        let (taken, rest) = halves.ok_or(Mismatch("the counts end too early".into()))?;
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
            None => {
                Err(Mismatch(format!("it names record {ordinal} of a page with {records} records").into()))
            }
            Some(true) => Err(Mismatch(format!("record {ordinal} stands in two places").into())),
            Some(place) => {
                *place = true;
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self.placed.iter().position(|placed| !placed) {
            None => Ok(()),
            Some(ordinal) => Err(Mismatch(format!("record {ordinal} stands in no place").into())),
        }
    }
}

#[cfg(test)]
mod tests;
