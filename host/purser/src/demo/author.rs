//! `purser demo --plugin`: a Purser with an author's plugin at work, an account connected, and one run done over recorded
//! answers, so that its Purchases are in the browser.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::AccountId;
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::recording::Recording;
use purser_pipeline::rollout::{Activation, Delivery, Rollout};
use purser_runtime::contract::manifest::{Auth, Descriptor};
use purser_runtime::{Limits, Sandbox};
use purser_store::Accounts as _;
use purser_store::accounts::HostSettings;
use purser_vendor::{Connector, Secret};
use purser_web::NewAccount;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{MovedClock, SignIn, recorded};
use crate::command::{COMMAND_LINE, run, serve};
use crate::config::{Cloud, Config, Connector as Configured};
use crate::data::DataDir;
use crate::failure::Failure;
use crate::kit::project::Project;
use crate::say::say;
use crate::wiring::Purser;

/// What the demo's account is called.
const ACCOUNT: &str = "Demo";

/// Runs the demo until somebody stops it.
///
/// # Errors
/// Where the plugin does not build, is refused, or cannot be demonstrated.
pub async fn show(
    data: &DataDir,
    listen: SocketAddr,
    plugin: &Path,
    answers: &Path,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let component = component(plugin)?;
    let recording = crate::kit::answers::read(answers)?;
    let clock = clock_of(&recording)?;
    let listener = super::listener(listen).await?;
    let cloud = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let here = cloud.local_addr()?;
    let admitted = Sandbox::new(Limits::default(), crate::data::component_cache())?.admit(&component)?;
    let descriptor = demonstrable(admitted.descriptor())?.clone();
    let mut config = configuration(&descriptor, &recording, here)?;
    config.listen = listener.local_addr()?;
    let vendor = recorded::vendor(&recording, &connector(&config, &descriptor, &recording)?, here);
    let answering = tokio::spawn(axum::serve(cloud, vendor).into_future());
    let purser = Arc::new(Purser::open(&config, data, clock.clock()).await?);
    install(&purser, component, &clock).await?;
    let account = connect(&purser, &descriptor, &recording, clock.now()).await?;
    let sign_in = SignIn { name: "admin", password: purser.random_password() };
    purser.make_admin(sign_in.name, &sign_in.password).await?;
    let (serving, token) = (purser.clone(), stop.clone());
    let served = tokio::spawn(async move { serve::serve(&serving, listener, token).await });
    retrieve(&purser, account, &recording, &stop).await?;
    let url = config.public_url()?;
    say!("\nPurchases      {}", url.join("purchases")?);
    say!("sign in as     {}   password   {}", sign_in.name, sign_in.password);
    say!("{:<14} answers from {} on http://{here}", descriptor.title, answers.display());
    say!("\nCtrl-C ends the demo.");
    stop.cancelled().await;
    answering.abort();
    served.await?
}

fn component(plugin: &Path) -> anyhow::Result<Vec<u8>> {
    match plugin.is_file() {
        true => Ok(std::fs::read(plugin)?),
        false => Ok(Project::open(plugin)?.build()?.1),
    }
}

/// The clock shows when the recorded run looked.
fn clock_of(recording: &Recording) -> anyhow::Result<MovedClock> {
    let as_of: Timestamp = recording.head.context.as_of.parse().map_err(|_| unusable("as-of"))?;
    let clock = MovedClock::real();
    clock.set(as_of);
    Ok(clock)
}

fn unusable(what: &str) -> Failure {
    let remedy = "write it as `purser plugin new` does in recordings/answers.jsonl";
    Failure::input("CLI-RECORDING", format!("the recording's {what:?} cannot be used"), remedy)
}

/// A connector of its own whose accounts need no browser to come about.
fn demonstrable(descriptor: &Descriptor) -> anyhow::Result<&Descriptor> {
    let (what, remedy) = match descriptor {
        Descriptor { extends: Some(_), .. } => (
            "the plugin plays roles of another connector",
            "look at it with `purser plugin test`, and with `purser plugin try` on pages that are stored",
        ),
        Descriptor { consent: Some(_), .. } => (
            "the plugin's accounts need a consent, and a recording has none",
            "look at it with `purser plugin test`, and with `purser serve` against the vendor",
        ),
        usable => return Ok(usable),
    };
    Err(Failure::input("CLI-DEMO", what, remedy).into())
}

