//! A client certificate and its key: signs the statement by which the app registration proves itself (RFC 7523), PS256
//! with the certificate's SHA-256 thumbprint in the header.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use uuid::Uuid;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::secret::Secret;

/// How long a statement holds: vendors take at most ten minutes.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A certificate and its key.
pub struct Certificate {
    thumbprint: String,
    not_after: Timestamp,
    key: EncodingKey,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// What is wrong with a certificate or its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// No certificate.
    #[error("the client certificate is no X.509 certificate in PEM")]
    Certificate,
    /// No key, or none that can sign so.
    #[error("the client key is no RSA key in PEM without a passphrase")]
    Key,
    /// Certificate and key are not each other's.
    #[error("the client key is not the key of the client certificate")]
    NotItsKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    nbf: i64,
    iat: i64,
    exp: i64,
}

impl Certificate {
    /// Reads both, and proves that they belong together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, CertificateFault> {
        let read =
            x509_cert::Certificate::from_pem(certificate).map_err(|_| CertificateFault::Certificate)?;
        let der = read.to_der().map_err(|_| CertificateFault::Certificate)?;
        let inner = &read.tbs_certificate;
        let end = inner.validity.not_after.to_unix_duration();
        let end = SignedDuration::try_from(end).map_err(|_| CertificateFault::Certificate)?;
        let not_after =
            Timestamp::UNIX_EPOCH.saturating_add(end).map_err(|_| CertificateFault::Certificate)?;
        let thumbprint = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&der));
        let key = EncodingKey::from_rsa_pem(key).map_err(|_| CertificateFault::Key)?;
        let certificate = Self { thumbprint, not_after, key };
        certificate.prove(inner.subject_public_key_info.subject_public_key.raw_bytes())?;
        Ok(certificate)
    }

    /// When it ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Its SHA-256 thumbprint, base64url: what the vendor lists it by.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// A statement for one token request.
    pub(crate) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        id: Uuid,
        now: Timestamp,
    ) -> Result<Secret, CertificateFault> {
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        let claims = Claims {
            aud: audience.to_owned(),
            iss: client_id.to_owned(),
            sub: client_id.to_owned(),
            jti: id.to_string(),
            nbf: now.as_second(),
            iat: now.as_second(),
            exp: now.as_second().saturating_add(LIFE.as_secs()),
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| CertificateFault::Key)?;
        Ok(Secret::new(token))
    }

    /// Signs once and checks it by the certificate's public key.
    fn prove(&self, public_key: &[u8]) -> Result<(), CertificateFault> {
        let trial = self.assertion("trial", "trial", Uuid::nil(), Timestamp::UNIX_EPOCH)?;
        let mut validation = Validation::new(Algorithm::PS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_rsa_der(public_key);
        let checked = jsonwebtoken::decode::<Claims>(trial.expose(), &key, &validation);
        checked.map(|_| ()).map_err(|_| CertificateFault::NotItsKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = include_bytes!("../../../../tests/fixtures/certificates/first.pem");
    const FIRST_KEY: &[u8] = include_bytes!("../../../../tests/fixtures/certificates/first.key");
    const NEXT_KEY: &[u8] = include_bytes!("../../../../tests/fixtures/certificates/next.key");

    #[test]
    fn a_certificate_is_taken_with_its_own_key_only() {
        let certificate = Certificate::from_pem(FIRST, FIRST_KEY).unwrap();
        assert!(certificate.not_after() > "2027-01-01T00:00:00Z".parse().unwrap());
        let fault = |certificate, key| Certificate::from_pem(certificate, key).unwrap_err();
        assert_eq!(fault(FIRST, NEXT_KEY), CertificateFault::NotItsKey);
        assert_eq!(fault(FIRST_KEY, FIRST_KEY), CertificateFault::Certificate);
        assert_eq!(fault(FIRST, FIRST), CertificateFault::Key);
        assert!(!format!("{certificate:?}").contains("key"));
    }

    #[test]
    fn a_statement_names_the_certificate_the_endpoint_and_a_short_life() {
        let certificate = Certificate::from_pem(FIRST, FIRST_KEY).unwrap();
        let now = "2026-11-26T12:00:00Z".parse().unwrap();
        let made = certificate.assertion("client", "https://login.example/t/token", Uuid::from_u128(7), now);
        let token = made.unwrap();
        let parts: Vec<&str> = token.expose().split('.').collect();
        let part = |place: usize| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[place]).unwrap()).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        assert_eq!((&header["alg"], &header["typ"]), (&"PS256".into(), &"JWT".into()));
        assert_eq!(header["x5t#S256"], certificate.thumbprint());
        assert_eq!(claims["aud"], "https://login.example/t/token");
        assert_eq!((&claims["iss"], &claims["sub"]), (&"client".into(), &"client".into()));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 300);
    }
}
