//! Cost and usage files from a server to Purchases: through the form, in each kind of file, again, corrected, refused.

use serde_json::Value;

use crate::file_server::{AWS, FOCUS, Files, GOOGLE, SECRET, connect, fed, journey, run};
use crate::journey::Journey;
use crate::support::{stderr, stdout};

/// October's file: its first row.
fn october(text: &str) -> String {
    let two: Vec<&str> = text.lines().take(2).collect();
    two.join("\n").replace("2026-11", "2026-10")
}

fn purchases(journey: &Journey) -> Vec<Value> {
    let text = journey.world.export(&journey.data);
    let parsed: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect());
    parsed.as_array().cloned().unwrap_or_else(|| parsed["purchases"].as_array().unwrap().clone())
}

/// Customer, product, quantity, cost and currency of November's Purchases.
fn november(journey: &Journey) -> Vec<String> {
    let of = |purchase: &Value, name: &str| match &purchase[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let told = |it: &Value| {
        let names = ["vendor_customer", "product_key", "quantity", "cost", "currency"];
        names.map(|name| of(it, name)).join(" ")
    };
    let all = purchases(journey);
    let mut told: Vec<_> =
        all.iter().filter(|it| !of(it, "start").starts_with("2026-10-0")).map(told).collect();
    told.sort();
    told
}

fn put(files: &Files, text: &str) {
    files.put("2026-10.csv.gz", &october(text));
    files.put("2026-11.csv.gz", text);
}

#[test]
fn an_account_added_by_the_form_brings_its_files_to_purchases_and_again_only_what_changed() {
    let (mut journey, files) = journey("info");
    put(&files, FOCUS);
    connect(&mut journey, "Exports", "focus-billed-cost", "{month}.csv.gz");
    let page = journey.open("/connectors/focus-csv/accounts/1");
    journey.press(&page, "/accounts/1/run");
    let ended = journey.world.wait_for_run(&journey.data);
    assert_eq!(format!("{:?}", ended.state), "Succeeded", "{}", ended.report);
    let first = november(&journey);
    assert_eq!(
        first,
        [
            "pay-1 S-10-CD 1 219 EUR",
            "pay-1 Tax 1 48.1 EUR",
            "sub-1 Credits 1 -2.5 EUR",
            "sub-1 S-10 24 12.3456789012345678 EUR",
            "sub-1 S-20 0.000003 0.0000001 EUR",
            "sub-2 S-10 24 0 EUR",
            "sub-3 S-11 -1 -0.4 USD",
        ]
    );
    let page = journey.open("/purchases").body;
    for part in ["Small server", "Team Blue", "VAT"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(journey.open("/").body.contains("Exports"));

    let before = journey.world.export(&journey.data);
    let again = run(&journey, "1", 2);
    assert!(again.contains("0 new, 0 changed, 8 as they were, 0 set to 0"), "{again}");
    assert_eq!(journey.world.export(&journey.data), before);

    put(&files, &FOCUS.replace("-2.5,pay-1", "-3.25,pay-1"));
    let corrected = run(&journey, "1", 4);
    assert!(corrected.contains("0 new, 1 changed"), "{corrected}");
    let expected: Vec<_> = first.iter().map(|told| told.replace("-2.5 EUR", "-3.25 EUR")).collect();
    assert_eq!(november(&journey), expected);
}

#[test]
fn each_kind_of_file_gives_its_own_costs_and_one_that_gives_every_month_is_not_billed_twice() {
    let (journey, files) = journey("info");
    let table = [
        ("aws-unblended-cost", AWS, vec!["1.23", "-0.1", "0.0416", "0.0416", "-0.4", "0.000002", "0.4"]),
        ("google-cost", GOOGLE, vec!["-0.000021", "5.81", "-0.0063222", "0.031611", "0.000000042"]),
        (
            "focus-effective-cost",
            FOCUS,
            vec!["0", "48.1", "-2.5", "12.3456789012345678", "0.0000001", "7.2", "-0.4"],
        ),
    ];
    for (number, (source, text, costs)) in (1..).zip(table) {
        // The server gives the same file for both months.
        files.put("2026-10.csv", text);
        files.put("2026-11.csv", text);
        let arguments =
            ["account", "add", "focus-csv", "--name", source, "--cloud", source, "--secret-file", "-"];
        let added = fed(&journey, &arguments, &format!("{SECRET}\n"));
        assert_eq!(stdout(&added).trim(), number.to_string(), "{}", stderr(&added));
        let told = run(&journey, &number.to_string(), 2);
        let rejected = text.lines().count() - 1;
        assert!(told.contains(&format!("+ {rejected} rejected")), "October's are not billed: {told}");
        assert!(!told.contains("RUN-CONSERVATION"), "{told}");
        let all = purchases(&journey);
        let name = number.to_string();
        let of_account =
            |it: &&Value| it["account"].as_i64() == Some(number) || it["account"].as_str() == Some(&name);
        let mut found: Vec<_> =
            all.iter().filter(of_account).map(|it| it["cost"].as_str().unwrap().to_owned()).collect();
        let mut costs: Vec<_> = costs.into_iter().map(str::to_owned).collect();
        found.sort();
        costs.sort();
        assert_eq!(found, costs, "{source}");
    }
    let listed = journey.world.purser(&journey.data).args(["account", "list"]).output().unwrap();
    assert!(
        stdout(&listed).contains("2\tfocus-csv\tgoogle-cost\tgoogle-cost\tactive"),
        "{}",
        stdout(&listed)
    );
}

#[test]
fn a_refused_secret_is_told_and_another_mends_it() {
    let (mut journey, files) = journey("info");
    put(&files, FOCUS);
    connect(&mut journey, "Exports", "focus-billed-cost", "{month}.csv.gz");
    let other = "another~secret.of-the-server";
    files.admit(other);
    let told = run(&journey, "1", 6);
    assert!(told.contains("RUN-SECRET") && told.contains("Change secret"), "{told}");
    let page = journey.open("/connectors/focus-csv/accounts/1");
    assert!(page.body.contains("Needs a new secret") && page.body.contains("RUN-SECRET"), "{}", page.body);
    let form = page.form_to("/accounts/1/secret").unwrap().with("secret", other);
    let changed = journey.send(form);
    assert!(
        changed.body.contains("The new secret is stored") && changed.body.contains("Active"),
        "{}",
        changed.body
    );
    let told = run(&journey, "1", 8);
    assert!(told.contains("succeeded") && told.contains("8 new"), "{told}");

    let settings = journey.open("/connectors/focus-csv/settings");
    let gone = journey.press(&settings, "/accounts/1/disconnect");
    assert!(gone.body.contains("the stored secret was erased"), "{}", gone.body);
    assert!(run(&journey, "1", 10).contains("not connected"), "nothing is asked without it");
    let again =
        fed(&journey, &["account", "add", "focus-csv", "--name", "Exports", "--secret-file", "-"], other);
    assert_eq!(stdout(&again).trim(), "1", "the same account, with its settings: {}", stderr(&again));
    assert!(run(&journey, "1", 12).contains("8 as they were"));
}

#[test]
fn what_cannot_be_an_account_is_refused_at_the_terminal() {
    let (journey, _) = journey("info");
    let add = |connector: &str, more: &[&str], input: &str| {
        let arguments = [&["account", "add", connector, "--name", "A", "--secret-file", "-"], more].concat();
        let output = fed(&journey, &arguments, input);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    for (connector, more, input, code) in [
        ("focus-csv", &[][..], "", "ACC-SECRET"),
        ("focus-csv", &[], "two\nlines", "ACC-SECRET"),
        ("focus-csv", &["--cloud", "mars"], "s3cret", "ACC-CLOUD"),
        ("microsoft-csp", &[], "s3cret", "ACC-CONSENT"),
        ("nobody", &[], "s3cret", "CLI-CONNECTOR"),
    ] {
        let told = add(connector, more, input);
        assert!(told.contains(code) && !told.contains("s3cret"), "{connector}: {told}");
    }
    assert!(
        fed(&journey, &["account", "add", "focus-csv", "--name", "A", "--secret-file", "-"], "k")
            .status
            .success()
    );
    assert!(add("focus-csv", &[], "k").contains("ACC-TAKEN"));
}
