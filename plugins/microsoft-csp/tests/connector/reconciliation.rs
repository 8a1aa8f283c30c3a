//! Charge lines: each purchased or covered elsewhere, exact, and under a reference that outlives the invoice.

use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::unpack::{Unpacked, UnpackedPurchase};
use serde_json::json;

use crate::support::*;

fn line(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    let mut line = json!({
        "CustomerId": "org:AAAA", "OrderId": "ORDER", "OrderDate": "2026-10-15T10:00:00Z", "ProductId": "CFQ7TTC0LH18",
        "SkuId": "0001", "AvailabilityId": "AV", "ProductName": "Suite", "SkuName": "Suite Basic", "ChargeType": "cycleCharge",
        "UnitPrice": "4.00", "EffectiveUnitPrice": 3.6, "Quantity": 5, "BillableQuantity": "5.0", "Subtotal": "18.000",
        "TaxTotal": "3.78", "Total": "21.78", "Currency": "EUR", "PublisherName": "Microsoft Corporation",
        "SubscriptionId": "SUB-1", "ChargeStartDate": "2026-10-15T00:00:00Z", "ChargeEndDate": "2026-11-14T23:59:59Z",
        "TermAndBillingCycle": "One-Year commitment for monthly/yearly billing", "BillingFrequency": "Monthly",
        "PricingCurrency": "EUR", "PCToBCExchangeRate": 1, "UnitType": "", "MeterDescription": "", "CreditReasonCode": ""
    });
    change(line.as_object_mut().unwrap());
    line.to_string()
}

fn set(name: &str, value: impl Into<serde_json::Value>) -> String {
    line(|line| drop(line.insert(name.to_owned(), value.into())))
}

/// October, with licences by charge events.
fn october() -> PageContext {
    let mut context = page("reconciliation");
    context.month = "2026-10".into();
    context.run.settings = r#"{"charge_events_from":"2026-10"}"#.into();
    context
}

fn mapped(context: PageContext, line: &str) -> Unpacked {
    let mapped = map(context, line);
    assert!(mapped.rejected.is_empty(), "{:?}", mapped.rejected);
    mapped
}

fn one(line: &str) -> UnpackedPurchase {
    mapped(october(), line).purchases.remove(0)
}

#[test]
fn the_catalogue_is_asked_for_what_a_charge_line_bills_and_for_nothing_another_feed_bills() {
    let facts =
        |mapped: Unpacked| mapped.facts.into_iter().map(|fact| (fact.kind, fact.key)).collect::<Vec<_>>();
    let twice = format!("{}\n{}", line(|_| {}), set("OrderId", "OTHER"));
    assert_eq!(facts(mapped(october(), &twice)), [("product".to_owned(), "cfq7ttc0lh18:0001".to_owned())]);
    let by_snapshot = page("reconciliation");
    assert_eq!(facts(mapped(by_snapshot, &line(|_| {}))), [], "seats are the licences feed's");
}

#[test]
fn conserv_a_charge_line_is_taken_as_given() {
    let purchase = one(&line(|_| {}));
    let names =
        ["cost", "currency", "unit-price", "quantity", "product-key", "product-text", "category", "amount"];
    let expected = ["18.000", "EUR", "4.00", "5.0", "cfq7ttc0lh18:0001", "Suite Basic", "Licences", "given"];
    assert_eq!(names.map(|name| purchase.field(name)), expected);
    let names = ["vendor-customer", "vendor-subscription", "start", "end"];
    let expected = ["aaaa", "sub-1", "2026-10-15T00:00:00Z", "2026-11-15T00:00:00Z"];
    assert_eq!(names.map(|name| purchase.field(name)), expected, "the end is a date: its last day counts");
    let names = ["line_class", "tax_total", "total", "effective_unit_price", "term_and_billing_cycle"];
    let expected = ["seats", "3.78", "21.78", "3.6", "One-Year commitment for monthly/yearly billing"];
    assert_eq!(names.map(|name| purchase.metadata(name)), expected);
}

