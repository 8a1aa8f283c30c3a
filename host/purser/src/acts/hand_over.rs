//! Consent handed over: taking the answer of somebody who has no account here, and deciding about it.
//!
//! **Invariants:** what was answered is used by nothing but its trial before somebody here accepts it; it replaces a grant
//! that stands under the same conditions as any other renewal.

use jiff::Timestamp;
use purser_domain::AccountId;
use purser_pipeline::health;
use purser_pipeline::host::OrderError;
use purser_store::accounts::{Account, ConsentState, Grant, Reason};
use purser_store::hand_overs::{Answer, Ending, HandOver, HandOverId, PendingGrant, Stage};
use purser_vendor::consent::{ConfirmedGrant, ConsentError};
use purser_vendor::tokens::Tried;
use purser_vendor::vault::Sealed;
use purser_web::{Acts, HAND_OVER_LIFE, Problem};
use serde_json::{Value, json};

use super::HostActs;
use super::connect::{Consenter, NOT_TRIED, Taking, not_taken, shortcoming, title_of};
use super::problems::{consent_problem, order_problem};

impl HostActs {
    /// Keeps a confirmed grant aside, then tries it. Kept first: what somebody has consented to is not lost to a slow
    /// vendor.
    pub(super) async fn answered(
        &self,
        id: HandOverId,
        handle: &str,
        session: &[u8; 32],
    ) -> Result<HandOver, Problem> {
        let handed = self.host.store.hand_over(id).await?;
        if !handed.is_open(self.now()) {
            return Err(nothing_waits());
        }
        let grant = self.consent.confirm(handle, session).await.map_err(|error| consent_problem(&error))?;
        let account = self.account_for(&handed, &grant).await?;
        let (answer, sealed) = self.keep_aside(&handed, &grant, &account).await?;
        let after = json!({ "stage": Stage::Answered, "user": answer.user_name, "id": answer.user_id });
        let detail = json!({
            "hand_over": id, "account": account.id, "tenant": answer.tenant,
            "before": { "stage": Stage::Open }, "after": after,
        });
        self.audit(&format!("hand-over {id}"), "hand-over.answered", detail).await?;
        self.try_aside(id, &account, answer, sealed).await?;
        Ok(self.host.store.hand_over(id).await?)
    }

    /// The account an answer is for; one that waits for its first grant is made here, and means nothing yet.
    async fn account_for(&self, handed: &HandOver, grant: &ConfirmedGrant) -> Result<Account, Problem> {
        let made = &handed.made;
        if (&made.connector, &made.cloud) != (&grant.connector, &grant.cloud) {
            return Err(consent_problem(&ConsentError::WrongState));
        }
        let store = &self.host.store;
        let Some(account) = made.account else {
            let title = title_of(&grant.user_name, &grant.tenant);
            let now = self.now();
            return Ok(store
                .connect_account(&grant.connector, &grant.cloud, &grant.tenant, &title, now)
                .await?);
        };
        let account = store.account(account).await?;
        if account.tenant != grant.tenant {
            return Err(consent_problem(&ConsentError::WrongTenant));
        }
        Ok(account)
    }

    async fn keep_aside(
        &self,
        handed: &HandOver,
        grant: &ConfirmedGrant,
        account: &Account,
    ) -> Result<(Answer, Sealed), Problem> {
        let (store, now) = (&self.host.store, self.now());
        let sealed = self.sealed(grant, account.id).await?;
        let answer = answer_of(grant, account.id, now);
        let decide_by = now.saturating_add(HAND_OVER_LIFE).unwrap_or(now);
        let kept = store.answer_hand_over(handed.id, &answer, &aside(&sealed), decide_by).await;
        if let Err(error) = kept {
            // Withdrawn while they signed in.
            store.forget_bare_account(account.id).await?;
            return Err(match error {
                purser_store::Error::Conflict(_) => nothing_waits(),
                error => error.into(),
            });
        }
        Ok((answer, sealed))
    }

    /// Asks the preflight table with a grant that is kept aside, and notes what it said.
    async fn try_aside(
        &self,
        id: HandOverId,
        account: &Account,
        answer: Answer,
        sealed: Sealed,
    ) -> Result<(Option<Problem>, Tried), Problem> {
        let connector = self.connector(&account.connector, Some(&account.cloud))?;
        let tried = self.trials.preflight(account.id, &connector, &account.tenant, sealed).await;
        let (wanting, now) = (shortcoming(&connector, answer.roles.as_deref(), &tried), self.now());
        let probes = health::as_probes(tried.rows.clone(), &[], now);
        let shortcoming = wanting.clone().map(|wanting| told(wanting, now));
        let answer = Answer { probes, shortcoming, ..answer };
        let noted = self.host.store.note_trial(id, &answer, &aside(&tried.sealed)).await;
        noted.map_err(|error| match error {
            purser_store::Error::Conflict(_) => nothing_waits(),
            error => error.into(),
        })?;
        Ok((wanting.map(not_taken), tried))
    }

    /// Makes the grant of an answer the account's.
    pub(super) async fn accepted(&self, id: HandOverId, who: &str) -> Result<AccountId, Problem> {
        let store = &self.host.store;
        let handed = store.hand_over(id).await?;
        let answer = handed.waiting(self.now()).cloned().ok_or_else(nothing_waits)?;
        let pending = store.pending_grant(id).await?.ok_or_else(nothing_waits)?;
        let account = store.account(answer.account).await?;
        let sealed = Sealed { bytes: pending.sealed, key_version: pending.key_version };
        match store.grant(account.id).await? {
            Some(former) => self.accept_renewal(id, &account, &former, answer, sealed, who).await?,
            None => self.accept_first(id, &account, &answer, sealed, who).await?,
        }
        Ok(account.id)
    }

