//! `/connectors/{connector}/coverage`: which kind of data bills each class of the vendor's charges.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::acts::ConnectorView;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "coverage.html")]
struct CoveragePage {
    shell: Shell,
    connector: ConnectorView,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    page(&CoveragePage { shell: Shell::load(&state, &visitor, Area::Connectors).await?, connector })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Site, coverage_row};

    #[tokio::test]
    async fn each_charge_is_shown_with_what_bills_it_and_in_which_licence_mode() {
        let mut site = Site::new().await;
        site.acts
            .cover(vec![coverage_row("seats", "daily", "Metered usage"), coverage_row("rest", "", "Names")]);
        site.sign_in("anna").await;
        let text = site.get("/connectors/test-cloud/coverage").await.text;
        for part in ["Class seats", "daily", "Metered usage", "note of rest", "any"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let connector = site.get("/connectors/test-cloud").await.text;
        assert!(connector.contains("/connectors/test-cloud/coverage"));
    }

    #[tokio::test]
    async fn a_connector_without_classes_says_so() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        let text = site.get("/connectors/test-cloud/coverage").await.text;
        assert!(
            text.contains("This connector has no classes of charges") && !text.contains("<table"),
            "{text}"
        );
        assert_eq!(site.get("/connectors/nobody/coverage").await.status, 404);
    }
}
