//! The result of a mapping, and how it is packed into columns.
//!
//! **Invariant:** the packed counts always match the packed strings, whatever the values hold: U+0000, which ends a
//! string, is replaced by U+FFFD inside one.

use std::borrow::Cow;

use crate::mapping::Columns;
use crate::types::Fact;

/// Who works out the cost of a Purchase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Amount<'p> {
    /// The vendor: `cost` is as given.
    Given,
    /// The host, from the graduated rates of `key` over what `group` has used in its billing cycle.
    Tiered {
        /// Over what the quantity accumulates: a subscription.
        group: Cow<'p, str>,
        /// Whose rates apply: a meter.
        key: Cow<'p, str>,
    },
    /// Nobody: there is a quantity and no money.
    #[default]
    None,
}

/// One Purchase as the plugin sees it. Decimals are exact text; what is empty is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purchase<'p> {
    /// The natural key: no invoice number, no price, no total; the same in every version of the plugin.
    pub reference: Cow<'p, str>,
    /// The vendor's id of the customer.
    pub vendor_customer: Cow<'p, str>,
    /// The vendor's id of the subscription.
    pub vendor_subscription: Cow<'p, str>,
    /// The product, language-free.
    pub product_key: Cow<'p, str>,
    /// The vendor's own words for the product.
    pub product_text: Cow<'p, str>,
    /// The vendor's category.
    pub category: Cow<'p, str>,
    /// How much.
    pub quantity: Cow<'p, str>,
    /// Of what, as the vendor spells it.
    pub unit: Cow<'p, str>,
    /// The vendor's unit price.
    pub unit_price: Cow<'p, str>,
    /// ISO 4217.
    pub unit_price_currency: Cow<'p, str>,
    /// What the vendor charges.
    pub cost: Cow<'p, str>,
    /// ISO 4217, that of the cost.
    pub currency: Cow<'p, str>,
    /// Pricing to billing currency.
    pub exchange_rate: Cow<'p, str>,
    /// First instant, RFC 3339 UTC.
    pub start: Cow<'p, str>,
    /// First instant after.
    pub end: Cow<'p, str>,
    /// Who works out the cost.
    pub amount: Amount<'p>,
    /// Whatever else an invoice or an audit may need; pairs with an empty value are left out.
    pub metadata: Vec<(&'p str, Cow<'p, str>)>,
}

/// What became of every record of a page.
#[derive(Debug, Clone, Default)]
pub struct Mapped {
    purchases: u32,
    purchase_text: Vec<u8>,
    purchase_counts: Vec<u32>,
    ignored: Vec<(String, Vec<u32>)>,
    rejected: Vec<(u32, String)>,
    facts: Vec<Fact>,
}

impl Mapped {
    /// Takes a Purchase and the ordinals of the records it was read from.
    pub fn purchase(&mut self, purchase: &Purchase<'_>, records: &[u32]) {
        let amount = match &purchase.amount {
            Amount::Given => ["given", "", ""],
            Amount::Tiered { group, key } => ["tiered", group.as_ref(), key.as_ref()],
            Amount::None => ["none", "", ""],
        };
        self.push(purchase, amount, records);
    }

    fn push(&mut self, purchase: &Purchase<'_>, [kind, group, key]: [&str; 3], records: &[u32]) {
        let fields = [
            &*purchase.reference,
            &*purchase.vendor_customer,
            &*purchase.vendor_subscription,
            &*purchase.product_key,
            &*purchase.product_text,
            &*purchase.category,
            &*purchase.quantity,
            &*purchase.unit,
            &*purchase.unit_price,
            &*purchase.unit_price_currency,
            &*purchase.cost,
            &*purchase.currency,
            &*purchase.exchange_rate,
            &*purchase.start,
            &*purchase.end,
            kind,
            group,
            key,
        ];
        fields.iter().for_each(|field| end_string(&mut self.purchase_text, field));
        let known = purchase.metadata.iter().filter(|(_, value)| !value.is_empty());
        let mut pairs = 0;
        for (name, value) in known {
            end_string(&mut self.purchase_text, name);
            end_string(&mut self.purchase_text, value);
            pairs += 1;
        }
        self.purchases += 1;
        self.purchase_counts.extend([pairs, count(records.len())]);
        self.purchase_counts.extend_from_slice(records);
    }

