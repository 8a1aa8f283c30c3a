//! What a transaction writes, whoever decided it: rows, the revisions they leave, and what follows from them.

use std::collections::BTreeSet;

use purser_domain::replace::Corrected;
use purser_domain::rollup::Rollups;
use purser_domain::{Ledgered, Purchase};

use super::Writes;

/// Changes of the roll-ups, and products that are named.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) rollups: Rollups,
    pub(crate) products: BTreeSet<String>,
    last_product: String,
}

impl Written {
    /// A row that is new, or replaces the former one, which becomes a revision.
    pub(crate) fn put(&mut self, former: Option<&Purchase>, row: Ledgered, writes: &mut Writes) {
        self.rollups.change(former, Some(&row.purchase));
        self.name_product(&row.purchase.description.product_key);
        if let Some(former) = former {
            writes.revise.push(former.key);
        }
        writes.rows.push(row);
    }

    /// A frozen row and its corrections.
    pub(crate) fn correct(&mut self, corrected: Corrected, corrections: &[Ledgered], writes: &mut Writes) {
        writes.rows.push(corrected.origin);
        for row in corrected.updates {
            let former = corrections.iter().find(|former| former.purchase.key == row.purchase.key);
            self.put(former.map(|row| &row.purchase), row, writes);
        }
        for row in corrected.inserts {
            self.put(None, row, writes);
        }
    }

    fn name_product(&mut self, product: &str) {
        if product != self.last_product {
            product.clone_into(&mut self.last_product);
            if !product.is_empty() {
                self.products.insert(product.to_lowercase());
            }
        }
    }
}
