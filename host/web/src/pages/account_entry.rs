//! `/connectors/{connector}/accounts` and `…/{account}/secret`: adds an account of a connector that asks for no consent,
//! and takes another secret for one.
//!
//! **Invariant:** a secret is on no page, also not on the one that refuses it.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_domain::AccountId;
use purser_vendor::Secret;
use serde::Deserialize;

use super::account::book_of;
use super::connector_settings::{self, Entry};
use crate::entry::{NAME, NewAccount, account_name, by_consent};
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    name: String,
    #[serde(default)]
    cloud: String,
    #[serde(default)]
    secret: String,
}

/// Adds an account.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    if connector.consent.is_some() {
        return Err(by_consent());
    }
    let chosen = connector.clouds.iter().find(|cloud| sent.cloud.is_empty() || cloud.id == sent.cloud);
    let cloud = chosen.ok_or_else(|| Problem::not_found("cloud"))?.id.clone();
    let name = account_name(&sent.name);
    let secret = if connector.takes_secret { Secret::entered(sent.secret).map(Some) } else { Ok(None) };
    let (name, secret) = match (name, secret.map_err(Problem::from)) {
        (Ok(name), Ok(secret)) => (name, secret),
        (name, secret) => {
            let problems = [name.err(), secret.err()].into_iter().flatten().collect();
            let entry = Entry { name: sent.name, cloud, problems };
            let form = connector_settings::draw(&state, &visitor, connector, entry).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response());
        }
    };
    let new = NewAccount { connector: &connector.id, cloud: &cloud, name: &name, secret };
    let account = state.acts.add_account(new, &visitor.person.name).await?;
    let path = format!("/connectors/{}/accounts/{account}", connector.id);
    visitor.tell_at("The account is connected. Choose its Locale, then run it once.", &path).await
}

/// What the form of another secret sends.
#[derive(Deserialize)]
pub(crate) struct Another {
    #[serde(default)]
    secret: String,
}

/// Takes another secret in place of the stored one.
pub(crate) async fn change_secret(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
    Form(sent): Form<Another>,
) -> Result<Response, Problem> {
    let (connector, _) = book_of(&state, &connector, account).await?;
    if !connector.takes_secret {
        return Err(by_consent());
    }
    let secret = Secret::entered(sent.secret)?;
    state.acts.change_secret(account, secret, &visitor.person.name).await?;
    let path = format!("/connectors/{}/accounts/{account}", connector.id);
    visitor.tell_at("The new secret is stored. The next run uses it.", &path).await
}

impl Entry {
    /// What is wrong with the name; empty: nothing.
    pub(crate) fn name_fault(&self) -> String {
        self.fault(|code| code == NAME)
    }

    /// What is wrong with the secret; empty: nothing.
    pub(crate) fn secret_fault(&self) -> String {
        self.fault(|code| code != NAME)
    }

