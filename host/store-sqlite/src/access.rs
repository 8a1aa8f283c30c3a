//! Changes to people, one-time password links, people somebody else vouches for.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_store::access::{Access, ApiToken, Changed, Identity, NewToken, UserChange};
use purser_store::people::{Role, User};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::failed;
use crate::people::{UserRow, insert_user, next_generation};
use crate::values::{nanos, word};
use crate::{SqliteStore, Write, tokens};

/// Names tried for a person whose own is taken.
const NAMES_TRIED: u32 = 1_000;

#[async_trait]
impl Access for SqliteStore {
    async fn change_user(&self, name: &str, change: UserChange<'_>, now: Timestamp) -> Result<Changed> {
        let folded = name.to_lowercase();
        let mut tx = self.write().await?;
        let before = user(&mut tx, &folded).await?.ok_or(Error::NotFound("person"))?;
        check_last(&mut tx, &folded, &before, change).await?;
        apply(&mut tx, &folded, change).await?;
        renew(&mut tx, &folded).await?;
        let tokens = if change.ends_tokens() { tokens::end(&mut tx, &folded, now).await? } else { 0 };
        let after = user(&mut tx, &folded).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Changed { before, after, tokens })
    }

    async fn password_link(&self, link_hash: &[u8; 32], now: Timestamp) -> Result<Option<String>> {
        let (link, now) = (link_hash.as_slice(), nanos(now));
        let name = query_scalar!(
            "SELECT u.name FROM password_links AS l JOIN users AS u ON u.folded_name = l.folded_name
             WHERE l.token_hash = ? AND l.expires_at > ?",
            link,
            now
        );
        name.fetch_optional(&self.readers).await.map_err(failed)
    }

    async fn redeem_password_link(
        &self,
        link_hash: &[u8; 32],
        password_hash: &str,
        now: Timestamp,
    ) -> Result<User> {
        let (link, now) = (link_hash.as_slice(), nanos(now));
        let mut tx = self.write().await?;
        let taken = query_scalar!(
            r#"DELETE FROM password_links WHERE token_hash = ? AND expires_at > ? RETURNING folded_name AS "name!""#,
            link,
            now
        );
        let folded = taken.fetch_optional(&mut *tx).await.map_err(failed)?;
        let folded = folded.ok_or(Error::NotFound("password link"))?;
        apply(&mut tx, &folded, UserChange::Password(password_hash)).await?;
        renew(&mut tx, &folded).await?;
        let user = user(&mut tx, &folded).await?.ok_or(Error::NotFound("person"))?;
        tx.commit().await.map_err(failed)?;
        Ok(user)
    }

    async fn admit_outsider(
        &self,
        identity: &Identity,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(Option<User>, User)> {
        let mut tx = self.write().await?;
        let known = query_scalar!(
            "SELECT folded_name FROM users WHERE issuer = ? AND subject = ?",
            identity.issuer,
            identity.subject
        );
        let known = known.fetch_optional(&mut *tx).await.map_err(failed)?;
        let (folded, before) = match known {
            None => (add_outsider(&mut tx, identity, name, role).await?, None),
            Some(folded) => {
                let before = user(&mut tx, &folded).await?;
                if before.as_ref().is_some_and(|before| before.role != role) {
                    apply(&mut tx, &folded, UserChange::Role(role)).await?;
                    renew(&mut tx, &folded).await?;
                    tokens::end(&mut tx, &folded, now).await?;
                }
                (folded, before)
            }
        };
        let after = user(&mut tx, &folded).await?.ok_or(Error::NotFound("person"))?;
        tx.commit().await.map_err(failed)?;
        Ok((before, after))
    }

    async fn add_token(&self, token_hash: &[u8; 32], token: &NewToken) -> Result<i64> {
        tokens::add(self, token_hash, token).await
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>> {
        tokens::all(self).await
    }

    async fn token(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<ApiToken>> {
        tokens::good(self, token_hash, now).await
    }

    async fn token_used(&self, id: i64, now: Timestamp) -> Result<()> {
        tokens::used(self, id, now).await
    }

    async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<ApiToken> {
        tokens::revoke(self, id, now).await
    }
}

async fn user(tx: &mut Write, folded: &str) -> Result<Option<User>> {
    let row = query_as!(
        UserRow,
        "SELECT name, password_hash, role, issuer, subject, disabled, generation FROM users WHERE folded_name = ?",
        folded
    );
    row.fetch_optional(&mut **tx).await.map_err(failed)?.map(UserRow::user).transpose()
}

/// Whoever has a password here is not replaced by somebody a provider vouches for: the provider may fail.
async fn check_last(tx: &mut Write, folded: &str, before: &User, change: UserChange<'_>) -> Result<()> {
    let keeps = match change {
        UserChange::Role(role) => role == Role::Admin,
        UserChange::Disabled | UserChange::Removed => false,
        _ => true,
    };
    if keeps || before.role != Role::Admin || before.is_disabled {
        return Ok(());
    }
    let (admin, here_only) = (word(Role::Admin)?, before.identity.is_none());
    let others = query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM users WHERE folded_name <> ? AND role = ? AND disabled = 0
                          AND (issuer IS NULL OR NOT ?)) AS "any!: bool""#,
        folded,
        admin,
        here_only
    );
    if others.fetch_one(&mut **tx).await.map_err(failed)? { Ok(()) } else { Err(Error::LastAdministrator) }
}

