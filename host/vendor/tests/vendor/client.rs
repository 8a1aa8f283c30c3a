//! The one HTTP client.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use purser_vendor::vault::Kind;
use purser_vendor::{HostPattern, HttpLimits, Outgoing, SendError};

use crate::fake::{Vendor, raw, raw_answer, stalling};
use crate::world::{ACCOUNT, World, call, connector, download, items, limits};

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

async fn text(world: &World, outgoing: &Outgoing) -> String {
    let body = world.send(outgoing).await.unwrap().body.collect(1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_call_carries_its_token_and_the_hosts_own_headers() {
    let world = World::new().await;
    let mut outgoing = call("items", &[("id", "a/b")], &[("size", "5")]);
    outgoing.headers =
        vec![("X-Locale".into(), "nl-NL".into()), ("X-Request-Id".into(), "{request-id}".into())];
    assert_eq!(text(&world, &outgoing).await, "{\"fine\":true}");
    let seen = &world.vendor.seen()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/api/items/a%2Fb", "size=5"));
    assert_eq!(seen.header("authorization"), Some("Bearer planted-access-1"));
    assert_eq!(seen.header("x-locale"), Some("nl-NL"));
    assert_eq!(seen.header("x-request-id"), Some(outgoing.request_id.to_string().as_str()));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert!(seen.header("user-agent").unwrap().starts_with("purser/"));
}

#[tokio::test]
async fn answers_give_lower_case_headers_as_received_and_no_cookies() {
    let world = World::new().await;
    world.vendor.answers(404, &[("X-Twice", "a,a"), ("Set-Cookie", "s=planted")], "gone");
    let answer = world.send(&items()).await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(answer.headers.contains(&("x-twice".into(), "a,a".into())));
    assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"));
}

#[tokio::test]
async fn a_post_sends_its_body_as_json() {
    let world = World::new().await;
    let outgoing = Outgoing { body: Some("{\"a\":1}".into()), ..call("export", &[], &[]) };
    world.vendor.answers(202, &[("location", "/api/operations/1")], "");
    let answer = world.send(&outgoing).await.unwrap();
    assert_eq!(answer.status, 202);
    let seen = &world.vendor.seen()[0];
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "{\"a\":1}"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_plain_secret_goes_into_its_header() {
    let world = World::new().await;
    world.grants.grant.lock().unwrap().as_mut().unwrap().sealed =
        world.sealed("planted-key", Kind::ApiSecret);
    world.send(&call("keyed", &[], &[])).await.unwrap();
    let seen = &world.vendor.seen()[0];
    assert_eq!(seen.header("x-api-key"), Some("planted-key"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn what_was_not_granted_is_never_sent() {
    let world = World::new().await;
    let mut header = items();
    header.headers = vec![("authorization".into(), "Bearer mine".into())];
    for outgoing in [
        call("delete", &[], &[]),
        call("items", &[("id", "..")], &[]),
        call("items", &[("id", "1")], &[("other", "1")]),
        header,
    ] {
        assert!(matches!(world.send(&outgoing).await, Err(SendError::NotGranted(_))), "{outgoing:?}");
    }
    let elsewhere = download(&"https://evil.test/".parse().unwrap(), "/x");
    assert!(matches!(world.send(&elsewhere).await, Err(SendError::HostRefused(_))));
    assert!(world.vendor.seen().is_empty() && world.vendor.token_requests().is_empty());
}

#[tokio::test]
async fn no_token_is_sent_to_a_download_host() {
    let world = World::new().await;
    world.send(&items()).await.unwrap(); // the control: this one has it
    world.send(&download(&world.vendor.base, "/blob?sig=s")).await.unwrap();
    let seen = world.vendor.seen();
    assert!(seen[0].header("authorization").is_some());
    assert_eq!((seen[1].path.as_str(), seen[1].query.as_str()), ("/blob", "sig=s"));
    assert_eq!(seen[1].header("authorization"), None);
    assert!(!format!("{:?}", seen[1]).contains("planted"));
}

#[tokio::test]
async fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    let world = World::new().await;
    world.vendor.answers(429, &[("retry-after", "57")], "");
    world.vendor.answers(503, &[("retry-after", "Mon, 23 Nov 2026 06:01:30 GMT")], "");
    assert_eq!(text(&world, &items()).await, "{\"fine\":true}");
    assert_eq!(world.sleeps(), [Duration::from_secs(57), Duration::from_secs(90)]);
}

#[tokio::test]
async fn without_retry_after_or_with_too_long_a_one_the_plugin_decides() {
    let world = World::new().await;
    world.vendor.answers(429, &[], "{\"message\":\"Try again in 57 seconds\"}");
    assert_eq!(world.send(&items()).await.unwrap().status, 429);
    world.vendor.answers(429, &[("retry-after", "121")], "");
    assert_eq!(world.send(&items()).await.unwrap().status, 429);
    world.vendor.answers(204, &[("retry-after", "10")], "");
    assert_eq!(world.send(&items()).await.unwrap().status, 204);
    assert!(world.sleeps().is_empty());
}

#[tokio::test]
async fn after_the_last_attempt_the_answer_is_given() {
    let world = World::new().await;
    for _ in 0..10 {
        world.vendor.answers(503, &[("retry-after", "1")], "");
    }
    assert_eq!(world.send(&items()).await.unwrap().status, 503);
    assert_eq!(world.vendor.seen().len(), 4);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let world = World::new().await;
    world.send(&items()).await.unwrap();
    world.vendor.answers(401, &[], "");
    assert_eq!(world.send(&items()).await.unwrap().status, 200);
    let tokens: Vec<_> =
        world.vendor.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["Bearer planted-access-1", "Bearer planted-access-1", "Bearer planted-access-2"]);
    world.vendor.answers(401, &[], "");
    world.vendor.answers(401, &[], "");
    assert_eq!(world.send(&items()).await.unwrap().status, 401);
    assert_eq!(world.vendor.seen().len(), 5);
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_with_the_same_request_id() {
    let mut world = World::new().await;
    world.connector = connector(&raw(vec![b"".to_vec(), raw_answer(100, b""), raw_answer(2, b"ok")]).await);
    assert_eq!(text(&world, &call("open", &[], &[])).await, "ok");
    let sleeps = world.sleeps();
    assert_eq!(sleeps.len(), 2);
    assert!(
        (250..=500).contains(&sleeps[0].as_millis()) && (500..=1000).contains(&sleeps[1].as_millis()),
        "{sleeps:?}"
    );
}

#[tokio::test]
async fn an_unreachable_host_is_named_after_the_last_attempt() {
    let mut world = World::new().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    world.connector = connector(&closed.parse().unwrap());
    let error = world.send(&call("open", &[], &[])).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable(_)) && error.is_transient());
    assert_eq!(world.sleeps().len(), 3);
}

#[tokio::test]
async fn a_body_cut_off_after_its_first_bytes_is_an_error() {
    let mut world = World::new().await;
    world.connector = connector(&raw(vec![raw_answer(100, b"half of it")]).await);
    let answer = world.send(&call("open", &[], &[])).await.unwrap();
    assert!(matches!(answer.body.collect(1000).await, Err(SendError::CutOff)));
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error() {
    let mut world = World::new().await;
    world.connector = connector(&stalling(raw_answer(100, b"half")).await);
    let answer = world.send(&call("open", &[], &[])).await.unwrap();
    assert!(matches!(answer.body.collect(1000).await, Err(SendError::CutOff)));
}

#[tokio::test]
async fn no_answer_in_time_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let short = HttpLimits { deadline: Duration::from_millis(50), attempts: 2, ..limits() };
    let mut world = World::with_limits(short).await;
    world.connector = connector(&format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    assert!(matches!(world.send(&call("open", &[], &[])).await, Err(SendError::TimedOut(_))));
    assert_eq!(world.sleeps().len(), 1);
}

#[tokio::test]
async fn gzip_is_unpacked_on_the_way_and_as_a_file() {
    let world = World::new().await;
    let lines = "{\"line\":1}\n".repeat(10_000);
    let twice = packed(&packed(lines.as_bytes()));
    world.vendor.answers(200, &[("content-encoding", "gzip")], packed(lines.as_bytes()));
    world.vendor.answers(200, &[("content-type", "application/gzip")], packed(lines.as_bytes()));
    world.vendor.answers(200, &[("content-encoding", "gzip")], twice);
    for _ in 0..3 {
        assert_eq!(text(&world, &download(&world.vendor.base, "/blob.gz")).await, lines);
    }
    assert_eq!(world.vendor.seen()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn truncated_gzip_is_cut_off_even_when_http_says_it_is_whole() {
    let world = World::new().await;
    let whole = packed("{\"line\":1}\n".repeat(10_000).as_bytes());
    world.vendor.answers(200, &[], whole[..whole.len() - 5].to_vec());
    let answer = world.send(&download(&world.vendor.base, "/blob.gz")).await.unwrap();
    assert!(matches!(answer.body.collect(1 << 20).await, Err(SendError::CutOff)));
}

#[tokio::test]
async fn a_gzip_bomb_is_stopped_and_stays_stopped() {
    let world = World::new().await;
    world.vendor.answers(200, &[], packed(&vec![b'0'; 50_000_000]));
    let mut body = world.send(&download(&world.vendor.base, "/blob.gz")).await.unwrap().body;
    let mut given = 0;
    let error = loop {
        match body.chunk().await {
            Ok(Some(bytes)) => given += bytes.len(),
            Ok(None) => panic!("all of it came"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TooDense(_)));
    assert!(given < 20_000_000, "{given}");
    assert!(body.chunk().await.is_err());
}

#[tokio::test]
async fn byte_caps_hold_on_the_wire_unpacked_and_collected() {
    let world = World::with_limits(HttpLimits { wire_bytes: 100, ..limits() }).await;
    world.vendor.answers(200, &[], vec![b'x'; 101]);
    let error =
        async { world.send(&call("open", &[], &[])).await?.body.collect(1000).await }.await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge(100)));

    let world = World::with_limits(HttpLimits { body_bytes: 1000, ..limits() }).await;
    world.vendor.answers(200, &[], packed(&[b'x'; 1001]));
    let answer = world.send(&items()).await.unwrap();
    assert!(matches!(answer.body.collect(10_000).await, Err(SendError::TooLarge(1000))));
    assert!(matches!(world.send(&items()).await.unwrap().body.collect(5).await, Err(SendError::TooLarge(5))));
}

#[tokio::test]
async fn redirects_stay_at_the_endpoint_or_lose_the_token() {
    let (mut world, other) = (World::new().await, Vendor::start().await);
    world.connector.download_hosts.push(HostPattern::by_operator(&other.base).unwrap());
    world.vendor.answers(302, &[("location", "/api/moved")], "");
    world.vendor.answers(307, &[("location", other.base.join("/blob?sig=1").unwrap().as_str())], "");
    assert_eq!(text(&world, &items()).await, "{\"fine\":true}");
    assert_eq!(world.vendor.seen()[1].header("authorization"), Some("Bearer planted-access-1"));
    assert_eq!(other.seen()[0].header("authorization"), None);
    assert_eq!(other.seen()[0].query, "sig=1");
}

#[tokio::test]
async fn redirects_elsewhere_or_without_end_are_refused_and_posts_never_follow() {
    let (world, other) = (World::new().await, Vendor::start().await);
    for location in [other.base.as_str(), "http://169.254.169.254/latest", "file:///etc/passwd"] {
        world.vendor.answers(302, &[("location", location)], "");
        assert!(matches!(world.send(&items()).await, Err(SendError::RedirectRefused(_))), "{location}");
    }
    assert!(other.seen().is_empty());
    for _ in 0..4 {
        world.vendor.answers(302, &[("location", "/api/again")], "");
    }
    assert!(matches!(world.send(&items()).await, Err(SendError::RedirectRefused(_))));
    world.vendor.answers(303, &[("location", "/api/elsewhere")], "");
    assert_eq!(world.send(&call("export", &[], &[])).await.unwrap().status, 303);
}

#[tokio::test]
async fn addresses_inside_are_refused_unless_the_operator_names_them() {
    let mut world = World::new().await;
    for base in ["https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "https://localhost/"] {
        world.connector.endpoints.get_mut("open").unwrap().base_url = base.parse().unwrap();
        world.connector.endpoints.get_mut("open").unwrap().by_operator = false;
        let outcome = world.send(&call("open", &[], &[])).await;
        assert!(matches!(outcome, Err(SendError::AddressRefused(_))), "{base} {outcome:?}");
    }
    world.connector.endpoints.get_mut("open").unwrap().base_url = world.vendor.base.clone();
    assert!(matches!(world.send(&call("open", &[], &[])).await, Err(SendError::HostRefused(_))));
    assert!(world.connector.check().is_err());
    assert!(world.vendor.seen().is_empty());
}

#[tokio::test]
async fn a_call_keeps_to_its_rate() {
    let world = World::new().await;
    for _ in 0..60 {
        world.send(&call("paced", &[], &[])).await.unwrap();
    }
    let waited: Duration = world.sleeps().iter().sum();
    assert!((Duration::from_secs(58)..=Duration::from_secs(62)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn patience_asked_on_one_call_holds_back_the_accounts_other_requests_of_it() {
    let world = World::with_limits(HttpLimits { attempts: 1, ..limits() }).await;
    world.vendor.answers(429, &[("retry-after", "30")], "");
    assert_eq!(world.send(&items()).await.unwrap().status, 429);
    assert_eq!(world.send(&call("open", &[], &[])).await.unwrap().status, 200);
    assert!(world.sleeps().is_empty());
    assert_eq!(world.send(&items()).await.unwrap().status, 200);
    assert_eq!(world.sleeps(), [Duration::from_secs(30)]);
}

#[tokio::test]
async fn no_more_requests_of_an_account_are_under_way_than_allowed() {
    let world = World::with_limits(HttpLimits { per_account: 2, ..limits() }).await;
    let open = call("open", &[], &[]);
    let (one, two) = (world.send(&open).await.unwrap(), world.send(&open).await.unwrap());
    let third = world.send(&open);
    tokio::pin!(third);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut third).await;
    assert!(early.is_err(), "a third went out");
    let other = world.client.send(purser_domain::AccountId(8), &world.connector, &open).await;
    assert!(other.is_ok(), "another account waits for {ACCOUNT}");
    drop(one);
    third.await.unwrap();
    drop(two);
}
