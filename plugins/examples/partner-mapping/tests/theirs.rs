//! The partner's mapping beside the connector's: the same but for the words it adds.

#![expect(clippy::unwrap_used, reason = "tests")]

use purser_microsoft_csp::MicrosoftCsp;
use purser_partner_mapping::map;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::types::RunContext;
use purser_plugin_sdk::unpack::{Unpacked, unpack};
use serde_json::json;

fn context(feed: &str) -> PageContext {
    let framing = MicrosoftCsp::describe().feeds.into_iter().find(|it| it.name == feed).unwrap().framing;
    PageContext {
        run: RunContext {
            settings: String::new(),
            as_of: "2026-11-23T18:00:00Z".into(),
            local_date: "2026-11-23".into(),
            window_from: "2026-11-20".into(),
            window_to: "2026-11-24".into(),
            cloud: "global".into(),
            locale: "nl-NL".into(),
        },
        feed: feed.into(),
        partition_key: String::new(),
        month: "2026-11".into(),
        currency: "EUR".into(),
        stage: 0,
        parameters: Vec::new(),
        framing,
        envelope: String::new(),
        page: 0,
    }
}

fn both(feed: &str, page: &str) -> (Unpacked, Unpacked) {
    let context = context(feed);
    assert!(feed != "rated-usage" || context.framing == Framing::Lines);
    let theirs = MicrosoftCsp::map(&context, page.as_bytes()).unwrap();
    (unpack(&theirs.pack()).unwrap(), unpack(&map(&context, page.as_bytes()).unwrap().pack()).unwrap())
}

/// Usage with and without tags, one that another feed bills, one that cannot be read.
fn usage() -> String {
    let line = |change: &[(&str, serde_json::Value)]| {
        let mut line = json!({
            "CustomerId": "AAAA", "SubscriptionId": "PLAN-1", "EntitlementId": "ENT-1", "UsageDate": "2026-11-20T00:00:00",
            "ResourceURI": "/subscriptions/ENT-1/R", "ChargeType": "New", "UnitPrice": "0.10", "Quantity": "2.50",
            "BillingPreTaxTotal": "0.2150000000000000000001", "BillingCurrency": "EUR", "PricingCurrency": "USD",
            "PCToBCExchangeRate": "0.86", "ProductId": "DZH318Z0BPS6", "SkuId": "0001", "MeterId": "METER-1",
            "MeterName": "Compute", "Unit": "1 Hour", "CreditType": "Credit Not Applied",
            "PartnerEarnedCreditPercentage": "0.0", "AdditionalInfo": "{}"
        });
        for (name, value) in change {
            line.as_object_mut().unwrap().insert((*name).to_owned(), value.clone());
        }
        line.to_string()
    };
    [
        line(&[("Tags", json!("{\"cost-centre\":\"4711\"}"))]),
        line(&[("ResourceURI", json!("/subscriptions/ENT-1/S")), ("BillingPreTaxTotal", json!("-1e-7"))]),
        line(&[("Quantity", json!("much"))]),
        "no JSON".to_owned(),
    ]
    .join("\n")
}

#[test]
fn only_own_words_are_added() {
    let (theirs, ours) = both("rated-usage", &usage());
    assert!(theirs.purchases.len() >= 2 && !theirs.rejected.is_empty(), "{theirs:?}");
    assert_eq!(ours.purchases.len(), theirs.purchases.len());
    for (our, their) in ours.purchases.iter().zip(&theirs.purchases) {
        assert_eq!((&our.fields, &our.records), (&their.fields, &their.records), "reference, money and all");
        let (kept, added) = our.metadata.split_at(their.metadata.len());
        assert_eq!(kept, their.metadata);
        assert!(added.iter().any(|(name, _)| name == "article"), "{added:?}");
    }
    assert_eq!(ours.purchases.first().unwrap().metadata("cost-centre"), "4711");
    assert_eq!((ours.rejected, ours.ignored), (theirs.rejected, theirs.ignored));
    assert_eq!((ours.covered, ours.facts), (theirs.covered, theirs.facts));
}

#[test]
fn pages_without_purchases_are_given_on_as_they_are() {
    let customer =
        r#"[{"id":"AAAA","companyProfile":{"companyName":"Contoso","domain":"contoso.example"}},{"id":""}]"#;
    let (theirs, ours) = both("customers", customer);
    assert!(!theirs.facts.is_empty());
    assert_eq!(ours, theirs);
}
