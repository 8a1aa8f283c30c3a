//! How the class of a line or a subscription is told: a decision table, the first row that holds decides.
//!
//! The vendor names no class. What tells it: the product's id (its first letters say which catalogue it is from), the
//! publisher, words in names and categories, whether there is a meter, whether there is a term.
//!
//! | Id begins | Catalogue |
//! |---|---|
//! | `CFQ7` | licences |
//! | `DG7G` | software |
//! | `DZH3` | Azure and the marketplace |

use super::Class;

/// What is known about a line or a subscription; all of it in lower case.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The product's id; of a subscription the first part of its offer, or the whole legacy offer.
    pub product: String,
    /// Names of product and SKU, or of the offer.
    pub names: String,
    /// The product's category or type: `onlineservicesnce`, `software`, `azure`.
    pub category: String,
    pub charge_type: String,
    /// Words of the term, or an ISO 8601 duration.
    pub term: String,
    /// How often it is billed: `monthly`, `onetime`.
    pub frequency: String,
    /// A subscription's billing type: `license`, `usage`.
    pub billing_type: String,
    /// Another publisher's: a line names the publisher's id, a subscription says that it is not Microsoft's.
    pub is_foreign: bool,
    /// It is metered: the line names a meter.
    pub is_metered: bool,
    /// The line gives a reason for a credit.
    pub is_credited: bool,
    /// The line is of a credit note or a voided invoice.
    pub is_in_credit_document: bool,
    /// Of new commerce: a product with a SKU. All lines are.
    pub is_new_commerce: bool,
}

type Holds = fn(&Evidence) -> bool;

/// What tells, and what it tells.
const RULES: [(&str, Holds, Class); 20] = [
    ("a credit note or voided invoice", |it| it.is_in_credit_document, Class::Credits),
    ("a charge of type tax", |it| it.charge_type.contains("tax"), Class::Tax),
    ("a legacy Azure offer", |it| it.product.starts_with("ms-azr-"), Class::LegacyAzure),
    ("a reason for a credit, without a meter", |it| it.is_credited && !it.is_metered, Class::Credits),
    ("the Azure plan's own product", |it| it.product == AZURE_PLAN, Class::AzurePlan),
    ("a meter without a term", |it| it.is_metered && !has_term(it), Class::AzurePlan),
    ("a product of the licence catalogue", |it| it.product.starts_with("cfq7"), Class::Seats),
    ("a category of licences", |it| it.category.contains("onlineservices"), Class::Seats),
    ("software without a term", |it| is_software(it) && !has_term(it), Class::Software),
    ("software with a term", is_software, Class::Seats),
    ("a savings plan by category", |it| it.category.contains("savingsplan"), Class::SavingsPlans),
    ("another publisher", |it| it.is_foreign, Class::Marketplace),
    ("a marketplace category", |it| has_word(&it.category, &["saas", "marketplace"]), Class::Marketplace),
    ("a savings plan by name", |it| it.names.contains("savings plan"), Class::SavingsPlans),
    ("a reservation by category", |it| it.category.contains("reservation"), Class::Reservations),
    ("a reservation by name", |it| has_word(&it.names, &["reserved", "reservation"]), Class::Reservations),
    ("Azure in new commerce, with usage", is_plan, Class::AzurePlan),
    ("Azure with usage", |it| it.category == "azure" && it.billing_type == "usage", Class::LegacyAzure),
    ("billed by the licence, or a term's commitment", is_licence, Class::Seats),
    ("billed once", |it| has_word(&it.frequency, &["onetime", "one-time", "one_time"]), Class::OneTime),
];

const AZURE_PLAN: &str = "dzh318z0bps6";

impl Evidence {
    /// The class; [`Class::Other`] where no row holds.
    pub fn class(&self) -> Class {
        RULES.iter().find(|(_, holds, _)| holds(self)).map_or(Class::Other, |(_, _, class)| *class)
    }
}

/// Words of years and months, or an ISO 8601 duration; a billing rhythm where no term is named.
fn has_term(it: &Evidence) -> bool {
    let is_duration = it.term.starts_with('p') && it.term.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    is_duration
        || has_word(&it.term, &["year", "month", "commitment", "subscription"])
        || has_word(&it.frequency, &["month", "annual", "year", "triennial"])
}

fn is_software(it: &Evidence) -> bool {
    it.product.starts_with("dg7g") || it.category.contains("software")
}

fn is_plan(it: &Evidence) -> bool {
    it.category == "azure" && it.is_new_commerce && it.billing_type == "usage"
}

fn is_licence(it: &Evidence) -> bool {
    it.billing_type == "license" || it.term.contains("commitment")
}

