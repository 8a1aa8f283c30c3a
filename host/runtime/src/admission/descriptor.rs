//! Is a descriptor sound? What the host will rely on later is checked here, once.
//!
//! **Invariant:** names are unique, calls go to known endpoints over TLS with headers a plugin may set, and every
//! pointer, tag and schema parses. What is asked for is not judged here: that is the operator's grant.

use std::collections::{BTreeMap, BTreeSet};

use purser_domain::{ConnectorId, Locale};

use super::{Finding, Role, consent, coverage, settings};
use crate::columns::shorten;
use crate::contract::manifest::{Auth, Call, Descriptor, Endpoint, Feed, FeedKind, Framing};

/// Headers that are the host's alone: they carry the token, name the peer or frame the message.
const HOST_HEADERS: [&str; 11] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks all parts of what a component that plays these roles says of itself.
pub(super) fn check(descriptor: &Descriptor, roles: &[Role], findings: &mut Vec<Finding>) {
    identity(descriptor, findings);
    match &descriptor.extends {
        Some(connector) => extension(descriptor, connector, roles, findings),
        None => whole(descriptor, roles, findings),
    }
}

/// What plays a role for another's connector has nothing of its own beside its name.
fn extension(descriptor: &Descriptor, connector: &str, roles: &[Role], findings: &mut Vec<Finding>) {
    if let Err(error) = connector.parse::<ConnectorId>() {
        let sentence = format!("the connector it extends: the id {error}");
        findings.push(Finding::new("PLG-120", sentence, "name the connector by its id: `microsoft-csp`"));
    }
    if connector == descriptor.id {
        let sentence = format!("it extends itself: {:?}", shorten(connector));
        findings.push(Finding::new("PLG-120", sentence, "give it an id of its own"));
    }
    if roles.contains(&Role::Crawl) {
        let sentence = format!("it extends {:?} and also exports `crawl`", shorten(connector));
        let remedy =
            "leave `extends` empty for a connector, or build for mapping-plugin or localisation-plugin";
        findings.push(Finding::new("PLG-132", sentence, remedy));
    }
    let parts = [
        ("endpoints", descriptor.endpoints.is_empty()),
        ("calls", descriptor.calls.is_empty()),
        ("download hosts", descriptor.download_hosts.is_empty()),
        ("feeds", descriptor.feeds.is_empty()),
        ("coverage", descriptor.coverage.is_empty()),
        ("a consent", descriptor.consent.is_none()),
        ("settings", descriptor.settings_schema.is_empty()),
        ("locales", descriptor.locales.is_empty() && descriptor.default_locale.is_empty()),
    ];
    let own: Vec<&str> = parts.iter().filter(|(_, is_empty)| !is_empty).map(|(part, _)| *part).collect();
    if !own.is_empty() {
        let sentence = format!("it extends {:?} and has {} of its own", shorten(connector), own.join(", "));
        let remedy = "leave them empty: they are the connector's that it extends";
        findings.push(Finding::new("PLG-132", sentence, remedy));
    }
}

fn whole(descriptor: &Descriptor, roles: &[Role], findings: &mut Vec<Finding>) {
    if !roles.contains(&Role::Crawl) {
        let remedy = "say in `extends` whose mapping or localisation it plays, or export `crawl` too";
        findings.push(Finding::new(
            "PLG-132",
            "it plays a role for a connector that it does not name",
            remedy,
        ));
    }
    unique(descriptor, findings);
    let endpoints = descriptor.endpoints.iter().flat_map(wrong_endpoint);
    findings.extend(
        endpoints.map(|text| Finding::new("PLG-123", text, "correct the endpoint in the descriptor")),
    );
    let calls = descriptor.calls.iter().flat_map(|call| wrong_call(call, &descriptor.endpoints));
    findings.extend(calls.map(|text| Finding::new("PLG-124", text, "correct the call in the descriptor")));
    downloads(descriptor, findings);
    feeds(descriptor, findings);
    coverage::check(descriptor, findings);
    settings::check(&descriptor.settings_schema, findings);
    locales(descriptor, findings);
    consent::check(descriptor, findings);
}

fn identity(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    if let Err(error) = descriptor.id.parse::<ConnectorId>() {
        findings.push(Finding::new(
            "PLG-120",
            format!("the id {error}"),
            "use lower-case letters, digits and dashes",
        ));
    }
    if !is_version(&descriptor.version) {
        let sentence = format!("the version {:?} is no semantic version", shorten(&descriptor.version));
        findings.push(Finding::new("PLG-121", sentence, "use three numbers: `1.4.0`, or `1.4.0-beta.1`"));
    }
    for (name, text) in [("title", &descriptor.title), ("publisher", &descriptor.publisher)] {
        if text.trim().is_empty() {
            findings.push(Finding::new(
                "PLG-122",
                format!("the {name} is empty"),
                "say what an operator should read",
            ));
        }
    }
}

