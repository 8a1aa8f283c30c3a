//! What descriptors are told, part by part. The descriptor they start from is sound.

use super::{Finding, Role, descriptor, settings};
use crate::contract::manifest::{
    AcceptedToken, AdminConsent, Answer, Audience, Auth, Call, Claims, Consent, CoverageRow, Descriptor,
    DownloadHost, Endpoint, Feed, FeedKind, Framing, Locale, Method, Partitioning, Probe, RoleSet, Verdict,
};
use crate::contract::types::Pair;

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: name.into(), value: value.into() }
}

fn sound() -> Descriptor {
    Descriptor {
        id: "acme-cloud".into(),
        version: "1.4.0-beta.1".into(),
        title: "Acme".into(),
        publisher: "Acme Ltd".into(),
        extends: None,
        endpoints: vec![Endpoint {
            name: "api".into(),
            base_urls: vec![pair("global", "https://api.example.net/v1")],
            auth: Auth::Oauth(Audience {
                name: "api".into(),
                scopes: vec![pair("global", "read")],
                accepts: AcceptedToken::Delegated,
                app_scopes: Vec::new(),
                app_permission: String::new(),
            }),
        }],
        calls: vec![Call {
            name: "usage".into(),
            endpoint: "api".into(),
            method: Method::Get,
            path: "/customers/{customer}/usage".into(),
            query: vec!["size".into()],
            headers: vec!["accept-language".into()],
            per_minute: Some(60),
            purpose: "read usage".into(),
        }],
        download_hosts: vec![DownloadHost { cloud: "global".into(), pattern: "*.blob.example.net".into() }],
        feeds: vec![feed("customers", FeedKind::Facts, &["customer"], &[]), usage()],
        coverage: vec![coverage("metered", "", "usage")],
        consent: Some(consent()),
        settings_schema:
            r#"{"properties":{"days":{"type":"integer","title":"Days","description":"Back","default":3}}}"#
                .into(),
        locales: vec![Locale { tag: "en-US".into(), title: "English".into() }],
        default_locale: "en-US".into(),
    }
}

fn feed(name: &str, kind: FeedKind, gives: &[&str], needs: &[&str]) -> Feed {
    Feed {
        name: name.into(),
        title: name.into(),
        kind,
        invoice: false,
        clouds: Vec::new(),
        partitioning: Partitioning::Scope,
        framing: Framing::JsonItems("/items".into()),
        gives: gives.iter().map(|kind| (*kind).into()).collect(),
        needs: needs.iter().map(|kind| (*kind).into()).collect(),
        amount: Vec::new(),
        currency: Vec::new(),
        quantity: Vec::new(),
        unit: Vec::new(),
        customer: Vec::new(),
    }
}

fn usage() -> Feed {
    Feed { amount: vec!["/cost~1total".into()], ..feed("usage", FeedKind::Purchases, &[], &["customer"]) }
}

fn coverage(class: &str, mode: &str, feed: &str) -> CoverageRow {
    CoverageRow {
        class: class.into(),
        title: class.into(),
        mode: mode.into(),
        feed: feed.into(),
        on_invoice: false,
        note: String::new(),
    }
}

fn consent() -> Consent {
    Consent {
        authorities: vec![pair("global", "https://login.example.net")],
        authorize_path: "/{tenant}/authorize".into(),
        token_path: "/{tenant}/token".into(),
        keys_path: "/keys".into(),
        issuer: "{authority}/{tenant}".into(),
        first_tenant: "organizations".into(),
        scopes: vec!["openid".into()],
        authorize_parameters: Vec::new(),
        claims: Claims {
            tenant: "tid".into(),
            user: "oid".into(),
            user_name: "name".into(),
            guest: None,
            roles: None,
        },
        personal_tenants: Vec::new(),
        advice: Vec::new(),
        button: "Log in".into(),
        role_rule: String::new(),
        role_sets: Vec::new(),
        role_ids: Vec::new(),
        probes: vec![probe()],
        error_classes: Vec::new(),
        idle_days: 90,
        admin_consent: None,
        removal: String::new(),
    }
}

fn probe() -> Probe {
    Probe {
        name: "usage".into(),
        capability: "read usage".into(),
        call: "usage".into(),
        path: vec![pair("customer", "me")],
        query: vec![pair("size", "1")],
        headers: Vec::new(),
        body: None,
        needed: true,
        answers: vec![Answer {
            status_from: 200,
            status_to: 299,
            header: None,
            body: None,
            verdict: Verdict::Ok,
            about_role: false,
            code: "ACME-1".into(),
            remedy: String::new(),
        }],
    }
}

