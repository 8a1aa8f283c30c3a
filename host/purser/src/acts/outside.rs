//! Signing in elsewhere, as the pages take it: groups become a role here, by the configuration.

use async_trait::async_trait;
use purser_store::access::Identity;
use purser_store::people::Role;
use purser_vendor::operator::{OperatorError, OperatorSignIn, Vouched};
use purser_web::{OutsideSignIn, Outsider, Problem};
use url::Url;

use crate::config::Oidc;

/// One provider, and what its groups give.
pub struct Outside {
    /// The protocol.
    pub sign_in: OperatorSignIn,
    /// What the configuration says.
    pub oidc: Oidc,
}

#[async_trait]
impl OutsideSignIn for Outside {
    fn title(&self) -> &str {
        &self.oidc.title
    }

    async fn begin(&self, browser: &[u8; 32]) -> Result<Url, Problem> {
        self.sign_in.begin(browser).await.map_err(problem)
    }

    async fn finish(&self, browser: &[u8; 32], query: &[(String, String)]) -> Result<Outsider, Problem> {
        let vouched = self.sign_in.finish(browser, query).await.map_err(problem)?;
        let role = role(&self.oidc, &vouched.groups).ok_or_else(|| no_group(&self.oidc))?;
        let Vouched { issuer, subject, name, .. } = vouched;
        Ok(Outsider { identity: Identity { issuer, subject }, name, role })
    }
}

/// The highest that a group gives.
fn role(oidc: &Oidc, groups: &[String]) -> Option<Role> {
    let gives = |named: &[String]| groups.iter().any(|group| named.contains(group));
    let roles = [
        (&oidc.admin_groups, Role::Admin),
        (&oidc.operator_groups, Role::Operator),
        (&oidc.viewer_groups, Role::Viewer),
    ];
    roles.into_iter().find(|(named, _)| gives(named)).map(|(_, role)| role)
}

/// Names the configuration's groups, never the person's.
fn no_group(oidc: &Oidc) -> Problem {
    let keys = [
        ("admin-groups", &oidc.admin_groups),
        ("operator-groups", &oidc.operator_groups),
        ("viewer-groups", &oidc.viewer_groups),
    ];
    let named = keys.into_iter().filter(|(_, groups)| !groups.is_empty());
    let named: Vec<String> = named.map(|(key, groups)| format!("{key}: {}", groups.join(", "))).collect();
    let what = format!(
        "you signed in, but are in none of the groups that this Purser lets in ({})",
        named.join("; ")
    );
    Problem::new(
        403,
        "OIDC-NO-GROUP",
        what,
        "ask whoever manages the groups to be added to one of them, and sign in again",
    )
}

fn problem(error: OperatorError) -> Problem {
    let status = if error.is_of_provider() { 502 } else { 403 };
    Problem::new(status, error.code(), error.to_string(), error.remedy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oidc() -> Oidc {
        Oidc {
            title: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            client_secret_file: None,
            scopes: Vec::new(),
            groups_claim: "groups".into(),
            admin_groups: vec!["purser-admins".into()],
            operator_groups: vec!["billing".into()],
            viewer_groups: vec!["everybody".into(), "billing".into()],
        }
    }

    #[test]
    fn groups_give_the_highest_role_and_only_by_their_whole_name() {
        let role =
            |groups: &[&str]| role(&oidc(), &groups.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(role(&["everybody", "purser-admins"]), Some(Role::Admin));
        assert_eq!(role(&["billing"]), Some(Role::Operator));
        assert_eq!(role(&["everybody"]), Some(Role::Viewer));
        for none in [&[][..], &["purser-admin"], &["Purser-Admins"], &["purser-admins2"]] {
            assert_eq!(role(none), None, "{none:?}");
        }
    }

    #[test]
    fn who_is_in_no_group_is_told_the_groups_of_the_configuration() {
        let told = no_group(&oidc());
        assert_eq!(told.status, 403);
        assert!(told.what.contains("admin-groups: purser-admins; operator-groups: billing"), "{}", told.what);
    }
}
