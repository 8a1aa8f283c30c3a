//! Planted secrets are looked for in everything that is shown or logged, with a control that would be found.

use std::io;
use std::sync::{Arc, Mutex};

use purser_vendor::connector::Auth;
use purser_vendor::vault::Kind;
use purser_vendor::{Outgoing, SendError, Target};
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::fake::CLIENT_SECRET;
use crate::world::{ACCOUNT, World, call, download, items};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// Everything from every crate, as the binary would log it at its loudest.
fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Walks through consent, exchange, calls, refusals and failures.
async fn walk(world: &World) -> Vec<String> {
    let mut shown = Vec::new();
    let session = b"planted-session";
    let begun = world.consent.begin(&world.connector, session, None).await.unwrap();
    let query = world.vendor.sign_in(&begun.redirect, world.now(), json!({}));
    let confirmation = world.consent.finish(&world.connector, &query, session).await.unwrap();
    let grant = world.consent.confirm(&confirmation.handle, session).await.unwrap();
    shown.push(format!("{grant:?}"));
    let again = world.consent.finish(&world.connector, &query, session).await.unwrap_err();
    shown.push(format!("{again} {again:?}"));
    world.vendor.answers(401, &[], "");
    shown.push(format!("{:?}", world.send(&items()).await.unwrap()));
    world
        .send(&download(&world.vendor.base, "/blob/planted-in-the-path?sig=planted-signature"))
        .await
        .unwrap();
    let elsewhere = Target::Absolute("https://evil.test/?sig=planted-signature".into());
    shown.push(refused(world, &Outgoing { target: elsewhere, ..items() }).await);
    world.clock.advance(7200);
    let body = json!({"error": "odd error", "error_description": "planted-refresh-0", "error_codes": [1]});
    world.vendor.token_answers(400, &[], serde_json::to_vec(&body).unwrap());
    shown.push(refused(world, &items()).await);
    world.clock.advance(7200);
    world.vendor.token_answers(200, &[("content-type", "text/html")], "planted-access-9");
    shown.push(refused(world, &items()).await);
    world.grants.grant.lock().unwrap().as_mut().unwrap().sealed =
        world.sealed("planted-key", Kind::ApiSecret);
    world.send(&call("keyed", &[], &[])).await.unwrap();
    shown
}

async fn refused(world: &World, outgoing: &Outgoing) -> String {
    let error: SendError = world.send(outgoing).await.unwrap_err();
    let chain = std::error::Error::source(&error).map(|source| format!("{source} {source:?}"));
    format!("{error} {error:?} {} {chain:?}", error.remedy())
}

/// In a process of its own: what other tests register with `tracing` decides what a capture gets to see.
#[test]
fn no_secret_is_logged_even_at_trace_level() {
    let own = std::env::current_exe().unwrap();
    let args = ["--exact", "secrets::log_at_trace_level", "--ignored"];
    let output = std::process::Command::new(own).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "run by the test above, alone"]
async fn log_at_trace_level() {
    let (log, _guard) = capture();
    let world = World::new().await;
    walk(&world).await;
    let text = log.text();
    for expected in ["vendor request", "token request", "http.status=401", "http.path=\"/api/items/42\""] {
        assert!(
            text.contains(expected),
            "the log is not the one we think: no {expected}\n{}",
            text.lines().filter(|line| line.contains("purser_vendor")).collect::<Vec<_>>().join("\n")
        );
    }
    let found: Vec<&str> = text.lines().filter(|line| line.contains("planted")).collect();
    assert!(found.is_empty(), "{found:#?}");
    tracing::trace!(token = "planted-control", "control");
    assert!(log.text().contains("planted-control"), "the search would find nothing");
}

/// A process of its own that panics, with all it prints.
fn crashed(test: &str) -> String {
    let own = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(own);
    let output = command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_panic_amid_a_consent_prints_no_secret() {
    let told = crashed("secrets::panic_with_everything_at_hand");
    assert!(told.contains("panicked at") && told.contains("stack backtrace"), "{told}");
    assert!(told.contains("[secret]"), "the connector with its client secret was in the message: {told}");
    assert!(!told.contains("planted"), "{told}");
    assert!(
        crashed("secrets::panic_with_a_leak").contains("planted-control"),
        "the search would find nothing"
    );
}

#[tokio::test]
#[ignore = "run by the test above, alone"]
async fn panic_with_everything_at_hand() {
    let world = World::new().await;
    let shown = walk(&world).await;
    let outcome = world.send(&items()).await;
    panic!("{shown:?} {outcome:?} {:?} {:?}", world.connector, world.flows.0.lock().unwrap());
}

#[tokio::test]
#[ignore = "run by the test above, alone"]
async fn panic_with_a_leak() {
    panic!("planted-control");
}

#[tokio::test]
async fn no_secret_is_in_what_is_displayed_or_debugged() {
    let world = World::new().await;
    let mut shown = walk(&world).await;
    shown.push(format!("{:?}", world.connector));
    shown.push(format!(
        "{:?}",
        world.vault.seal_grant(
            purser_vendor::vault::GrantIdentity {
                account: ACCOUNT,
                connector: &world.connector.id,
                tenant: "t"
            },
            Kind::RefreshToken,
            &purser_vendor::Secret::new("planted".into()),
        )
    ));
    let shown = shown.join("\n");
    assert!(!shown.contains("planted"), "{shown}");
    assert!(shown.contains("[secret]"), "the connector with its client secret {CLIENT_SECRET} was looked at");
    assert!(matches!(world.connector.endpoints["api"].auth, Auth::OAuth(_)));
}
