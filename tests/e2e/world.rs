//! A data directory with one connected account, and a simulated cloud for the real binary to retrieve from.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use purser_simulator::{Billing, Config, Simulator};
use purser_store::accounts::{ConsentState, Grant, HostSettings};
use purser_store::runs::Run;
use purser_store::{Accounts as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{Chance, KeyRing, Secret, Vault};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{purser, stderr};

/// The instant all clocks show when something starts: just after 19:00 CET.
pub const NOW: &str = "2026-11-16T18:00:05Z";

/// A simulated cloud, and a configuration that plugs it in.
pub struct World {
    /// Runs the simulator.
    pub runtime: Runtime,
    /// The cloud.
    pub simulator: Simulator,
    folder: TempDir,
    client_id: String,
    client_secret: String,
}

impl World {
    /// A cloud whose clock stands at [`NOW`], and that has billed the month before.
    pub fn new(config: Config) -> Self {
        Self::unbilled(Config { billing: Some(Billing::default()), ..config })
    }

    /// A cloud whose clock stands at [`NOW`]; unless the configuration says otherwise, it has billed nothing yet.
    pub fn unbilled(config: Config) -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let config = Config { clock: std::sync::Arc::new(move || now), ..config };
        let (client_id, client_secret) = (config.client_id.clone(), config.client_secret.clone());
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            purser_simulator::serve(config, listener).await.unwrap()
        });
        let folder = tempfile::tempdir().unwrap();
        let world = Self { runtime, simulator, folder, client_id, client_secret };
        let text = configuration(&world.simulator, &world.client_id, &world.client_secret);
        std::fs::write(world.config(), text).unwrap();
        world
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("purser.toml")
    }

    /// A data directory with one connected account.
    pub fn data(&self) -> Data {
        let data = Data { folder: tempfile::tempdir().unwrap() };
        self.runtime.block_on(self.connect(data.path()));
        data
    }

    /// A data directory with nothing in it.
    pub fn empty_data(&self) -> Data {
        Data { folder: tempfile::tempdir().unwrap() }
    }

    /// Starts a server that listens at an address of its own.
    pub fn serve_at(&self, data: &Data, base: &url::Url, also: impl FnOnce(&mut Command)) -> Server {
        let listen = format!("127.0.0.1:{}", base.port().unwrap());
        let log = std::fs::File::create(data.path().join("server.log")).unwrap();
        let mut command = self.purser(data);
        also(&mut command);
        Server(
            command.args(["serve", "--listen", &listen]).stdout(Stdio::null()).stderr(log).spawn().unwrap(),
        )
    }

    async fn connect(&self, folder: &Path) {
        let now: Timestamp = NOW.parse().unwrap();
        let connector: ConnectorId = "microsoft-csp".parse().unwrap();
        let store = SqliteStore::open(&folder.join("purser.db")).await.unwrap();
        let chance = Chance::seeded(1);
        let ring = KeyRing::generate(&chance);
        ring.save_new(&folder.join("purser.key")).unwrap();
        let vault = Vault::new(ring, chance);
        let account =
            store.connect_account(&connector, "global", self.simulator.tenant(), "Test", now).await.unwrap();
        let token = Secret::new(self.simulator.grant("service").unwrap().refresh);
        let identity =
            GrantIdentity { account: account.id, connector: &connector, tenant: self.simulator.tenant() };
        let sealed = vault.seal_grant(identity, Kind::RefreshToken, &token).unwrap();
        let grant = Grant {
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            user_name: "service@simulated-partner.example".into(),
            user_id: "service".into(),
            roles: None,
            consented_at: now,
            refreshed_at: now,
            version: 1,
        };
        store.put_grant(account.id, None, &grant).await.unwrap();
        store.set_consent_state(account.id, &ConsentState::Active).await.unwrap();
        let settings = HostSettings { locale: "nl-NL".into(), ..HostSettings::default() };
        store.save_settings(account.id, 0, &settings, &serde_json::json!({}), "test", now).await.unwrap();
    }

    /// A command of the binary on a data directory.
    pub fn purser(&self, data: &Data) -> Command {
        let mut command = purser();
        command.env("PURSER_CLOCK", NOW).env("PURSER_CONFIG", self.config()).env("PURSER_DATA", data.path());
        command
    }

    /// Starts a server on a data directory.
    pub fn serve(&self, data: &Data) -> Server {
        let log = std::fs::File::create(data.path().join("server.log")).unwrap();
        let child = self.purser(data).arg("serve").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Server(child)
    }

    /// Orders a run without working on it: as if a server held the directory.
    pub fn order_run(&self, data: &Data) {
        let lock = std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data.path().join("lock"))
            .unwrap();
        lock.try_lock().unwrap();
        let output = self.purser(data).args(["run", "1"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// The newest run.
    pub fn newest_run(&self, data: &Data) -> Option<Run> {
        self.runtime.block_on(async {
            let store = SqliteStore::open(&data.path().join("purser.db")).await.unwrap();
            store.runs(Some(AccountId(1)), 1).await.unwrap().into_iter().next()
        })
    }

    /// Waits until the newest run is over.
    pub fn wait_for_run(&self, data: &Data) -> Run {
        wait_for("the end of the run", || self.newest_run(data).filter(|run| run.finished_at.is_some()))
    }

    /// All Purchases as `purser export` writes them.
    pub fn export(&self, data: &Data) -> String {
        let output = self.purser(data).args(["export", "--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A configuration that plugs a simulated cloud in.
pub fn configuration(simulator: &Simulator, client_id: &str, client_secret: &str) -> String {
    let base = format!("http://{}", simulator.addr());
    format!(
        "listen = \"127.0.0.1:0\"\n[connectors.microsoft-csp]\nclient-id = \"{client_id}\"\nclient-secret = \"{client_secret}\"\n\
         [connectors.microsoft-csp.clouds.global]\nauthority = \"{base}/entra\"\ndownload-hosts = [\"{base}\"]\n\
         endpoints = {{ partner-center = \"{base}/partner-center\", graph = \"{base}/graph\" }}\n"
    )
}

/// A data directory that is removed at the end.
pub struct Data {
    folder: TempDir,
}

impl Data {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Another one with the same contents.
    pub fn copy(&self) -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.path(), copy.path());
        Self { folder: copy }
    }
}

/// Copies a folder with all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A server that is killed when it is dropped.
pub struct Server(Child);

impl Server {
    /// A server that was started otherwise.
    pub fn of(process: Child) -> Self {
        Self(process)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and gone.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Looks again and again; fails after two minutes.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited in vain for {what}");
}