    fn fault(&self, is_meant: impl Fn(&str) -> bool) -> String {
        let problem = self.problems.iter().find(|problem| is_meant(&problem.code));
        problem.map(|problem| format!("{}: {}.", problem.headline(), problem.remedy)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use purser_store::accounts::{ConsentState, Reason};

    use crate::testing::{ACCOUNT, Site};

    const SETTINGS: &str = "/connectors/test-cloud/settings";
    const ADD: &str = "/connectors/test-cloud/accounts";
    const PAGE: &str = "/connectors/test-cloud/accounts/1";
    const CHANGE: &str = "/connectors/test-cloud/accounts/1/secret";

    async fn keyed() -> Site {
        let mut site = Site::empty().await;
        site.acts.take_secrets();
        site.sign_in("olaf").await;
        site
    }

    #[tokio::test]
    async fn an_account_is_added_by_name_cloud_and_secret() {
        let site = keyed().await;
        let text = site.get(SETTINGS).await.text;
        for part in ["Connect an account", "name=\"secret\" type=\"password\"", "Moon", "Add account"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("consent"), "{text}");
        let answer = site.post(ADD, "name=+Exports+&cloud=moon&secret=s3cret+key").await;
        assert_eq!(answer.location(), PAGE);
        assert_eq!(site.acts.log(), ["add Exports in moon with a secret of 10 olaf"]);
        let text = site.get(PAGE).await.text;
        for part in ["Exports", "Entered by", "olaf", "Change secret", CHANGE] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let settings = site.get(SETTINGS).await.text;
        assert!(
            settings.contains("Secret entered by") && settings.contains("Disconnect and erase the secret")
        );
        for text in [&text, &settings] {
            assert!(!text.contains("s3cret") && !text.to_lowercase().contains("consent"), "{text}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_beside_the_field_without_the_secret() {
        let site = keyed().await;
        let long = "k".repeat(4097);
        let table = [
            ("name=&secret=s3cret", "1 to 120 characters", "s3cret"),
            ("name=a%0Ab&secret=s3cret", "1 to 120 characters", "s3cret"),
            ("name=Kept&secret=", "The secret is empty", "value=\"s3cret"),
            ("name=Kept&secret=++", "The secret is empty", "value=\"s3cret"),
            ("name=Kept&secret=s3cret%0D%0AX-Other:1", "holds a line break", "s3cret"),
            ("name=Kept&secret=s3cr%C3%A9t", "holds a line break", "s3cr"),
            (&format!("name=Kept&secret={long}"), "longer than 4096 characters", &long),
        ];
        for (form, told, never) in table {
            let answer = site.post(ADD, form).await;
            assert_eq!(answer.status, 422, "{form}");
            assert!(answer.text.contains(told), "{told}: {}", answer.text);
            assert!(!answer.text.contains(never), "{form}");
            assert!(form.starts_with("name=Kept") == answer.text.contains("value=\"Kept\""), "{form}");
        }
        assert_eq!(site.post(ADD, "name=a&cloud=mars&secret=s").await.status, 404);
        assert_eq!(site.acts.log(), Vec::<String>::new());
        assert_eq!(site.store.accounts().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_refused_secret_is_told_as_such_and_changed() {
        let site = keyed().await;
        site.post(ADD, "name=Exports&cloud=global&secret=s3cret").await;
        let reason = Reason {
            code: "RUN-SECRET".into(),
            what: "the vendor does not take the account's secret".into(),
            remedy: "enter a new secret".into(),
            since: site.clock.now(),
        };
        site.store.set_consent_state(ACCOUNT, &ConsentState::NeedsConsent(reason)).await.unwrap();
        for path in [PAGE, SETTINGS, "/connectors/test-cloud", "/"] {
            let text = site.get(path).await.text;
            assert!(text.contains("Needs a new secret"), "{path}: {text}");
            assert!(!text.contains("Renew consent") && !text.contains("consent/start"), "{path}");
        }
        assert!(site.get(PAGE).await.text.contains("enter a new secret"));
        assert_eq!(site.post(CHANGE, "secret=0ther").await.location(), PAGE);
        assert_eq!(site.acts.log()[1..], ["secret of 1, one of 5 olaf"]);
        let refused = site.post(CHANGE, "secret=0th%00er").await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains("ACC-SECRET") && !refused.text.contains("0th"), "{}", refused.text);
        assert_eq!(site.acts.log().len(), 2);
    }

    #[tokio::test]
    async fn where_there_is_no_secret_a_name_is_enough() {
        let site = keyed().await;
        site.acts.take_no_secrets();
        let text = site.get(SETTINGS).await.text;
        assert!(text.contains("Add account") && !text.contains("name=\"secret\""), "{text}");
        assert_eq!(site.post(ADD, "name=Exports").await.location(), PAGE);
        assert_eq!(site.acts.log(), ["add Exports in global olaf"]);
        let page = site.get(PAGE).await.text;
        assert!(!page.contains("Change secret"), "{page}");
        assert_eq!(site.post(CHANGE, "secret=s3cret").await.status, 409);
        assert!(
            site.get(SETTINGS)
                .await
                .text
                .contains("<button type=\"submit\" class=\"bad\">Disconnect</button>")
        );
    }

    #[tokio::test]
    async fn a_connector_with_consent_takes_no_secret_and_a_viewer_sees_no_form() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        for (path, form) in [(ADD, "name=a&secret=s3cret"), (CHANGE, "secret=s3cret")] {
            let answer = site.post(path, form).await;
            assert!(answer.status == 409 && answer.text.contains("ACC-CONSENT"), "{}", answer.text);
        }
        site.acts.take_secrets();
        site.sign_in("vera").await;
        for path in [SETTINGS, PAGE] {
            assert!(!site.get(path).await.text.contains("name=\"secret\""), "{path}");
        }
    }
}
