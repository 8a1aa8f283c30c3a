//! The real server with a hostile plugin installed: while it is attacked it answers, another account is served, and the
//! stop is counted where operators look.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use purser_store::Accounts as _;
use purser_store::accounts::HostSettings;
use purser_store_sqlite::SqliteStore;
use serde_json::Value;

use crate::ground::serve;
use crate::vendor::{ATTACKED, NEIGHBOUR, Vendor};
use crate::{components, trial, wait};

#[path = "../e2e/support.rs"]
mod support;

/// How long the server may take to answer while an attack goes on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub fn trials() -> impl Iterator<Item = Trial> {
    [trial("a_server_answers_and_serves_others_while_a_plugin_loops", || wait(attacked()))].into_iter()
}

/// A data directory with its configuration, and the server on it.
struct Site {
    folder: tempfile::TempDir,
    server: Option<Child>,
    http: reqwest::Client,
    base: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

impl Site {
    fn new(vendor: &url::Url) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = format!("http://127.0.0.1:{}", support::free_port());
        let config = format!(
            "data = {:?}\nlisten = {:?}\n[connectors.hostile.clouds.main.endpoints]\napi = {:?}\n\
             [plugins.limits]\ndeadline-base-ms = 1500\n",
            folder.path().join("data"),
            base.trim_start_matches("http://"),
            vendor.as_str()
        );
        support::file(&folder, "purser.toml", &config);
        let http = reqwest::Client::builder().timeout(ANSWERS_WITHIN).build().unwrap();
        Self { folder, server: None, http, base }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = support::purser();
        command.args(arguments).env("PURSER_CONFIG", self.folder.path().join("purser.toml"));
        command
    }

    /// What a command prints.
    fn purser(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", support::stderr(&output));
        support::stdout(&output).trim().to_owned()
    }

    fn add_account(&self, name: &str, secret: &str) {
        let file = support::file(&self.folder, name, secret);
        let file = file.to_str().unwrap();
        self.purser(&["account", "add", "hostile", "--name", name, "--secret-file", file]);
    }

    fn start(&mut self) {
        let mut server =
            self.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        // It goes on to print, and must have whom to.
        std::thread::spawn(move || output.lines().count());
        assert!(line.starts_with("Purser on"), "{line}");
        self.server = Some(server);
    }

    async fn get(&self, path: &str, token: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(token).send().await;
        answer.unwrap_or_else(|error| panic!("{path}: {error:?}")).text().await.unwrap()
    }
}

async fn attacked() {
    let vendor = Vendor::default();
    vendor.answer("loop\n");
    let mut site = Site::new(&serve(vendor.routes()).await);
    let component = site.folder.path().join("hostile.wasm");
    std::fs::write(&component, components::plain("hostile")).unwrap();
    site.purser(&["plugin", "install", component.to_str().unwrap()]);
    site.purser(&["plugin", "activate", "hostile@0.1.0", "--accept-calls"]);
    site.add_account("attacked", ATTACKED);
    site.add_account("neighbour", NEIGHBOUR);
    only_records(&site).await;
    let scopes = ["purchases:read", "runs:read", "runs:order", "metrics:read", "plugins:read"];
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    let arguments: Vec<&str> = ["token", "create", "test"].into_iter().chain(scopes).collect();
    let token = site.purser(&arguments);
    site.start();
    for account in [1, 2] {
        let url = format!("{}/api/v1/accounts/{account}/runs", site.base);
        let ordered = site.http.post(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(ordered.status().as_u16(), 202, "{}", ordered.text().await.unwrap());
    }
    let attacked = ended(&site, 1, &token).await;
    assert!(attacked["report"]["notes"].to_string().contains("PLG-202"), "{attacked}");
    assert_eq!(attacked["report"]["balance"]["rejected"].to_string(), "{}", "{attacked}");
    assert_eq!(ended(&site, 2, &token).await["report"]["balance"]["purchased"]["records"], 3);
    let metrics = site.get("/metrics", &token).await;
    let stopped = "role=\"mapping\",function=\"map\",outcome=\"PLG-202\"} 2";
    assert!(metrics.lines().any(|line| line.ends_with(stopped)), "{metrics}");
    let used: Value =
        serde_json::from_str(&site.get("/api/v1/connectors/hostile/plugins/usage", &token).await).unwrap();
    assert_eq!(used["versions"][0]["records"]["mapped"], 3, "{used}");
}

/// The other feeds are attacks of their own.
async fn only_records(site: &Site) {
    let database = site.folder.path().join("data/purser.db");
    let store = SqliteStore::open(&database).await.unwrap();
    for account in store.accounts().await.unwrap() {
        let settings = store.settings(account.id).await.unwrap();
        let host = HostSettings { feeds: vec!["records".into()], ..settings.host };
        let now = "2026-11-15T17:00:00Z".parse().unwrap();
        store
            .save_settings(account.id, settings.revision, &host, &settings.plugin, "test", now)
            .await
            .unwrap();
    }
}

/// A run once it has ended; until then the server must answer.
async fn ended(site: &Site, run: u32, token: &str) -> Value {
    for _ in 0..600 {
        assert_eq!(site.get("/healthz", token).await, "ok\n");
        let run: Value =
            serde_json::from_str(&site.get(&format!("/api/v1/runs/{run}"), token).await).unwrap();
        if !run["finished_at"].is_null() {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the run does not end");
}
