//! Plugins by pinned keys: who is let in, and what is loaded again after the operator has changed his mind.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use minisign::KeyPair;
use purser_domain::{Cast, ConnectorId, Digest};
use purser_pipeline::host::OrderError;
use purser_pipeline::plugins::{PluginError, Plugins};
use purser_pipeline::rollout::{Activation, Delivery, Rollout, RolloutError};
use purser_pipeline::run::Execution;
use purser_pipeline::trust::Trust;
use purser_runtime::Sandbox;
use purser_store::plugins::{Cause, Change, Swap};
use purser_store::runs::RunState;
use tokio_util::sync::CancellationToken;

use crate::fixtures::component_with;
use crate::second_connector::{Asked, Bench, Given, meterhub};
use crate::support::{purser, stderr, stdout};

const WHO: &str = "anna";

/// Somebody who signs.
pub struct Signer {
    name: &'static str,
    pair: KeyPair,
}

impl Signer {
    pub fn new(name: &'static str) -> Self {
        Self { name, pair: KeyPair::generate_unencrypted_keypair().unwrap() }
    }

    pub fn key(&self) -> String {
        self.pair.pk.to_base64()
    }

    pub fn sign(&self, bytes: &[u8]) -> String {
        minisign::sign(Some(&self.pair.pk), &self.pair.sk, bytes, None, None).unwrap().into_string()
    }
}

fn trust(signers: &[&Signer]) -> Trust {
    let keys: BTreeMap<String, String> =
        signers.iter().map(|signer| (signer.name.to_owned(), signer.key())).collect();
    Trust::new(&keys, &[], &[]).unwrap()
}

/// A process anew on the same folder of plugins.
fn process(folder: &Path, trust: Trust) -> Arc<Plugins> {
    let sandbox = Sandbox::new(purser_runtime::Limits::default(), None).unwrap();
    Arc::new(Plugins::new(sandbox, Some(folder.to_path_buf())).trusting(trust))
}

async fn bench() -> Bench {
    let vendor = meterhub(Asked::default());
    Bench::of(Given { package: "meterhub", cloud: "main", endpoint: "hub", feeds: &[], vendor }).await
}

fn id() -> ConnectorId {
    "meterhub".parse().unwrap()
}

fn delivery(component: &[u8], signers: &[&Signer]) -> Delivery {
    let signatures = signers.iter().map(|signer| signer.sign(component)).collect();
    Delivery { component: component.to_vec(), signatures, source: "meterhub.wasm".into() }
}

async fn at_work(rollout: &Rollout, delivery: Delivery) -> Digest {
    let digest = rollout.install(delivery, WHO).await.unwrap().0.digest;
    rollout
        .activate(&Activation { digest, roles: Vec::new(), accepts_asks: true, seen: None }, WHO)
        .await
        .unwrap();
    digest
}

