//! What tells one charge from another: ids and periods, never a price, a total or an invoice number.
//!
//! **Invariant:** fixed by preset, and the same in every version of the connector: with another reference a charge would be
//! another Purchase. Rows that are equal in all of it are one charge, and are summed by the host.

use purser_plugin_sdk::page::Row;

use crate::columns::{Header, first};
use crate::settings::Settings;
use crate::sources::Preset;

/// Columns of a preset that tell charges apart, beside customer, product, period, unit and currency.
fn names(preset: Preset) -> &'static [&'static str] {
    match preset {
        Preset::Focus => &[
            "BillingAccountId",
            "InvoiceIssuerName",
            "ServiceName",
            "SkuPriceId",
            "ResourceId",
            "RegionId",
            "AvailabilityZone",
            "ChargeCategory",
            "ChargeClass",
            "ChargeDescription",
            "ChargeFrequency",
            "PricingCategory",
            "CommitmentDiscountId",
            "CommitmentDiscountStatus",
            "CapacityReservationId",
            "CapacityReservationStatus",
        ],
        Preset::AwsCur => &[
            "bill/PayerAccountId",
            "lineItem/LegalEntity",
            "lineItem/ProductCode",
            "lineItem/UsageType",
            "lineItem/Operation",
            "lineItem/AvailabilityZone",
            "lineItem/ResourceId",
            "lineItem/LineItemType",
            "lineItem/TaxType",
            "lineItem/LineItemDescription",
            "reservation/ReservationARN",
            "savingsPlan/SavingsPlanARN",
        ],
        Preset::GoogleBillingExport => &[
            "billing_account_id",
            "service.id",
            "location.location",
            "location.zone",
            "resource.global_name",
            "resource.name",
            "cost_type",
            "adjustment_info.id",
            "credit.type",
            "credit.id",
            "credit.name",
        ],
        Preset::Plain => &["charge_type", "type", "region", "location", "resource", "resource_id"],
    }
}

/// Where those columns stand in one file.
pub struct Key {
    places: Vec<Option<usize>>,
}

impl Key {
    /// Finds them, and those that the settings add.
    ///
    /// # Errors
    /// Where the file lacks one that the settings add: two charges would silently be one.
    pub fn new(header: &Header, preset: Preset, settings: &Settings) -> Result<Self, String> {
        let mut places: Vec<_> = names(preset).iter().map(|name| header.place(name)).collect();
        for name in &settings.reference_columns {
            let place = header.place(name);
            let absent =
                || format!("the file has no column {name:?}, which the settings name to tell charges apart");
            places.push(Some(place.ok_or_else(absent)?));
        }
        Ok(Self { places })
    }

    /// The reference of a row, with what else tells it apart. A part that is not there keeps its place.
    #[must_use]
    pub fn of(&self, row: &Row, own: &[&str]) -> String {
        let cells = self.places.iter().map(|place| first(*place, row));
        let parts = own.iter().copied().chain(cells).map(escaped);
        parts.collect::<Vec<_>>().join("|")
    }
}

fn escaped(part: &str) -> String {
    if part.contains(['|', '~']) { part.replace('~', "~0").replace('|', "~1") } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Overrides;

    #[test]
    fn no_column_of_money_or_invoices_tells_charges_apart() {
        for preset in [Preset::Focus, Preset::AwsCur, Preset::GoogleBillingExport, Preset::Plain] {
            // What kind of cost it is, is no amount of it.
            for name in names(preset).iter().filter(|name| **name != "cost_type") {
                let name = name.to_lowercase();
                for word in ["cost", "amount", "rate", "invoiceid", "total", "quantity", "unitprice"] {
                    assert!(!name.contains(word), "{name}");
                }
            }
        }
    }

    #[test]
    fn parts_keep_their_places_whatever_they_hold() {
        let titles = Row::from(vec!["region", "resource"]);
        let header = Header::new(&titles, Preset::Plain, &Overrides::default()).unwrap();
        let key = Key::new(&header, Preset::Plain, &Settings::default()).unwrap();
        let of = |cells: [&str; 2]| key.of(&Row::from(cells.to_vec()), &["a"]);
        let all =
            [of(["x", ""]), of(["", "x"]), of(["x|", ""]), of(["x", "|"]), of(["~1", ""]), of(["|", ""])];
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| other != one), "{all:?}");
        }
    }
}
