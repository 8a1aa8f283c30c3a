//! Every act is written to the audit trail once, with who did it and what was before and after: all rows of the table
//! of routes that are no GET, performed one by one.

use crate::routes::{Access, ROUTES};
use crate::testing::{PASSWORD, Site, connector};
use purser_domain::Digest;
use purser_store::access::{Scope, UserChange};
use purser_store::people::Role;

/// Written down, but nothing of which there is a before and after.
const WITHOUT_STATE: [(&str, &str); 2] = [
    ("/sign-in", "only a session begins; refused ones are told apart by what they are called"),
    ("/sign-out", "only a session ends"),
];

/// A site on which the route can be walked by `anna`, and what is sent.
async fn prepared(path: &str) -> (Site, String, String) {
    let mut site = match path {
        "/setup/{token}" => Site::without_users().await,
        "/connectors/{connector}/consent/confirm" | "/hand-over/confirm" => Site::empty().await,
        _ => Site::with_purchases().await,
    };
    if path != "/setup/{token}" {
        site.sign_in("anna").await;
    }
    let body = ready(&mut site, path).await;
    let filled = path
        .replace("{connector}", "test-cloud")
        .replace("{account}", "1")
        .replace("{customer}", "c-1")
        .replace("{key}", "key-blob")
        .replace("{month}", "2026-11")
        .replace("{run}", "2")
        .replace("{user}", "olaf")
        .replace("{id}", "1")
        .replace("{plugin}", "test-cloud")
        .replace("{try}", "1")
        .replace("{digest}", &connector().digest.to_string())
        .replace("{token}", "once");
    (site, filled, body)
}

/// Brings about what the route needs, and gives what is sent.
async fn ready(site: &mut Site, path: &str) -> String {
    let passwords = "password=brand+new+password&repeated=brand+new+password";
    let later = site.clock.now() + jiff::SignedDuration::from_hours(24);
    match path {
        "/sign-in" => format!("name=anna&password={PASSWORD}"),
        "/setup/{token}" => {
            site.store.put_setup_token(Digest::of(b"once").as_bytes(), later).await.unwrap();
            format!("name=anna&{passwords}")
        }
        "/password/{token}" => {
            let (link_hash, now) = (Digest::of(b"once"), site.clock.now());
            let reset = UserChange::Reset { link_hash: link_hash.as_bytes(), expires_at: later };
            site.store.change_user("anna", reset, now).await.unwrap();
            passwords.to_owned()
        }
        "/activity/{run}/cancel" => {
            assert_eq!(site.start_run().await.0, 2);
            String::new()
        }
        "/settings/users" => format!("name=new&role=viewer&{passwords}"),
        "/settings/users/{user}" => "act=role&role=viewer".to_owned(),
        "/settings/password" => format!("current={PASSWORD}&{passwords}"),
        "/settings/tokens" => "name=nightly&role=viewer&scope=runs:read&days=1".to_owned(),
        "/settings/tokens/{id}/revoke" => {
            site.token(Some("olaf"), Role::Viewer, &[Scope::RunsRead]).await;
            String::new()
        }
        "/connectors/{connector}/customers/suggestions" => {
            "choose=%5B1%2C%22c-1%22%2C%22K-7%22%5D".to_owned()
        }
        "/connectors/{connector}/customers/import" => "csv=code%0AK-7%0A&kind=ours&apply=yes".to_owned(),
        "/connectors/{connector}/accounts/{account}/customers/{customer}" => {
            "what=code&code=K-1&from=".to_owned()
        }
        "/connectors/{connector}/accounts/{account}/texts/{key}" => {
            "locale=nl-NL&name=Opslag&category=&unit=".to_owned()
        }
        "/connectors/{connector}/accounts/{account}" => "title=Contoso&locale=de-DE&zone=Europe%2FAmsterdam\
             &time=07%3A30&look_back_days=5&void_threshold_percent=10&feed=usage&feed=names&plugin.market=NL\
             &plugin.mode=daily&plugin.months=2&plugin.skip="
            .to_owned(),
        "/connectors/{connector}/consent/confirm" => {
            site.get("/connectors/test-cloud/consent/callback/global?code=one-time-code&state=good").await;
            String::new()
        }
        "/hand-over/confirm" => {
            *site = site.invited(None).await;
            site.get("/connectors/test-cloud/consent/callback/global?code=one-time-code&state=good").await;
            String::new()
        }
        "/connectors/{connector}/accounts" => {
            site.acts.take_secrets();
            "name=Exports&cloud=global&secret=s3cret".to_owned()
        }
        "/connectors/{connector}/accounts/{account}/secret" => {
            site.acts.take_secrets();
            "secret=s3cret".to_owned()
        }
        "/connectors/{connector}/hand-overs" => "cloud=global".to_owned(),
        "/connectors/{connector}/hand-overs/{id}" => {
            site.hand_over(None).await;
            "act=withdraw".to_owned()
        }
        "/plugins/{plugin}/try" => format!("version={}", connector().digest),
        "/plugins/{plugin}/versions/{digest}/activate" => "role=mapping".to_owned(),
        "/purchases/vanished" => {
            site.lose_purchases().await;
            "account=1&feed=usage&key=p1&stage=0&run=2&decision=take".to_owned()
        }
        "/notices/{id}/acknowledge" => {
            assert_eq!(site.raise_notice(1).await, 1);
            String::new()
        }
        "/periods/{account}/{month}/close" => {
            site.clock.advance_minutes(9 * 24 * 60);
            site.sign_in("anna").await;
            String::new()
        }
        _ => String::new(),
    }
}

#[tokio::test]
async fn every_act_is_written_down_once_with_who_did_it_and_before_and_after() {
    for route in ROUTES.iter().filter(|route| route.method != "get") {
        let (site, path, body) = prepared(route.path).await;
        let before = site.lines().await.len();
        let answer = match (route.method, route.path) {
            (_, "/plugins") => site.send_component("component").await,
            ("delete", _) => site.delete(&path).await,
            _ => site.post(&path, &body).await,
        };
        assert!(answer.status < 400, "{path}: {} {}", answer.status, answer.text);
        let mut lines = site.lines().await;
        lines.truncate(lines.len() - before);
        let told: Vec<_> = lines.iter().map(|line| (&line.entry.who, &line.entry.what)).collect();
        assert_eq!(lines.len(), 1, "{path}: {told:?}");
        let entry = &lines[0].entry;
        let is_guest = route.access == Access::HandOver;
        assert_eq!(entry.who, if is_guest { "hand-over 1" } else { "anna" }, "{path}: {told:?}");
        let has_state = entry.detail.get("before").is_some() && entry.detail.get("after").is_some();
        let is_exempt = WITHOUT_STATE.iter().any(|(exempt, _)| *exempt == route.path);
        assert_eq!(has_state, !is_exempt, "{path}: {}", entry.detail);
        let is_of_session = lines[0].means == if is_guest { "hand-over" } else { "session" }
            || route.path.starts_with("/s") && lines[0].means == "web";
        assert!(is_of_session || route.path == "/password/{token}", "{path}: {}", lines[0].means);
    }
}
