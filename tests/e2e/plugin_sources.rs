//! Where the command line takes components from: bundles that one machine makes for another, and registries.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use purser_domain::Digest;
use serde_json::json;

use crate::fixtures::component_with;
use crate::signatures::{House, Signer};
use crate::support::{stderr, stdout};

#[test]
fn a_bundle_of_one_machine_is_installed_with_its_signatures_on_another() {
    let (here, there) = (House::new(), House::new());
    let [anna, bob] = ["anna", "bob"].map(Signer::new);
    let component = component_with("meterhub", &[]);
    here.write("hub.wasm", &component);
    here.write("a", anna.sign(&component));
    here.write("b", bob.sign(&component));
    here.write("purser.toml", "");
    let digest = Digest::of(&component).to_string();
    let done = here.plugin(&["install", "hub.wasm", "--signature", "a", "--signature", "b"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let done = here.plugin(&["bundle", &digest, "--out", "hub.tar"]);
    assert!(stdout(&done).contains("2 signatures"), "{}{}", stdout(&done), stderr(&done));

    there.trusts("all-of = [\"anna\", \"bob\"]", &[&anna, &bob]);
    let bundle = std::fs::read(here.0.path().join("hub.tar")).unwrap();
    there.write("hub.tar", &bundle);
    assert!(stdout(&there.plugin(&["inspect", "hub.tar"])).contains("signed by anna, bob"));
    let done = there.plugin(&["install", "hub.tar"]);
    let told = stdout(&done);
    assert!(told.contains(&digest) && told.contains("signed by anna, bob"), "{told}{}", stderr(&done));
    there.plugin(&["bundle", &digest, "--out", "again.tar"]);
    assert_eq!(std::fs::read(there.0.path().join("again.tar")).unwrap(), bundle, "the same bytes anywhere");

    there.write("cut.tar", &bundle[..bundle.len() / 2]);
    let done = there.plugin(&["install", "cut.tar"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("PLG-410"), "{}", stderr(&done));
}

fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", Digest::of(bytes))
}

/// A registry for those who know the password, with one component.
async fn registry(component: &[u8], signature: &str) -> (String, String) {
    let layer =
        |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": named(bytes), "size": bytes.len() });
    let manifest = |config: &str, layer| {
        let config = json!({ "mediaType": config, "digest": named(b"{}"), "size": 2 });
        json!({ "schemaVersion": 2, "config": config, "layers": [layer] }).to_string().into_bytes()
    };
    let hub = manifest("application/vnd.wasm.config.v0+json", layer("application/wasm", component));
    let kind = "application/vnd.purser.minisig.v1";
    let signing = manifest("application/vnd.oci.empty.v1+json", layer(kind, signature.as_bytes()));
    let media = "application/vnd.oci.image.manifest.v1+json";
    let entry = json!({ "mediaType": media, "digest": named(&signing), "size": 1, "artifactType": kind });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string().into_bytes();
    let digest = named(&hub);
    let shelf: BTreeMap<String, Vec<u8>> = [
        ("manifests/1.0".to_owned(), hub.clone()),
        (format!("manifests/{digest}"), hub),
        (format!("manifests/{}", named(&signing)), signing),
        (format!("referrers/{digest}"), index),
        (format!("blobs/{}", named(component)), component.to_vec()),
        (format!("blobs/{}", named(signature.as_bytes())), signature.as_bytes().to_vec()),
    ]
    .into();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let router = Router::new().fallback(answer).with_state(std::sync::Arc::new(shelf));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (host, digest)
}

async fn answer(
    State(shelf): State<std::sync::Arc<BTreeMap<String, Vec<u8>>>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let is_known = headers.get(header::AUTHORIZATION).is_some_and(|given| given == "Basic YW5uYTpwYXNz"); // anna:pass
    if !is_known {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic")]).into_response();
    }
    let name = request.uri().path().strip_prefix("/v2/acme/hub/").unwrap_or_default();
    shelf.get(name).map_or(StatusCode::NOT_FOUND.into_response(), |bytes| bytes.clone().into_response())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_comes_from_a_registry_by_digest_alone() {
    let (house, anna) = (House::new(), Signer::new("anna"));
    let component = component_with("meterhub", &[]);
    let (host, digest) = registry(&component, &anna.sign(&component)).await;
    let address = format!("oci://{host}/acme/hub@{digest}");
    house.trusts("", &[&anna]);
    let refused = house.plugin(&["install", &address]);
    assert!(stderr(&refused).contains("PLG-423"), "{}", stderr(&refused));

    house.write("password", "pass\n");
    let toml = std::fs::read_to_string(house.0.path().join("purser.toml")).unwrap();
    let login = format!("[plugins.registries.\"{host}\"]\nuser = \"anna\"\npassword-file = \"password\"\n");
    house.write("purser.toml", toml + &login);
    let refused = house.plugin(&["install", &format!("oci://{host}/acme/hub:1.0")]);
    assert!(
        stderr(&refused).contains("PLG-421") && stderr(&refused).contains(&digest),
        "{}",
        stderr(&refused)
    );
    let done = house.plugin(&["install", &address]);
    let told = stdout(&done);
    assert!(told.contains("signed by anna"), "{told}{}", stderr(&done));
    assert!(told.contains(&Digest::of(&component).to_string()));
    let listed = stdout(&house.plugin(&["list", "--json"]));
    assert!(listed.contains(&format!("\"source\": \"{address}\"")), "{listed}");
}
