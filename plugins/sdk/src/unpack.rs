//! Reads packed columns again: for tests of plugins, which look at the very bytes the host would get, and for plugins
//! that change what another mapping said ([`Mapped::changed`](crate::mapping::Mapped::changed)).

use crate::mapping::Columns;
use crate::types::Fact;

/// Names of a Purchase's strings, in the contract's order.
pub const FIELDS: [&str; 18] = [
    "reference",
    "vendor-customer",
    "vendor-subscription",
    "product-key",
    "product-text",
    "category",
    "quantity",
    "unit",
    "unit-price",
    "unit-price-currency",
    "cost",
    "currency",
    "exchange-rate",
    "start",
    "end",
    "amount",
    "tier-group",
    "tier-key",
];

/// A mapping's result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// In page order.
    pub purchases: Vec<UnpackedPurchase>,
    /// Lines of an invoice that another feed bills; their records stand in `ignored` too, as the host counts them.
    pub covered: Vec<UnpackedPurchase>,
    /// Rule, and the ordinals of its records.
    pub ignored: Vec<(String, Vec<u32>)>,
    /// Ordinal and reason.
    pub rejected: Vec<(u32, String)>,
    /// What later feeds need.
    pub facts: Vec<Fact>,
}

/// One Purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedPurchase {
    /// In the order of [`FIELDS`].
    pub fields: Vec<String>,
    /// Names and values.
    pub metadata: Vec<(String, String)>,
    /// Ordinals of the records it was read from.
    pub records: Vec<u32>,
}

impl UnpackedPurchase {
    /// A string by its name in [`FIELDS`]; empty where there is none of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let position = FIELDS.iter().position(|field| *field == name);
        position.and_then(|position| self.fields.get(position)).map_or("", String::as_str)
    }

    /// A value of the metadata; empty where there is none.
    #[must_use]
    pub fn metadata(&self, name: &str) -> &str {
        self.metadata.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Reads columns.
///
/// # Errors
/// Where text and counts do not match to the last string and number.
pub fn unpack(columns: &Columns) -> Result<Unpacked, String> {
    let mut reader = Reader::new(columns)?;
    let mut read = Unpacked::default();
    for _ in 0..reader.count()? {
        let (pairs, records) = (reader.count()?, reader.count()?);
        let records = reader.counts(records)?;
        let fields = (0..FIELDS.len()).map(|_| reader.string()).collect::<Result<_, _>>()?;
        let metadata =
            (0..pairs).map(|_| Ok((reader.string()?, reader.string()?))).collect::<Result<_, String>>()?;
        let purchase = UnpackedPurchase { fields, metadata, records };
        match purchase.field("amount") {
            "covered" => read.covered.push(purchase),
            _ => read.purchases.push(purchase),
        }
    }
    for _ in 0..reader.count()? {
        let records = reader.count()?;
        read.ignored.push((reader.string()?, reader.counts(records)?));
    }
    for _ in 0..reader.count()? {
        read.rejected.push((reader.count()?, reader.string()?));
    }
    for _ in 0..reader.count()? {
        read.facts.push(Fact { kind: reader.string()?, key: reader.string()?, value: reader.string()? });
    }
    reader.end()?;
    for line in &read.covered {
        let rule = line.field("tier-group");
        match read.ignored.iter_mut().find(|(known, _)| known == rule) {
            Some((_, records)) => records.extend(&line.records),
            None => read.ignored.push((rule.to_owned(), line.records.clone())),
        }
    }
    Ok(read)
}

struct Reader<'c> {
    strings: std::str::Split<'c, char>,
    counts: std::slice::Iter<'c, u32>,
}

impl<'c> Reader<'c> {
    fn new(columns: &'c Columns) -> Result<Self, String> {
        let text = std::str::from_utf8(&columns.text).map_err(|_| "the text is not UTF-8")?;
        Ok(Self { strings: text.split('\0'), counts: columns.counts.iter() })
    }

    fn string(&mut self) -> Result<String, String> {
        self.strings.next().map(str::to_owned).ok_or_else(|| "a string is missing".to_owned())
    }

    fn count(&mut self) -> Result<u32, String> {
        self.counts.next().copied().ok_or_else(|| "a count is missing".to_owned())
    }

    fn counts(&mut self, number: u32) -> Result<Vec<u32>, String> {
        (0..number).map(|_| self.count()).collect()
    }

    /// Each string is ended by U+0000, so splitting leaves one empty string behind the last.
    fn end(mut self) -> Result<(), String> {
        let rest = (self.strings.next(), self.strings.next(), self.counts.next());
        if rest == (Some(""), None, None) {
            Ok(())
        } else {
            Err("there is more than the counts say".to_owned())
        }
    }
}
