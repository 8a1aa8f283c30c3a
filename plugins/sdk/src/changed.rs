//! Changes what another mapping said: how a plugin that plays the mapping alone uses the connector's as a library.
//!
//! **Invariant:** what is not changed is given on to the letter, in its order: Purchases, covered and ignored lines,
//! rejections and facts.

use crate::mapping::{Amount, Mapped, Purchase};
use crate::types::Problem;
use crate::unpack::{Unpacked, UnpackedPurchase, unpack};

impl Mapped {
    /// The same result with something of it changed: words added to Purchases, say.
    ///
    /// # Errors
    /// As a bug, where the result holds more than columns can count.
    pub fn changed(self, change: impl FnOnce(&mut Unpacked)) -> Result<Self, Problem> {
        let mut read = unpack(&self.pack()).map_err(Problem::Bug)?;
        change(&mut read);
        Ok(mapped(&read))
    }
}

fn mapped(read: &Unpacked) -> Mapped {
    let mut mapped = Mapped::default();
    read.purchases.iter().for_each(|it| mapped.purchase(&purchase(it), &it.records));
    for line in &read.covered {
        let (rule, billed_by) = (line.field("tier-group"), line.field("tier-key"));
        line.records.iter().for_each(|record| mapped.covered(&purchase(line), rule, billed_by, *record));
    }
    // Records of covered lines stand among the ignored ones as well, as the host counts them.
    let is_covered = |record: &u32| read.covered.iter().any(|line| line.records.contains(record));
    for (rule, records) in &read.ignored {
        records.iter().filter(|record| !is_covered(record)).for_each(|record| mapped.ignore(rule, *record));
    }
    read.rejected.iter().for_each(|(record, reason)| mapped.reject(*record, reason));
    read.facts.iter().for_each(|fact| mapped.fact(fact.clone()));
    mapped
}

fn purchase(it: &UnpackedPurchase) -> Purchase<'_> {
    let text = |name: &str| it.field(name).into();
    Purchase {
        reference: text("reference"),
        vendor_customer: text("vendor-customer"),
        vendor_subscription: text("vendor-subscription"),
        product_key: text("product-key"),
        product_text: text("product-text"),
        category: text("category"),
        quantity: text("quantity"),
        unit: text("unit"),
        unit_price: text("unit-price"),
        unit_price_currency: text("unit-price-currency"),
        cost: text("cost"),
        currency: text("currency"),
        exchange_rate: text("exchange-rate"),
        start: text("start"),
        end: text("end"),
        amount: match it.field("amount") {
            "tiered" => Amount::Tiered { group: text("tier-group"), key: text("tier-key") },
            "given" => Amount::Given,
            _ => Amount::None,
        },
        metadata: it.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str().into())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Fact;
    use crate::unpack::FIELDS;

    /// Every field differs, so that two that are mixed up show.
    fn said() -> Mapped {
        let mut mapped = Mapped::default();
        let fields = FIELDS.iter().map(|field| (*field).to_owned()).collect();
        let metadata = vec![("name".to_owned(), "value".to_owned())];
        let every = UnpackedPurchase { fields, metadata, records: vec![0, 3] };
        for amount in
            [Amount::Given, Amount::None, Amount::Tiered { group: "a group".into(), key: "a key".into() }]
        {
            mapped.purchase(&Purchase { amount, ..purchase(&every) }, &[0, 3]);
        }
        mapped.covered(&purchase(&every), "covered-by-usage", "usage", 1);
        mapped.ignore("trial", 2);
        mapped.ignore("covered-by-usage", 5);
        mapped.reject(4, "no number");
        mapped.fact(Fact { kind: "customer".into(), key: "1".into(), value: "{}".into() });
        mapped
    }

    #[test]
    fn what_is_not_changed_is_given_on_to_the_letter() {
        let theirs = unpack(&said().pack()).unwrap();
        assert_eq!(theirs.purchases[0].fields[..15], FIELDS[..15]);
        let given_on = said().changed(|_| ()).unwrap();
        assert_eq!(unpack(&given_on.pack()).unwrap(), theirs);
    }

    #[test]
    fn what_is_changed_is_said_so_and_nothing_else() {
        let mut theirs = unpack(&said().pack()).unwrap();
        let add = |read: &mut Unpacked| read.purchases[1].metadata.push(("own".into(), "word".into()));
        let ours = unpack(&said().changed(add).unwrap().pack()).unwrap();
        add(&mut theirs);
        assert_eq!(ours, theirs);
    }
}
