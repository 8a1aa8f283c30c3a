//! Who maps a page: a plugin version, or a test's stand-in.
//!
//! **Invariant:** a candidate maps every page twice, each time in a fresh instance, and what it says both times is
//! compared value by value. What it cannot account for is narrowed down to the records it is about, so that the money of
//! a lost record can be told.

use std::ops::Range;

use purser_domain::Digest;
use purser_runtime::contract::localisation::Products;
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::{CallError, Mapped, Plugin, Usage};

use crate::framing;
use crate::mapping::{join, map_records, with_patience};

/// Calls that narrow a fault of one page down; beyond them whole parts of the page count as guilty.
const MOST_CALLS: u32 = 128;

/// One page and its records.
#[derive(Debug, Clone, Copy)]
pub struct PageOf<'a> {
    /// As stored with it.
    pub context: &'a PageContext,
    /// The page.
    pub bytes: &'a [u8],
    /// Where its records lie.
    pub records: &'a [Range<usize>],
}

/// Maps pages.
pub trait Mapper: Clone + Send + Sync + 'static {
    /// Its name.
    fn digest(&self) -> Digest;
    /// From records to Purchases.
    ///
    /// # Errors
    /// Where the page as a whole cannot be mapped.
    fn map(&self, page: &PageOf<'_>) -> Result<Mapped, CallError>;
    /// Texts and rates.
    ///
    /// # Errors
    /// Where the page as a whole cannot be read.
    fn products(&self, page: &PageOf<'_>) -> Result<Products, CallError>;
}

impl Mapper for Plugin {
    fn digest(&self) -> Digest {
        Self::digest(self)
    }

    fn map(&self, page: &PageOf<'_>) -> Result<Mapped, CallError> {
        map_records(self, page.context, page.bytes, page.records)
    }

    fn products(&self, page: &PageOf<'_>) -> Result<Products, CallError> {
        let records = u32::try_from(page.records.len()).unwrap_or(u32::MAX);
        with_patience(self, |plugin| plugin.products(page.context, page.bytes, records))
    }
}

/// Why a candidate's answer for a page counts for nothing, or for a part only.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Asked twice, it said two things.
    Unstable,
    /// It gave no answer that can be used.
    Page(CallError),
}

/// What a mapping says of a page.
#[derive(Debug, Default)]
pub struct Answer {
    /// What can be used.
    pub mapped: Mapped,
    /// Records it cannot account for, with the reason.
    pub lost: Vec<(u32, String)>,
    /// What is wrong with it as a whole.
    pub fault: Option<Fault>,
}

/// Asks once.
pub fn ask<M: Mapper>(mapper: &M, page: &PageOf<'_>) -> Answer {
    match mapper.map(page) {
        Ok(mapped) => Answer { mapped: unmeasured(mapped), ..Answer::default() },
        Err(error) => blame(mapper, page, error),
    }
}

/// Asks twice, and compares.
pub fn ask_twice<M: Mapper>(mapper: &M, page: &PageOf<'_>) -> Answer {
    let (first, second) = (mapper.map(page), mapper.map(page));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let (first, second) = (unmeasured(first), unmeasured(second));
            let fault = (first != second).then_some(Fault::Unstable);
            Answer { mapped: first, lost: Vec::new(), fault }
        }
        (Err(first), Err(second)) if first == second || !is_guests(&first) => blame(mapper, page, first),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) if !is_guests(&error) => blame(mapper, page, error),
        _ => Answer { fault: Some(Fault::Unstable), ..Answer::default() },
    }
}

/// The same for texts.
pub fn texts<M: Mapper>(mapper: &M, page: &PageOf<'_>) -> Result<Products, Fault> {
    mapper.products(page).map_err(Fault::Page)
}

/// The same for texts, asked twice.
pub fn texts_twice<M: Mapper>(mapper: &M, page: &PageOf<'_>) -> Result<Products, Fault> {
    match (mapper.products(page), mapper.products(page)) {
        (Ok(first), Ok(second)) if first == second => Ok(first),
        (Err(first), Err(second)) if first == second || !is_guests(&first) => Err(Fault::Page(first)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) if !is_guests(&error) => Err(Fault::Page(error)),
        _ => Err(Fault::Unstable),
    }
}

/// Whether the guest alone decides about this, and not how busy the host is.
fn is_guests(error: &CallError) -> bool {
    error.is_deterministic()
}

/// What a call used is no part of what it says.
fn unmeasured(mapped: Mapped) -> Mapped {
    Mapped { usage: Usage::default(), ..mapped }
}

/// Finds the records because of which the answer as a whole cannot be used.
fn blame<M: Mapper>(mapper: &M, page: &PageOf<'_>, error: CallError) -> Answer {
    if !is_guests(&error) || page.records.is_empty() {
        return lose_all(page, error);
    }
    let mut hunt = Hunt { mapper, context: page.context, calls: MOST_CALLS, answer: Answer::default() };
    hunt.narrow(page.bytes, page.records, 0, &error);
    let Answer { mapped, lost, .. } = hunt.answer;
    // Even where every part can be used alone, the page as it is cannot.
    Answer { mapped: unmeasured(mapped), lost, fault: Some(Fault::Page(error)) }
}

fn lose_all(page: &PageOf<'_>, error: CallError) -> Answer {
    let all = 0..u32::try_from(page.records.len()).unwrap_or(u32::MAX);
    let lost = all.map(|ordinal| (ordinal, told(&error))).collect();
    Answer { mapped: Mapped::default(), lost, fault: Some(Fault::Page(error)) }
}

fn told(error: &CallError) -> String {
    format!("{} {}", error.code(), error.sentence())
}

struct Hunt<'a, M> {
    mapper: &'a M,
    context: &'a PageContext,
    calls: u32,
    answer: Answer,
}

impl<M: Mapper> Hunt<'_, M> {
    /// These records together give `error`: halves them until those that do so alone are found.
    fn narrow(&mut self, page: &[u8], records: &[Range<usize>], first: u32, error: &CallError) {
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        if count <= 1 || self.calls == 0 {
            self.answer.lost.extend((first..first + count).map(|ordinal| (ordinal, told(error))));
            return;
        }
        let (low, high) = records.split_at(records.len() / 2);
        let middle = first + u32::try_from(low.len()).unwrap_or(u32::MAX);
        self.part(page, low, first);
        self.part(page, high, middle);
    }

    fn part(&mut self, page: &[u8], part: &[Range<usize>], first: u32) {
        self.calls = self.calls.saturating_sub(1);
        let bytes = framing::page_of(&self.context.framing, page, part);
        let records = framing::records(&self.context.framing, &bytes).unwrap_or_default();
        match self.mapper.map(&PageOf { context: self.context, bytes: &bytes, records: &records }) {
            Ok(mapped) => join(&mut self.answer.mapped, mapped, first),
            Err(error) => self.narrow(&bytes, &records, first, &error),
        }
    }
}
