//! The made-up files of each kind, and what they must give to the last digit.

use purser_plugin_sdk::unpack::{Unpacked, UnpackedPurchase};

use crate::support::{kept, map, names};

const FOCUS: &str = include_str!("../samples/focus-1.2.csv");
const AWS: &str = include_str!("../samples/aws-cur.csv");
const GOOGLE: &str = include_str!("../samples/google-export.csv");

/// What a person would bill by.
fn told(purchase: &UnpackedPurchase) -> String {
    let of = |name| purchase.field(name);
    let (start, end) = (of("start"), of("end"));
    format!(
        "{} {} | {} {} | {} {} | {start} {end}",
        of("vendor-customer"),
        of("product-key"),
        of("quantity"),
        of("unit"),
        of("cost"),
        of("currency")
    )
}

fn all(mapped: &Unpacked) -> Vec<String> {
    assert_eq!((&mapped.rejected, &mapped.ignored), (&vec![], &vec![]));
    mapped.purchases.iter().map(told).collect()
}

#[test]
fn a_focus_file_gives_its_billed_cost() {
    let mapped = map("focus-billed-cost", "", FOCUS);
    let (month, day) =
        ("2026-11-01T00:00:00Z 2026-12-01T00:00:00Z", "2026-11-02T00:00:00Z 2026-11-03T00:00:00Z");
    assert_eq!(
        all(&mapped),
        [
            format!("sub-1 S-10 | 24 Hours | 12.3456789012345678 EUR | {day}"),
            format!("sub-2 S-10 | 24 Hours | 0 EUR | {day}"),
            format!("pay-1 S-10-CD | 1 Month | 219.0 EUR | {month}"),
            format!("sub-1 S-20 | 0.000003 1M Requests | 1.0E-7 EUR | {day}"),
            format!("sub-1 Credits | 1  | -2.5 EUR | {month}"),
            format!("pay-1 Tax | 1  | 48.1 EUR | {month}"),
            "sub-3 S-11 | -1 Hours | -0.4 USD | 2026-10-30T00:00:00Z 2026-10-31T00:00:00Z".to_owned(),
        ]
    );
    let first = &mapped.purchases[0];
    assert_eq!(
        (first.field("unit-price"), first.field("unit-price-currency")),
        ("0.5144032875514403", "EUR")
    );
    assert_eq!(kept(first, "tags"), r#"{"team":"blue","cost, centre":"42"}"#);
    assert_eq!((kept(first, "region"), kept(first, "resource-name")), ("eu-west", "web"));
    assert_eq!(kept(&mapped.purchases[6], "charge-class"), "Correction");
    let expected =
        [("pay-1", "Payer"), ("sub-1", "Team Blue"), ("sub-2", "Team Red"), ("sub-3", "Team Green")];
    assert_eq!(names(&mapped), expected.map(|(key, name)| (key, name.to_owned())));
}

#[test]
fn a_focus_file_gives_its_effective_cost() {
    let mapped = map("focus-effective-cost", "", FOCUS);
    let costs: Vec<_> = mapped.purchases.iter().map(|purchase| purchase.field("cost")).collect();
    assert_eq!(costs, ["12.3456789012345678", "7.2", "0", "1.0E-7", "-2.5", "48.1", "-0.4"]);
}

#[test]
fn a_cost_and_usage_report_gives_its_unblended_or_net_cost() {
    let mapped = map("aws-unblended-cost", "", AWS);
    let hour = |hour| format!("2026-11-02T0{hour}:00:00Z 2026-11-02T0{}:00:00Z", hour + 1);
    let month = "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z";
    assert_eq!(
        all(&mapped),
        [
            format!("222222222222 SKU1 | 1.0000000000 Hrs | 0.0416000000 USD | {}", hour(0)),
            format!("222222222222 SKU1 | 1.0000000000 Hrs | 0.0416000000 USD | {}", hour(1)),
            format!("333333333333 SKU2 | 5.0000000000 Requests | 2.0E-6 USD | {}", hour(0)),
            format!("333333333333 SKU3 | 1.0000000000 Hrs | 0.4000000000 USD | {}", hour(0)),
            format!("333333333333 EU-Box:large | 1.0000000000  | -0.4000000000 USD | {}", hour(0)),
            format!("111111111111 MadeUpCompute | 1.0000000000  | 1.2300000000 USD | {month}"),
            format!("222222222222 EU-Requests | 1  | -0.10 USD | {month}"),
        ]
    );
    assert_eq!(kept(&mapped.purchases[0], "tag:user:Team"), "blue");
    assert_eq!(kept(&mapped.purchases[4], "charge"), "SavingsPlanNegation");
    assert_eq!(kept(&mapped.purchases[5], "tax"), "VAT");
    let net = map("aws-net-unblended-cost", "", AWS);
    let costs: Vec<_> = net.purchases.iter().map(|purchase| purchase.field("cost")).collect();
    assert_eq!(
        costs,
        ["0.0400000000", "0.0400000000", "1.8E-6", "0.4000000000", "-0.4000000000", "1.2300000000", "-0.10"]
    );
}

#[test]
fn the_newer_spelling_of_a_report_gives_the_same() {
    let (header, rows) = AWS.split_once('\n').unwrap();
    let snake = |title: &str| {
        let mut name = String::new();
        for letter in title.replace('/', "_").chars() {
            let is_begin = letter.is_ascii_uppercase() && !name.ends_with('_') && !name.is_empty();
            name.push_str(if is_begin { "_" } else { "" });
            name.push(letter.to_ascii_lowercase());
        }
        name.replace("_a_r_n", "_arn")
    };
    let header: Vec<String> = header.split(',').map(snake).collect();
    assert!(header.contains(&"line_item_unblended_cost".to_owned()), "{header:?}");
    let newer = map("aws-unblended-cost", "", &format!("{}\n{rows}", header.join(",")));
    let older = map("aws-unblended-cost", "", AWS);
    let references = |mapped: &Unpacked| {
        mapped.purchases.iter().map(|it| it.field("reference").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((all(&newer), references(&newer)), (all(&older), references(&older)));
}

#[test]
fn a_google_export_gives_costs_credits_and_taxes() {
    let mapped = map("google-cost", "", GOOGLE);
    let month = "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z";
    let hour = "2026-11-02T00:00:00Z 2026-11-02T01:00:00Z";
    assert_eq!(all(&mapped), [
        format!("proj-blue AAAA-1 | 1 hour | 0.031611 EUR | {hour}"),
        format!("proj-blue AAAA-1 | 1  | -0.0063222 EUR | {hour}"),
        "proj-red BBBB-2 | 9.3E-10 gibibyte month | 4.2E-8 EUR | 2026-11-02T00:00:00Z 2026-11-03T00:00:00Z".to_owned(),
        format!("0A-1B tax | 0  | 5.81 EUR | {month}"),
        format!("0A-1B rounding_error | 0  | -0.000021 EUR | {month}"),
    ]);
    assert_eq!(mapped.purchases[1].field("product-text"), "Sustained use");
    assert_eq!(kept(&mapped.purchases[1], "credit"), "SUSTAINED_USAGE_DISCOUNT");
    assert_ne!(mapped.purchases[0].field("reference"), mapped.purchases[1].field("reference"));
    assert_eq!(kept(&mapped.purchases[0], "tags"), r#"[{"key":"team","value":"blue"}]"#);
    assert_eq!(names(&mapped).len(), 2);
}

#[test]
fn every_charge_of_a_file_has_a_reference_of_its_own() {
    for (source, text) in [("focus-billed-cost", FOCUS), ("aws-unblended-cost", AWS), ("google-cost", GOOGLE)]
    {
        let mut references: Vec<_> =
            map(source, "", text).purchases.iter().map(|it| it.field("reference").to_owned()).collect();
        let count = references.len();
        references.sort();
        references.dedup();
        assert_eq!(references.len(), count, "{source}");
    }
}
