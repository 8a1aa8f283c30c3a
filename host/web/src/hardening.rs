//! What an attacker tries on the pages: frames, open redirects, forged host names, referrers. Every route is asked.

use axum::body::Body;
use axum::http::Request;

use crate::routes::{Access, ROUTES};
use crate::testing::{Answer, Site};

const EVIL: &str = "https://evil.example/";

/// Routes with something in each place of their path.
fn paths(method: &str) -> impl Iterator<Item = String> {
    let fill = |part: &str| match part {
        "{connector}" | "{plugin}" => "test-cloud".to_owned(),
        "{cloud}" => "global".to_owned(),
        "{month}" => "2026-10".to_owned(),
        "{*path}" => "app.css".to_owned(),
        _ if part.starts_with('{') => "1".to_owned(),
        _ => part.to_owned(),
    };
    let of_method = ROUTES.iter().filter(move |route| route.method == method);
    of_method.map(move |route| route.path.split('/').map(fill).collect::<Vec<_>>().join("/"))
}

async fn as_anna() -> Site {
    let mut site = Site::with_purchases().await;
    site.sign_in("anna").await;
    site
}

/// Never to another site, but to the vendor's own sign-in page.
fn stays_here(answer: &Answer) -> bool {
    let location = answer.location();
    location.is_empty()
        || location.starts_with("https://login.example/")
        || (location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\"))
}

#[tokio::test]
async fn no_page_may_be_framed_whoever_asks() {
    let site = as_anna().await;
    for path in paths("get") {
        for asking in [site.clone(), site.with_cookie("")] {
            let answer = asking.get(&path).await;
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert!(answer.header("content-security-policy").contains("form-action 'self'"), "{path}");
            assert!(["same-origin", "no-referrer"].contains(&answer.header("referrer-policy")), "{path}");
        }
    }
}

#[tokio::test]
async fn no_parameter_leads_to_another_site() {
    let site = as_anna().await;
    let names = ["next", "return", "return_to", "returnUrl", "redirect", "redirect_uri", "url", "to", "iss"];
    let query: Vec<String> = names.iter().map(|name| format!("{name}={EVIL}")).collect();
    let query = query.join("&");
    for path in paths("get") {
        let answer = site.get(&format!("{path}?{query}")).await;
        assert!(stays_here(&answer), "{path} leads to {}", answer.location());
        let answer = site.with_cookie("").get(&format!("{path}?{query}")).await;
        assert!(stays_here(&answer), "{path} leads to {}", answer.location());
    }
    for path in paths("post").filter(|path| path != "/sign-out") {
        let answer = site.post(&path, &query).await;
        assert!(stays_here(&answer), "{path} leads to {}", answer.location());
    }
    let next = format!("name=anna&password={}&next={EVIL}", crate::testing::PASSWORD);
    assert_eq!(site.post("/sign-in", &next).await.location(), "/");
}

#[tokio::test]
async fn what_is_posted_is_redirected_with_see_other_and_nothing_else() {
    let site = as_anna().await;
    let mut redirected = 0;
    for path in paths("post").filter(|path| path != "/sign-out") {
        let status = site.post(&path, "").await.status;
        assert!(!(300..400).contains(&status) || status == 303, "{path}: {status}");
        redirected += usize::from(status == 303);
    }
    assert!(redirected > 3, "nothing was redirected: {redirected}");
    assert_eq!(site.post("/sign-out", "").await.status, 303);
}

/// Nor does a header that only a proxy should set: no address we write is made from what a request claims.
#[tokio::test]
async fn no_address_is_made_from_what_a_request_says_of_its_host() {
    let site = as_anna().await;
    for path in paths("get") {
        let request = Request::get(&path)
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "gopher")
            .header("x-forwarded-for", "203.0.113.66")
            .header("forwarded", "host=evil.example;proto=gopher")
            .header("x-original-url", "/evil.example");
        let answer = site.send(request.body(Body::empty()).unwrap()).await;
        let told = format!("{:?}{}", answer.headers, answer.text);
        assert!(!told.contains("evil.example") && !told.contains("gopher"), "{path}");
    }
}

#[tokio::test]
async fn the_consent_pages_are_for_those_who_are_signed_in() {
    let site = Site::with_purchases().await;
    let consent = ROUTES.iter().filter(|route| route.path.contains("/consent/"));
    assert!(consent.clone().count() >= 5);
    for route in consent {
        assert_ne!(route.access, Access::Open, "{}", route.path);
    }
    for path in paths("get").filter(|path| path.contains("/consent/")) {
        assert!(site.get(&path).await.location().starts_with("/sign-in"), "{path}");
    }
}
