//! The flow record: what is remembered between two steps of a consent. Only ever stored sealed.

use jiff::Timestamp;
use purser_domain::ConnectorId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Renewal;
use crate::secret::Secret;

#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    /// The administrator is at the vendor's.
    Begun(Begun),
    /// Somebody signed in, and is asked whether it is the right account.
    Awaiting(Awaiting),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    pub connector: ConnectorId,
    pub cloud: String,
    pub redirect_uri: String,
    /// A code must be redeemed at the tenant it was asked at.
    pub tenant_path: String,
    pub nonce: String,
    pub verifier: String,
    #[serde(with = "renewal")]
    pub renewal: Option<Renewal>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Awaiting {
    pub connector: ConnectorId,
    pub cloud: String,
    pub tenant: String,
    pub user_id: String,
    pub user_name: String,
    pub roles: Option<Vec<String>>,
    pub consented_at: Timestamp,
    #[serde(with = "secret")]
    pub refresh_token: Secret,
}

impl Record {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Only text, times and lists: nothing here can fail to be written.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Keeps the public type free of a storage format.
mod renewal {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Renewal;

    pub(super) fn serialize<S: Serializer>(
        renewal: &Option<Renewal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        renewal.as_ref().map(|it| (&it.tenant, &it.user_name, &it.user_id)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Renewal>, D::Error> {
        let parts = Option::<(String, String, String)>::deserialize(deserializer)?;
        Ok(parts.map(|(tenant, user_name, user_id)| Renewal { tenant, user_name, user_id }))
    }
}

/// The one place where a secret is written out: into bytes that are sealed at once.
mod secret {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}