/// The findings after a change, as code and sentence.
fn told(change: impl FnOnce(&mut Descriptor)) -> Vec<String> {
    let mut changed = sound();
    change(&mut changed);
    let mut findings: Vec<Finding> = Vec::new();
    descriptor::check(&changed, &Role::ALL, &mut findings);
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    findings.iter().map(|finding| format!("{} {}", finding.code, finding.sentence)).collect()
}

fn consenting(descriptor: &mut Descriptor) -> &mut Consent {
    descriptor.consent.as_mut().unwrap()
}

#[test]
fn a_sound_descriptor_is_told_nothing() {
    assert_eq!(told(|_| ()), [""; 0]);
}

/// A mapping of its own for another's connector.
fn extension() -> Descriptor {
    Descriptor {
        id: "own-mapping".into(),
        extends: Some("acme-cloud".into()),
        endpoints: Vec::new(),
        calls: Vec::new(),
        download_hosts: Vec::new(),
        feeds: Vec::new(),
        coverage: Vec::new(),
        consent: None,
        settings_schema: String::new(),
        locales: Vec::new(),
        default_locale: String::new(),
        ..sound()
    }
}

fn told_of_role(descriptor: &Descriptor, roles: &[Role]) -> Vec<String> {
    let mut findings: Vec<Finding> = Vec::new();
    descriptor::check(descriptor, roles, &mut findings);
    findings.iter().map(|finding| format!("{} {}", finding.code, finding.sentence)).collect()
}

