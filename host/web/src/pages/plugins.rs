//! `/plugins` and `/plugins/{id}`: which plugin versions are at work, and everything they may ever ask for.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::acts::ConnectorView;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "plugins.html")]
struct PluginsPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "plugin.html")]
struct PluginPage {
    shell: Shell,
    plugin: ConnectorView,
    schema: String,
}

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    page(&PluginsPage { shell: Shell::load(&state, &visitor, Area::Plugins).await? })
}

/// One plugin.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(plugin): Path<String>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let schema = serde_json::to_string_pretty(&plugin.settings_schema).unwrap_or_default();
    page(&PluginPage { shell: Shell::load(&state, &visitor, Area::Plugins).await?, plugin, schema })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Site, connector};

    #[tokio::test]
    async fn a_plugin_shows_its_digest_and_every_call_with_its_purpose() {
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        assert!(site.get("/plugins").await.text.contains("href=\"/plugins/test-cloud\""));
        let text = site.get("/plugins/test-cloud").await.text;
        for part in [
            connector().digest.to_string().as_str(),
            "/v1/customers",
            "to list the customers",
            "*.files.example",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(site.get("/plugins/none").await.status, 404);
    }
}
