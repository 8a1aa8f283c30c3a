//! `purser plugin map`: one raw body through the sandbox.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use purser_pipeline::trial::{self, Trial, TrialError};
use purser_runtime::contract::manifest::Framing;
use purser_runtime::{Limits, Sandbox};

use crate::failure::Failure;

/// What to map, and with which context.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A bundled plugin's id, or a `.wasm` file.
    plugin: String,
    /// The feed the body is of.
    #[arg(long)]
    feed: String,
    /// File with one raw body as received, gzip or not; `-` for standard input.
    #[arg(long)]
    page: PathBuf,
    /// Language of texts.
    #[arg(long, default_value = "en-US")]
    locale: String,
    /// File with the plugin's settings, one JSON object.
    #[arg(long)]
    settings: Option<PathBuf>,
    /// The instant the run would look from, RFC 3339; now, unless given.
    #[arg(long)]
    as_of: Option<Timestamp>,
    /// What the request would have said: `customer=…`, `subscription=…`.
    #[arg(long = "param", value_parser = parameter, value_name = "NAME=VALUE")]
    params: Vec<(String, String)>,
    /// How the body falls into records: `json-items:/pointer`, `json-whole`, `lines` or `csv`; the feed's own, unless
    /// given.
    #[arg(long, value_parser = framing)]
    framing: Option<Framing>,
}

/// Maps, and prints one JSON object.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::new(Limits::default(), crate::data::component_cache())?;
    let plugin = sandbox.admit(&super::component(&args.plugin)?)?;
    let trial = Trial {
        feed: args.feed.clone(),
        locale: args.locale.clone(),
        settings: settings(args)?,
        as_of: args.as_of.unwrap_or_else(crate::wiring::now),
        parameters: args.params.clone(),
        framing: args.framing.clone(),
    };
    let outcome = trial::try_body(&plugin, &trial, &body(&args.page)?).map_err(|error| match error {
        TrialError::Feed(_) => Failure::input("CLI-FEED", error.to_string(), "choose one of these with --feed"),
        TrialError::Page(_) => Failure::input(
            "CLI-NO-PAGE",
            format!("the body is no page of the feed {}: {error}", args.feed),
            "give one whole body as the vendor sent it, and the feed it is of; --framing if it is framed differently",
        ),
    })?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &outcome)?;
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Args) -> anyhow::Result<String> {
    let Some(file) = &args.settings else { return Ok("{}".into()) };
    let wrong = |what: String| Failure::input("CLI-SETTINGS", what, "give a file that holds one JSON object");
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("the settings cannot be read: {error}")))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("the settings are not JSON: {error}")))?;
    if value.is_object() { Ok(text) } else { Err(wrong("the settings are no JSON object".into()).into()) }
}

fn body(page: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::input(
            "CLI-PAGE",
            format!("the page cannot be read: {error}"),
            "give a readable file, whole as received",
        )
    };
    let raw = if page.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map(String::into_bytes)
    } else {
        std::fs::read(page)
    };
    let raw = raw.map_err(|error| unreadable(&error))?;
    purser_vendor::body::unpack_whole(&raw).map_err(|error| unreadable(&error).into())
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn framing(text: &str) -> Result<Framing, String> {
    match (text, text.strip_prefix("json-items:")) {
        (_, Some(pointer)) if pointer.is_empty() || pointer.starts_with('/') => {
            Ok(Framing::JsonItems(pointer.into()))
        }
        ("json-items", _) => Ok(Framing::JsonItems("/items".into())),
        ("json-whole", _) => Ok(Framing::JsonWhole),
        ("lines", _) => Ok(Framing::Lines),
        ("csv", _) => Ok(Framing::Csv),
        _ => Err("choose json-items:/pointer, json-whole, lines or csv".into()),
    }
}
