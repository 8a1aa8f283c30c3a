//! Access tokens from stored grants.

use purser_vendor::client::Credentials as _;
use purser_vendor::connector::Auth;
use purser_vendor::tokens::GrantState;
use purser_vendor::vault::{KeyRing, Kind};
use purser_vendor::{Audience, Chance, GrantEffect, TokenError};
use serde_json::json;

use crate::world::{ACCOUNT, World, items};

fn audience(world: &World) -> Audience {
    match &world.connector.endpoints["api"].auth {
        Auth::OAuth(audience) => audience.clone(),
        _ => unreachable!(),
    }
}

async fn access(world: &World) -> Result<String, TokenError> {
    let token = world.source.access(ACCOUNT, &world.connector, &audience(world)).await;
    token.map(|token| token.expose().to_owned())
}

fn refusal(error: &str, code: u32) -> Vec<u8> {
    serde_json::to_vec(&json!({"error": error, "error_codes": [code], "trace_id": "trace-7"})).unwrap()
}

#[tokio::test]
async fn two_tasks_make_one_exchange() {
    let world = World::new().await;
    let (one, two) = tokio::join!(access(&world), access(&world));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(world.vendor.token_requests().len(), 1);
}

#[tokio::test]
async fn an_exchange_asks_for_one_audience_with_the_stored_token() {
    let world = World::new().await;
    access(&world).await.unwrap();
    let asked = &world.vendor.token_requests()[0];
    assert_eq!(asked["grant_type"], "refresh_token");
    assert_eq!(asked["refresh_token"], "planted-refresh-0");
    assert_eq!(asked["scope"], "openid offline_access https://api.example.net/read");
}

#[tokio::test]
async fn the_new_refresh_token_is_stored_before_the_access_token_is_used() {
    let world = World::new().await;
    world.send(&items()).await.unwrap();
    assert_eq!(world.vendor.with(|inner| inner.events.clone()), ["token", "stored", "api /api/items/42"]);
    assert_eq!(world.stored_token(), "planted-refresh-1");
    assert_eq!(*world.grants.states.lock().unwrap(), [GrantState::Works]);
}

#[tokio::test]
async fn an_access_token_is_not_used_when_the_refresh_token_can_not_be_stored() {
    let world = World::new().await;
    *world.grants.fails.lock().unwrap() = true;
    assert_eq!(access(&world).await, Err(TokenError::Store));
    assert!(world.send(&items()).await.is_err());
    assert!(world.vendor.seen().is_empty());
    assert_eq!(world.stored_token(), "planted-refresh-0");
}

#[tokio::test]
async fn a_token_is_cached_until_shortly_before_its_end() {
    let world = World::new().await;
    let first = access(&world).await.unwrap();
    world.clock.advance(3600 - 121);
    assert_eq!(access(&world).await.unwrap(), first);
    world.clock.advance(2);
    assert_ne!(access(&world).await.unwrap(), first);
    assert_eq!(world.vendor.token_requests()[1]["refresh_token"], "planted-refresh-1");
}

#[tokio::test]
async fn a_vendor_that_keeps_its_refresh_token_leaves_the_stored_one() {
    let world = World::new().await;
    world.vendor.with(|inner| inner.keeps_refresh_token = true);
    access(&world).await.unwrap();
    assert_eq!(world.stored_token(), "planted-refresh-0");
    assert_eq!(world.grants.grant.lock().unwrap().as_ref().unwrap().version, 2);
}

#[tokio::test]
async fn where_another_process_was_faster_its_token_is_taken_up() {
    let world = World::new().await;
    let theirs = world.sealed("planted-refresh-theirs", Kind::RefreshToken);
    world.vendor.with(|inner| inner.good.push("planted-refresh-theirs".into()));
    *world.grants.faster.lock().unwrap() = Some(theirs);
    assert_eq!(access(&world).await.unwrap(), "planted-access-2");
    assert_eq!(world.vendor.token_requests()[1]["refresh_token"], "planted-refresh-theirs");
    assert_eq!(world.stored_token(), "planted-refresh-2");
}

