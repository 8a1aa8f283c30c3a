//! Titles of what is in use, in two languages; what is no longer sold takes no name away.

use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::types::Problem;
use serde_json::json;

use crate::support::*;

fn product() -> purser_plugin_sdk::types::Fact {
    fact("product", "cfq7ttc0lh18:0001", &json!({ "product": "CFQ7TTC0LH18", "sku": "0001" }))
}

#[test]
fn each_product_in_use_is_asked_in_the_accounts_language_and_in_english() {
    let requests = start(&run(), "catalogue", &[product()]);
    assert_eq!(
        requests.iter().map(partition_key).collect::<Vec<_>>(),
        ["NL/nl-NL/cfq7ttc0lh18:0001", "NL/en-US/cfq7ttc0lh18:0001"]
    );
    let (name, path, query) = call(&requests[0]);
    assert_eq!((name, query), ("sku", vec![("country", "NL")]));
    assert_eq!(path, [("product", "CFQ7TTC0LH18"), ("sku", "0001")]);
    assert!(requests[0].headers.iter().any(|header| header.name == "x-locale" && header.value == "nl-NL"));
    assert_eq!(requests[0].keep, Some(Framing::JsonWhole));
}

/// The host adds products that a Purchase names and that have no text, by their keys alone.
#[test]
fn what_the_host_asks_for_is_asked_too_and_meters_are_passed_over() {
    let added = |key: &str| fact("product", key, &json!({ "words": "Visio" }));
    let requests = start(
        &run(),
        "catalogue",
        &[added("dzh318z0bq3q:000f"), added("a5f2c1d0-aaaa-bbbb-cccc-000000000001")],
    );
    assert_eq!(requests.len(), 2, "in two languages");
    let (_, path, _) = call(&requests[0]);
    assert_eq!(path, [("product", "DZH318Z0BQ3Q"), ("sku", "000F")]);
    assert_eq!(partition_key(&requests[0]), "NL/nl-NL/dzh318z0bq3q:000f");
}

#[test]
fn a_product_that_is_not_listed_is_told_and_is_no_error() {
    let request = &start(&run(), "catalogue", &[product()])[0];
    let step = next("catalogue", request, &answer(404, r#"{"code":"400018"}"#)).unwrap();
    assert_eq!((step.incomplete, step.requests.len()), (None, 0));
    assert_eq!(
        (step.facts[0].kind.as_str(), step.facts[0].key.as_str()),
        ("unlisted-product", "NL/nl-NL/cfq7ttc0lh18:0001")
    );
    assert!(next("catalogue", request, &answer(200, "")).unwrap().facts.is_empty());
    assert_eq!(next("catalogue", request, &answer(429, "")), Err(Problem::RetryLater(60)));
}

#[test]
fn a_title_carries_the_key_of_its_purchases_and_the_language_asked() {
    let mut context = with_parameters(page("catalogue"), [("locale", "de-DE")]);
    context.framing = Framing::JsonWhole;
    let sku = r#"{"id":"0001","productId":"CFQ7TTC0LH18","title":" Microsoft 365 Business Basic "}"#;
    let products = products(context, sku);
    assert_eq!((products.requested.as_str(), products.answered.as_str()), ("de-DE", "de-DE"));
    assert_eq!(
        (products.texts[0].key.as_str(), products.texts[0].name.as_str()),
        ("cfq7ttc0lh18:0001", "Microsoft 365 Business Basic")
    );
}
