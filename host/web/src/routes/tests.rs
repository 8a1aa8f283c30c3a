//! Every route by every role, scope and stranger.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request as HttpRequest;
use purser_store::people::Role;

use super::*;
use crate::testing::{ACCOUNT, Answer, Site};

async fn ask(site: &Site, method: &str, path: &str) -> Answer {
    match method {
        "get" => site.get(path).await,
        "delete" => site.delete(path).await,
        _ => site.post(path, "").await,
    }
}

async fn filled(site: &Site, path: &str) -> String {
    let purchase = site.purchase("VM").await;
    path.replace("{connector}", "test-cloud")
        .replace("{account}", "1")
        .replace("{plugin}", "test-cloud")
        .replace("{digest}", &crate::testing::connector().digest.to_string())
        .replace("{try}", "1")
        .replace("{cloud}", "global")
        .replace("{run}", "1")
        .replace("{month}", "2026-10")
        .replace("{customer}", "c-1")
        .replace("{key}", "key-vm")
        .replace("{ordinal}", "0")
        .replace("{token}", "token")
        .replace("{outcome}", "given")
        .replace("{user}", "nobody")
        .replace("{id}", "99")
        .replace("{*path}", "app.css")
        .replace("{purchase}", &purchase.key.to_string())
        .replace("{page}", &purchase.evidence[0].page.to_string())
}

/// Asked to sign in, or to open a link first.
fn is_turned_away(answer: &Answer) -> bool {
    let has_no_link = answer.status == 403 && answer.text.contains("WEB-HAND-OVER");
    answer.status == 401 || answer.location().starts_with("/sign-in") || has_no_link
}

/// The least role that opens a route, from viewer up; more than there are where no role does.
fn rank_needed(access: Access) -> usize {
    match access {
        Access::Open | Access::Viewer => 0,
        Access::Operator | Access::Consent => 1,
        Access::Admin => 2,
        Access::HandOver => usize::MAX,
    }
}

#[tokio::test]
async fn the_session_of_a_hand_over_opens_its_own_pages_and_nothing_else() {
    let site = Site::with_purchases().await;
    site.hand_over(None).await;
    let before = (site.store.accounts().await.unwrap(), site.lines().await.len());
    for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
        let guest = site.reopened().await;
        let path = filled(&site, route.path).await;
        let answer = ask(&guest, route.method, &path).await;
        let is_its_own = matches!(route.access, Access::HandOver | Access::Consent);
        assert_eq!(is_turned_away(&answer), !is_its_own, "{} {path}: {}", route.method, answer.status);
        assert!(answer.status < 500, "{} {path}: {}", route.method, answer.text);
        assert!(!answer.text.contains("Contoso") && !answer.text.contains("Sign out"), "{path}");
    }
    for route in ROUTES.iter().filter(|route| route.access == Access::Open && route.method == "get") {
        let answer = site.reopened().await.get(&filled(&site, route.path).await).await;
        assert!(!answer.text.contains("Sign out"), "{}: a person", route.path);
    }
    assert_eq!((site.store.accounts().await.unwrap(), site.lines().await.len()), before, "nothing was done");
    let token = site.token(None, Role::Admin, &Scope::ALL).await;
    let guest = site.reopened().await;
    assert_eq!(guest.by_token(&token).await.status, 200, "a token is a token");
    assert_eq!(guest.by_token("purser_wrong").await.status, 401, "and its session is none beside it");
}

#[tokio::test]
async fn every_route_refuses_every_role_below_its_own_and_everybody_without_a_session() {
    let mut site = Site::with_purchases().await;
    for route in ROUTES {
        let path = filled(&site, route.path).await;
        let stranger = ask(&site.with_cookie(""), route.method, &path).await;
        let is_form = route.path == "/sign-in";
        assert_eq!(
            is_turned_away(&stranger) && !is_form,
            route.access != Access::Open,
            "{} {path}",
            route.method
        );
    }
    let roles = [("vera", Access::Viewer), ("olaf", Access::Operator), ("anna", Access::Admin)];
    for (rank, (name, _)) in roles.into_iter().enumerate() {
        site.sign_in(name).await;
        for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
            let path = filled(&site, route.path).await;
            let needed = rank_needed(route.access);
            let answer = ask(&site, route.method, &path).await;
            let code = if route.access == Access::HandOver { "WEB-HAND-OVER" } else { "WEB-ROLE" };
            let is_refused = answer.status == 403 && answer.text.contains(code);
            assert_eq!(is_refused, rank < needed, "{name}: {} {path} {}", route.method, answer.status);
            assert!(answer.status < 500, "{name}: {} {path} {}", route.method, answer.text);
            if path.starts_with("/sign-out") || path == "/settings/sign-out-everywhere" {
                site.sign_in(name).await;
            }
        }
    }
}

/// The roles a token may have, least first.
const ROLES: [(Role, Access); 3] =
    [(Role::Viewer, Access::Viewer), (Role::Operator, Access::Operator), (Role::Admin, Access::Admin)];

