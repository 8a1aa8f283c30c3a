//! Components from a small registry on this machine, honest and otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use purser_domain::Digest;
use purser_vendor::Secret;
use purser_vendor::registry::{
    COMPONENT, CONFIG, Login, Registries, RegistryError, RegistryLimits, SIGNATURE,
};
use serde_json::{Value, json};

const BYTES: &[u8] = b"\0asm as a component";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", Digest::of(bytes))
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": named(bytes), "size": bytes.len() })
}

fn manifest(config: &str, layers: &[Value]) -> Value {
    let media = "application/vnd.oci.image.manifest.v1+json";
    json!({ "schemaVersion": 2, "mediaType": media, "config": descriptor(config, b"{}"), "layers": layers })
}

/// How a body is given.
#[derive(Clone, Debug)]
enum Given {
    Whole(Vec<u8>),
    /// The connection ends after these.
    CutOff(Vec<u8>),
    /// More and more.
    Endless,
    /// It lies at another address.
    At(String),
}

impl Given {
    fn response(&self) -> Response {
        match self {
            Self::Whole(bytes) => bytes.clone().into_response(),
            Self::CutOff(bytes) => {
                let first = futures::stream::iter([Ok(Bytes::from(bytes.clone()))]);
                let end = futures::stream::once(async {
                    // What was given before is sent meanwhile.
                    tokio::task::yield_now().await;
                    Err(std::io::Error::other("the connection is gone"))
                });
                Body::from_stream(first.chain(end)).into_response()
            }
            Self::Endless => {
                let more =
                    futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1024])));
                Body::from_stream(more).into_response()
            }
            Self::At(place) => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place.clone())]).into_response()
            }
        }
    }
}

/// What was asked, and with which authorization.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// What a registry has, by the path under the repository.
#[derive(Clone, Default)]
struct Shelf {
    has: BTreeMap<String, Given>,
    /// Asks for `Basic` or by way of a token.
    wants: Option<&'static str>,
    asked: Asked,
}

impl Shelf {
    fn with(mut self, kind: &str, name: &str, given: Given) -> Self {
        self.has.insert(format!("{kind}/{name}"), given);
        self
    }

    fn with_blob(self, bytes: &[u8]) -> Self {
        self.with("blobs", &named(bytes), Given::Whole(bytes.to_vec()))
    }

    fn with_manifest(self, manifest: &Value) -> (Self, String) {
        let bytes = manifest.to_string().into_bytes();
        let digest = named(&bytes);
        (self.with("manifests", &digest, Given::Whole(bytes)), digest)
    }

