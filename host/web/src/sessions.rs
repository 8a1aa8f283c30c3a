//! Sessions: who is signed in, kept by the store under the hash of the cookie.
//!
//! **Invariants:** a session ends some time without use and some time after sign-in, as the [`AccessRules`] say, by the
//! clock that is passed in; its id changes at sign-in; it ends when its person's generation does (`guard::person_of`);
//! a stolen database holds no id that works. A session may belong to nobody: then it may hold a hand-over.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use purser_domain::Digest;
use purser_store::Store;
use purser_store::hand_overs::HandOverId;
use purser_store::people::User;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::access::AccessRules;
use crate::acts::Acts;
use crate::state::WebState;

/// Use within this time is not written down again, at most.
const TOUCH: SignedDuration = SignedDuration::from_mins(5);

const USER: &str = "user";
const HAND_OVER: &str = "hand_over";
const GENERATION: &str = "generation";
const STARTED: &str = "started";
const TOUCHED: &str = "touched";

/// The name of the cookie.
pub(crate) fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-session" } else { "session" }
}

/// The layer that gives each request its session.
pub(crate) fn layer(state: &WebState) -> SessionManagerLayer<Sessions> {
    let sessions = Sessions {
        store: Arc::clone(&state.store),
        acts: Arc::clone(&state.acts),
        rules: Arc::clone(&state.rules),
    };
    SessionManagerLayer::new(sessions)
        .with_name(cookie_name(state.cookies_secure))
        .with_secure(state.cookies_secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// Signs a user in: everything the session held before is gone, and so is its id.
pub(crate) async fn sign_in(
    session: &Session,
    user: &User,
    now: Timestamp,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(USER, &user.name).await?;
    session.insert(GENERATION, user.generation).await?;
    session.insert(STARTED, now).await?;
    session.insert(TOUCHED, now).await?;
    session.save().await
}

/// Begins a session that belongs to nobody and holds a hand-over's number: everything it held before is gone, and so is
/// its id.
pub(crate) async fn begin_hand_over(
    session: &Session,
    id: HandOverId,
    now: Timestamp,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(HAND_OVER, id).await?;
    session.insert(STARTED, now).await?;
    session.save().await
}

/// The hand-over a session was begun for; none where it belongs to a person.
pub(crate) async fn hand_over_of(
    session: &Session,
) -> std::result::Result<Option<HandOverId>, tower_sessions::session::Error> {
    match session.get::<String>(USER).await? {
        Some(_) => Ok(None),
        None => session.get(HAND_OVER).await,
    }
}

/// Whose a session is, as it was at sign-in.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) generation: i64,
}

/// Use within this time is not written down again: a small part of what a session may lie unused.
pub(crate) fn touch(rules: &AccessRules) -> SignedDuration {
    (rules.idle / 10).min(TOUCH)
}

/// Who is signed in; notes that the session is in use.
pub(crate) async fn user_of(
    session: &Session,
    now: Timestamp,
    touch: SignedDuration,
) -> std::result::Result<Option<Known>, tower_sessions::session::Error> {
    let Some(name) = session.get::<String>(USER).await? else { return Ok(None) };
    let Some(generation) = session.get::<i64>(GENERATION).await? else { return Ok(None) };
    let touched: Option<Timestamp> = session.get(TOUCHED).await?;
    if touched.is_none_or(|touched| now.duration_since(touched) > touch) {
        session.insert(TOUCHED, now).await?;
    }
    Ok(Some(Known { name, generation }))
}

/// What binds a consent flow to its session.
pub(crate) fn binding(session: &Session) -> [u8; 32] {
    hash_of(&session.id().unwrap_or(Id(0)))
}

/// Sessions in the store.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    acts: Arc<dyn Acts>,
    rules: Arc<AccessRules>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    fn expires(&self, record: &Record) -> Timestamp {
        let now = self.acts.now();
        let started = record.data.get(STARTED).and_then(|started| started.as_str()?.parse().ok());
        let idle = now.saturating_add(self.rules.idle).unwrap_or(Timestamp::MAX);
        let absolute = started.unwrap_or(now).saturating_add(self.rules.absolute).unwrap_or(Timestamp::MAX);
        idle.min(absolute)
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while self.load(&record.id).await?.is_some() {
            record.id = Id::default();
        }
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_vec(&record.data).map_err(|e| Error::Encode(e.to_string()))?;
        let saved = self.store.save_session(&hash_of(&record.id), &data, self.expires(record)).await;
        saved.map_err(|e| Error::Backend(e.to_string()))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let data = self.store.load_session(&hash_of(id), self.acts.now()).await;
        let Some(data) = data.map_err(|e| Error::Backend(e.to_string()))? else { return Ok(None) };
        let data = serde_json::from_slice(&data).map_err(|e| Error::Decode(e.to_string()))?;
        // Not read by anything: the store decides by its own `expires_at`.
        Ok(Some(Record { id: *id, data, expiry_date: OffsetDateTime::UNIX_EPOCH }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.delete_session(&hash_of(id)).await.map_err(|e| Error::Backend(e.to_string()))
    }
}

fn hash_of(id: &Id) -> [u8; 32] {
    *Digest::of(&id.0.to_le_bytes()).as_bytes()
}