async fn ask_by(site: &Site, token: &str, method: &str, path: &str) -> Answer {
    let request = HttpRequest::builder().method(method.to_uppercase().as_str()).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_route_for_programs_names_a_scope_and_no_other_route_does() {
    for route in ROUTES {
        assert_eq!(
            route.scope.is_some(),
            route.path.starts_with("/api/") || route.path == METRICS,
            "{}",
            route.path
        );
    }
}

#[tokio::test]
async fn every_route_refuses_every_token_without_its_scope_or_below_its_role() {
    let site = Site::with_purchases().await;
    for (rank, (role, _)) in ROLES.into_iter().enumerate() {
        for scope in Scope::ALL {
            let token = site.token(None, role, &[scope]).await;
            for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
                let path = filled(&site, route.path).await;
                let answer = ask_by(&site, &token, route.method, &path).await;
                let needed = rank_needed(route.access);
                let told = format!("{role:?} {scope:?}: {} {path} {}", route.method, answer.status);
                match route.scope {
                    None if route.access == Access::HandOver => {
                        assert!(answer.text.contains("WEB-HAND-OVER"), "{told}");
                    }
                    None => assert!(answer.location().starts_with("/sign-in"), "{told}"),
                    Some(wanted) if wanted != scope => {
                        assert!(answer.status == 403 && answer.text.contains("API-SCOPE"), "{told}");
                    }
                    Some(_) if rank < needed => {
                        assert!(answer.status == 403 && answer.text.contains("WEB-ROLE"), "{told}");
                    }
                    Some(_) => assert!(answer.status < 300, "{told}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let mut site = Site::with_purchases().await;
    site.sign_in("anna").await;
    let before = (site.store.accounts().await.unwrap(), site.store.settings(ACCOUNT).await.unwrap());
    for route in ROUTES.iter().filter(|route| route.method == "get" && !route.path.contains("/consent/")) {
        site.get(&filled(&site, route.path).await).await;
    }
    assert_eq!((site.store.accounts().await.unwrap(), site.store.settings(ACCOUNT).await.unwrap()), before);
    assert_eq!(site.store.runs(None, 10).await.unwrap().len(), 1);
    assert_eq!(site.acts.log(), Vec::<String>::new());
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let mut site = Site::with_purchases().await;
    site.sign_in("anna").await;
    let path = "/connectors/test-cloud/accounts/1/pause";
    let from = |name: &str, value: &str| {
        let kind = "application/x-www-form-urlencoded";
        HttpRequest::post(path).header("content-type", kind).header(name, value).body(Body::empty()).unwrap()
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = site.send(from(name, value)).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert!(answer.text.contains("WEB-ORIGIN"));
    }
    assert_eq!(site.acts.log(), Vec::<String>::new());
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")] {
        assert_eq!(site.send(from(name, value)).await.status, 303, "{name}: {value}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let mut site = Site::with_purchases().await;
    site.sign_in("anna").await;
    for path in [
        "/",
        "/none",
        "/sign-in",
        "/static/app.css",
        "/api/v1/purchases",
        "/purchases/export.csv",
        "/healthz",
    ] {
        let answer = site.get(path).await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(!answer.has_header("strict-transport-security"), "not on plain http: {path}");
        let cache =
            if path.starts_with("/static/") { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cache, "{path}");
    }
}

#[tokio::test]
async fn a_polled_part_sends_its_page_to_the_sign_in_when_the_session_has_ended() {
    let site = Site::with_purchases().await;
    let around = "http://localhost:8080/activity/1";
    let part =
        HttpRequest::get("/activity/1/live").header("hx-request", "true").header("hx-current-url", around);
    let answer = site.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("hx-redirect")), (401, "/sign-in?next=%2Factivity%2F1"));
}

fn links(html: &str) -> impl Iterator<Item = String> {
    let after =
        |attribute: &'static str| html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
    after(" href=\"")
        .chain(after(" src=\""))
        .filter(|link| link.starts_with('/'))
        .map(|link| link.replace("&amp;", "&").replace("&#38;", "&"))
}

#[tokio::test]
async fn no_link_is_dead_and_every_page_is_well_made() {
    let mut site = Site::with_purchases().await;
    site.restate("VM", "1300").await;
    site.sign_in("anna").await;
    let (mut waiting, mut seen) = (vec!["/".to_owned()], BTreeSet::new());
    while let Some(path) = waiting.pop() {
        if path.contains("/consent/") || !seen.insert(path.clone()) {
            continue;
        }
        let answer = site.get(&path).await;
        assert!(matches!(answer.status, 200 | 303), "{path}: {}", answer.status);
        waiting.extend(Some(answer.location().to_owned()).filter(|location| !location.is_empty()));
        if answer.header("content-type").starts_with("text/html") {
            assert_well_made(&path, &answer.text);
            waiting.extend(links(&answer.text));
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

/// What the content security policy and people who do not see or point need.
fn assert_well_made(path: &str, html: &str) {
    assert_eq!(html.matches("<h1").count(), 1, "{path}");
    for part in ["<html lang=\"en\">", "class=\"skip\"", "<main id=\"main\"", "<title>"] {
        assert!(html.contains(part), "{path}: {part}");
    }
    for part in [" style=", "<style", " onclick=", "javascript:", "hx-on"] {
        assert!(!html.contains(part), "{path}: {part}");
    }
    for script in html.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/static/"), "{path}: inline script");
    }
    for table in html.split("<table").skip(1) {
        assert!(
            table.contains("<th scope=") || table.contains("class=\"log\""),
            "{path}: a table without headings"
        );
    }
    for (position, _) in html.match_indices("class=\"scroll\"") {
        let tag = html[position..].split('>').next().unwrap();
        assert!(tag.contains("tabindex=\"0\"") && tag.contains("aria-label="), "{path}: {tag}");
    }
}
