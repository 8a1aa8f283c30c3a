//! Small inputs, one trap each.

use purser_plugin_sdk::Connector;
use purser_plugin_sdk::types::Problem;
use purser_plugin_sdk::unpack::UnpackedPurchase;
use serde_json::json;

use crate::support::*;

fn usage(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut record = json!({
        "usageStartTime": "2026-11-20T00:00:00+00:00", "usageEndTime": "2026-11-21T00:00:00+00:00",
        "resource": { "id": "AAAA-1", "name": "Disk", "category": "Storage", "subcategory": "", "region": null },
        "quantity": "1.10", "unit": "1 GB ", "infoFields": {},
        "instanceData": { "resourceUri": "/subscriptions/SUB/X", "tags": { "a": "1" }, "additionalInfo": null }
    });
    change(&mut record);
    record.to_string()
}

fn one_usage(record: &str) -> UnpackedPurchase {
    let context = with_parameters(
        page("utilization"),
        [("customer", "c1"), ("subscription", "S1"), ("reported-day", "2026-11-21")],
    );
    let mut mapped = map(context, &format!(r#"{{"items":[{record}]}}"#));
    assert!(mapped.rejected.is_empty(), "{:?}", mapped.rejected);
    mapped.purchases.remove(0)
}

fn rejection(feed: &str, record: &str) -> String {
    let mapped =
        map(page(feed), &if feed == "rated-usage" { record.to_owned() } else { format!("[{record}]") });
    assert!(mapped.purchases.is_empty());
    mapped.rejected[0].1.clone()
}

fn line(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    let mut line = json!({
        "CustomerId": "org:AAAA", "SubscriptionId": "PLAN-1", "EntitlementId": "ENT-1", "UsageDate": "2026-11-20T00:00:00",
        "ResourceURI": "/subscriptions/ENT-1/R", "ChargeType": "New", "UnitPrice": "0.10", "Quantity": "2.50",
        "BillingPreTaxTotal": 0.215, "BillingCurrency": "EUR", "PricingCurrency": "USD", "PCToBCExchangeRate": "0.86",
        "MeterId": "METER-1", "MeterName": "Compute", "Unit": "1 Hour", "CreditType": "Credit Not Applied",
        "PartnerEarnedCreditPercentage": "0.0", "AdditionalInfo": "{  \"a\": null}"
    });
    change(line.as_object_mut().unwrap());
    line.to_string()
}

fn one_line(line: &str) -> UnpackedPurchase {
    let mut mapped = map(page("rated-usage"), line);
    assert!(mapped.rejected.is_empty(), "{:?}", mapped.rejected);
    mapped.purchases.remove(0)
}

#[test]
fn usage_is_priced_by_the_host_per_subscription_and_meter() {
    let purchase = one_usage(&usage(|_| {}));
    let fields = ["amount", "tier-group", "tier-key", "cost", "currency"].map(|name| purchase.field(name));
    assert_eq!(fields, ["tiered", "s1/2026-11-01", "aaaa-1", "", ""]);
    assert_eq!((purchase.field("vendor-customer"), purchase.field("vendor-subscription")), ("c1", "s1"));
    assert_eq!(
        (purchase.field("quantity"), purchase.field("unit")),
        ("1.10", "1 GB "),
        "as the vendor spells them"
    );
    assert_eq!((purchase.metadata("tags"), purchase.metadata("region")), (r#"{"a":"1"}"#, ""));
}

#[test]
fn the_spelling_of_a_record_does_not_change_its_reference() {
    let usual = one_usage(&usage(|_| {})).field("reference").to_owned();
    let same = [
        usage(|r| r["usageStartTime"] = "2026-11-19T16:00:00-08:00".into()),
        usage(|r| r["resource"]["id"] = "aaaa-1".into()),
        usage(|r| r["instanceData"]["resourceUri"] = "/SUBSCRIPTIONS/sub/x".into()),
        usage(|r| r["quantity"] = 7.into()),
        usage(|r| r["resource"]["name"] = "Schijf".into()),
    ];
    for record in same {
        assert_eq!(one_usage(&record).field("reference"), usual, "{record}");
    }
    let other = [
        usage(|r| r["usageStartTime"] = "2026-11-19T00:00:00Z".into()),
        usage(|r| r["resource"]["id"] = "aaaa-2".into()),
        usage(|r| r["instanceData"]["resourceUri"] = "/subscriptions/sub/y".into()),
    ];
    for record in other {
        assert_ne!(one_usage(&record).field("reference"), usual, "{record}");
    }
}

#[test]
fn usage_without_details_still_counts() {
    let purchase = one_usage(&usage(|r| r["instanceData"] = serde_json::Value::Null));
    assert_eq!((purchase.field("quantity"), purchase.metadata("resource_uri")), ("1.10", ""));
}

#[test]
fn a_record_that_cannot_be_read_is_rejected_with_the_member_and_keeps_the_others() {
    for (record, reason) in [
        (usage(|r| r["quantity"] = "many".into()), "quantity \"many\" is no number"),
        (usage(|r| r["quantity"] = serde_json::Value::Null), "quantity is missing"),
        (usage(|r| r["usageStartTime"] = "yesterday".into()), "usageStartTime \"yesterday\" is no date"),
        (usage(|r| r["usageEndTime"] = "0001-01-01T00:00:00".into()), "usageEndTime is missing"),
        (usage(|r| r["resource"] = json!({})), "resource.id is missing"),
        (usage(|r| r["resource"] = 3.into()), "resource \"3\" is no object"),
        ("null".into(), "not a JSON object"),
    ] {
        assert_eq!(rejection("utilization", &record), reason);
    }
    let mapped = map(page("utilization"), &format!("[{},null,{}]", usage(|_| {}), usage(|_| {})));
    assert_eq!((mapped.purchases.len(), mapped.rejected.len()), (2, 1));
    assert_eq!((mapped.rejected[0].0, mapped.purchases[1].records.as_slice()), (1, &[2][..]));
}

#[test]
fn a_rated_line_is_taken_as_given() {
    let purchase = one_line(&line(|_| {}));
    let names = [
        "cost",
        "currency",
        "unit-price",
        "unit-price-currency",
        "exchange-rate",
        "quantity",
        "unit",
        "amount",
    ];
    assert_eq!(
        names.map(|name| purchase.field(name)),
        ["0.215", "EUR", "0.10", "USD", "0.86", "2.50", "1 Hour", "given"]
    );
    let names = ["vendor-customer", "vendor-subscription", "product-key", "product-text", "start", "end"];
    let expected = ["aaaa", "plan-1", "meter-1", "Compute", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"];
    assert_eq!(names.map(|name| purchase.field(name)), expected);
    assert_eq!(purchase.metadata("additional_info"), "{  \"a\": null}", "embedded JSON is kept as it came");
}

#[test]
fn both_generations_of_names_read_alike() {
    let new = one_line(&line(|_| {}));
    let renamed: serde_json::Map<_, _> = serde_json::from_str::<serde_json::Map<_, _>>(&line(|_| {}))
        .unwrap()
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "Unit" => ("unitOfMeasure".to_owned(), value),
            "PartnerEarnedCreditPercentage" => ("rateOfPartnerEarnedCredit".to_owned(), value),
            _ => (name[..1].to_lowercase() + &name[1..], value),
        })
        .collect();
    assert_eq!(one_line(&json!(renamed).to_string()), new);
}

#[test]
fn prices_totals_and_invoices_are_no_part_of_a_rated_reference() {
    let usual = one_line(&line(|_| {})).field("reference").to_owned();
    for (name, value) in [
        ("UnitPrice", json!(9)),
        ("BillingPreTaxTotal", json!(9)),
        ("Quantity", json!(9)),
        ("EffectiveUnitPrice", json!(9)),
        ("InvoiceNumber", json!("G1")),
        ("PCToBCExchangeRate", json!(9)),
        ("MeterId", json!("meter-1")),
        ("PartnerEarnedCreditPercentage", json!(0)),
        ("ChargeType", json!("new")),
        ("CustomerName", json!("renamed")),
    ] {
        let changed = line(|l| drop(l.insert(name.to_owned(), value)));
        assert_eq!(one_line(&changed).field("reference"), usual, "{name}");
    }
    for (name, value) in [
        ("UsageDate", json!("2026-11-21T00:00:00")),
        ("EntitlementId", json!("ENT-2")),
        ("ResourceURI", json!("/other")),
        ("MeterId", json!("METER-2")),
        ("SkuId", json!("0001")),
        ("CreditType", json!("Azure Credit Applied")),
        ("PartnerEarnedCreditPercentage", json!(0.15)),
        ("BenefitId", json!("b")),
        ("ChargeType", json!("refund")),
    ] {
        let changed = line(|l| drop(l.insert(name.to_owned(), value)));
        assert_ne!(one_line(&changed).field("reference"), usual, "{name}");
    }
}

#[test]
fn a_rated_line_without_its_money_or_day_is_rejected() {
    for (name, reason) in [
        ("UsageDate", "UsageDate is missing"),
        ("Quantity", "Quantity is missing"),
        ("BillingPreTaxTotal", "BillingPreTaxTotal is missing"),
        ("BillingCurrency", "BillingCurrency is missing"),
    ] {
        assert_eq!(rejection("rated-usage", &line(|l| drop(l.remove(name)))), reason);
    }
    assert_eq!(rejection("rated-usage", "{\"CustomerId\":\"a\""), "not a JSON object");
}

#[test]
fn a_line_without_meter_has_product_and_sku_as_its_key_and_credits_keep_their_sign() {
    let purchase = one_line(&line(|l| {
        l.remove("MeterId");
        l.insert("ProductId".into(), "DZH3".into());
        l.insert("SkuId".into(), "000B".into());
        l.insert("BillingPreTaxTotal".into(), "-12.340".into());
    }));
    assert_eq!((purchase.field("product-key"), purchase.field("cost")), ("dzh3:000b", "-12.340"));
}

#[test]
fn licences_count_seats_whether_number_or_text_and_each_subscription_is_a_fact() {
    let seats = |id: &str, quantity: serde_json::Value, status: &str, billing: &str| {
        json!({ "id": id, "offerId": "CFQ7:0001:AV", "offerName": "Suite", "quantity": quantity, "unitType": "Licenses",
            "status": status, "billingType": billing, "productType": { "id": "OnlineServicesNCE", "displayName": "NCE" },
            "creationDate": "odd", "commitmentEndDate": "9999-12-14T00:00:00Z" })
    };
    let body = json!({ "items": [
        seats("S-1", 5.into(), "Active", "License"), seats("S-2", "7".into(), "suspended", "license"),
        seats("S-3", 1.into(), "deleted", "license"), seats("S-4", 20.into(), "active", "usage"),
        seats("S-5", "x".into(), "active", "license"), seats("", 1.into(), "active", "license"),
    ] });
    let mapped = map(
        with_parameters(page("licences"), [("customer", "c1"), ("date", "2026-11-23")]),
        &body.to_string(),
    );
    let seats: Vec<_> =
        mapped.purchases.iter().map(|p| (p.field("vendor-subscription"), p.field("quantity"))).collect();
    assert_eq!(seats, [("s-1", "5"), ("s-2", "7")]);
    assert_eq!(mapped.purchases[0].metadata("created"), "odd");
    assert_eq!(mapped.purchases[0].metadata("commitment_until"), "");
    assert_eq!(
        mapped.ignored,
        [("status-not-billed".to_owned(), vec![2]), ("not-a-licence".to_owned(), vec![3])]
    );
    let reasons: Vec<_> = mapped.rejected.iter().map(|(at, why)| (*at, why.as_str())).collect();
    assert_eq!(reasons, [(4, "quantity \"x\" is no number"), (5, "id is missing")]);
    let of = |kind: &str| {
        mapped.facts.iter().filter(|fact| fact.kind == kind).map(|fact| fact.key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("subscription"), ["s-1", "s-2", "s-3", "s-4"]);
    assert_eq!(of("product"), ["cfq7:0001"], "the catalogue is asked for what is in use");
    let first = mapped.facts.iter().find(|fact| fact.kind == "subscription").unwrap();
    let value: serde_json::Value = serde_json::from_str(&first.value).unwrap();
    assert_eq!((value["customer"].as_str(), value["kind"].as_str()), (Some("c1"), Some("seats")));
}

#[test]
fn a_body_that_is_no_page_is_refused_whole() {
    use purser_microsoft_csp::MicrosoftCsp;
    for body in ["<html>busy</html>", r#"{"code":2000}"#, r#"{"items":[{"#] {
        for feed in ["customers", "licences", "utilization"] {
            assert!(
                matches!(MicrosoftCsp::map(&page(feed), body.as_bytes()), Err(Problem::Reject(_))),
                "{feed} {body}"
            );
        }
        assert!(
            matches!(MicrosoftCsp::products(&page("rate-card"), body.as_bytes()), Err(Problem::Reject(_))),
            "{body}"
        );
    }
    assert!(matches!(MicrosoftCsp::map(&page("rate-card"), b"[]"), Err(Problem::Bug(_))));
    assert!(matches!(MicrosoftCsp::products(&page("customers"), b"[]"), Err(Problem::Bug(_))));
}

#[test]
fn texts_keep_the_language_they_came_in() {
    let body = json!({ "locale": "en", "currency": "eur", "taxIncluded": false, "meters": [
        { "id": "AB-1", "name": " Disk ", "rates": { "10": "0.50", "9": 0.25, "0": 1 }, "category": "Opslag", "unit": "1 uur",
          "region": null, "tags": [], "includedQuantity": "5.0" },
        { "id": "AB-2", "name": "Broken", "rates": { "0": "gratis" } },
        { "id": "", "rates": {} },
    ] });
    let context =
        with_parameters(page("rate-card"), [("market", "NL"), ("currency", "EUR"), ("locale", "nl-NL")]);
    let products = products(context, &body.to_string());
    assert_eq!((products.requested.as_str(), products.answered.as_str()), ("nl-NL", "en"));
    let [text] = products.texts.as_slice() else { panic!("one text") };
    assert_eq!((text.key.as_str(), text.name.as_str(), text.currency.as_str()), ("ab-1", "Disk", "EUR"));
    let bounds: Vec<_> = text.rates.iter().map(|(from, _)| from.as_str()).collect();
    assert_eq!((bounds, text.included_quantity.as_str()), (vec!["0", "9", "10"], "5.0"));
    let rejected: Vec<_> = products.rejected.iter().map(|r| (r.record_ordinal, r.reason.as_str())).collect();
    assert_eq!(rejected, [(1, "rates has \"gratis\" from \"0\""), (2, "id is missing")]);
}

#[test]
fn a_rate_card_with_tax_in_its_rates_is_refused() {
    use purser_microsoft_csp::MicrosoftCsp;
    for flag in ["isTaxIncluded", "taxIncluded"] {
        let mut context = page("rate-card");
        context.envelope = format!(r#"{{"currency":"EUR","meters":[],"{flag}":true}}"#);
        assert!(matches!(MicrosoftCsp::products(&context, b"[]"), Err(Problem::Reject(_))), "{flag}");
    }
}
