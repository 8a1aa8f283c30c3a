//! A plugin's descriptor as the pages show it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_domain::ConnectorId;
use purser_pipeline::connector::Clouds;
use purser_pipeline::reconcile;
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::{
    Auth, Call, Consent, CoverageRow, Descriptor, Endpoint, Feed, FeedKind, Method, Partitioning,
};
use purser_vendor::{ClientAuth, Credential, Nearness};
use purser_web::{
    CallView, CloudView, ConnectorView, ConsentView, CoverageView, CredentialView, FeedView, LocaleView,
    RoleSetView,
};

/// A connector by its active plugin.
pub fn view(id: &ConnectorId, plugin: &Plugin) -> ConnectorView {
    let descriptor = plugin.descriptor();
    ConnectorView {
        id: id.clone(),
        title: descriptor.title.clone(),
        publisher: descriptor.publisher.clone(),
        version: descriptor.version.clone(),
        interface: format!("purser:connector@{}", plugin.admission().contract),
        digest: plugin.digest(),
        clouds: Clouds::served(descriptor)
            .into_iter()
            .map(|id| CloudView { title: title_of_cloud(&id), id })
            .collect(),
        consent: descriptor.consent.as_ref().map(consent),
        takes_secret: takes_secret(descriptor),
        credentials: Vec::new(),
        locales: descriptor
            .locales
            .iter()
            .map(|locale| LocaleView { tag: locale.tag.clone(), title: locale.title.clone() })
            .collect(),
        default_locale: descriptor.default_locale.clone(),
        settings_schema: serde_json::from_str(&descriptor.settings_schema).unwrap_or_default(),
        application_permissions: descriptor.endpoints.iter().filter_map(application_permission).collect(),
        feeds: descriptor.feeds.iter().map(feed_view).collect(),
        reconciled: reconcile::feeds(descriptor),
        coverage: coverage(descriptor),
        calls: descriptor.calls.iter().map(|call| call_view(descriptor, call)).collect(),
        download_hosts: descriptor.download_hosts.iter().map(|host| host.pattern.clone()).collect(),
    }
}

/// What the app registration proves itself by, in the order of the configuration.
pub fn credentials(auth: &ClientAuth, now: Timestamp) -> Vec<CredentialView> {
    let end = auth.end(now);
    let view = |(place, credential): (usize, &Credential)| CredentialView {
        kind: credential.kind(),
        ends: credential.expires.map(|end| end.to_zoned(TimeZone::UTC).date()),
        is_used: place == auth.preferred(),
        warning: end
            .filter(|(last, _)| std::ptr::eq(*last, credential))
            .map(|(_, nearness)| ending(credential, nearness, now))
            .unwrap_or_default(),
    };
    auth.credentials().iter().enumerate().map(view).collect()
}

fn ending(credential: &Credential, nearness: Nearness, now: Timestamp) -> String {
    let ending = credential.ending(nearness).unwrap_or_default();
    match nearness {
        Nearness::Over => format!("{ending}: nothing is retrieved until there is a new one"),
        Nearness::Within(_) => {
            let days = credential.expires.unwrap_or(now).duration_since(now).as_hours() / 24;
            format!("{ending}, in {days} days: make the next one now")
        }
    }
}

/// The table with the feeds' titles.
fn coverage(descriptor: &Descriptor) -> Vec<CoverageView> {
    let title = |name: &str| {
        let feed = descriptor.feeds.iter().find(|feed| feed.name == name);
        feed.map_or_else(|| name.to_owned(), |feed| feed.title.clone())
    };
    let view = |row: &CoverageRow| CoverageView {
        class: row.class.clone(),
        title: row.title.clone(),
        mode: row.mode.clone(),
        feed: title(&row.feed),
        note: row.note.clone(),
    };
    descriptor.coverage.iter().map(view).collect()
}

/// `us-government` → `US Government`.
fn title_of_cloud(id: &str) -> String {
    let titled = |word: &str| {
        let short = word.len() <= 2;
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        if short { word.to_uppercase() } else { format!("{}{rest}", first.to_uppercase()) }
    };
    id.split('-').map(titled).collect::<Vec<_>>().join(" ")
}

fn takes_secret(descriptor: &Descriptor) -> bool {
    let is_secret = |endpoint: &Endpoint| matches!(endpoint.auth, Auth::SecretHeader(_));
    descriptor.consent.is_none() && descriptor.endpoints.iter().any(is_secret)
}

fn consent(consent: &Consent) -> ConsentView {
    ConsentView {
        advice: consent.advice.clone(),
        button: consent.button.clone(),
        role_rule: consent.role_rule.clone(),
        role_sets: consent
            .role_sets
            .iter()
            .map(|set| RoleSetView { roles: set.roles.clone(), enough: set.enough, note: set.note.clone() })
            .collect(),
        idle_days: consent.idle_days,
        removal: consent.removal.clone(),
    }
}

fn application_permission(endpoint: &Endpoint) -> Option<(String, String)> {
    match &endpoint.auth {
        Auth::Oauth(audience) if !audience.app_scopes.is_empty() => {
            Some((audience.name.clone(), audience.app_permission.clone()))
        }
        _ => None,
    }
}

fn feed_view(feed: &Feed) -> FeedView {
    let kind = match feed.kind {
        FeedKind::Facts => "facts",
        FeedKind::Purchases => "purchases",
        FeedKind::Texts => "texts",
    };
    FeedView {
        name: feed.name.clone(),
        title: feed.title.clone(),
        kind: kind.to_owned(),
        is_snapshot: feed.partitioning == Partitioning::CustomerLocalDate,
        is_by_day: feed.partitioning == Partitioning::SubscriptionReportedDay,
        clouds: feed.clouds.clone(),
    }
}

fn call_view(descriptor: &Descriptor, call: &Call) -> CallView {
    let endpoint = descriptor.endpoints.iter().find(|endpoint| endpoint.name == call.endpoint);
    let base = endpoint.and_then(|endpoint| endpoint.base_urls.first());
    let method = match call.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    CallView {
        name: call.name.clone(),
        method: method.to_owned(),
        endpoint: base.map(|pair| pair.value.clone()).unwrap_or_default(),
        path: call.path.clone(),
        purpose: call.purpose.clone(),
    }
}
