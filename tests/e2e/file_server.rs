//! A server of files for whoever brings the secret, as the `focus-csv` connector reads them, and a Purser that does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use purser_simulator::Config;
use url::Url;

use crate::journey::Journey;
use crate::support::{stderr, stdout};
use crate::world::World;

/// What the server lets in until it is told otherwise.
pub const SECRET: &str = "planted~file.secret-4kQz+Ew7yq";
/// Files that somebody made up.
pub const FOCUS: &str = include_str!("../../plugins/focus-csv/tests/samples/focus-1.2.csv");
/// The same in the columns of AWS.
pub const AWS: &str = include_str!("../../plugins/focus-csv/tests/samples/aws-cur.csv");
/// The same in the columns of Google.
pub const GOOGLE: &str = include_str!("../../plugins/focus-csv/tests/samples/google-export.csv");

/// The server's files by path, and whom it lets in.
#[derive(Clone)]
pub struct Files {
    held: Arc<Mutex<Held>>,
}

struct Held {
    files: BTreeMap<String, Vec<u8>>,
    secret: String,
}

impl Files {
    fn served(world: &World) -> (Self, Url) {
        let held = Held { files: BTreeMap::new(), secret: SECRET.to_owned() };
        let files = Self { held: Arc::new(Mutex::new(held)) };
        let router = Router::new().fallback(answer).with_state(files.clone());
        let base = world.runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}/exports", listener.local_addr().unwrap());
            tokio::spawn(axum::serve(listener, router).into_future());
            base
        });
        (files, base.parse().unwrap())
    }

    /// Puts a file under `/exports`; what ends in `.gz` is packed.
    pub fn put(&self, path: &str, text: &str) {
        let bytes = if path.ends_with(".gz") { packed(text) } else { text.into() };
        self.held.lock().unwrap().files.insert(format!("/exports/{path}"), bytes);
    }

    /// Lets in who brings this, and nobody else.
    pub fn admit(&self, secret: &str) {
        self.held.lock().unwrap().secret = secret.to_owned();
    }
}

async fn answer(State(files): State<Files>, uri: Uri, headers: HeaderMap) -> Response {
    let held = files.held.lock().unwrap();
    if headers.get("authorization").is_none_or(|given| given != held.secret.as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match held.files.get(uri.path()) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast());
    let mut packed = Vec::new();
    packer.read_to_end(&mut packed).unwrap();
    packed
}

/// A server of files, and a Purser that is configured for it.
pub fn journey(loudness: &'static str) -> (Journey, Files) {
    let world = World::new(Config { customers: 1, ..Config::default() });
    let (files, base) = Files::served(&world);
    let mut config = std::fs::OpenOptions::new().append(true).open(world.config()).unwrap();
    for source in ["focus-billed-cost", "focus-effective-cost", "aws-unblended-cost", "google-cost"] {
        let section = format!("[connectors.focus-csv.clouds.{source}.endpoints]\nexport = \"{base}\"\n");
        config.write_all(section.as_bytes()).unwrap();
    }
    let data = world.empty_data();
    // Leaves the plugins compiled: a compiler's own trace is gigabytes, and of nothing secret.
    world.purser(&data).args(["run", "1"]).output().unwrap();
    let journey = Journey::on(world, data, |server| {
        server.env("RUST_LOG", loudness);
    });
    (journey, files)
}

/// Adds an account by the form, as a person does, and says where its files lie.
pub fn connect(journey: &mut Journey, name: &str, source: &str, paths: &str) {
    let page = journey.open("/connectors/focus-csv/settings");
    let form = page.form_to("/connectors/focus-csv/accounts").unwrap();
    let form = form.with("name", name).with("cloud", source).with("secret", SECRET);
    let account = journey.send(form);
    assert!(account.status == 200 && account.body.contains(name), "{}", account.body);
    let path = account.url.path().to_owned();
    let form = account.form_with("revision").unwrap().with("plugin.files", paths);
    let saved = journey.send(form);
    assert!(saved.url.path() == path && saved.body.contains("Saved."), "{}", saved.body);
}

/// A command beside the server that reads this from its standard input.
pub fn fed(journey: &Journey, arguments: &[&str], input: &str) -> Output {
    let mut command = journey.world.purser(&journey.data);
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// An instant so many minutes later: of two runs the younger must look from later.
pub fn later(minutes: u32) -> String {
    format!("2026-11-16T18:{minutes:02}:05Z")
}

/// Retrieves for an account at an instant of its own, and waits; what the command says.
pub fn run(journey: &Journey, account: &str, minutes: u32) -> String {
    let mut command = journey.world.purser(&journey.data);
    command.env("PURSER_CLOCK", later(minutes));
    let output = command.args(["run", account, "--wait"]).output().unwrap();
    format!("{}{}", stdout(&output), stderr(&output))
}