fn is_version(version: &str) -> bool {
    let (release, rest) = match version.find(['-', '+']) {
        Some(at) => version.split_at(at),
        None => (version, ""),
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
    release.split('.').count() == 3
        && release.split('.').all(is_number)
        && rest.bytes().all(is_word)
        && rest.len() != 1
}

fn unique(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    let names: [(&str, Vec<&str>); 4] = [
        ("endpoint", descriptor.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect()),
        ("call", descriptor.calls.iter().map(|call| call.name.as_str()).collect()),
        ("feed", descriptor.feeds.iter().map(|feed| feed.name.as_str()).collect()),
        ("locale", descriptor.locales.iter().map(|locale| locale.tag.as_str()).collect()),
    ];
    for (kind, names) in names {
        let nameless = names.iter().any(|name| name.is_empty()).then(|| format!("a {kind} without a name"));
        let twice = repeated(names.iter().copied())
            .map(|name| format!("the {kind} {:?} stands twice", shorten(name)));
        let wrong = nameless.into_iter().chain(twice);
        findings.extend(wrong.map(|text| Finding::new("PLG-122", text, "give each its own name")));
    }
}

/// Names that stand more than once, each said once.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    names.for_each(|name| *times.entry(name).or_default() += 1);
    times.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name)
}

fn wrong_endpoint(endpoint: &Endpoint) -> Vec<String> {
    let name = shorten(&endpoint.name);
    let mut wrong = Vec::new();
    if endpoint.base_urls.is_empty() {
        wrong.push(format!("the endpoint {name:?} has no base URL"));
    }
    for url in endpoint.base_urls.iter().filter(|url| !is_base_url(&url.value)) {
        let url = shorten(&url.value);
        wrong.push(format!(
            "the base URL {url:?} of the endpoint {name:?} is no https URL without a trailing slash"
        ));
    }
    for cloud in repeated(endpoint.base_urls.iter().map(|url| url.name.as_str())) {
        wrong.push(format!("the endpoint {name:?} has two base URLs for the cloud {:?}", shorten(cloud)));
    }
    match &endpoint.auth {
        Auth::Oauth(audience) if audience.scopes.is_empty() || audience.name.is_empty() => {
            wrong.push(format!("the audience of the endpoint {name:?} has no name or no scopes"));
        }
        Auth::SecretHeader(header) if !is_header(header) => {
            wrong.push(format!(
                "the secret header {:?} of the endpoint {name:?} is no header name",
                shorten(header)
            ));
        }
        Auth::Oauth(_) | Auth::SecretHeader(_) | Auth::None => {}
    }
    wrong
}

/// https, or http to this machine itself; a host, no query, no fragment, no user, no trailing slash.
pub(super) fn is_base_url(url: &str) -> bool {
    let (rest, is_local_only) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return false,
    };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1");
    !host.is_empty()
        && (is_local || !is_local_only)
        && !rest.ends_with('/')
        && !rest.contains(['?', '#', '@', '\\'])
        && rest.bytes().all(|b| b.is_ascii_graphic())
}

fn wrong_call(call: &Call, endpoints: &[Endpoint]) -> Vec<String> {
    let name = shorten(&call.name);
    let mut wrong = Vec::new();
    if !endpoints.iter().any(|endpoint| endpoint.name == call.endpoint) {
        wrong.push(format!("the call {name:?} goes to the unknown endpoint {:?}", shorten(&call.endpoint)));
    }
    if placeholders(&call.path).is_none() {
        wrong.push(format!("the path {:?} of the call {name:?} is no path template", shorten(&call.path)));
    }
    for header in call.headers.iter().filter(|header| !is_header(header)) {
        wrong.push(format!(
            "the header {:?} of the call {name:?} is no lower-case header name",
            shorten(header)
        ));
    }
    for header in call.headers.iter().filter(|header| HOST_HEADERS.contains(&header.as_str())) {
        wrong.push(format!("the call {name:?} wants to set the header {header:?}, which only the host may"));
    }
    if call.per_minute == Some(0) {
        wrong.push(format!("the call {name:?} may be made 0 times a minute"));
    }
    if call.purpose.trim().is_empty() {
        wrong.push(format!("the call {name:?} does not say its purpose"));
    }
    wrong
}

fn is_header(name: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    !name.is_empty() && name.bytes().all(is_word)
}

/// The names in a path template, or none where it is none: absolute, without dots, query or unbalanced braces.
pub(super) fn placeholders(path: &str) -> Option<Vec<&str>> {
    let segments = path.strip_prefix('/')?;
    if segments.contains(['?', '#', '\\', '%']) || segments.split('/').any(|part| matches!(part, "." | ".."))
    {
        return None;
    }
    let mut names = Vec::new();
    let mut rest = segments;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, remainder) = after.split_once('}')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if before.contains('}') || !is_name {
            return None;
        }
        names.push(name);
        rest = remainder;
    }
    (!rest.contains('}')).then_some(names)
}

fn downloads(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    for host in descriptor.download_hosts.iter().filter(|host| !is_host_pattern(&host.pattern)) {
        let sentence = format!("the download host {:?} is no host pattern", shorten(&host.pattern));
        let remedy = "name a host, or `*.` and at least two labels: `*.blob.example.net`";
        findings.push(Finding::new("PLG-125", sentence, remedy));
    }
}

