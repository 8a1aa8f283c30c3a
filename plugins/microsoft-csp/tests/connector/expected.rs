//! What real payloads must give: the rows of `EXPECTED.md` for the daily feeds, worked out there with exact decimals.

use std::collections::{BTreeMap, BTreeSet};

use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::types::Problem;

use crate::support::*;

#[test]
fn s30_is_36_purchases_of_one_meter_by_resource_and_day() {
    let Some(body) = sample("30-utilizations-azure-real.json") else { return };
    let mapped = map(page("utilization"), &body);
    assert_eq!((mapped.purchases.len(), mapped.rejected.len()), (36, 0));
    let of = |name: &str| mapped.purchases.iter().map(|p| p.field(name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of("reference").len(), 36);
    assert_eq!(of("product-key").into_iter().collect::<Vec<_>>(), ["27a287f3-2919-4084-99e8-03404a652117"]);
    let days: Vec<_> = of("start").into_iter().collect();
    assert_eq!(days, ["2018-03-25T00:00:00Z", "2018-03-26T00:00:00Z", "2018-03-27T00:00:00Z"]);
    assert_eq!(sum(mapped.purchases.iter().map(|p| p.field("quantity"))), "0.774144");
    assert!(mapped.purchases.iter().all(|p| p.field("unit") == "Units" && p.field("amount") == "tiered"));
    assert!(
        mapped.purchases.iter().all(|p| p.field("reference").contains("/providers/microsoft.compute/disks/"))
    );
}

#[test]
fn s05_is_one_reference_with_two_records() {
    let Some(body) = sample("05-utilizations-azure.json") else { return };
    let mapped = map(page("utilization"), &body);
    assert_eq!((mapped.purchases.len(), mapped.rejected.len()), (2, 0));
    let [first, second] = mapped.purchases.as_slice() else { panic!("two purchases") };
    assert_eq!(first.field("reference"), second.field("reference"));
    assert_eq!((first.records.as_slice(), second.records.as_slice()), (&[0][..], &[1][..]));
    assert_eq!(sum([first.field("quantity"), second.field("quantity")]), "0.435580654069782");
    assert_eq!(first.field("unit"), "1 GB/Hr");
    assert_eq!((first.field("start"), first.field("end")), ("2017-06-08T00:00:00Z", "2017-06-09T00:00:00Z"));
}

#[test]
fn s31_is_72_texts_with_one_meter_of_three_tiers() {
    let Some(body) = sample("31-ratecard-azure-real-en.json") else { return };
    let products = products(page("rate-card"), &body);
    assert_eq!((products.texts.len(), products.rejected.len()), (72, 0));
    assert_eq!(products.answered, "en-US");
    assert!(products.texts.iter().all(|text| text.currency == "USD"));
    let tiered: Vec<_> = products.texts.iter().filter(|text| text.rates.len() > 1).collect();
    let [tiered] = tiered.as_slice() else { panic!("one tiered meter") };
    let rates: Vec<_> = tiered.rates.iter().map(|(from, rate)| (from.as_str(), rate.as_str())).collect();
    assert_eq!(rates, [("0", "0.017"), ("51200", "0.01632"), ("512000", "0.01564")]);
}

#[test]
fn s06_is_3_texts_and_the_offer_terms() {
    let Some(body) = sample("06-ratecard-azure.json") else { return };
    let products = products(page("rate-card"), &body);
    assert_eq!((products.texts.len(), products.rejected.len()), (3, 0));
    assert_eq!((products.answered.as_str(), products.requested.as_str()), ("en", "nl-NL"));
    let [terms] = products.facts.as_slice() else { panic!("one fact") };
    assert_eq!((terms.kind.as_str(), terms.key.as_str()), ("offer-terms", "NL/USD"));
    let terms: serde_json::Value = serde_json::from_str(&terms.value).unwrap();
    assert_eq!(terms[0]["name"], "Overage discount");
    assert_eq!(terms[0]["excludedMeterIds"].as_array().unwrap().len(), 2);
}

#[test]
fn s03a_is_no_licence_and_its_dates_are_read() {
    let Some(body) = sample("03a-subscriptions-list-legacy.json") else { return };
    let mapped = map(with_parameters(page("licences"), [("customer", "c1")]), &body);
    assert!(mapped.purchases.is_empty() && mapped.rejected.is_empty());
    assert_eq!(mapped.ignored, [("not-a-licence".to_owned(), vec![0])]);
    assert_eq!(mapped.facts[0].key, "83ef9d05-4169-4ef9-9657-0e86b1eab1de");
}

#[test]
fn s03b_is_one_licence_a_day() {
    let Some(body) = sample("03b-subscriptions-list-nce.json") else { return };
    let mapped =
        map(with_parameters(page("licences"), [("customer", "954ca09a"), ("date", "2026-11-23")]), &body);
    let [purchase] = mapped.purchases.as_slice() else { panic!("one purchase") };
    assert_eq!(purchase.field("product-text"), "SQL Server Enterprise - 2 Core License Pack - 3 year");
    assert_eq!((purchase.field("quantity"), purchase.field("unit")), ("1", "Licenses"));
    assert_eq!(
        (purchase.field("start"), purchase.field("end")),
        ("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")
    );
    assert_eq!(purchase.field("product-key"), "dg7gmgf0fkzv:0003");
    assert_eq!((purchase.field("vendor-customer"), purchase.field("cost")), ("954ca09a", ""));
    assert_eq!(purchase.metadata("commitment_until"), "2024-10-14T00:00:00Z");
}

#[test]
fn s04c_is_expired_and_not_billed() {
    let Some(body) = collected("04c-subscription-by-id-nce.json") else { return };
    let mapped = map(page("licences"), &body);
    assert_eq!(mapped.ignored, [("status-not-billed".to_owned(), vec![0])]);
    let mut context = page("licences");
    context.run.settings = r#"{"billed_statuses":["Expired"]}"#.into();
    assert_eq!(map(context, &body).purchases.len(), 1);
}

#[test]
fn s08a_and_s50_cost_what_they_say_although_their_effective_price_is_zero() {
    for name in ["08a-unbilled-usage-lineitems-p1.json", "50-unbilled-usage-newest.json"] {
        let Some(body) = sample(name) else { return };
        let mut context = page("rated-usage");
        context.framing = Framing::JsonItems("/items".into());
        let mapped = map(context, &body);
        assert_eq!((mapped.purchases.len(), mapped.rejected.len()), (2, 0), "{name}");
        assert_eq!(sum(mapped.purchases.iter().map(|p| p.field("cost"))), "61.4394668161102", "{name}");
        for purchase in &mapped.purchases {
            assert_eq!((purchase.field("currency"), purchase.field("amount")), ("USD", "given"));
            assert_eq!(
                (purchase.field("unit-price"), purchase.metadata("effective_unit_price")),
                ("1.2799888920023", "0")
            );
            assert_eq!((purchase.field("product-key"), purchase.field("unit")), ("4core", "1 Hour"));
            assert_eq!(sum([purchase.field("quantity")]), "24");
        }
    }
}

#[test]
fn s01_and_s02_are_customers() {
    let (Some(list), Some(one)) = (sample("01-customers-list.json"), collected("02-customer-by-id.json"))
    else {
        return;
    };
    let keys = |body: &str| {
        let mapped = map(page("customers"), body);
        assert!(mapped.purchases.is_empty() && mapped.rejected.is_empty());
        mapped.facts.into_iter().map(|fact| (fact.key, fact.value)).collect::<BTreeMap<_, _>>()
    };
    let two = keys(&list);
    assert!(two.contains_key("b44bb1fb-c595-45b0-9e09-d657365580bf"));
    assert!(two.contains_key("45c44870-ef77-4fdd-b6fe-3dacb075cff2"));
    let one = keys(&one);
    let value: serde_json::Value =
        serde_json::from_str(&one["eebd1b55-5360-4438-a11d-5c06918c3014"]).unwrap();
    assert_eq!((value["name"].as_str(), value["country"].as_str()), (Some("1kl as kjk"), Some("US")));
}

#[test]
fn s90_waits_57_seconds_also_without_a_header() {
    let Some(body) = sample("90-error-429-body.json") else { return };
    let request = &start(&run(), "customers", &[])[0];
    for status in [429, 503, 403] {
        assert_eq!(next("customers", request, &answer(status, &body)), Err(Problem::RetryLater(57)));
    }
    let with_header = answer_with(429, ("Retry-After", "12"), &body);
    assert_eq!(next("customers", request, &with_header), Err(Problem::RetryLater(12)));
}

#[test]
fn s93_is_refused_with_the_vendors_words() {
    let Some(body) = sample("93-error-apifault-2000.json") else { return };
    let request = &start(&run(), "customers", &[])[0];
    let Err(Problem::Reject(reason)) = next("customers", request, &answer(400, &body)) else {
        panic!("not refused")
    };
    assert!(reason.contains("code 2000: Customer search only allows starts with"), "{reason}");
}

#[test]
fn s35_is_a_sign_in_failure() {
    let Some(body) = sample("35-entra-invalid-grant-401.json") else { return };
    let request = &start(&run(), "customers", &[])[0];
    for status in [400, 401] {
        let answer = next("customers", request, &answer(status, &body));
        assert!(matches!(answer, Err(Problem::NeedsConsent(_))), "{answer:?}");
    }
    let sample: serde_json::Value = serde_json::from_str(&body).unwrap();
    let codes: Vec<_> = sample["error_codes"].as_array().unwrap().iter().filter_map(|c| c.as_u64()).collect();
    assert_eq!(crate::manifest::class_of("invalid_grant", &codes), "sign_in_failed");
}

#[test]
fn s73_to_s76_are_an_export_from_running_to_its_blobs() {
    let names = [
        "73-graph-operation-running",
        "74-graph-operation-succeeded",
        "75-graph-operation-failed",
        "76-graph-manifest",
    ];
    let Some(bodies) =
        names.map(|name| sample(&format!("{name}.json"))).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let poll = crate::crawl::ordered_export();
    let still = next("rated-usage", &poll, &answer_with(200, ("Retry-After", "9"), &bodies[0])).unwrap();
    assert_eq!((still.requests[0].delay, call(&still.requests[0]).0), (9, "export-operation"));
    let ended = next("rated-usage", &poll, &answer(200, &bodies[1])).unwrap();
    assert_eq!(call(&ended.requests[0]).1, [("manifest", "8fe347d7-1e0f-4bd6-9091-4672691f32db")]);
    let failed = next("rated-usage", &poll, &answer(200, &bodies[2])).unwrap();
    assert!(failed.requests.is_empty() && failed.incomplete.unwrap().words().starts_with("CSP-402"));
    let blobs = next("rated-usage", &ended.requests[0], &answer(200, &bodies[3])).unwrap();
    let purser_plugin_sdk::crawl::Target::Absolute(url) = &blobs.requests[0].target else {
        panic!("no download")
    };
    assert!(
        url.starts_with("https://adlsreconbuprodeastus201.blob.core.windows.net/billedusagefastpath/v1/")
    );
    assert!(url.contains("/part-00049-b016029b-a7a7-4c46-9b5e-c925ac317ac6.c000.json.gz?skoid="));
    assert_eq!((blobs.requests[0].headers.len(), blobs.requests[0].keep.clone()), (0, Some(Framing::Lines)));
}

#[test]
fn s09a_in_daily_snapshots_is_the_marketplace_line_and_seats_are_counted_elsewhere() {
    let Some(body) = sample("09a-unbilled-billing-lineitems-p1.repaired.json") else { return };
    let mut context = page("reconciliation");
    context.framing = Framing::JsonItems("/items".into());
    let daily = map(context.clone(), &body);
    let [purchase] = daily.purchases.as_slice() else { panic!("one purchase") };
    assert_eq!((purchase.field("cost"), purchase.field("currency")), ("820", "USD"));
    assert_eq!((purchase.metadata("line_class"), purchase.field("quantity")), ("marketplace", "3.1618"));
    assert_eq!(daily.ignored, [("covered-by-licences".to_owned(), vec![0, 1])]);
    context.run.settings = r#"{"charge_events_from":"2019-01"}"#.into();
    let charged = map(context, &body);
    assert_eq!((charged.purchases.len(), charged.ignored.len(), charged.rejected.len()), (3, 0, 0));
    assert_eq!(sum(charged.purchases.iter().map(|p| p.field("cost"))), "1540");
    assert_eq!(charged.purchases[1].field("product-key"), "cfq7ttc0hl8w:0001");
    assert_eq!(
        (charged.purchases[1].field("start"), charged.purchases[1].field("end")),
        ("2021-05-20T00:00:00Z", "2021-06-20T00:00:00Z")
    );
}

#[test]
fn s13a_is_two_invoices_and_the_note_that_amends_one() {
    let Some(body) = sample("13a-invoices-list.json") else { return };
    let mapped = map(page("invoices"), &body);
    assert!(mapped.purchases.is_empty() && mapped.rejected.is_empty());
    assert_eq!(mapped.ignored, [("fact".to_owned(), vec![0, 1])]);
    let facts: BTreeMap<_, serde_json::Value> =
        mapped.facts.into_iter().map(|f| (f.key, serde_json::from_str(&f.value).unwrap())).collect();
    assert_eq!(facts.keys().collect::<Vec<_>>(), ["D02005YFHI", "G000024130", "G000024131"]);
    assert_eq!(
        (&facts["D02005YFHI"]["total"], &facts["D02005YFHI"]["currency"]),
        (&"24606.35".into(), &"GBP".into())
    );
    assert_eq!(facts["G000024130"]["documentType"], "void_note");
    assert_eq!(facts["G000024131"]["amendsOf"], "G000024130");
}

#[test]
fn s16a_and_s17b_are_titles() {
    let (Some(list), Some(one)) =
        (sample("16a-products-list.repaired.json"), collected("17b-sku-by-id-nce.repaired.json"))
    else {
        return;
    };
    let of = |body: &str| {
        let products = products(page("catalogue"), body);
        assert!(products.rejected.is_empty());
        products.texts.into_iter().map(|text| (text.key, text.name, text.category)).collect::<Vec<_>>()
    };
    let owned = |row: [&str; 3]| (row[0].to_owned(), row[1].to_owned(), row[2].to_owned());
    assert_eq!(of(&list), [owned(["dzh318z0bq3q", "Virtual Machines DSv2 Series", "Azure"])]);
    assert_eq!(of(&one), [owned(["cfq7ttc0lh18:0001", "Microsoft 365 Business Basic", ""])]);
}
