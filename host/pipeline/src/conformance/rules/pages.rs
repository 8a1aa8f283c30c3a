//! Rules about a page as a whole: the same each time, everything accounted for, in any order, in its language.

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use purser_runtime::contract::manifest::{FeedKind, Partitioning};
use purser_runtime::contract::mapping::PageContext;
use purser_store::runs::Page;

use crate::conformance::bench::{Bench, Sample};
use crate::conformance::said::{Depth, as_is, difference, said, sums};
use crate::conformance::{Finding, Outcome};
use crate::records::Records;

const NO_PAGE: &str = "no recorded page could be mapped";

/// C1. A feed whose partitions are days of the run may look at the run's date; no other mapping may.
pub fn deterministic(bench: &Bench<'_>) -> Outcome {
    let samples = bench.samples();
    let findings = samples.iter().filter_map(|sample| {
        let again = differs(bench, sample, &sample.kept.context);
        if let Some(seen) = again {
            return Some(sample.finding(
                format!("mapped again, {seen}"),
                "use nothing but the page and its context: no hash map's order, no uninitialised memory",
            ));
        }
        let is_of_the_run = sample.kept.feed.partitioning == Partitioning::CustomerLocalDate;
        let seen = (!is_of_the_run).then(|| differs(bench, sample, &a_day_later(&sample.kept.context))).flatten()?;
        Some(sample.finding(
            format!("in a run a day later, {seen}"),
            "take dates from the record or the request's parameters, not from the run's as-of, local date or window",
        ))
    });
    Outcome::of(samples.len(), findings.collect(), NO_PAGE)
}

fn differs(bench: &Bench<'_>, sample: &Sample<'_>, context: &PageContext) -> Option<String> {
    let before = said(sample.page, Depth::All, &as_is);
    match bench.map_in(sample.kept, context, sample.kept.cut.bytes.to_vec()) {
        Ok(page) => difference(&before, &said(&page, Depth::All, &as_is)),
        Err(why) => Some(why),
    }
}

fn a_day_later(context: &PageContext) -> PageContext {
    let date = |text: &str| match text.parse::<Date>() {
        Ok(date) => date.saturating_add(Span::new().days(1)).to_string(),
        Err(_) => text.to_owned(),
    };
    let mut later = context.clone();
    if let Ok(as_of) = context.run.as_of.parse::<Timestamp>() {
        let moved = as_of.checked_add(SignedDuration::from_hours(25));
        later.run.as_of = moved.unwrap_or(as_of).to_string();
    }
    later.run.local_date = date(&context.run.local_date);
    later.run.window_from = date(&context.run.window_from);
    later.run.window_to = date(&context.run.window_to);
    later
}

/// C2. The host counts beside the plugin: what breaks the contract's counts never becomes a page, and what is left must
/// weigh what came in.
pub fn accounted(bench: &Bench<'_>) -> Outcome {
    let pages = &bench.walk.pages;
    let findings = pages.iter().filter_map(|kept| {
        let seen = match &kept.mapped {
            Err(why) if why.starts_with("PLG-205") => why.clone(),
            Err(_) => return None,
            Ok(page) => page.balance.adds_up().err()?.to_string(),
        };
        Some(Finding {
            place: kept.name.clone(),
            seen,
            change: "put each record with its whole amount into one Purchase, one ignored group or one rejection",
        })
    });
    Outcome::of(pages.len(), findings.collect(), "no page was recorded")
}

/// C3.
pub fn order(bench: &Bench<'_>) -> Outcome {
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in bench.samples_with_money() {
        let Some(records) = sample.records().filter(|records| records.all.len() > 1) else { continue };
        checked += 1;
        let seen = reversed(bench, &sample, &records).or_else(|| halved(bench, &sample, &records));
        findings.extend(seen.map(|seen| {
            sample.finding(
                seen,
                "read each record by itself: not by its place, its page or the record before it",
            )
        }));
    }
    Outcome::of(checked, findings, "no recorded page of Purchases has two records")
}

fn reversed(bench: &Bench<'_>, sample: &Sample<'_>, records: &Records) -> Option<String> {
    let backwards: Vec<_> = records.all.iter().rev().cloned().collect();
    let last = u32::try_from(backwards.len()).unwrap_or(u32::MAX).saturating_sub(1);
    let before = said(sample.page, Depth::All, &as_is);
    let facts = |line: &String| !line.starts_with("fact ");
    match bench.map(sample.kept, records.page_of(&backwards)) {
        Ok(page) => {
            let after = said(&page, Depth::All, &|ordinal| last.saturating_sub(ordinal));
            let (before, after): (Vec<_>, Vec<_>) =
                (before.into_iter().filter(facts).collect(), after.into_iter().filter(facts).collect());
            difference(&before, &after).map(|seen| format!("with the records in reverse, {seen}"))
        }
        Err(why) => Some(format!("with the records in reverse, {why}")),
    }
}

/// The second half as the page before the first.
fn halved(bench: &Bench<'_>, sample: &Sample<'_>, records: &Records) -> Option<String> {
    let (first, second) = records.all.split_at(records.all.len() / 2);
    let page = |half, number| {
        let context = PageContext { page: number, ..sample.kept.context.clone() };
        bench.map_in(sample.kept, &context, records.page_of(half))
    };
    let number = sample.kept.context.page;
    let halves: Result<Vec<Page>, String> =
        [page(second, number), page(first, number + 1)].into_iter().collect();
    match halves {
        Ok(halves) if sums(&halves) == sums([sample.page]) => None,
        Ok(_) => Some("on two pages in the other order, the records give other Purchases".to_owned()),
        Err(why) => Some(format!("on two pages in the other order, {why}")),
    }
}

/// C14. What was asked is the run's locale, or one the request itself was made for: a fallback is asked for by its name.
pub fn language(bench: &Bench<'_>) -> Outcome {
    let pages = bench.walk.pages.iter().filter(|kept| kept.feed.kind == FeedKind::Texts);
    let mut checked = 0;
    let mut findings = Vec::new();
    for (kept, page) in pages.filter_map(|kept| Some((kept, kept.mapped.as_ref().ok()?))) {
        checked += page.texts.len();
        let asked = &kept.context.run.locale;
        let is_asked = |locale: &String| {
            locale == asked || kept.context.parameters.iter().any(|parameter| parameter.value == *locale)
        };
        let wrong = page.texts.iter().find(|text| !is_asked(&text.requested) || text.locale.is_empty());
        findings.extend(wrong.map(|text| Finding {
            place: kept.name.clone(),
            seen: format!(
                "asked for {asked:?}, the text of {:?} names {:?} as asked and {:?} as answered",
                text.key, text.requested, text.locale
            ),
            change: "give the run's locale as requested, and the language the vendor says it answers in as answered",
        }));
    }
    Outcome::of(checked, findings, "no text was recorded")
}