#[test]
fn what_plays_a_role_for_another_has_a_name_and_nothing_else() {
    let mapping = [Role::Mapping];
    assert_eq!(told_of_role(&extension(), &mapping), [""; 0]);
    let own = Descriptor { extends: Some("acme-cloud".into()), ..sound() };
    assert_eq!(
        told_of_role(&own, &mapping),
        [
            "PLG-120 it extends itself: \"acme-cloud\"",
            "PLG-132 it extends \"acme-cloud\" and has endpoints, calls, download hosts, feeds, coverage, a consent, \
             settings, locales of its own",
        ]
    );
    assert_eq!(
        told_of_role(&extension(), &Role::ALL),
        ["PLG-132 it extends \"acme-cloud\" and also exports `crawl`"]
    );
    let nameless = Descriptor { extends: Some("Acme Cloud".into()), ..extension() };
    assert!(told_of_role(&nameless, &mapping)[0].starts_with("PLG-120 the connector it extends: the id"));
    assert_eq!(
        told_of_role(&sound(), &mapping),
        ["PLG-132 it plays a role for a connector that it does not name"]
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = told(|descriptor| {
        descriptor.id = "Acme Cloud".into();
        descriptor.version = "1.4".into();
        descriptor.feeds[1].name = "customers".into();
        descriptor.default_locale = "english!".into();
    });
    let codes: Vec<&str> = told.iter().map(|text| &text[..7]).collect();
    // The feed's new name is also one that the coverage no longer finds.
    assert_eq!(codes, ["PLG-120", "PLG-121", "PLG-122", "PLG-131", "PLG-129", "PLG-129"]);
}

#[test]
fn names_stand_once() {
    assert_eq!(told(|d| d.calls.push(d.calls[0].clone())), ["PLG-122 the call \"usage\" stands twice"]);
    assert_eq!(
        told(|d| d.endpoints.push(d.endpoints[0].clone())),
        ["PLG-122 the endpoint \"api\" stands twice"]
    );
    assert_eq!(told(|d| d.title = " ".into()), ["PLG-122 the title is empty"]);
}

#[test]
fn endpoints_are_reached_over_tls() {
    let base_url = |url: &str| told(|d| d.endpoints[0].base_urls[0].value = url.into()).len();
    for url in [
        "http://api.example.net",
        "https://api.example.net/",
        "https://user@api.example.net",
        "api",
        "https://",
    ] {
        assert_eq!(base_url(url), 1, "{url}");
    }
    for url in ["https://api.example.net", "http://127.0.0.1:8080", "https://api.example.net:8443/v1"] {
        assert_eq!(base_url(url), 0, "{url}");
    }
}

#[test]
fn calls_stay_inside_their_endpoint() {
    assert_eq!(
        told(|d| d.calls[0].endpoint = "elsewhere".into()),
        ["PLG-124 the call \"usage\" goes to the unknown endpoint \"elsewhere\""]
    );
    for path in ["customers", "/../admin", "/a/{customer", "/a}", "/a/{}", "/a?x=1", "/a%2e%2e"] {
        let told = told(|d| {
            d.calls[0].path = path.into();
            consenting(d).probes.clear();
        });
        assert_eq!(told, [format!("PLG-124 the path {path:?} of the call \"usage\" is no path template")]);
    }
}

#[test]
fn no_call_may_set_the_headers_that_carry_the_token() {
    assert_eq!(
        told(|d| d.calls[0].headers.push("authorization".into())),
        ["PLG-124 the call \"usage\" wants to set the header \"authorization\", which only the host may"]
    );
    assert_eq!(
        told(|d| d.calls[0].headers.push("Accept".into())),
        ["PLG-124 the header \"Accept\" of the call \"usage\" is no lower-case header name"]
    );
}

#[test]
fn a_feed_is_of_clouds_that_are_served() {
    assert_eq!(told(|d| d.feeds[0].clouds.push("global".into())), Vec::<String>::new());
    assert_eq!(
        told(|d| d.feeds[0].clouds.push("moon".into())),
        ["PLG-126 the feed \"customers\" is of the cloud \"moon\", where no endpoint is"]
    );
}

#[test]
fn download_hosts_are_narrow() {
    for pattern in ["*", "*.net", "*blob.example.net", "a.*.net", "https://x.net", "UPPER.net", ""] {
        let told = told(|d| d.download_hosts[0].pattern = pattern.into());
        assert_eq!(told, [format!("PLG-125 the download host {pattern:?} is no host pattern")]);
    }
}

#[test]
fn feeds_can_start_and_be_summed() {
    assert_eq!(
        told(|d| d.feeds[1].needs.push("market".into())),
        ["PLG-126 the feed \"usage\" needs facts of the kind \"market\", which no feed gives"]
    );
    assert_eq!(
        told(|d| d.feeds[0].needs.push("customer".into())),
        ["PLG-126 the feed \"customers\" waits for facts that only come after it"]
    );
    assert_eq!(
        told(|d| d.feeds[1].amount.clear()),
        [
            "PLG-126 the feed \"usage\" has Purchases, but neither `amount` nor `quantity`, so the host cannot sum for \
             itself"
        ]
    );
}

#[test]
fn each_class_of_charges_has_one_feed_in_each_mode() {
    let told = |rows: &[(&str, &str, &str)]| {
        let rows = rows.iter().map(|(class, mode, feed)| coverage(class, mode, feed)).collect();
        told(|d| {
            d.feeds.push(Feed { name: "lines".into(), ..usage() });
            d.coverage = rows;
        })
    };
    assert_eq!(told(&[]), [""; 0]);
    assert_eq!(told(&[("metered", "", "usage"), ("rest", "", "lines")]), [""; 0]);
    assert_eq!(told(&[("seats", "a", "usage"), ("seats", "b", "lines"), ("rest", "", "lines")]), [""; 0]);
    assert_eq!(
        told(&[("seats", "a", "usage"), ("rest", "b", "lines"), ("rest", "a", "lines")]),
        ["PLG-131 the class \"seats\" has 0 feeds in the mode \"b\""]
    );
    assert_eq!(
        told(&[("seats", "", "usage"), ("seats", "a", "lines")]),
        ["PLG-131 the class \"seats\" has 2 feeds in the mode \"a\""]
    );
    assert_eq!(
        told(&[("seats", "", "elsewhere")]),
        ["PLG-131 the class \"seats\" is billed by the unknown feed \"elsewhere\""]
    );
    assert_eq!(
        told(&[("seats", "", "customers")]),
        ["PLG-131 the class \"seats\" is billed by the feed \"customers\", which has no Purchases"]
    );
}

#[test]
fn pointers_are_json_pointers() {
    for pointer in ["cost", "/cost~", "/cost~2"] {
        let told = told(|d| d.feeds[1].amount = vec![pointer.into()]);
        assert_eq!(told, [format!("PLG-127 {pointer:?} in the feed \"usage\" is no JSON pointer")]);
    }
}

#[test]
fn settings_can_be_drawn_as_a_form() {
    let wrong = |schema: &str| {
        let mut findings = Vec::new();
        settings::check(schema, &mut findings);
        findings.into_iter().map(|finding| finding.sentence).collect::<Vec<_>>()
    };
    let property = |property: &str| wrong(&format!("{{\"properties\":{{\"days\":{property}}}}}"));
    assert_eq!(wrong("[]"), ["the settings schema is no object with `properties`"]);
    assert!(wrong("{")[0].starts_with("the settings schema is not JSON: "));
    assert_eq!(property(r#"{"type":"number"}"#), ["the setting \"days\" has the type \"number\""]);
    assert_eq!(property(r#"{"type":"string"}"#), ["the setting \"days\" has no `title`"]);
    let titled = |rest: &str| property(&format!(r#"{{"title":"Days","description":"Back",{rest}}}"#));
    assert_eq!(titled(r#""type":"integer""#), ["the setting \"days\" has no `default`"]);
    assert_eq!(
        titled(r#""type":"integer","default":"3""#),
        ["the default of the setting \"days\" is no integer"]
    );
    assert_eq!(
        titled(r#""type":"string","default":"c","enum":["a","b"]"#),
        ["the default of the setting \"days\" is none of its `enum`"]
    );
    assert_eq!(
        titled(r#""type":"array","default":[]"#),
        ["the setting \"days\" is an array of something else than strings"]
    );
    assert_eq!(titled(r#""type":"string","default":"","x-purser-takes-effect":"next-period""#), [""; 0]);
    for bad in [
        r#""type":"string","default":"","x-purser-takes-effect":"now""#,
        r#""type":"string","default":"2026-11","x-purser-takes-effect":"next-period""#,
        r#""type":"integer","default":1,"x-purser-takes-effect":"next-period""#,
    ] {
        assert_eq!(titled(bad).len(), 1, "{bad}");
    }
}

#[test]
fn tokens_need_a_consent_to_get_them_by() {
    assert_eq!(
        told(|d| d.consent = None),
        ["PLG-130 the endpoint \"api\" needs tokens, and there is no `consent` to get them by"]
    );
    assert_eq!(
        told(|d| consenting(d).authorities[0].value = "http://login.example.net".into()),
        ["PLG-130 the authority \"http://login.example.net\" is no https URL without a trailing slash"]
    );
}

#[test]
fn a_probe_asks_nothing_that_its_call_does_not_list() {
    assert_eq!(
        told(|d| consenting(d).probes[0].call = "admin".into()),
        ["PLG-130 the probe \"usage\" asks the call \"admin\", which is not listed"]
    );
    assert_eq!(
        told(|d| consenting(d).probes[0].path.clear()),
        ["PLG-130 the probe \"usage\" does not fill the path \"/customers/{customer}/usage\""]
    );
    assert_eq!(
        told(|d| consenting(d).probes[0].query[0].name = "filter".into()),
        ["PLG-130 the probe \"usage\" puts \"filter\" into the query, which its call does not list"]
    );
    assert_eq!(
        told(|d| consenting(d).probes[0].answers[0].status_from = 500),
        ["PLG-130 the probe \"usage\" knows an answer of status 500 to 299"]
    );
}

#[test]
fn what_explains_a_consent_speaks_of_what_there_is() {
    let set = |probe: &str, verdict: &str| RoleSet {
        roles: vec!["Clerk".into()],
        enough: false,
        note: String::new(),
        signs: vec![pair(probe, verdict)],
    };
    let page = |path: &str, class: &str| AdminConsent { path: path.into(), classes: vec![class.into()] };
    assert_eq!(told(|d| consenting(d).role_sets = vec![set("usage", "missing")]), Vec::<String>::new());
    assert_eq!(
        told(|d| consenting(d).role_sets = vec![set("billing", "missing")]),
        ["PLG-130 the role set \"Clerk\" names a probe \"billing\" there is not"]
    );
    assert_eq!(
        told(|d| consenting(d).role_sets = vec![set("usage", "gone")]),
        ["PLG-130 the role set \"Clerk\" names a verdict \"gone\" there is not"]
    );
    assert_eq!(
        told(|d| consenting(d).admin_consent = Some(page("consent", "later"))),
        [
            "PLG-130 the admin-consent path \"consent\" does not begin with a slash",
            "PLG-130 the admin-consent mends \"later\", which is no error class"
        ]
    );
}
