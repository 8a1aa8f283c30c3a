//! What to tell about an account's consent, when to tell it again, and when it is over.
//!
//! **Rules:** the decision is pure ([`concerns`], [`step`]); nothing is said twice in one stage; what a person has stopped
//! or nobody needs any more is no concern.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_domain::AccountId;
use purser_store::accounts::ConsentState;
use purser_store::notices::{Concern, Level, Notice, Subject};
use purser_store::{Result, Store};
use purser_vendor::{ClientAuth, Nearness};

use super::state::reason;

/// What lasts is told again after so many days.
const AGAIN_DAYS: i64 = 3;
/// Days before a grant ends unused at which that is told.
const BEFORE_IDLE_END: [i64; 4] = [30, 14, 7, 1];
/// From so many days on it is urgent.
const URGENT_DAYS: i64 = 7;
/// Daily runs renew a grant every day; two more hours for a run that waits or takes long.
const OVERDUE: SignedDuration = SignedDuration::from_hours(26);

/// What is known of an account whose connector asks for consent.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Where its consent stands.
    pub state: &'a ConsentState,
    /// When its grant was last used, consent included; none: there is no grant.
    pub used_at: Option<Timestamp>,
    /// Days a grant lives unused; 0: as long as it likes.
    pub idle_days: u32,
    /// Whether it runs by itself.
    pub is_scheduled: bool,
    /// How the app registration proves itself.
    pub client_auth: &'a ClientAuth,
    /// Now.
    pub now: Timestamp,
}

/// When a grant ends if it is not used until then; none where it does not.
#[must_use]
pub fn idle_end(used_at: Timestamp, idle_days: u32) -> Option<Timestamp> {
    let idle = SignedDuration::from_hours(24 * i64::from(idle_days));
    (idle_days > 0).then(|| used_at.saturating_add(idle).unwrap_or(Timestamp::MAX))
}

/// What there is to tell now, at most one of each subject.
#[must_use]
pub fn concerns(facts: &Facts<'_>) -> Vec<Concern> {
    if *facts.state == ConsentState::Disconnected {
        return Vec::new();
    }
    [consent(facts), refresh(facts), idle(facts), credential(facts)].into_iter().flatten().collect()
}

/// The same of an account whose connector asks for no consent: a plain secret is never refreshed, and ends when the vendor
/// says so.
#[must_use]
pub fn without_consent(state: &ConsentState, now: Timestamp) -> Vec<Concern> {
    about_state(state, now).into_iter().collect()
}

fn consent(facts: &Facts<'_>) -> Option<Concern> {
    about_state(facts.state, facts.now)
}

fn about_state(state: &ConsentState, now: Timestamp) -> Option<Concern> {
    let reason = reason(state)?;
    let is_degraded = matches!(state, ConsentState::Degraded(_));
    Some(Concern {
        subject: Subject::Consent,
        code: reason.code.clone(),
        level: if is_degraded { Level::Warn } else { Level::Error },
        what: reason.what.clone(),
        remedy: reason.remedy.clone(),
        stage: repeats(now.duration_since(reason.since)),
    })
}

fn refresh(facts: &Facts<'_>) -> Option<Concern> {
    let used_at = facts.used_at.filter(|_| facts.is_scheduled && *facts.state == ConsentState::Active)?;
    let overdue = facts.now.duration_since(used_at) - OVERDUE;
    (overdue > SignedDuration::ZERO).then(|| Concern {
        subject: Subject::Refresh,
        code: "CON-NOT-REFRESHED".into(),
        level: Level::Warn,
        what: format!(
            "the consent was last renewed on {}, though the account runs every day",
            used_at.strftime("%Y-%m-%d %H:%M UTC")
        ),
        remedy: "Look under Activity at what its last runs say, and test the connection under Connector Settings. It ends \
                 by itself with the next run that reaches the vendor."
            .into(),
        stage: repeats(overdue),
    })
}

fn idle(facts: &Facts<'_>) -> Option<Concern> {
    // What must be renewed anyway does not end once more.
    if matches!(facts.state, ConsentState::NeedsConsent(_)) {
        return None;
    }
    let end = idle_end(facts.used_at?, facts.idle_days)?;
    let left = end.duration_since(facts.now);
    if left <= SignedDuration::ZERO {
        return Some(ended_unused(end, -left, facts.idle_days));
    }
    // In the first half of its time a grant is not near its end, however short that time is.
    let half = i64::from(facts.idle_days) / 2;
    let is_within = |days: &i64| *days <= half && left <= SignedDuration::from_hours(24 * days);
    let place = BEFORE_IDLE_END.iter().rposition(is_within)?;
    let is_urgent = left <= SignedDuration::from_hours(24 * URGENT_DAYS);
    let level = if is_urgent { Level::Error } else { Level::Warn };
    let day = end.to_zoned(TimeZone::UTC).date();
    let what = format!("the consent is not used: it ends on {day} unless it is used before");
    let remedy = "Resume the account, run it once, or test its connection under Connector Settings: each uses the consent. \
                  Where it is not needed any more, disconnect it.";
    Some(unused(stage_of(place), level, what, remedy))
}