/// Each endpoint is a path of the vendor here.
fn configuration(descriptor: &Descriptor, recording: &Recording, here: SocketAddr) -> anyhow::Result<Config> {
    let names = descriptor.endpoints.iter().map(|endpoint| &endpoint.name);
    let at = |name: &String| Ok((name.clone(), url::Url::parse(&format!("http://{here}/{name}"))?));
    let endpoints = names.map(at).collect::<anyhow::Result<_>>()?;
    let cloud =
        Cloud { endpoints, download_hosts: recorded::download_hosts(recording, here), ..Cloud::default() };
    let clouds = [(recording.head.context.cloud.clone(), cloud)].into();
    let connector = Configured { clouds, ..Configured::default() };
    Ok(Config { connectors: [(descriptor.id.clone(), connector)].into(), ..Config::default() })
}

/// What the plugin may ask, at the addresses of the demo.
fn connector(config: &Config, descriptor: &Descriptor, recording: &Recording) -> anyhow::Result<Connector> {
    let cloud = &recording.head.context.cloud;
    let own = config.connectors.get(&descriptor.id).and_then(|connector| connector.clouds.get(cloud));
    let own = own.map(|own| CloudConfig {
        endpoints: own.endpoints.clone(),
        download_hosts: own.download_hosts.clone(),
        authority: None,
    });
    let clouds = own.into_iter().map(|own| (cloud.clone(), own)).collect();
    let connectors =
        [(descriptor.id.parse()?, ConnectorConfig { clouds, ..ConnectorConfig::default() })].into();
    Ok(Clouds { public_url: config.public_url()?, connectors }.connector(descriptor, cloud)?)
}

/// As the commands `install` and `activate` do.
async fn install(purser: &Purser, component: Vec<u8>, clock: &MovedClock) -> anyhow::Result<()> {
    let rollout =
        Rollout { store: purser.store.clone(), plugins: purser.host.plugins.clone(), clock: clock.clock() };
    let delivery = Delivery { component, signatures: Vec::new(), source: "demo".to_owned() };
    let (version, _) = rollout.install(delivery, COMMAND_LINE).await?;
    let activation = Activation { digest: version.digest, roles: Vec::new(), accepts_asks: true, seen: None };
    rollout.activate(&activation, COMMAND_LINE).await?;
    Ok(())
}

/// An account with the settings the recorded run had; its secret is as good as any here.
async fn connect(
    purser: &Purser,
    descriptor: &Descriptor,
    recording: &Recording,
    now: Timestamp,
) -> anyhow::Result<AccountId> {
    let takes_secret =
        descriptor.endpoints.iter().any(|endpoint| matches!(endpoint.auth, Auth::SecretHeader(_)));
    let context = &recording.head.context;
    let new = NewAccount {
        connector: &descriptor.id.parse()?,
        cloud: &context.cloud,
        name: ACCOUNT,
        secret: takes_secret.then(|| Secret::new("demo".to_owned())),
    };
    let account = purser.acts().add_account(new, COMMAND_LINE).await.map_err(Failure::from)?;
    let host = HostSettings { locale: context.locale.clone(), ..HostSettings::default() };
    let settings = serde_json::from_str(context.settings.get())?;
    let former = purser.store.settings(account).await?;
    purser.store.save_settings(account, former.revision, &host, &settings, COMMAND_LINE, now).await?;
    Ok(account)
}

/// Over the days the recorded run looked at.
async fn retrieve(
    purser: &Purser,
    account: AccountId,
    recording: &Recording,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let date = |text: &str| text.parse::<Date>().map_err(|_| unusable("window"));
    let context = &recording.head.context;
    let first = recording.head.first_days.values().min().unwrap_or(&context.window_from);
    let (from, to) = (date(first)?, date(&context.window_to)?);
    let ordered = purser.order(account, Some(from), Some(to)).await?;
    if let Some(ended) = run::watch(purser.store.as_ref(), ordered, stop).await? {
        run::summary(&ended);
    }
    Ok(())
}