    /// Takes a line of an invoice that the feed `billed_by` bills: it is ignored by `rule`, and set against what that feed
    /// brings.
    pub fn covered(&mut self, line: &Purchase<'_>, rule: &str, billed_by: &str, record: u32) {
        self.push(line, ["covered", rule, billed_by], &[record]);
    }

    /// Sets a record aside by a rule: it is meant not to become a Purchase.
    pub fn ignore(&mut self, rule: &str, record: u32) {
        match self.ignored.iter_mut().find(|(name, _)| name == rule) {
            Some((_, records)) => records.push(record),
            None => self.ignored.push((rule.to_owned(), vec![record])),
        }
    }

    /// Sets a record aside that cannot be read.
    pub fn reject(&mut self, record: u32, reason: impl Into<String>) {
        self.rejected.push((record, reason.into()));
    }

    /// Says something later feeds need. What was said before in the same words is said once.
    pub fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// The result as it crosses the sandbox's border.
    #[must_use]
    pub fn pack(mut self) -> Columns {
        // Stable: of one key's facts the last stays the last.
        self.facts.sort_by(|one, other| (&one.kind, &one.key).cmp(&(&other.kind, &other.key)));
        self.facts.dedup();
        let mut text = self.purchase_text;
        let mut counts = vec![self.purchases];
        counts.extend(self.purchase_counts);
        counts.push(count(self.ignored.len()));
        for (rule, records) in &self.ignored {
            end_string(&mut text, rule);
            counts.push(count(records.len()));
            counts.extend_from_slice(records);
        }
        counts.push(count(self.rejected.len()));
        for (record, reason) in &self.rejected {
            end_string(&mut text, reason);
            counts.push(*record);
        }
        counts.push(count(self.facts.len()));
        for fact in &self.facts {
            [&fact.kind, &fact.key, &fact.value].into_iter().for_each(|field| end_string(&mut text, field));
        }
        Columns { text, counts }
    }
}

fn end_string(text: &mut Vec<u8>, value: &str) {
    if value.as_bytes().contains(&0) {
        text.extend_from_slice(value.replace('\0', "\u{fffd}").as_bytes());
    } else {
        text.extend_from_slice(value.as_bytes());
    }
    text.push(0);
}

/// A page holds far fewer records than 2³².
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::unpack;

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        let mut mapped = Mapped::default();
        let purchase = Purchase {
            reference: "r\0f".into(),
            quantity: "1.50".into(),
            amount: Amount::Tiered { group: "g".into(), key: "k".into() },
            metadata: vec![("région", "Süd 😀".into()), ("empty", "".into())],
            ..Purchase::default()
        };
        mapped.purchase(&purchase, &[0, 3]);
        mapped.ignore("rule", 1);
        mapped.reject(2, "no\0good");
        mapped.ignore("rule", 4);
        mapped.fact(Fact { kind: "k".into(), key: "1".into(), value: "{}".into() });
        let read = unpack(&mapped.pack()).unwrap();
        let back = &read.purchases[0];
        assert_eq!(back.field("reference"), "r\u{fffd}f");
        assert_eq!(
            (back.field("amount"), back.field("tier-group"), back.field("tier-key")),
            ("tiered", "g", "k")
        );
        assert_eq!(back.metadata, [("région".to_owned(), "Süd 😀".to_owned())]);
        assert_eq!(back.records, [0, 3]);
        assert_eq!(read.ignored, [("rule".to_owned(), vec![1, 4])]);
        assert_eq!(read.rejected, [(2, "no\u{fffd}good".to_owned())]);
        assert_eq!(read.facts.len(), 1);
    }

    #[test]
    fn a_covered_line_is_no_purchase_and_counts_as_ignored() {
        let mut mapped = Mapped::default();
        mapped.ignore("covered-by-usage", 0);
        let line = Purchase { cost: "1.5".into(), currency: "EUR".into(), ..Purchase::default() };
        mapped.covered(&line, "covered-by-usage", "usage", 1);
        let read = unpack(&mapped.pack()).unwrap();
        assert!(read.purchases.is_empty());
        assert_eq!((read.covered[0].field("cost"), read.covered[0].field("tier-key")), ("1.5", "usage"));
        assert_eq!(read.ignored, [("covered-by-usage".to_owned(), vec![0, 1])]);
    }

    #[test]
    fn an_empty_page_packs_to_no_text_at_all() {
        let columns = Mapped::default().pack();
        assert_eq!((columns.text.len(), columns.counts), (0, vec![0, 0, 0, 0]));
    }
}