#[tokio::test]
async fn a_refusal_marks_the_grant_by_the_table_and_overwrites_nothing() {
    for (error, code, effect, stable) in [
        ("invalid_grant", 50_076, GrantEffect::NeedsConsent, "CON-MFA-REQUIRED"),
        ("invalid_client", 7_000_215, GrantEffect::OperatorFault, "CON-OPERATOR-CREDENTIAL"),
        ("invalid_grant", 12_345, GrantEffect::NeedsConsent, "CON-UNKNOWN"),
        ("something_new", 0, GrantEffect::Degraded, "CON-UNKNOWN"),
    ] {
        let world = World::new().await;
        world.vendor.token_answers(400, &[], refusal(error, code));
        let Err(TokenError::Refused(fault)) = access(&world).await else { panic!("{error} {code}") };
        assert_eq!((fault.effect, fault.code.as_str()), (effect, stable));
        assert!(fault.what.contains("trace-7") && !fault.remedy.is_empty());
        assert_eq!(*world.grants.states.lock().unwrap(), [GrantState::Fault(fault)]);
        assert_eq!(world.stored_token(), "planted-refresh-0");
    }
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_and_never_marks_the_grant() {
    let world = World::new().await;
    world.vendor.token_answers(503, &[("retry-after", "7")], refusal("temporarily_unavailable", 0));
    world.vendor.token_answers(429, &[], "later");
    assert_eq!(access(&world).await.unwrap(), "planted-access-1");
    assert_eq!(world.sleeps()[0].as_secs(), 7);
    assert_eq!(*world.grants.states.lock().unwrap(), [GrantState::Works]);

    let world = World::new().await;
    for _ in 0..10 {
        world.vendor.token_answers(500, &[], "");
    }
    assert_eq!(access(&world).await, Err(TokenError::Busy));
    world.vendor.with(|inner| inner.token_answers.clear());
    world.vendor.token_answers(400, &[], refusal("invalid_grant", 90_033));
    assert_eq!(access(&world).await, Err(TokenError::Busy));
    assert!(world.grants.states.lock().unwrap().is_empty());
    assert_eq!(access(&world).await.unwrap(), "planted-access-1");
}

#[tokio::test]
async fn a_refused_grant_is_not_asked_for_again_until_it_changes_or_time_has_passed() {
    let world = World::new().await;
    for _ in 0..2 {
        world.vendor.token_answers(400, &[], refusal("invalid_grant", 50_076));
    }
    for _ in 0..5 {
        assert!(matches!(access(&world).await, Err(TokenError::Refused(_))));
    }
    assert_eq!(world.vendor.token_requests().len(), 1);
    world.clock.advance(601);
    assert!(matches!(access(&world).await, Err(TokenError::Refused(_))));
    assert_eq!(world.vendor.token_requests().len(), 2);
    world.grants.grant.lock().unwrap().as_mut().unwrap().version = 9; // consented anew
    assert_eq!(access(&world).await.unwrap(), "planted-access-1");
}

#[tokio::test]
async fn a_loop_of_exchanges_is_stopped() {
    let world = World::new().await;
    let mut outcomes = Vec::new();
    for _ in 0..30 {
        let token = world.source.access(ACCOUNT, &world.connector, &audience(&world)).await;
        if let Ok(token) = &token {
            world.source.forget(ACCOUNT, &audience(&world), token);
        }
        outcomes.push(token.map(|_| ()));
    }
    assert_eq!(outcomes.last(), Some(&Err(TokenError::Loop)));
    assert_eq!(world.vendor.token_requests().len(), 20);
    world.clock.advance(301);
    assert!(access(&world).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_no_token_response_is_no_verdict_on_the_grant() {
    let world = World::new().await;
    world.vendor.token_answers(200, &[("content-type", "text/html")], "<html>planted</html>");
    assert_eq!(access(&world).await, Err(TokenError::Unreadable));
    assert!(world.grants.states.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_key_is_named_and_nothing_is_asked() {
    let world = World::new().await;
    let chance = Chance::seeded(8);
    let ring = KeyRing::generate(&chance).rotated(&chance).without(1).unwrap();
    world.vault.replace_ring(ring);
    assert_eq!(access(&world).await.unwrap_err().code(), "VLT-MISSING-KEY");
    assert!(world.vendor.token_requests().is_empty());
}

#[tokio::test]
async fn an_account_without_a_grant_says_so() {
    let world = World::new().await;
    *world.grants.grant.lock().unwrap() = None;
    let error = world.send(&items()).await.unwrap_err();
    assert!(error.needs_consent());
    assert_eq!(error.code(), "CON-NO-GRANT");
}

/// An audience that takes the application's own permission as well.
fn open_to_applications(world: &World) -> Audience {
    Audience { app_scopes: vec!["https://api.example.net/.default".into()], ..audience(world) }
}

async fn access_to(world: &World, audience: &Audience) -> Result<String, TokenError> {
    let token = world.source.access(ACCOUNT, &world.connector, audience).await;
    token.map(|token| token.expose().to_owned())
}

#[tokio::test]
async fn the_applications_own_permission_needs_no_person_and_leaves_the_grant_alone() {
    let world = World::new().await;
    *world.grants.application.lock().unwrap() = true;
    *world.grants.grant.lock().unwrap() = None;
    let open = open_to_applications(&world);
    let first = access_to(&world, &open).await.unwrap();
    assert_eq!(access_to(&world, &open).await.unwrap(), first, "cached");
    let asked = world.vendor.token_requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["grant_type"], "client_credentials");
    assert_eq!(asked[0]["scope"], "https://api.example.net/.default");
    assert_eq!(*world.grants.states.lock().unwrap(), [], "it says nothing of the person's grant");
    let other = Audience { name: "other".into(), ..audience(&world) };
    assert_eq!(access_to(&world, &other).await, Err(TokenError::NoGrant), "other audiences need the person");
}

#[tokio::test]
async fn an_account_that_does_not_want_it_never_uses_the_applications_permission() {
    let world = World::new().await;
    access_to(&world, &open_to_applications(&world)).await.unwrap();
    assert_eq!(world.vendor.token_requests()[0]["grant_type"], "refresh_token");
}

#[tokio::test]
async fn the_applications_token_is_not_used_once_the_account_no_longer_wants_it() {
    let world = World::new().await;
    *world.grants.application.lock().unwrap() = true;
    let open = open_to_applications(&world);
    let first = access_to(&world, &open).await.unwrap();
    *world.grants.application.lock().unwrap() = false;
    assert_ne!(access_to(&world, &open).await.unwrap(), first);
    assert_eq!(world.vendor.token_requests()[1]["grant_type"], "refresh_token");
}

#[tokio::test]
async fn where_the_application_is_refused_the_persons_grant_goes_on() {
    let world = World::new().await;
    *world.grants.application.lock().unwrap() = true;
    let refused = crate::fake::scripted(400, &[], refusal("unauthorized_client", 700_016));
    world.vendor.with(|inner| inner.token_answers.push_back(refused));
    access_to(&world, &open_to_applications(&world)).await.unwrap();
    let grants: Vec<_> =
        world.vendor.token_requests().iter().map(|form| form["grant_type"].clone()).collect();
    assert_eq!(grants, ["client_credentials", "refresh_token"]);
    assert_eq!(*world.grants.states.lock().unwrap(), [GrantState::Works]);
}

#[tokio::test]
async fn where_the_application_is_not_let_in_the_persons_token_is_tried() {
    let mut world = World::new().await;
    *world.grants.application.lock().unwrap() = true;
    let open = open_to_applications(&world);
    world.connector.endpoints.get_mut("api").unwrap().auth = Auth::OAuth(open);
    let forbidden = crate::fake::scripted(403, &[], Vec::new());
    world.vendor.with(|inner| inner.answers.push_back(forbidden));
    assert_eq!(world.send(&items()).await.unwrap().status, 200);
    let tokens: Vec<_> =
        world.vendor.seen().iter().map(|seen| seen.headers["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer planted-access-1", "Bearer planted-access-2"]);
    assert_eq!(world.vendor.token_requests()[1]["grant_type"], "refresh_token");
    // A person who is refused is refused: nothing is asked again.
    let forbidden = crate::fake::scripted(403, &[], Vec::new());
    world.vendor.with(|inner| inner.answers.push_back(forbidden));
    assert_eq!(world.send(&items()).await.unwrap().status, 403);
}
