//! Plugin versions for pages to show, and acts on them that are only noted.

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use purser_domain::{Cast, ConnectorId, Digest, Role, RunId};
use purser_pipeline::plugins::GivenUp;
use purser_pipeline::rollout::{Activated, Activation, Delivery};
use purser_pipeline::trust::Standing;
use purser_store::Store;
use purser_store::plugins::{Cause, Change, Swap, Version};

use super::{Answer, FakeActs, Site, connector};
use crate::{Acts as _, PluginActs, Problem};

fn version(number: &str, digest: Digest, asks: &[&str]) -> Version {
    Version {
        digest,
        connector: connector().id,
        plugin: "test-cloud".into(),
        version: number.into(),
        title: "Test Cloud".into(),
        publisher: "Example".into(),
        roles: Role::ALL.to_vec(),
        asks: asks.iter().map(|ask| (*ask).to_owned()).collect(),
        source: "bundled".into(),
        installed_at: "2026-11-01T08:00:00Z".parse().unwrap(),
        installed_by: "Purser".into(),
        barred: None,
    }
}

async fn pin(store: &dyn Store, former: Option<Digest>, digest: Digest, cause: Cause, granted: &[String]) {
    let swap = |role: Role| Swap { role, former, digest };
    let change = Change {
        connector: connector().id,
        swaps: Role::ALL.map(swap).to_vec(),
        granted: granted.to_vec(),
        cause,
        at: "2026-11-01T08:00:00Z".parse().unwrap(),
        who: "Purser".into(),
    };
    store.change_pins(&change).await.unwrap();
}

/// The version of [`connector`] as what came with the binary.
pub(super) async fn bundled(store: &dyn Store) {
    let version = version("1.2.3", connector().digest, &["GET /v1/usage of api"]);
    store.add_version(&version).await.unwrap();
    pin(store, None, version.digest, Cause::Bundled, &version.asks).await;
}

impl Site {
    /// With a later version installed that asks for more.
    pub(crate) async fn with_next_version(&self) -> Digest {
        let asks = ["GET /v1/usage of api", "GET /v2/more of api"];
        let next = version("1.3.0", Digest::of(b"next"), &asks);
        self.store.add_version(&next).await.unwrap();
        next.digest
    }

    /// With a version installed of a connector that nobody serves; its page.
    pub(crate) async fn with_unserved_version(&self) -> String {
        let lost = Version {
            connector: "lost-cloud".parse().unwrap(),
            plugin: "lost-cloud".into(),
            ..version("1.0.0", Digest::of(b"lost"), &[])
        };
        self.store.add_version(&lost).await.unwrap();
        format!("/plugins/{}/versions/{}", lost.connector, lost.digest)
    }

    /// Sends the form that installs a component.
    pub(crate) async fn send_component(&self, bytes: &str) -> Answer {
        self.send_signed("/plugins", bytes, &[]).await
    }

    /// The same with signature files; the API takes the same form.
    pub(crate) async fn send_signed(&self, path: &str, bytes: &str, signatures: &[&str]) -> Answer {
        let file = |name: &str, text: &str| {
            let head = format!("content-disposition: form-data; name=\"{name}\"; filename=\"own.wasm\"");
            format!("--b\r\n{head}\r\n\r\n{text}\r\n")
        };
        let signatures = signatures.iter().map(|text| file("signature", text)).collect::<String>();
        let body = format!("{}{signatures}--b--\r\n", file("component", bytes));
        let form = Request::post(path).header("content-type", "multipart/form-data; boundary=b");
        self.send(form.body(Body::from(body)).unwrap()).await
    }

    /// Lets a version play all roles.
    pub(crate) async fn activate(&self, digest: Digest) {
        pin(self.store.as_ref(), Some(connector().digest), digest, Cause::Activated, &[]).await;
    }
}

fn done(digest: Digest) -> Activated {
    let swaps = vec![Swap { role: Role::Mapping, former: None, digest }];
    Activated { connector: connector().id, swaps, granted: Vec::new() }
}

#[async_trait]
impl PluginActs for FakeActs {
    async fn plugin_standings(&self) -> Result<BTreeMap<Digest, Standing>, Problem> {
        let standing = |digest| match digest == Digest::of(b"next") {
            true => Standing { may_load: false, told: vec!["PLG-401 unsigned · sign it".to_owned()] },
            false => Standing { may_load: true, told: vec!["came with Purser".to_owned()] },
        };
        let versions = self.store().versions(None).await?;
        Ok(versions.into_iter().map(|version| (version.digest, standing(version.digest))).collect())
    }

    fn plugins_given_up(&self) -> BTreeMap<ConnectorId, GivenUp> {
        let because = "PLG-400 the plugin is not trusted:\n  PLG-401 unsigned · sign it".to_owned();
        let gone = GivenUp { cast: Cast::one(Digest::of(b"gone")), because, until: self.now() };
        [(connector().id, gone)].into()
    }

    async fn install_plugin(&self, delivery: Delivery, who: &str) -> Result<Version, Problem> {
        let Delivery { component, signatures, source } = delivery;
        if component == b"broken" {
            let findings = ["PLG-101 first · mend it", "PLG-107 second · mend it too"];
            let refused = Problem::new(422, "PLG-100", "the plugin is not admitted", "correct it");
            return Err(refused.with_details(findings.map(str::to_owned).to_vec()));
        }
        let signed: String = signatures.iter().map(|text| format!(" {text}")).collect();
        self.note(format!("install {source} {}{signed}", component.len()), who).await?;
        let version = version("1.3.0", Digest::of(&component), &[]);
        let installed = Version { installed_at: self.now(), ..version };
        self.store().add_version(&installed).await?;
        Ok(installed)
    }

    async fn activate_plugin(&self, activation: &Activation, who: &str) -> Result<Activated, Problem> {
        let roles: Vec<&str> = activation.roles.iter().map(|role| role.as_str()).collect();
        let accepted = if activation.accepts_asks { " accepted" } else { "" };
        let seen = match &activation.seen {
            None => "",
            Some(seen) if seen.confirmed == Some(seen.report.digest) => " seen confirmed",
            Some(_) => " seen",
        };
        self.note(format!("activate {} {}{accepted}", activation.digest, roles.join(",")) + seen, who)
            .await?;
        Ok(done(activation.digest))
    }

    async fn roll_back_plugin(
        &self,
        connector: &ConnectorId,
        role: Option<Role>,
        who: &str,
    ) -> Result<Activated, Problem> {
        let role = role.map_or("all", Role::as_str);
        self.note(format!("roll-back {connector} {role}"), who).await?;
        Ok(done(Digest::of(b"plugin")))
    }

    async fn map_plugin_again(&self, connector: &ConnectorId, who: &str) -> Result<Vec<RunId>, Problem> {
        self.note(format!("map-again {connector}"), who).await?;
        Ok(vec![RunId(7)])
    }

    async fn remove_plugin(&self, digest: Digest, who: &str) -> Result<(), Problem> {
        self.note(format!("remove {digest}"), who).await
    }
}
