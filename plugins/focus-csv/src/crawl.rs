//! What to ask, and what an answer means: one partition a billing month, replaced as a whole by its file or parts.

use purser_plugin_sdk::crawl::{CallTarget, Incompleteness, Partition, Request, Response, Step, Target};
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::pairs::{pair, pairs};
use purser_plugin_sdk::types::{Problem, RunContext};

use crate::files::{Template, months};
use crate::manifest::call_name;
use crate::settings::Settings;
use crate::sources;

/// A month has not so many parts: a server that answers for ever is broken.
const MOST_PARTS: u32 = 10_000;
/// Seconds to wait where the server is busy.
const PATIENCE: u32 = 60;

/// Asks for the months of the run.
pub fn start(context: &RunContext, feed: &str) -> Result<Step, Problem> {
    let source = sources::source(&context.cloud);
    source
        .filter(|source| source.feed == feed)
        .ok_or_else(|| Problem::Bug(format!("no feed {feed} here")))?;
    let settings = Settings::read(&context.settings)?;
    let templates = settings.templates()?;
    let months = months(&context.window_from, &context.window_to, &context.local_date, settings.months_back);
    let mut requests = Vec::new();
    for month in months.map_err(Problem::Bug)? {
        for (index, template) in templates.iter().enumerate() {
            requests.push(request(template, &month, Place { index, part: 1 })?);
        }
    }
    Ok(Step { requests, facts: Vec::new(), incomplete: None })
}

/// What follows from an answer.
pub fn next(context: &RunContext, request: &Request, response: &Response) -> Result<Step, Problem> {
    let place =
        Place::read(&request.state).ok_or_else(|| Problem::Bug("no place in the state".to_owned()))?;
    let month = request.partition.as_ref().map(|partition| partition.month.clone()).unwrap_or_default();
    let template = Settings::read(&context.settings)?.templates()?.into_iter().nth(place.index);
    let template = template.ok_or_else(|| Problem::Bug("no such file in the settings".to_owned()))?;
    let mut step = Step { requests: Vec::new(), facts: Vec::new(), incomplete: None };
    match response.status {
        200..=299 if response.kept == 0 && place.part == 1 => {
            let what = format!("FCS-100 the file of {month} holds no charges");
            step.incomplete = Some(Incompleteness::Nothing(what));
        }
        200..=299 if template.has_parts() && place.part < MOST_PARTS => {
            step.requests.push(self::request(&template, &month, Place { part: place.part + 1, ..place })?);
        }
        200..=299 if template.has_parts() => {
            let what =
                format!("FCS-101 {month} has more than {MOST_PARTS} parts · check the paths under Files");
            step.incomplete = Some(Incompleteness::Broken(what));
        }
        200..=299 => {}
        // Parts end where there is no more.
        404 | 410 if place.part > 1 => {}
        404 | 410 => {
            let what = format!("FCS-404 there is no file for {month}");
            step.incomplete = Some(Incompleteness::Nothing(what));
        }
        401 => return Err(Problem::NeedsConsent("FCS-401 the server refuses the secret".to_owned())),
        429 | 500 | 502..=504 => return Err(Problem::RetryLater(PATIENCE)),
        status => {
            let what = format!("FCS-{status} the server answers {status} for the file of {month}");
            step.incomplete = Some(Incompleteness::Broken(what));
        }
    }
    Ok(step)
}

/// Which file of a month.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its place in the settings.
    index: usize,
    /// From 1.
    part: u32,
}

impl Place {
    fn read(state: &str) -> Option<Self> {
        let (index, part) = state.split_once(':')?;
        Some(Self { index: index.parse().ok()?, part: part.parse().ok()? })
    }
}

fn request(template: &Template, month: &str, place: Place) -> Result<Request, Problem> {
    let steps = template.steps(month, place.part).map_err(Problem::Bug)?;
    let name = call_name(steps.len());
    let path = steps.into_iter().enumerate().map(|(at, step)| pair(&format!("s{}", at + 1), step)).collect();
    Ok(Request {
        target: Target::Call(CallTarget { name, path, query: Vec::new() }),
        headers: Vec::new(),
        body: None,
        partition: Some(Partition {
            key: month.to_owned(),
            month: month.to_owned(),
            currency: String::new(),
            stage: 0,
            parameters: pairs([("month", month)]),
            version: String::new(),
        }),
        keep: Some(Framing::Csv),
        delay: 0,
        state: format!("{}:{}", place.index, place.part),
    })
}
