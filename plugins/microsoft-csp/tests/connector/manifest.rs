//! The descriptor: consistent in itself, and nothing in it that must not be.

use std::collections::BTreeSet;

use purser_microsoft_csp::MicrosoftCsp;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::manifest::{Answer, Descriptor, GrantEffect, Method, Verdict};

use crate::support::sample;

/// The class a host would find for a failed token request.
pub fn class_of(error: &str, codes: &[u64]) -> String {
    let classes = MicrosoftCsp::describe().consent.unwrap().error_classes;
    let fits = |class: &&purser_plugin_sdk::manifest::ErrorClass| {
        (class.error.is_empty() || class.error == error)
            && (class.code == 0 || codes.contains(&u64::from(class.code)))
    };
    classes.iter().find(fits).map_or_else(String::new, |class| class.class.clone())
}

fn descriptor() -> Descriptor {
    MicrosoftCsp::describe()
}

#[test]
fn no_call_reads_the_licences_of_other_channels_and_only_exports_are_ordered() {
    for call in descriptor().calls {
        assert!(!call.path.to_lowercase().contains("subscribedskus"), "{}", call.path);
        let is_export =
            call.path.starts_with("/v1.0/reports/partners/billing/") && call.path.ends_with("/export");
        assert_eq!(matches!(call.method, Method::Post), is_export, "{}", call.name);
        assert!(call.headers.iter().all(|name| name == &name.to_lowercase()), "{:?}", call.headers);
    }
}

#[test]
fn names_are_unique_and_refer_to_what_is_there() {
    let descriptor = descriptor();
    let unique = |names: Vec<&String>| {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}")
    };
    unique(descriptor.calls.iter().map(|call| &call.name).collect());
    unique(descriptor.feeds.iter().map(|feed| &feed.name).collect());
    unique(descriptor.locales.iter().map(|locale| &locale.tag).collect());
    unique(descriptor.consent.as_ref().unwrap().probes.iter().map(|probe| &probe.name).collect());
    for call in &descriptor.calls {
        assert!(descriptor.endpoints.iter().any(|endpoint| endpoint.name == call.endpoint), "{}", call.name);
    }
    let given: BTreeSet<_> = descriptor.feeds.iter().flat_map(|feed| &feed.gives).collect();
    assert!(descriptor.feeds.iter().flat_map(|feed| &feed.needs).all(|kind| given.contains(kind)));
    let tags: Vec<_> = descriptor.locales.iter().map(|locale| locale.tag.as_str()).collect();
    for tag in ["en-US", "nl-NL", "de-DE", "fr-FR"] {
        assert!(tags.contains(&tag), "{tag}");
    }
    assert!(tags.contains(&descriptor.default_locale.as_str()));
}

#[test]
fn probes_keep_to_the_listed_calls_and_unknown_is_their_last_answer() {
    let descriptor = descriptor();
    for probe in descriptor.consent.unwrap().probes {
        let call = descriptor.calls.iter().find(|call| call.name == probe.call).unwrap();
        assert!(probe.query.iter().all(|pair| call.query.contains(&pair.name)), "{}", probe.name);
        assert!(probe.headers.iter().all(|pair| call.headers.contains(&pair.name)), "{}", probe.name);
        assert_eq!(probe.body.is_some(), matches!(call.method, Method::Post), "{}", probe.name);
        let last = probe.answers.last().unwrap();
        assert!(matches!(last.verdict, Verdict::Unknown) && (last.status_from, last.status_to) == (100, 599));
        for answer in &probe.answers {
            assert!(answer.code.starts_with("CSP-PRE-"));
            assert_eq!(answer.remedy.is_empty(), matches!(answer.verdict, Verdict::Ok), "{}", answer.code);
        }
    }
}

#[test]
fn missing_mfa_is_seen_in_header_and_in_body() {
    let probes = descriptor().consent.unwrap().probes;
    let mfa = &probes[0].answers;
    let decide = |status: u16, header: Option<&str>, code: &str| {
        let fits = |answer: &&Answer| {
            (answer.status_from..=answer.status_to).contains(&status)
                && answer.header.as_ref().is_none_or(|wanted| header == Some(wanted.value.as_str()))
                && answer.body.as_ref().is_none_or(|wanted| code == wanted.value)
        };
        mfa.iter().find(fits).unwrap().code.clone()
    };
    assert_eq!(decide(200, Some("true"), ""), "CSP-PRE-100");
    assert_eq!(decide(200, Some("false"), ""), "CSP-PRE-101");
    assert_eq!(decide(401, None, "900421"), "CSP-PRE-101");
    assert_eq!(decide(401, None, "900420"), "CSP-PRE-102");
    assert_eq!(decide(200, None, ""), "CSP-PRE-109");
}