    async fn open(self) -> Open {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (asked, shelf) = (self.asked.clone(), Arc::new(self));
        let router = Router::new().fallback(answer).with_state((shelf, host.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Open { host, asked }
    }
}

/// A registry at work.
struct Open {
    host: String,
    asked: Asked,
}

impl Open {
    fn address(&self, digest: &str) -> String {
        format!("oci://{}/acme/hub@{digest}", self.host)
    }

    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().unwrap().clone()
    }

    async fn pull(&self, digest: &str) -> Result<(Vec<u8>, Vec<String>), RegistryError> {
        self.pull_as(digest, None).await
    }

    async fn pull_as(
        &self,
        digest: &str,
        user: Option<&str>,
    ) -> Result<(Vec<u8>, Vec<String>), RegistryError> {
        let registries = self.registries(user);
        let place = registries.place(&self.address(digest)).await?;
        let pulled = registries.pull(&place).await?;
        Ok((pulled.component, pulled.signatures))
    }

    fn registries(&self, user: Option<&str>) -> Registries {
        let login =
            |user: &str| Login { user: user.to_owned(), password: Secret::new("pass-word".to_owned()) };
        let logins = user.map(|user| (self.host.clone(), login(user))).into_iter().collect();
        let limits = RegistryLimits {
            component_bytes: 1000,
            whole: Duration::from_secs(20),
            ..RegistryLimits::default()
        };
        Registries { logins, limits }
    }
}

async fn answer(State((shelf, host)): State<(Arc<Shelf>, String)>, request: Request) -> Response {
    let (path, authorization) = (request.uri().path().to_owned(), authorization(request.headers()));
    shelf.asked.lock().unwrap().push((path.clone(), authorization.clone()));
    let right = ["Basic YW5uYTpwYXNzLXdvcmQ=", "Bearer a-token"]; // anna:pass-word
    let is_known = authorization.as_deref().is_some_and(|given| right.contains(&given));
    if path == "/token" {
        return match is_known {
            true => json!({ "token": "a-token" }).to_string().into_response(),
            false => StatusCode::UNAUTHORIZED.into_response(),
        };
    }
    if let Some(scheme) = shelf.wants.filter(|_| !is_known) {
        let challenge = match scheme {
            "Basic" => "Basic realm=\"here\"".to_owned(),
            _ => format!("Bearer realm=\"http://{host}/token\",service=\"here\""),
        };
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    match path.strip_prefix("/v2/acme/hub/") {
        Some(name) => match shelf.has.get(name) {
            Some(given) => given.response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        None if path == "/v2/" => StatusCode::OK.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
}

/// A registry with the component, and its manifest's digest.
fn stocked() -> (Shelf, String) {
    let manifest = manifest(CONFIG, &[descriptor(COMPONENT, BYTES)]);
    Shelf::default().with_blob(BYTES).with_manifest(&manifest)
}

/// The same with a signature that refers to the component, listed by the registry or under a tag.
fn signed(is_listed: bool) -> (Shelf, String) {
    let (shelf, digest) = stocked();
    let signature = manifest(EMPTY, &[descriptor(SIGNATURE, b"by anna"), descriptor("text/plain", b"no")]);
    let (shelf, signing) = shelf.with_blob(b"by anna").with_manifest(&signature);
    let entry = |kind: &str, digest: &str| {
        let media = "application/vnd.oci.image.manifest.v1+json";
        json!({ "mediaType": media, "digest": digest, "size": 1, "artifactType": kind })
    };
    let media = "application/vnd.oci.image.index.v1+json";
    let entries = [entry("application/spdx+json", &named(b"unrelated")), entry(SIGNATURE, &signing)];
    let index = json!({ "schemaVersion": 2, "mediaType": media, "manifests": entries });
    let index = Given::Whole(index.to_string().into_bytes());
    match is_listed {
        true => (shelf.with("referrers", &digest, index), digest),
        false => (shelf.with("manifests", &digest.replace(':', "-"), index), digest),
    }
}

#[tokio::test]
async fn a_component_comes_by_digest_with_the_signatures_that_refer_to_it() {
    let (shelf, digest) = stocked();
    assert_eq!(shelf.open().await.pull(&digest).await.unwrap(), (BYTES.to_vec(), Vec::new()));
    for is_listed in [true, false] {
        let (shelf, digest) = signed(is_listed);
        let pulled = shelf.open().await.pull(&digest).await.unwrap();
        assert_eq!(pulled, (BYTES.to_vec(), vec!["by anna".to_owned()]));
    }
}

#[tokio::test]
async fn a_tag_is_refused_with_the_digest_it_points_to() {
    let (shelf, digest) = stocked();
    let tagged = shelf.has[&format!("manifests/{digest}")].clone();
    let open = shelf.with("manifests", "1.4", tagged).open().await;
    let tag = open.registries(None).place(&format!("oci://{}/acme/hub:1.4", open.host)).await;
    let told = tag.unwrap_err().to_string();
    assert!(told.starts_with("PLG-421") && told.contains(&format!("@{digest}")), "{told}");
    let missing = open.registries(None).place(&format!("oci://{}/acme/hub", open.host)).await;
    assert!(matches!(missing, Err(RegistryError::NotThere(_))), "{missing:?}");
    assert!(!open.asked().iter().any(|(path, _)| path.contains("blobs")), "nothing was fetched");
}

#[tokio::test]
async fn an_address_that_names_nothing_is_refused_before_anybody_is_asked() {
    let digest = named(BYTES);
    for address in [
        "acme/hub".to_owned(),
        format!("https://registry.example/acme/hub@{digest}"),
        format!("oci://acme/hub@{digest}"),
        "oci://registry.example/acme/hub@sha256:12".to_owned(),
        format!("oci://registry.example/Acme/hub@{digest}"),
        format!("oci://registry.example/acme/hub@sha512:{0}{0}", &digest[7..]),
        format!("oci://anna:secret@registry.example/acme/hub@{digest}"),
    ] {
        let refused = Registries::default().place(&address).await;
        assert!(matches!(refused, Err(RegistryError::Address(_))), "{address}: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_bytes_that_were_asked_for_is_refused() {
    let (shelf, digest) = stocked();
    let other = manifest(CONFIG, &[descriptor(COMPONENT, b"other")]).to_string().into_bytes();
    let layer = named(BYTES);
    for shelf in [
        shelf.clone().with_blob(b"other").with("manifests", &digest, Given::Whole(other)),
        shelf.clone().with("blobs", &layer, Given::Whole(b"\0asm as b component".to_vec())),
        shelf.clone().with("blobs", &layer, Given::Whole(BYTES[..9].to_vec())),
        shelf.clone().with("blobs", &layer, Given::CutOff(BYTES[..9].to_vec())),
        shelf.clone().with("blobs", &layer, Given::CutOff(BYTES.to_vec())),
        shelf.clone().with("blobs", &layer, Given::Endless),
    ] {
        let given = format!("{:?}", shelf.has);
        let refused = shelf.open().await.pull(&digest).await;
        assert!(matches!(refused, Err(RegistryError::OtherBytes(_))), "{given}: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_no_component_or_too_large_is_refused_before_it_is_fetched() {
    let layer = descriptor(COMPONENT, BYTES);
    let large = json!({ "mediaType": COMPONENT, "digest": named(BYTES), "size": 1001 });
    let negative = json!({ "mediaType": COMPONENT, "digest": named(BYTES), "size": -1 });
    for (manifest, code) in [
        (manifest("application/vnd.oci.image.config.v1+json", std::slice::from_ref(&layer)), "PLG-426"),
        (manifest(CONFIG, &[descriptor("application/vnd.oci.image.layer.v1.tar", BYTES)]), "PLG-426"),
        (manifest(CONFIG, &[]), "PLG-426"),
        (manifest(CONFIG, &[layer.clone(), layer]), "PLG-426"),
        (json!({ "schemaVersion": 2 }), "PLG-426"),
        (manifest(CONFIG, &[large]), "PLG-427"),
        (manifest(CONFIG, &[negative]), "PLG-427"),
    ] {
        let (shelf, digest) = Shelf::default().with_blob(BYTES).with_manifest(&manifest);
        let open = shelf.open().await;
        let told = open.pull(&digest).await.unwrap_err().to_string();
        assert!(told.starts_with(code), "{code}: {told}");
        assert!(!open.asked().iter().any(|(path, _)| path.contains("blobs")), "{code}");
    }
}

#[tokio::test]
async fn who_asks_is_told_to_the_registry_and_to_nobody_it_leads_to() {
    let elsewhere = Shelf::default().with_blob(BYTES).open().await;
    for wants in ["Basic", "Bearer"] {
        let (shelf, digest) = stocked();
        let moved = format!("http://{}/v2/acme/hub/blobs/{}", elsewhere.host, named(BYTES));
        let shelf = Shelf { wants: Some(wants), ..shelf };
        let open = shelf.with("blobs", &named(BYTES), Given::At(moved)).open().await;
        assert_eq!(open.pull_as(&digest, Some("anna")).await.unwrap().0, BYTES);
        let last = open.asked().pop().unwrap().1.unwrap();
        assert!(last.starts_with(wants), "{wants}: {last}");
        for user in [None, Some("bob")] {
            let refused = open.pull_as(&digest, user).await.unwrap_err();
            assert!(matches!(refused, RegistryError::Refused(_)), "{wants}: {refused:?}");
            assert!(!format!("{refused} {refused:?}").contains("pass-word"));
        }
    }
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|(_, authorization)| authorization.is_none()), "{asked:?}");
}

#[tokio::test]
async fn a_registry_elsewhere_is_never_asked_in_clear() {
    let (shelf, digest) = stocked();
    let open = shelf.open().await;
    let port = open.host.rsplit_once(':').unwrap().1;
    // A name that leads here and is not this machine's own.
    let registries = Registries::default();
    for host in ["0.0.0.0", "localhost.localdomain"] {
        let place = registries.place(&format!("oci://{host}:{port}/acme/hub@{digest}")).await.unwrap();
        let refused = registries.pull(&place).await;
        assert!(matches!(refused, Err(RegistryError::Unreachable(_))), "{host}: {refused:?}");
    }
    assert_eq!(open.asked(), []);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    let limits = RegistryLimits { whole: Duration::from_millis(300), ..RegistryLimits::default() };
    let registries = Registries { limits, ..Registries::default() };
    let place = registries.place(&format!("oci://{host}/acme/hub@{}", named(BYTES))).await.unwrap();
    assert!(matches!(registries.pull(&place).await, Err(RegistryError::TooSlow(_))));
}
