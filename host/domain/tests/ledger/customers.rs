//! Whose customer is whose.

use purser_domain::customer::{Customers, Mapping, Target, attributed};

use crate::support::{contribution, instant};

#[test]
fn a_customer_is_resolved_by_this_table() {
    let row = |vendor: &str, from: &str, target| Mapping {
        vendor_customer: vendor.into(),
        from: from.parse().unwrap(),
        target,
    };
    let code = |code: &str| Target::Code(code.into());
    let customers: Customers = [
        row("Tenant-1", "2026-09-01", code("C-1")),
        row("tenant-1", "2026-10-01", code("C-2")),
        row("tenant-1", "2026-11-01", Target::Unmapped),
        row("tenant-2", "2026-01-01", Target::Ignored("our own test tenant".into())),
        row("tenant-3", "2026-01-01", code("typo")),
        row("tenant-3", "2026-01-01", code("C-3")),
    ]
    .into_iter()
    .collect();
    let table = [
        ("tenant-1", "2026-08-31T23:59:59.999Z", None),
        ("tenant-1", "2026-09-01T00:00:00Z", Some("C-1")),
        ("TENANT-1", "2026-09-30T23:59:59Z", Some("C-1")),
        ("tenant-1", "2026-10-01T00:00:00Z", Some("C-2")),
        ("tenant-1", "2026-11-01T00:00:00Z", None),
        ("tenant-2", "2026-09-01T00:00:00Z", None),
        ("tenant-3", "2026-09-01T00:00:00Z", Some("C-3")),
        ("", "2026-09-01T00:00:00Z", None),
    ];
    for (vendor, start, expected) in table {
        let mut description = contribution("a", "1", "1").description;
        (description.vendor_customer, description.start) = (vendor.into(), instant(start));
        assert_eq!(customers.code_of(&description), expected, "{vendor} at {start}");
    }
    let ignored = customers.target("tenant-2", instant("2026-09-01T00:00:00Z"));
    assert_eq!(ignored, &Target::Ignored("our own test tenant".into()));
}

#[test]
fn a_customer_nobody_has_listed_goes_by_the_vendors_id_where_the_account_says_so() {
    let customers = Customers::by_vendor_id();
    let mut description = contribution("a", "1", "1").description;
    description.vendor_customer = "tenant-9".into();
    assert_eq!(customers.code_of(&description), Some("tenant-9"));
    description.vendor_customer = String::new();
    assert_eq!(customers.code_of(&description), None, "nobody is no customer");
}

#[test]
fn a_record_without_a_customer_is_its_subscriptions() {
    let named = contribution("a", "1", "1").description;
    let mut unnamed = named.clone();
    unnamed.vendor_customer.clear();
    assert_eq!(attributed(&named, Some("tenant-9")), "tenant-1");
    assert_eq!(attributed(&unnamed, Some("tenant-9")), "tenant-9");
    assert_eq!(attributed(&unnamed, None), "");
}