#[test]
fn sign_in_failures_have_their_class_by_number_first_and_by_error_else() {
    for (error, codes, class) in [
        ("invalid_grant", &[700082][..], "grant_expired"),
        ("invalid_grant", &[50076], "mfa_required"),
        ("invalid_grant", &[50057], "user_disabled"),
        ("interaction_required", &[50079], "mfa_required"),
        ("invalid_client", &[7000222], "operator_credential"),
        ("invalid_grant", &[53003], "blocked_by_policy"),
        ("invalid_grant", &[54005], "flow_error"),
        ("invalid_request", &[90055], "transient"),
        ("temporarily_unavailable", &[], "transient"),
        ("invalid_grant", &[123_456], "grant_invalid"),
        ("invalid_client", &[], "operator_credential"),
        ("access_denied", &[], "cancelled"),
        ("access_denied", &[65004], "cancelled"),
        ("invalid_grant", &[65004], "consent_missing"),
        ("brand_new", &[1], ""),
    ] {
        assert_eq!(class_of(error, codes), class, "{error} {codes:?}");
    }
}

#[test]
fn transient_trouble_never_marks_the_grant() {
    for class in descriptor().consent.unwrap().error_classes {
        let is_transient = matches!(class.class.as_str(), "transient" | "loop_detected" | "cancelled");
        assert_eq!(matches!(class.state, GrantEffect::Retry), is_transient, "{} {}", class.class, class.code);
        assert!(!class.remedy.is_empty());
    }
}

#[test]
fn exports_exist_in_the_global_cloud_only() {
    let elsewhere = descriptor().feeds.into_iter().filter(|feed| !feed.clouds.is_empty());
    let elsewhere: Vec<_> = elsewhere.map(|feed| (feed.name, feed.clouds.join(" "))).collect();
    let expected = ["rated-usage", "reconciliation"].map(|name| (name.to_owned(), "global".to_owned()));
    assert_eq!(elsewhere, expected);
    for endpoint in descriptor().endpoints {
        let clouds: Vec<_> = endpoint.base_urls.iter().map(|base| base.name.as_str()).collect();
        let expected: &[&str] =
            if endpoint.name == "graph" { &["global"] } else { &["global", "us-government", "china"] };
        assert_eq!(clouds, expected);
        assert!(
            endpoint
                .base_urls
                .iter()
                .all(|base| base.value.starts_with("https://") && !base.value.ends_with('/'))
        );
    }
}

#[test]
fn s14_licences_of_all_channels_are_asked_by_no_call() {
    let Some(body) = sample("14-subscribedskus.json") else { return };
    assert!(body.contains("SubscribedSku"), "the payload that no feed reads");
    assert!(descriptor().calls.iter().all(|call| !call.path.to_lowercase().contains("subscribedsku")));
}

#[test]
fn conserv_the_coverage_table_names_one_feed_for_each_class_and_mode() {
    let descriptor = descriptor();
    let classes: BTreeSet<_> = descriptor.coverage.iter().map(|row| row.class.as_str()).collect();
    let all = [
        "azure-plan-usage",
        "credits",
        "legacy-azure",
        "marketplace",
        "one-time",
        "other",
        "reservations",
        "savings-plans",
        "seats",
        "software",
        "tax",
    ];
    assert_eq!(classes.iter().copied().collect::<Vec<_>>(), all);
    for class in classes {
        for mode in ["daily-snapshot", "charge-events"] {
            let holds = descriptor
                .coverage
                .iter()
                .filter(|row| row.class == class && (row.mode.is_empty() || row.mode == mode));
            assert_eq!(holds.count(), 1, "{class} {mode}");
        }
    }
    assert!(descriptor.coverage.iter().all(|row| descriptor.feeds.iter().any(|feed| feed.name == row.feed)));
}
