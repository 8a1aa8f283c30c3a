//! The app registration's credentials at the token endpoint.

use std::collections::BTreeSet;

use purser_vendor::client::Credentials as _;
use purser_vendor::connector::Auth;
use purser_vendor::{Certificate, ClientAuth, Credential, GrantEffect, Secret, TokenError};
use serde_json::json;

use crate::fake::CLIENT_SECRET;
use crate::world::{ACCOUNT, World};

fn secret(text: &str) -> Credential {
    Credential::secret(Secret::new(text.into()))
}

async fn world(credentials: Vec<Credential>) -> World {
    let mut world = World::new().await;
    world.connector.consent.as_mut().unwrap().client_auth = ClientAuth::new(credentials);
    world
}

async fn access(world: &World) -> Result<(), TokenError> {
    let Auth::OAuth(audience) = &world.connector.endpoints["api"].auth else { unreachable!() };
    let token = world.source.access(ACCOUNT, &world.connector, audience).await?;
    world.source.forget(ACCOUNT, audience, &token);
    Ok(())
}

fn shown(world: &World) -> Vec<String> {
    let asked = world.vendor.token_requests();
    asked.iter().map(|form| form.get("client_secret").cloned().unwrap_or_default()).collect()
}

#[tokio::test]
async fn where_one_credential_is_at_fault_the_other_is_tried_and_kept_to() {
    let world = world(vec![secret("planted-former"), secret(CLIENT_SECRET)]).await;
    access(&world).await.unwrap();
    access(&world).await.unwrap();
    assert_eq!(shown(&world), ["planted-former", CLIENT_SECRET, CLIENT_SECRET]);
}

#[tokio::test]
async fn each_credential_is_tried_once_and_the_first_refusal_is_told() {
    let world = world(vec![secret("planted-former"), secret("planted-wrong")]).await;
    let Err(TokenError::Refused(fault)) = access(&world).await else { panic!("it was not refused") };
    assert_eq!((fault.effect, fault.code.as_str()), (GrantEffect::OperatorFault, "CON-OPERATOR-CREDENTIAL"));
    assert_eq!(shown(&world), ["planted-former", "planted-wrong"]);
}

#[tokio::test]
async fn a_refused_grant_is_not_asked_for_by_the_other_credential() {
    let world = world(vec![secret(CLIENT_SECRET), secret("planted-other")]).await;
    let refusal = serde_json::to_vec(&json!({"error": "invalid_grant", "error_codes": [50_076]})).unwrap();
    world.vendor.token_answers(400, &[], refusal);
    assert!(matches!(access(&world).await, Err(TokenError::Refused(_))));
    assert_eq!(shown(&world), [CLIENT_SECRET]);
}

#[tokio::test]
async fn a_certificate_proves_itself_by_a_new_statement_each_time_and_shows_no_secret() {
    let certificate = include_bytes!("../../../../tests/fixtures/certificates/first.pem");
    let key = include_bytes!("../../../../tests/fixtures/certificates/first.key");
    let certificate = Credential::certificate(Certificate::from_pem(certificate, key).unwrap());
    let world = world(vec![certificate]).await;
    let token = json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3600});
    world.vendor.token_answers(503, &[], "later");
    for _ in 0..2 {
        world.vendor.token_answers(
            200,
            &[("content-type", "application/json")],
            serde_json::to_vec(&token).unwrap(),
        );
        access(&world).await.unwrap();
    }
    let asked = world.vendor.token_requests();
    for form in &asked {
        assert!(!form.contains_key("client_secret"));
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert!(form.contains_key("client_id"));
    }
    // The first was answered by "later": it was sent again with a statement of its own.
    let statements: BTreeSet<_> = asked.iter().map(|form| &form["client_assertion"]).collect();
    assert_eq!((asked.len(), statements.len()), (3, 3));
    assert_eq!(asked[0]["refresh_token"], asked[1]["refresh_token"]);
}