#[test]
fn conserv_seats_are_billed_once_by_the_mode_of_the_month() {
    let covered = |month: &str| {
        let mut context = october();
        context.month = month.into();
        let mapped = mapped(context, &line(|_| {}));
        mapped.ignored.first().map(|(rule, _)| rule.clone())
    };
    assert_eq!(covered("2026-09").as_deref(), Some("covered-by-licences"));
    assert_eq!(covered("2026-10"), None);
    let snapshot = |date: &str| {
        let mut context = with_parameters(page("licences"), [("customer", "c1"), ("date", date)]);
        context.run.settings = r#"{"charge_events_from":"2026-10","charge_events_until":"2026-12"}"#.into();
        let body = r#"[{"id":"s","offerId":"CFQ7TTC0LH18:0001:AV","quantity":5,"unitType":"Licenses","status":"active","billingType":"license"}]"#;
        let mapped = map(context, body);
        assert!(mapped.facts.iter().any(|fact| fact.kind == "subscription"));
        mapped.ignored.first().map(|(rule, _)| rule.clone())
    };
    let rule = Some("covered-by-reconciliation".to_owned());
    for (date, expected) in
        [("2026-09-30", None), ("2026-10-01", rule.clone()), ("2026-11-30", rule), ("2026-12-01", None)]
    {
        assert_eq!(snapshot(date), expected, "{date}");
    }
}

#[test]
fn conserv_licences_count_nothing_that_charge_lines_bill() {
    let counted = |offer: &str, kind: &str, publisher: &str, cycle: &str| {
        let body = json!([{ "id": "s", "offerId": offer, "offerName": "Thing", "quantity": 1, "status": "active",
            "billingType": "license", "billingCycle": cycle, "publisherName": publisher, "productType": { "id": kind },
            "isMicrosoftProduct": publisher == "Microsoft" }]);
        let mapped = map(page("licences"), &body.to_string());
        mapped.ignored.first().map_or_else(String::new, |(rule, _)| rule.clone())
    };
    for (offer, kind, publisher, cycle) in [
        ("DZH318Z0BXWC:0002:AV", "Other", "Test Networks", "monthly"),
        ("DZH318Z0BXWC:0002:AV", "SaaS", "Microsoft", "monthly"),
        ("DZH318Z08NV5:0001:AV", "AzureReservations", "Microsoft", "monthly"),
        ("DG7GMGF0D515:0001:AV", "Software", "Microsoft", "one_time"),
    ] {
        assert_eq!(counted(offer, kind, publisher, cycle), "covered-by-reconciliation", "{kind}");
    }
    assert_eq!(counted("DG7GMGF0FKZV:0003:AV", "Software", "Microsoft", "triennial"), "");
    assert_eq!(counted("CFQ7TTC0LH18:0001:AV", "OnlineServicesNCE", "Microsoft", "monthly"), "");
}

#[test]
fn conserv_azure_usage_is_covered_by_its_daily_lines_and_nothing_else_is_lost() {
    let rule = |line: &str| {
        let mapped = mapped(page("reconciliation"), line);
        assert_eq!(mapped.purchases.len() + mapped.ignored.len(), 1);
        mapped.ignored.first().map_or_else(String::new, |(rule, _)| rule.clone())
    };
    let azure = |line: &mut serde_json::Map<String, serde_json::Value>| {
        for (name, value) in [
            ("ProductId", "DZH318Z0BPS6"),
            ("MeterDescription", "Storage - LRS"),
            ("TermAndBillingCycle", ""),
            ("BillingFrequency", ""),
        ] {
            line.insert(name.into(), value.into());
        }
    };
    assert_eq!(rule(&line(azure)), "covered-by-rated-usage");
    let odd = |line: &mut serde_json::Map<String, serde_json::Value>| {
        for name in ["ProductId", "TermAndBillingCycle", "BillingFrequency", "PublisherName"] {
            line.insert(name.into(), "".into());
        }
    };
    assert_eq!(rule(&line(odd)), "", "what cannot be classed is purchased");
    assert_eq!(one(&line(odd)).metadata("line_class"), "other");
}