fn has_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of new commerce, and nothing else is known.
    fn unknown() -> Evidence {
        Evidence { is_new_commerce: true, ..Evidence::default() }
    }

    fn told(change: impl FnOnce(&mut Evidence)) -> Class {
        let mut evidence = unknown();
        change(&mut evidence);
        evidence.class()
    }

    /// One case a row, in the rows' order: what it changes on a line that nothing is known of.
    const CASES: [fn(&mut Evidence); 20] = [
        |it| it.is_in_credit_document = true,
        |it| it.charge_type = "taxonly".into(),
        |it| it.product = "ms-azr-0145p".into(),
        |it| it.is_credited = true,
        |it| it.product = AZURE_PLAN.into(),
        |it| it.is_metered = true,
        |it| it.product = "cfq7ttc0lh18".into(),
        |it| it.category = "onlineservicesnce".into(),
        |it| it.product = "dg7gmgf0d515".into(),
        |it| (it.product, it.term) = ("dg7gmgf0fkzv".into(), "p3y".into()),
        |it| it.category = "azuresavingsplan".into(),
        |it| it.is_foreign = true,
        |it| it.category = "saas".into(),
        |it| it.names = "azure savings plan for compute".into(),
        |it| it.category = "azurereservations".into(),
        |it| it.names = "reserved vm instance, standard_d2_v3".into(),
        |it| (it.category, it.billing_type) = ("azure".into(), "usage".into()),
        |it| {
            (it.category, it.billing_type) = ("azure".into(), "usage".into());
            it.is_new_commerce = false;
        },
        |it| it.billing_type = "license".into(),
        |it| it.frequency = "onetime".into(),
    ];

    #[test]
    fn conserv_each_row_of_the_table_decides_its_case() {
        for ((says, _, class), case) in RULES.iter().zip(CASES) {
            let mut evidence = unknown();
            case(&mut evidence);
            let first = RULES.iter().find(|(_, holds, _)| holds(&evidence)).map(|(says, ..)| *says);
            assert_eq!((first, evidence.class()), (Some(*says), *class));
        }
        assert_eq!(told(|_| ()), Class::Other);
    }

    #[test]
    fn conserv_what_looks_like_two_classes_is_one() {
        for (class, case) in [
            // Credits of Azure consumption are in the daily usage lines.
            (Class::AzurePlan, (|it| (it.is_credited, it.is_metered) = (true, true)) as fn(&mut Evidence)),
            // A term makes a metered subscription no usage.
            (Class::Marketplace, |it| {
                (it.is_metered, it.term, it.is_foreign) = (true, "1 year subscription".into(), true);
            }),
            // A third party's metered usage is in the daily lines as well.
            (Class::AzurePlan, |it| (it.is_metered, it.is_foreign) = (true, true)),
            // Perpetual software has words of a term in no place.
            (Class::Software, |it| {
                (it.product, it.term, it.frequency) =
                    ("dg7gmgf0d515".into(), "one-time".into(), "onetime".into());
            }),
            (Class::Credits, |it| (it.is_in_credit_document, it.product) = (true, "cfq7ttc0lh18".into())),
            (Class::Reservations, |it| {
                (it.names, it.term) = ("reserved vm instance".into(), "one-year commitment".into());
            }),
            (Class::Seats, |it| it.term = "one-month commitment for trial".into()),
        ] {
            assert_eq!(told(case), class);
        }
    }

    #[test]
    fn subscriptions_are_told_by_offer_then_type() {
        let of = |offer: &str, billing: &str, category: &str| {
            Evidence {
                product: offer.split(':').next().unwrap_or_default().into(),
                is_new_commerce: offer.contains(':'),
                billing_type: billing.into(),
                category: category.into(),
                ..Evidence::default()
            }
            .class()
        };
        for (offer, billing, category, class) in [
            ("ms-azr-0145p", "usage", "azure", Class::LegacyAzure),
            ("ms-azr-0146p", "usage", "", Class::LegacyAzure),
            ("dzh318z0bps6:0001:dzh318z0bml4", "none", "", Class::AzurePlan),
            ("dzh3aaaaaaaa:0001:dzh3bbbbbbbb", "usage", "azure", Class::AzurePlan),
            ("cfq7ttc0lh18:0001:cfq7ttc0k971", "license", "onlineservicesnce", Class::Seats),
            ("0cca44d6-68e9-4762-94ee-31ece98783b9", "license", "", Class::Seats),
            ("", "usage", "azure", Class::LegacyAzure),
            ("", "none", "", Class::Other),
        ] {
            assert_eq!(of(offer, billing, category), class, "{offer} {billing} {category}");
        }
    }
}
