//! The bundled connector in the vendor's national clouds: other addresses, and fewer APIs.

use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_runtime::{Limits, Sandbox};
use purser_vendor::Connector;

const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"));

fn connector(cloud: &str, own: CloudConfig) -> Connector {
    let plugin = Sandbox::new(Limits::default(), None).unwrap().admit(COMPONENT).unwrap();
    let config = ConnectorConfig { clouds: [(cloud.to_owned(), own)].into(), ..ConnectorConfig::default() };
    let connectors = [("microsoft-csp".parse().unwrap(), config)].into();
    let clouds = Clouds { public_url: "https://purser.example".parse().unwrap(), connectors };
    clouds.connector(plugin.descriptor(), cloud).unwrap()
}

/// Host of the sign-in page, host of the partner API, names of the endpoints, of the preflight's rows.
fn shape(connector: &Connector) -> (String, String, Vec<String>, Vec<String>) {
    let consent = connector.consent.as_ref().unwrap();
    let host = |url: &url::Url| url.host_str().unwrap_or_default().to_owned();
    (
        host(&consent.authority),
        host(&connector.endpoints["partner-center"].base_url),
        connector.endpoints.keys().cloned().collect(),
        consent.probes.iter().map(|probe| probe.call.clone()).collect(),
    )
}

#[test]
fn a_national_cloud_has_its_own_addresses_and_asks_nothing_of_what_it_lacks() {
    let (global, us, china) = (
        shape(&connector("global", CloudConfig::default())),
        shape(&connector("us-government", CloudConfig::default())),
        shape(&connector("china", CloudConfig::default())),
    );
    assert_eq!((global.0.as_str(), us.0.as_str()), ("login.microsoftonline.com", "login.microsoftonline.us"));
    assert_eq!(china.0, "login.partner.microsoftonline.cn");
    assert_eq!((&us.1, china.1.as_str()), (&global.1, "partner.partnercenterapi.microsoftonline.cn"));
    assert_eq!((global.2.len(), &us.2, &china.2), (2, &vec!["partner-center".to_owned()], &us.2));
    let gone: Vec<_> = global.3.iter().filter(|call| !china.3.contains(call)).collect();
    assert_eq!(gone, ["usage-export"], "a row nobody can answer would only alarm people");
    assert!(connector("china", CloudConfig::default()).calls.values().all(|call| call.endpoint != "graph"));
}

/// An operator whose cloud has an API that the plugin does not know of names it himself.
#[test]
fn a_base_url_of_the_configuration_decides() {
    let graph = "https://graph.example.cn".parse().unwrap();
    let own = CloudConfig { endpoints: [("graph".to_owned(), graph)].into(), ..CloudConfig::default() };
    let connector = connector("china", own);
    assert_eq!(connector.endpoints["graph"].base_url.host_str(), Some("graph.example.cn"));
    assert!(connector.calls.values().any(|call| call.endpoint == "graph"));
}
