//! Microsoft's clouds: where each API lives, who signs users in, and which token it takes.
//!
//! Partner billing on Graph exists in the global cloud alone. US Government partners use the global Partner Center host.

use purser_plugin_sdk::manifest::{AcceptedToken, Audience, Auth, DownloadHost, Endpoint};
use purser_plugin_sdk::pairs::pairs;
use purser_plugin_sdk::types::Pair;

/// The commercial cloud.
pub const GLOBAL: &str = "global";
/// Azure Government.
pub const US_GOVERNMENT: &str = "us-government";
/// Operated by 21Vianet.
pub const CHINA: &str = "china";

/// Customers, subscriptions, legacy utilization, rate card.
pub const PARTNER_CENTER: &str = "partner-center";
/// Billing exports.
pub const GRAPH: &str = "graph";

const PARTNER_CENTER_HOST: &str = "https://api.partnercenter.microsoft.com";
const PARTNER_CENTER_CHINA: &str = "https://partner.partnercenterapi.microsoftonline.cn";
const GRAPH_HOST: &str = "https://graph.microsoft.com";

/// The two APIs.
pub fn endpoints() -> Vec<Endpoint> {
    let partner_center_bases = pairs([
        (GLOBAL, PARTNER_CENTER_HOST),
        (US_GOVERNMENT, PARTNER_CENTER_HOST),
        (CHINA, PARTNER_CENTER_CHINA),
    ]);
    let scope = |host: &str| format!("{host}/user_impersonation");
    let partner_center_scopes = pairs([
        (GLOBAL, scope(PARTNER_CENTER_HOST)),
        (US_GOVERNMENT, scope(PARTNER_CENTER_HOST)),
        (CHINA, scope(PARTNER_CENTER_CHINA)),
    ]);
    let partner_center = Audience {
        name: "Partner Center".to_owned(),
        scopes: partner_center_scopes,
        accepts: AcceptedToken::Delegated,
        app_scopes: Vec::new(),
        app_permission: String::new(),
    };
    let graph = Audience {
        name: "Microsoft Graph".to_owned(),
        scopes: pairs([(GLOBAL, format!("{GRAPH_HOST}/PartnerBilling.Read.All"))]),
        accepts: AcceptedToken::Either,
        app_scopes: pairs([(GLOBAL, format!("{GRAPH_HOST}/.default"))]),
        app_permission: "PartnerBilling.Read.All, of the kind Application, with admin consent".to_owned(),
    };
    vec![
        oauth(PARTNER_CENTER, partner_center_bases, partner_center),
        oauth(GRAPH, pairs([(GLOBAL, GRAPH_HOST)]), graph),
    ]
}

/// Blobs of an export lie in storage accounts of changing names.
pub fn download_hosts() -> Vec<DownloadHost> {
    vec![DownloadHost { cloud: GLOBAL.to_owned(), pattern: "*.blob.core.windows.net".to_owned() }]
}

/// Where users sign in.
pub fn authorities() -> Vec<Pair> {
    pairs([
        (GLOBAL, "https://login.microsoftonline.com"),
        (US_GOVERNMENT, "https://login.microsoftonline.us"),
        (CHINA, "https://login.partner.microsoftonline.cn"),
    ])
}

fn oauth(name: &str, base_urls: Vec<Pair>, audience: Audience) -> Endpoint {
    Endpoint { name: name.to_owned(), base_urls, auth: Auth::Oauth(audience) }
}
