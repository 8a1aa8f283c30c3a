//! `/connectors/{connector}/settings`: connect an account, and look after those that are connected.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::connector::{AccountRow, rows};
use super::hand_overs::{self, HandOverRow};
use crate::acts::ConnectorView;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "connector_settings.html")]
struct ConnectorSettingsPage {
    shell: Shell,
    connector: ConnectorView,
    accounts: Vec<AccountRow>,
    /// What *Copy link* copies: the way to the consent, for a private window.
    link: String,
    /// Consents by link that wait, for those who decide.
    handed_over: Vec<HandOverRow>,
    /// What was entered in the form of a new account, where it could not be used.
    entry: Entry,
}

/// What was entered in the form of a new account, but the secret.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) cloud: String,
    pub(crate) problems: Vec<Problem>,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    draw(&state, &visitor, connector, Entry::default()).await
}

/// The page, also after an entry that could not be used.
pub(crate) async fn draw(
    state: &WebState,
    visitor: &Visitor,
    connector: ConnectorView,
    entry: Entry,
) -> Result<Response, Problem> {
    let shell = Shell::load(state, visitor, Area::Connectors).await?;
    let accounts = rows(state, &connector).await?;
    let path = format!("/connectors/{}/consent/start", connector.id);
    let link = state.public_url.join(&path).map_or(path, String::from);
    let handed_over = if shell.operates() { hand_overs::rows(state, &connector).await? } else { Vec::new() };
    page(&ConnectorSettingsPage { shell, connector, accounts, link, handed_over, entry })
}

#[cfg(test)]
mod tests {
    use purser_store::accounts::ConsentState;

    use crate::testing::{ACCOUNT, Site};

    #[tokio::test]
    async fn the_button_and_the_advice_are_the_connectors_words() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        let text = site.get("/connectors/test-cloud/settings").await.text;
        assert!(text.contains("Login with your Test Account") && text.contains("Use a service account."));
        assert!(text.contains("href=\"/connectors/test-cloud/consent/start?cloud=global\""));
        assert!(
            text.contains("http://localhost:8080/connectors/test-cloud/consent/start"),
            "the link to copy"
        );
        assert!(text.contains("Nothing is retrieved until an account is connected"));
    }

    #[tokio::test]
    async fn what_the_app_registration_proves_itself_by_is_shown_with_its_end() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        assert!(!site.get("/connectors/test-cloud/settings").await.text.contains("App registration"));
        site.acts.end_secret_soon();
        let text = site.get("/connectors/test-cloud/settings").await.text;
        for part in ["App registration", "ends on 2026-11-30", "in use", "in 7 days"] {
            assert!(text.contains(part), "{part}");
        }
        let dashboard = site.get("/").await.text;
        assert!(dashboard.contains("Needs attention") && dashboard.contains("ends on 2026-11-30, in 7 days"));
    }

    #[tokio::test]
    async fn what_is_not_served_in_another_cloud_is_said_beside_it() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        let text = site.get("/connectors/test-cloud/settings").await.text;
        assert!(
            text.contains("Moon</a> <span class=\"small muted\">not available there: Metered usage<"),
            "{text}"
        );
        assert_eq!(text.matches("not available there").count(), 1, "the first cloud has everything");
    }

    #[tokio::test]
    async fn a_viewer_sees_the_accounts_but_no_buttons() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let text = site.get("/connectors/test-cloud/settings").await.text;
        assert!(text.contains("Contoso Partner"));
        assert!(!text.contains("consent/start") && !text.contains("/disconnect"));
    }

    #[tokio::test]
    async fn who_has_disconnected_is_told_how_to_remove_the_application_at_the_vendor() {
        let mut site = Site::connected().await;
        site.sign_in("olaf").await;
        let words = "Delete the application in the test cloud.";
        assert!(!site.get("/connectors/test-cloud/settings").await.text.contains(words));
        site.store.set_consent_state(ACCOUNT, &ConsentState::Disconnected).await.unwrap();
        assert!(site.get("/connectors/test-cloud/settings").await.text.contains(words));
    }

    #[tokio::test]
    async fn an_operator_can_renew_test_pause_and_disconnect() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let text = site.get("/connectors/test-cloud/settings").await.text;
        for part in ["renew=1", "/accounts/1/preflight", "/accounts/1/pause", "/accounts/1/disconnect"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