/// Unless the vendor says otherwise: a test of the connection shows it.
fn ended_unused(end: Timestamp, since: SignedDuration, idle_days: u32) -> Concern {
    let day = end.to_zoned(TimeZone::UTC).date();
    let what = format!("the consent was not used for {idle_days} days, and so ended on {day}");
    let stage = stage_of(BEFORE_IDLE_END.len()) + repeats(since);
    unused(stage, Level::Error, what, "Renew the consent under Connector Settings.")
}

fn unused(stage: u32, level: Level, what: String, remedy: &str) -> Concern {
    let (code, remedy) = ("CON-IDLE".into(), remedy.to_owned());
    Concern { subject: Subject::Idle, code, level, what, remedy, stage }
}

fn credential(facts: &Facts<'_>) -> Option<Concern> {
    let (credential, nearness) = facts.client_auth.end(facts.now)?;
    let over = facts.now.duration_since(credential.expires?);
    let (stage, level) = match nearness {
        Nearness::Over => (4 + repeats(over), Level::Error),
        Nearness::Within(..=7) => (3, Level::Error),
        Nearness::Within(..=30) => (2, Level::Warn),
        Nearness::Within(_) => (1, Level::Warn),
    };
    let loss =
        if nearness == Nearness::Over { "nothing is retrieved" } else { "nothing is retrieved after it" };
    Some(Concern {
        subject: Subject::Credential,
        code: "CON-CREDENTIAL-ENDS".into(),
        level,
        what: format!("{}: {loss}", credential.ending(nearness)?),
        remedy: "Make the next one at the vendor, put it into Purser's configuration beside the present one, and start \
                 Purser again. No new consent is needed."
            .into(),
        stage,
    })
}

/// How often something that lasts for so long has been told again.
fn repeats(lasts: SignedDuration) -> u32 {
    u32::try_from(lasts.as_hours() / (24 * AGAIN_DAYS)).unwrap_or_default()
}

/// Stages are counted from 1.
fn stage_of(place: usize) -> u32 {
    u32::try_from(place).map_or(u32::MAX, |place| place.saturating_add(1))
}

/// What becomes of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is told for the first time.
    Raise,
    /// It is told again.
    Remind,
    /// It has ended, and something else of the same subject has begun.
    Replace,
    /// It has ended.
    Resolve,
}

/// What to do about a subject of an account; none: all was told.
#[must_use]
pub fn step(open: Option<&Notice>, concern: Option<&Concern>) -> Option<Step> {
    match (open.map(|notice| &notice.concern), concern) {
        (None, None) => None,
        (None, Some(_)) => Some(Step::Raise),
        (Some(_), None) => Some(Step::Resolve),
        (Some(told), Some(concern)) if told == concern => None,
        (Some(told), Some(concern)) if told.code == concern.code && told.stage < concern.stage => {
            Some(Step::Remind)
        }
        // Other words without a higher stage: it began anew.
        (Some(_), Some(_)) => Some(Step::Replace),
    }
}

/// Brings an account's notices in line with its concerns.
///
/// # Errors
/// Where the store fails; what was told until then is told, and the next look goes on.
pub async fn tell(store: &dyn Store, account: AccountId, concerns: &[Concern], now: Timestamp) -> Result<()> {
    let open = store.open_notices(Some(account)).await?;
    for subject in [Subject::Consent, Subject::Refresh, Subject::Idle, Subject::Credential] {
        let notice = open.iter().find(|notice| notice.concern.subject == subject);
        let concern = concerns.iter().find(|concern| concern.subject == subject);
        let Some(step) = step(notice, concern) else { continue };
        if matches!(step, Step::Resolve | Step::Replace) {
            resolved(&store.resolve_notice(account, subject, now).await?);
        }
        match (step, concern) {
            (Step::Raise | Step::Replace, Some(concern)) => {
                told(&store.raise_notice(account, concern, now).await?, "notice.raised");
            }
            (Step::Remind, Some(concern)) => {
                told(&store.remind_of_notice(account, concern, now).await?, "notice.reminded");
            }
            _ => {}
        }
    }
    Ok(())
}

fn told(notice: &Notice, event: &'static str) {
    let Concern { code, stage, .. } = &notice.concern;
    tracing::warn!(account.id = notice.account.0, notice.code = %code, notice.stage = stage, "{event}");
}

fn resolved(notice: &Notice) {
    let Concern { code, stage, .. } = &notice.concern;
    tracing::info!(account.id = notice.account.0, notice.code = %code, notice.stage = stage, "notice.resolved");
}

#[cfg(test)]
mod tests;
