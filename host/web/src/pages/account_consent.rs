//! The section of an account's page about its consent: whose it is, how it is, when it would end, what was told of it.

use jiff::Timestamp;
use jiff::civil::Date;
use purser_pipeline::health::notices::idle_end;
use purser_store::accounts::{Grant, Reason};
use purser_store::notices::Notice;

use super::connector::reason;
use super::notices::{NoticeRow, rows_of};
use crate::books::Book;
use crate::format::{When, utc_day};
use crate::problem::Problem;
use crate::state::WebState;

/// Resolved notices that are shown.
const PAST: u32 = 5;

/// What the section shows.
pub(crate) struct ConsentSection {
    pub(crate) grant: Option<GrantRow>,
    /// Why the account is in its state, and since when, unless a notice that waits says so.
    pub(crate) reason: Option<(Reason, When)>,
    pub(crate) notices: Vec<NoticeRow>,
    pub(crate) seen: Vec<NoticeRow>,
    pub(crate) past: Vec<Past>,
}

pub(crate) struct GrantRow {
    pub(crate) user: String,
    pub(crate) consented: When,
    pub(crate) refreshed: When,
    /// What roles the vendor named at sign-in.
    pub(crate) roles: Vec<String>,
    pub(crate) expiry: Option<Expiry>,
}

/// A notice that has ended.
pub(crate) struct Past {
    pub(crate) code: String,
    pub(crate) what: String,
    pub(crate) since: When,
    pub(crate) until: When,
}

/// When a grant ends unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiry {
    day: Date,
    is_over: bool,
}

impl Expiry {
    pub(crate) fn words(self) -> String {
        let Self { day, is_over } = self;
        if is_over {
            format!("not used until {day}: renew it")
        } else {
            format!("expires if unused by {day}")
        }
    }
}

/// When this grant ends unused; none where its connector knows of no such end.
pub(crate) fn expiry(book: &Book, grant: &Grant, now: Timestamp) -> Option<Expiry> {
    let idle_days = book.connector.as_ref()?.consent.as_ref()?.idle_days;
    let end = idle_end(grant.refreshed_at.max(grant.consented_at), idle_days)?;
    Some(Expiry { day: utc_day(end), is_over: end <= now })
}

/// The section; none where the connector asks for neither consent nor secret.
pub(super) async fn section(state: &WebState, book: &Book) -> Result<Option<ConsentSection>, Problem> {
    if book.connector.as_ref().is_none_or(|connector| connector.consent.is_none() && !connector.takes_secret)
    {
        return Ok(None);
    }
    let (account, zone) = (book.account.id, &book.zone);
    let grant = state.store.grant(account).await?.map(|grant| grant_row(grant, book, state.acts.now()));
    let open = state.store.open_notices(Some(account)).await?;
    let (seen, notices) = rows_of(open, |_| Some(book));
    let past = |notice: Notice| Past {
        since: When::new(notice.raised_at, zone),
        until: When::new(notice.resolved_at.unwrap_or(notice.told_at), zone),
        code: notice.concern.code,
        what: notice.concern.what,
    };
    let past = state.store.resolved_notices(account, PAST).await?.into_iter().map(past).collect();
    let is_told = |reason: &&Reason| notices.iter().any(|notice| notice.code == reason.code);
    let reason = reason(&book.account.state).filter(|reason| !is_told(reason));
    let reason = reason.map(|reason| (reason.clone(), When::new(reason.since, zone)));
    Ok(Some(ConsentSection { grant, reason, notices, seen, past }))
}

fn grant_row(grant: Grant, book: &Book, now: Timestamp) -> GrantRow {
    GrantRow {
        expiry: expiry(book, &grant, now),
        consented: When::new(grant.consented_at, &book.zone),
        refreshed: When::new(grant.refreshed_at, &book.zone),
        user: grant.user_name,
        roles: grant.roles.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use purser_store::notices::Subject;

    use crate::testing::{ACCOUNT, Site};

    const PATH: &str = "/connectors/test-cloud/accounts/1";

    #[tokio::test]
    async fn it_says_whose_the_consent_is_and_when_it_would_end_unused() {
        let mut site = Site::connected().await;
        let grant = site.store.grant(ACCOUNT).await.unwrap().unwrap();
        let named =
            purser_store::accounts::Grant { roles: Some(vec!["Billing".into()]), version: 2, ..grant };
        site.store.put_grant(ACCOUNT, Some(1), &named).await.unwrap();
        site.sign_in("vera").await;
        let text = site.get(PATH).await.text;
        for part in [
            "svc@contoso.example",
            "7d7a1a52-0000-4000-8000-1c5f2f6a9e11",
            "Roles at sign-in",
            "Billing",
            "expires if unused by 2027-02-21",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let settings = site.get("/connectors/test-cloud/settings").await.text;
        assert!(settings.contains("expires if unused by 2027-02-21"), "{settings}");
        site.clock.advance_minutes(91 * 24 * 60);
        site.sign_in("vera").await;
        assert!(site.get(PATH).await.text.contains("not used until 2027-02-21"));
        site.store.erase_grant(ACCOUNT).await.unwrap();
        let text = site.get(PATH).await.text;
        assert!(text.contains("there is no consent") && !text.contains("2027-02-21"), "{text}");
    }

    #[tokio::test]
    async fn it_tells_the_state_with_its_remedy_and_the_notices_that_are_open_and_were() {
        let mut site = Site::connected().await;
        site.needs_consent().await;
        let id = site.raise_notice(1).await;
        site.sign_in("olaf").await;
        let text = site.get(PATH).await.text;
        for part in ["renew the consent with another user", "CON-USER", "CON-IDLE", "use it once"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let lost = site.raise_lost().await;
        assert_eq!(site.get(PATH).await.text.matches("renew the consent with another user").count(), 1);
        assert_eq!(site.get("/").await.text.matches("The consenting user was disabled").count(), 1);
        site.post(&format!("/notices/{lost}/acknowledge"), "").await;
        assert!(
            site.get(PATH).await.text.contains("renew the consent with another user"),
            "as long as it lasts"
        );
        let answer = site.post(&format!("/notices/{id}/acknowledge"), "back=account").await;
        assert_eq!(answer.location(), PATH);
        assert!(site.get(PATH).await.text.contains("acknowledged by olaf"));
        for subject in [Subject::Idle, Subject::Consent] {
            site.store.resolve_notice(ACCOUNT, subject, site.clock.now()).await.unwrap();
        }
        let text = site.get(PATH).await.text;
        assert!(text.contains("What was wrong before") && !text.contains("acknowledged by"), "{text}");
    }
}