#[test]
fn conserv_lines_of_credit_documents_are_purchased_whatever_they_correct() {
    let mut context = with_parameters(page("reconciliation"), [("document", "credit")]);
    context.month = "2026-10".into();
    let mapped = mapped(context, &set("Subtotal", "-18.000"));
    assert_eq!(
        (mapped.purchases[0].field("cost"), mapped.purchases[0].metadata("line_class")),
        ("-18.000", "credits")
    );
}

#[test]
fn restate_the_reference_outlives_price_invoice_and_names() {
    let usual = one(&line(|_| {})).field("reference").to_owned();
    for (name, value) in [
        ("InvoiceNumber", "G1"),
        ("UnitPrice", "9"),
        ("EffectiveUnitPrice", "9"),
        ("Subtotal", "99"),
        ("TaxTotal", "9"),
        ("Total", "9"),
        ("BillableQuantity", "9"),
        ("Quantity", "9"),
        ("PCToBCExchangeRate", "9"),
        ("SkuName", "renamed"),
        ("CustomerName", "renamed"),
        ("ReferenceId", "new"),
        ("Tier2MpnId", "5"),
        ("CustomerId", "aaaa"),
        ("ChargeType", "CycleCharge"),
        ("ChargeStartDate", "2026-10-15T18:05:30.1767993Z"),
        ("ChargeEndDate", "2026-11-14"),
    ] {
        assert_eq!(one(&set(name, value)).field("reference"), usual, "{name}");
    }
    for (name, value) in [
        ("OrderId", "other"),
        ("SubscriptionId", "other"),
        ("ProductId", "CFQ7TTC0OTHER"),
        ("SkuId", "0002"),
        ("AvailabilityId", "other"),
        ("ChargeType", "addQuantity"),
        ("ChargeStartDate", "2026-10-16"),
        ("ChargeEndDate", "2026-11-15"),
        ("Currency", "USD"),
        ("ReservationOrderId", "other"),
        ("CreditReasonCode", "other"),
        ("PromotionId", "other"),
    ] {
        assert_ne!(one(&set(name, value)).field("reference"), usual, "{name}");
    }
}

#[test]
fn conserv_credit_and_rebill_under_one_charge_type_are_two_purchases() {
    let credit = one(&line(|line| {
        line.insert("ChargeType".into(), "addQuantity".into());
        line.insert("Subtotal".into(), "-3.87".into());
    }));
    let rebill = one(&line(|line| {
        line.insert("ChargeType".into(), "addQuantity".into());
        line.insert("Subtotal".into(), "7.74".into());
    }));
    assert_eq!((credit.field("cost"), rebill.field("cost")), ("-3.87", "7.74"));
    assert_ne!(credit.field("reference"), rebill.field("reference"));
}

#[test]
fn lines_with_odd_dates_still_have_days() {
    let days = |line: &str| {
        let purchase = one(line);
        (purchase.field("start")[..10].to_owned(), purchase.field("end")[..10].to_owned())
    };
    let of = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(days(&set("ChargeEndDate", "0001-01-01T00:00:00")), of("2026-10-15", "2026-10-16"));
    assert_eq!(days(&set("ChargeEndDate", "9999-12-31T00:00:00")), of("2026-10-15", "2026-10-16"));
    assert_eq!(days(&set("ChargeEndDate", "2026-10-01")), of("2026-10-15", "2026-10-16"));
    let bare = line(|line| {
        for name in ["ChargeStartDate", "ChargeEndDate", "OrderDate"] {
            line.remove(name);
        }
    });
    assert_eq!(days(&bare), of("2026-10-01", "2026-10-02"));
}

#[test]
fn a_line_without_its_money_is_rejected() {
    for (name, reason) in [("Subtotal", "Subtotal is missing"), ("Currency", "Currency is missing")] {
        let mapped = map(october(), &line(|line| drop(line.remove(name))));
        assert_eq!(mapped.rejected, [(0, reason.to_owned())]);
    }
    let mapped = map(
        october(),
        &line(|line| {
            line.remove("BillableQuantity");
            line.insert("Quantity".into(), "many".into());
        }),
    );
    assert_eq!(mapped.rejected, [(0, "Quantity \"many\" is no number".to_owned())]);
}