fn is_host_pattern(pattern: &str) -> bool {
    let (host, least) = match pattern.strip_prefix("*.") {
        Some(host) => (host, 2),
        None => (pattern, 1),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').count() >= least && host.split('.').all(is_label)
}

fn feeds(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    let feeds = &descriptor.feeds;
    let served: BTreeSet<&str> = descriptor.endpoints.iter().flat_map(clouds_of).collect();
    let given: BTreeSet<&str> = feeds.iter().flat_map(|feed| &feed.gives).map(String::as_str).collect();
    for feed in feeds {
        let name = shorten(&feed.name);
        let unserved = feed.clouds.iter().filter(|cloud| !served.contains(cloud.as_str()));
        let unserved =
            unserved.map(|cloud| format!("is of the cloud {:?}, where no endpoint is", shorten(cloud)));
        let wrong = wrong_feed(feed, &given).into_iter().chain(unserved);
        let wrong = wrong.map(|text| format!("the feed {name:?} {text}"));
        findings
            .extend(wrong.map(|text| Finding::new("PLG-126", text, "correct the feed in the descriptor")));
        let pointers = pointers(feed).filter(|pointer| !is_pointer(pointer));
        let wrong =
            pointers.map(|pointer| format!("{:?} in the feed {name:?} is no JSON pointer", shorten(pointer)));
        let remedy = "begin each step with a slash, and write `~0` for a tilde, `~1` for a slash";
        findings.extend(wrong.map(|text| Finding::new("PLG-127", text, remedy)));
    }
    if let Some(feed) = waiting_for_itself(feeds) {
        let sentence = format!("the feed {:?} waits for facts that only come after it", shorten(feed));
        findings.push(Finding::new(
            "PLG-126",
            sentence,
            "order the feeds: what one needs, an earlier one gives",
        ));
    }
}

fn clouds_of(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    endpoint.base_urls.iter().map(|pair| pair.name.as_str())
}

fn wrong_feed(feed: &Feed, given: &BTreeSet<&str>) -> Vec<String> {
    let mut wrong = Vec::new();
    for need in feed.needs.iter().filter(|need| !given.contains(need.as_str())) {
        wrong.push(format!("needs facts of the kind {:?}, which no feed gives", shorten(need)));
    }
    if feed.kind == FeedKind::Purchases && feed.amount.is_empty() && feed.quantity.is_empty() {
        wrong.push(
            "has Purchases, but neither `amount` nor `quantity`, so the host cannot sum for itself"
                .to_owned(),
        );
    }
    wrong
}

fn pointers(feed: &Feed) -> impl Iterator<Item = &str> {
    let framing = match &feed.framing {
        Framing::JsonItems(pointer) => Some(pointer),
        Framing::JsonWhole | Framing::Lines | Framing::Csv => None,
    };
    let lists = [&feed.amount, &feed.currency, &feed.quantity, &feed.unit, &feed.customer];
    framing.into_iter().chain(lists.into_iter().flatten()).map(String::as_str)
}

/// RFC 6901: empty, or steps that each begin with a slash.
pub(super) fn is_pointer(pointer: &str) -> bool {
    let mut escapes = pointer.split('~').skip(1);
    (pointer.is_empty() || pointer.starts_with('/')) && escapes.all(|rest| rest.starts_with(['0', '1']))
}

/// A feed that can never start, since its needs are given only by itself or by feeds that wait for it.
fn waiting_for_itself(feeds: &[Feed]) -> Option<&str> {
    let given_by: BTreeSet<&str> = feeds.iter().flat_map(|feed| &feed.gives).map(String::as_str).collect();
    let mut waiting: Vec<&Feed> = feeds.iter().collect();
    loop {
        let pending: BTreeSet<&str> =
            waiting.iter().flat_map(|feed| &feed.gives).map(String::as_str).collect();
        let can_start = |feed: &&Feed| {
            !feed.needs.iter().any(|need| pending.contains(need.as_str()) && given_by.contains(need.as_str()))
        };
        let before = waiting.len();
        waiting.retain(|feed| !can_start(feed));
        if waiting.is_empty() {
            return None;
        }
        if waiting.len() == before {
            return waiting.first().map(|feed| feed.name.as_str());
        }
    }
}

fn locales(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    let tags = descriptor.locales.iter().map(|locale| &locale.tag).chain([&descriptor.default_locale]);
    for tag in tags.filter(|tag| tag.parse::<Locale>().is_err()) {
        let sentence = format!("the locale {:?} is no language tag", shorten(tag));
        findings.push(Finding::new("PLG-129", sentence, "use BCP 47: `nl-NL`"));
    }
    let is_listed = descriptor.locales.iter().any(|locale| locale.tag == descriptor.default_locale);
    if !descriptor.locales.is_empty() && !is_listed {
        let sentence =
            format!("the default locale {:?} is not in the list", shorten(&descriptor.default_locale));
        findings.push(Finding::new("PLG-129", sentence, "list it under `locales`"));
    }
}