    async fn accept_first(
        &self,
        id: HandOverId,
        account: &Account,
        answer: &Answer,
        sealed: Sealed,
        who: &str,
    ) -> Result<(), Problem> {
        let (store, now) = (&self.host.store, self.now());
        let grant = Consenter::from(answer).stored(sealed, now, 1);
        store.accept_hand_over(id, None, &grant, who, now).await?;
        store.set_consent_state(account.id, &ConsentState::Verifying).await?;
        self.tokens.forget_account(account.id);
        self.audit(who, "hand-over.accepted", accepted(id, None, answer)).await?;
        self.preflight(account).await.map(|_| ())
    }

    /// Tried once more: what was missing when it was answered may have been given since, or the other way round.
    async fn accept_renewal(
        &self,
        id: HandOverId,
        account: &Account,
        former: &Grant,
        answer: Answer,
        sealed: Sealed,
        who: &str,
    ) -> Result<(), Problem> {
        let detail = accepted(id, Some(former), &answer);
        let consenter = Consenter::from(&answer);
        let (wanting, tried) = self.try_aside(id, account, answer, sealed).await?;
        if let Some(problem) = wanting {
            let stands = detail.get("before");
            let detail = json!({
                "hand_over": id, "account": account.id, "before": stands, "after": stands,
                "code": problem.code, "tried": detail.get("after"),
            });
            self.audit(who, "hand-over.acceptance_refused", detail).await?;
            return Err(problem);
        }
        let connector = self.connector(&account.connector, Some(&account.cloud))?;
        self.swap(account, &connector, &consenter, tried, Taking::HandOver(id, who)).await?;
        self.audit(who, "hand-over.accepted", detail).await
    }

    /// Ends a hand-over without its grant.
    pub(super) async fn ended(&self, id: HandOverId, ending: Ending, who: &str) -> Result<(), Problem> {
        let store = &self.host.store;
        let before = store.hand_over(id).await?;
        let is_due = match ending {
            Ending::Rejected => before.stage == Stage::Answered,
            Ending::Withdrawn => matches!(before.stage, Stage::Open | Stage::Answered),
        };
        if !is_due {
            return Err(nothing_waits());
        }
        let account_removed = store.end_hand_over(id, ending, who, self.now()).await?;
        let account = before.answer.as_ref().map(|answer| answer.account).or(before.made.account);
        let user = before.answer.map(|answer| answer.user_name);
        let (what, stage) = match ending {
            Ending::Rejected => ("hand-over.rejected", Stage::Rejected),
            Ending::Withdrawn => ("hand-over.withdrawn", Stage::Withdrawn),
        };
        let before = json!({ "stage": before.stage, "user": user });
        let after = json!({ "stage": stage, "account_removed": account_removed });
        let detail = json!({ "hand_over": id, "account": account, "before": before, "after": after });
        self.audit(who, what, detail).await
    }

    /// Takes back all that is handed over for an account; true where the account is gone with it.
    pub(super) async fn withdraw_all(&self, account: AccountId, who: &str) -> Result<bool, Problem> {
        let store = &self.host.store;
        for handed in store.waiting_hand_overs().await? {
            let answered = handed.answer.as_ref().map(|answer| answer.account);
            if answered == Some(account) || handed.made.account == Some(account) {
                self.ended(handed.id, Ending::Withdrawn, who).await?;
            }
        }
        Ok(store.accounts().await?.iter().all(|known| known.id != account))
    }

    /// Refuses what an account cannot do whose first grant nobody has accepted.
    pub(super) async fn refuse_unaccepted(&self, account: AccountId) -> Result<(), Problem> {
        match self.host.store.first_grant_waits(account).await? {
            false => Ok(()),
            true => Err(order_problem(OrderError::NotAccepted)),
        }
    }
}

fn answer_of(grant: &ConfirmedGrant, account: AccountId, now: Timestamp) -> Answer {
    Answer {
        account,
        tenant: grant.tenant.clone(),
        user_name: grant.user_name.clone(),
        user_id: grant.user_id.clone(),
        roles: grant.roles.clone(),
        consented_at: grant.consented_at,
        answered_at: now,
        probes: Vec::new(),
        shortcoming: None,
    }
}

/// In words for those who are not trying it now.
fn told((code, what, remedy): (String, String, String), since: Timestamp) -> Reason {
    let is_tried = code != NOT_TRIED;
    let remedy = if is_tried { remedy } else { "it is tested again when it is accepted".to_owned() };
    Reason { code, what, remedy, since }
}

fn aside(sealed: &Sealed) -> PendingGrant {
    PendingGrant { sealed: sealed.bytes.clone(), key_version: sealed.key_version }
}

fn accepted(id: HandOverId, former: Option<&Grant>, answer: &Answer) -> Value {
    let before = former.map(|former| json!({ "user": former.user_name, "id": former.user_id }));
    let after = json!({ "stage": Stage::Accepted, "user": answer.user_name, "id": answer.user_id });
    json!({ "hand_over": id, "account": answer.account, "tenant": answer.tenant, "before": before, "after": after })
}

fn nothing_waits() -> Problem {
    let what = "this hand-over was answered, decided or withdrawn meanwhile, or its time is over";
    Problem::new(409, "CON-HAND-OVER-GONE", what, "load the settings page again, or ask for a new link")
}