async fn work(bench: &Bench) -> RunState {
    match bench.host.work_once(&CancellationToken::new()).await.unwrap() {
        Some((_, Execution::Finished(state, _))) => state,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_key_was_taken_away_is_not_loaded_and_no_other_takes_its_place() {
    let (mut bench, folder) = (bench().await, tempfile::tempdir().unwrap());
    let (anna, bob) = (Signer::new("anna"), Signer::new("bob"));
    bench.host.plugins = process(folder.path(), trust(&[&anna, &bob]));
    let former = delivery(&component_with("meterhub", &[]), &[&bob]);
    at_work(&bench.host.rollout(), former).await;
    let component = component_with("meterhub", &["next"]);
    let digest = at_work(&bench.host.rollout(), delivery(&component, &[&anna])).await;
    bench.host.order_now(bench.account.id, None, None).await.unwrap();

    bench.host.plugins = process(folder.path(), trust(&[&bob]));
    assert_eq!(work(&bench).await, RunState::Failed, "the run is pinned to what is not loaded any more");
    assert_eq!(bench.rows().await.len(), 0);
    let refused = bench.host.order_now(bench.account.id, None, None).await;
    assert!(matches!(refused, Err(OrderError::NoPlugin)), "{refused:?}");
    let given_up = bench.host.plugins.given_up().remove(&id()).unwrap();
    assert_eq!(given_up.cast, Cast::one(digest), "and it stays the one that should play");
    for part in ["PLG-402", "bob", "PLG-404"] {
        assert!(given_up.because.contains(part), "{}", given_up.because);
    }
    let standing = bench.host.rollout().standings().await.unwrap().remove(&digest).unwrap();
    assert!(!standing.may_load && standing.told[0].contains("PLG-402"), "{standing:?}");

    // Somebody who is still trusted signs it, too.
    bench.host.rollout().install(delivery(&component, &[&bob]), WHO).await.unwrap();
    bench.host.plugins = process(folder.path(), trust(&[&bob]));
    bench.host.order_now(bench.account.id, None, None).await.unwrap();
    assert_eq!(work(&bench).await, RunState::Succeeded);
    assert_eq!(bench.host.plugins.given_up(), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_slipped_in_beside_the_installing_is_not_loaded() {
    let (mut bench, folder) = (bench().await, tempfile::tempdir().unwrap());
    let anna = Signer::new("anna");
    bench.host.plugins = process(folder.path(), trust(&[&anna]));
    let rollout = bench.host.rollout();
    let good = at_work(&rollout, delivery(&component_with("meterhub", &[]), &[&anna])).await;
    // Bytes, version and roles, put where a process would look for them.
    let evil = component_with("meterhub", &["next"]);
    let digest = Digest::of(&evil);
    std::fs::write(folder.path().join(format!("{digest}.wasm")), &evil).unwrap();
    let version = rollout.version(good).await.unwrap();
    bench.host.store.add_version(&purser_store::plugins::Version { digest, ..version }).await.unwrap();
    let swaps = bench.host.store.pins().await.unwrap().into_iter();
    let swaps = swaps.map(|pin| Swap { role: pin.role, former: Some(pin.digest), digest }).collect();
    let (granted, at, who) = (Vec::new(), (bench.host.clock)(), "nobody".to_owned());
    let change = Change { connector: id(), swaps, granted, cause: Cause::Activated, at, who };
    bench.host.store.change_pins(&change).await.unwrap();
    rollout.refresh().await.unwrap();
    assert!(bench.host.plugins.active(&id()).is_none());
    assert!(bench.host.plugins.given_up()[&id()].because.contains("PLG-402"));
    let refused = rollout.load_one(digest).await;
    assert!(matches!(refused, Err(RolloutError::Plugin(PluginError::Untrusted(_)))), "{refused:?}");

    // And bytes under a name that is not theirs.
    std::fs::write(folder.path().join(format!("{good}.wasm")), &evil).unwrap();
    bench.host.plugins = process(folder.path(), trust(&[&anna]));
    let changed = bench.host.rollout().load_one(good).await;
    assert!(matches!(changed, Err(RolloutError::Plugin(PluginError::Missing))), "{changed:?}");
    let again = delivery(&component_with("meterhub", &[]), &[&anna]);
    bench.host.rollout().install(again, WHO).await.unwrap();
    bench.host.plugins = process(folder.path(), trust(&[&anna]));
    assert!(bench.host.rollout().load_one(good).await.is_ok(), "installed again, it is there again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_a_former_purser_is_loaded_without_a_signature() {
    let (mut bench, folder) = (bench().await, tempfile::tempdir().unwrap());
    bench.host.plugins = process(folder.path(), Trust::default());
    let component = component_with("meterhub", &[]);
    bench.host.rollout().settle_bundled(&component).await.unwrap();
    bench.host.plugins = process(folder.path(), trust(&[&Signer::new("anna")]));
    bench.host.rollout().refresh().await.unwrap();
    assert_eq!(bench.host.plugins.active(&id()).unwrap().digest(), Digest::of(&component));
    let named =
        Delivery { source: "bundled".into(), ..delivery(&component_with("meterhub", &["next"]), &[]) };
    let refused = bench.host.rollout().install(named, "Purser").await;
    assert!(matches!(refused, Err(RolloutError::Plugin(PluginError::Untrusted(_)))), "no name makes it so");
}

/// `purser plugin …` with a configuration.
pub struct House(pub tempfile::TempDir);

impl House {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn trusts(&self, rules: &str, signers: &[&Signer]) {
        let keys = signers.iter().map(|signer| format!("{} = \"{}\"", signer.name, signer.key()));
        let keys = keys.collect::<Vec<_>>().join(", ");
        self.write("purser.toml", format!("[plugins.trust]\nkeys = {{ {keys} }}\n{rules}\n"));
    }

    pub fn plugin(&self, args: &[&str]) -> Output {
        let mut command = purser();
        command.current_dir(self.0.path()).arg("plugin").args(args);
        command.args(["--config", "purser.toml", "--data", "data"]).output().unwrap()
    }
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(output));
    stderr(output)
}

#[test]
fn the_command_line_takes_signatures_and_tells_what_is_missing_at_once() {
    let house = House::new();
    let [anna, bob, carol] = ["anna", "bob", "carol"].map(Signer::new);
    let component = component_with("meterhub", &[]);
    house.write("hub.wasm", &component);
    house.trusts("all-of = [\"anna\", \"bob\"]", &[&anna, &bob]);

    let told = refused(&house.plugin(&["install", "hub.wasm"]));
    for part in ["PLG-400", "PLG-401 the key anna", "PLG-401 the key bob"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    house.write("hub.wasm.minisig", anna.sign(&component));
    house.write("by-bob", bob.sign(&component));
    house.write("by-carol", carol.sign(&component));
    let told = refused(&house.plugin(&["install", "hub.wasm"]));
    assert!(told.contains("key bob") && !told.contains("key anna"), "the one beside it is taken: {told}");
    let foreign = ["install", "hub.wasm", "--signature", "hub.wasm.minisig", "--signature", "by-carol"];
    let told = refused(&house.plugin(&foreign));
    assert!(told.contains("PLG-401 the key bob") && told.contains("PLG-404"), "{told}");
    house.write("wrong", bob.sign(b"something else"));
    let told = refused(&house.plugin(&["install", "hub.wasm", "--signature", "wrong"]));
    assert!(told.contains("PLG-403") && told.contains("PLG-401 the key anna"), "{told}");
    house.write("none", b"no signature");
    let told = refused(&house.plugin(&["install", "hub.wasm", "--signature", "none"]));
    assert!(told.contains("PLG-405"), "{told}");

    let both = ["install", "hub.wasm", "--signature", "hub.wasm.minisig", "--signature", "by-bob"];
    let done = house.plugin(&both);
    assert!(stdout(&done).contains("signed by anna, bob"), "{}{}", stdout(&done), stderr(&done));
    assert!(stdout(&house.plugin(&["inspect", "hub.wasm"])).contains("PLG-401 the key bob"));
    let digest = Digest::of(&component).to_string();
    assert!(stdout(&house.plugin(&["inspect", &digest])).contains("signed by anna, bob"));
    let done = house.plugin(&["activate", &digest, "--accept-calls"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let listed = stdout(&house.plugin(&["list"]));
    assert!(listed.contains("signed by anna, bob") && listed.contains("came with Purser"), "{listed}");

    house.trusts("all-of = [\"anna\", \"carol\"]", &[&anna, &carol]);
    let listed = stdout(&house.plugin(&["list"]));
    assert!(
        listed.contains("nobody serves meterhub") && listed.contains("PLG-401 the key carol"),
        "{listed}"
    );
    let listed = stdout(&house.plugin(&["list", "--json"]));
    assert!(listed.contains("\"may_load\": false") && listed.contains("came with Purser"), "{listed}");
    let told = refused(&house.plugin(&["activate", &digest]));
    assert!(told.contains("PLG-401 the key carol"), "{told}");

    house.write("purser.toml", "");
    let listed = stdout(&house.plugin(&["list"]));
    assert!(listed.contains("signed, but no key is pinned") && !listed.contains("nobody serves"), "{listed}");
}

#[test]
fn trust_that_cannot_be_read_stops_the_start() {
    let house = House::new();
    let anna = Signer::new("anna");
    house.trusts("any-of = [\"bob\"]", &[&anna]);
    let output = house.plugin(&["list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("CFG-007") && stderr(&output).contains("bob"), "{}", stderr(&output));
    house.write("purser.toml", "[plugins.trust]\nkeys = { anna = \"no key\" }\n");
    assert!(stderr(&house.plugin(&["list"])).contains("CFG-007"));
}