async fn apply(tx: &mut Write, folded: &str, change: UserChange<'_>) -> Result<()> {
    match change {
        UserChange::Role(role) => {
            let role = word(role)?;
            let set = query!("UPDATE users SET role = ? WHERE folded_name = ?", role, folded);
            set.execute(&mut **tx).await.map_err(failed)?;
        }
        UserChange::Disabled | UserChange::Enabled => {
            let disabled = change == UserChange::Disabled;
            let set = query!("UPDATE users SET disabled = ? WHERE folded_name = ?", disabled, folded);
            set.execute(&mut **tx).await.map_err(failed)?;
        }
        UserChange::Removed => {
            let gone = query!("DELETE FROM users WHERE folded_name = ?", folded);
            gone.execute(&mut **tx).await.map_err(failed)?;
        }
        UserChange::Password(hash) => set_password(tx, folded, hash).await?,
        UserChange::Reset { link_hash, expires_at } => {
            set_password(tx, folded, "").await?;
            let (link, expires_at) = (link_hash.as_slice(), nanos(expires_at));
            let put = query!(
                "INSERT INTO password_links (folded_name, token_hash, expires_at) VALUES (?, ?, ?)",
                folded,
                link,
                expires_at
            );
            put.execute(&mut **tx).await.map_err(failed)?;
        }
        UserChange::SignedOut => {}
    }
    Ok(())
}

/// A link made before would undo it.
async fn set_password(tx: &mut Write, folded: &str, hash: &str) -> Result<()> {
    let set = query!("UPDATE users SET password_hash = ? WHERE folded_name = ?", hash, folded);
    set.execute(&mut **tx).await.map_err(failed)?;
    let gone = query!("DELETE FROM password_links WHERE folded_name = ?", folded);
    gone.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}

/// Ends what was signed in before.
async fn renew(tx: &mut Write, folded: &str) -> Result<()> {
    let generation = next_generation(tx).await?;
    let set = query!("UPDATE users SET generation = ? WHERE folded_name = ?", generation, folded);
    set.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}

/// Under a name nobody has.
async fn add_outsider(tx: &mut Write, identity: &Identity, name: &str, role: Role) -> Result<String> {
    let numbered = |number: u32| if number == 1 { name.to_owned() } else { format!("{name} ({number})") };
    for name in (1..NAMES_TRIED).map(numbered) {
        let folded = name.to_lowercase();
        if user(tx, &folded).await?.is_none() {
            let user = User { identity: Some(identity.clone()), ..User::new(name, "", role) };
            insert_user(tx, &user).await?;
            return Ok(folded);
        }
    }
    Err(Error::Conflict("name"))
}
