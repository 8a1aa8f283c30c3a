//! Every route with the role it asks for, in one table; the router is made from it, so no route escapes its guard.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing;
use purser_domain::ConnectorId;
use purser_store::access::Scope;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::guard::{Rule, guard};
use crate::pages::{
    account, account_entry, account_names, activity, api, audit, connector, connector_settings, consent,
    coverage, customers, dashboard, explain, hand_over, hand_overs, health, notices, outside, own_access,
    password_link, people, periods, plugin_try, plugin_usage, plugins, preflight, purchases, reconciliation,
    record, requests, run, setup, sign_in, site_settings, texts, tokens, unmapped, vanished,
};
use crate::problem::Problem;
use crate::state::WebState;
use crate::{assets, headers, sessions, shell};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Whoever is signed in.
    Viewer,
    /// Operators and administrators.
    Operator,
    /// Administrators.
    Admin,
    /// Whoever has opened the link of a hand-over, and no person.
    HandOver,
    /// Operators and administrators, and whoever has opened the link of a hand-over; the answer of whoever consented for
    /// a whole tenant is only sent on to where it is told.
    Consent,
}

/// One row of the table.
#[cfg_attr(not(test), expect(dead_code, reason = "the test of every route and role walks the table"))]
pub(crate) struct Route {
    pub(crate) access: Access,
    /// What a bearer token needs; none: no token opens the route.
    pub(crate) scope: Option<Scope>,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
}

macro_rules! routes {
    (@scope) => { None };
    (@scope $scope:ident) => { Some(Scope::$scope) };
    ($($access:ident $([$scope:ident])? $method:ident $path:literal => $handler:path;)*) => {
        /// The table.
        #[cfg_attr(not(test), expect(dead_code, reason = "the test of every route and role walks the table"))]
        pub(crate) const ROUTES: &[Route] =
            &[$(Route {
                access: Access::$access,
                scope: routes!(@scope $($scope)?),
                method: stringify!($method),
                path: $path,
            }),*];

        fn guarded(state: &WebState) -> Router<WebState> {
            Router::new()$(.route($path, routing::$method($handler)
                .route_layer(middleware::from_fn_with_state(
                    Rule { state: state.clone(), access: Access::$access, scope: routes!(@scope $($scope)?) },
                    guard,
                ))))*
        }
    };
}

routes! {
    Open get "/healthz" => health::live;
    Open get "/readyz" => health::ready;
    Viewer[MetricsRead] get "/metrics" => plugin_usage::metrics;
    Open get "/static/{*path}" => assets::serve;
    Open get "/sign-in" => sign_in::form;
    Open post "/sign-in" => sign_in::submit;
    Open get "/sign-in/elsewhere" => outside::begin;
    Open get "/sign-in/elsewhere/callback" => outside::callback;
    Open get "/password/{token}" => password_link::form;
    Open post "/password/{token}" => password_link::submit;
    Open get "/setup/{token}" => setup::form;
    Open post "/setup/{token}" => setup::submit;
    Open get "/connectors/{connector}/application-consent/{outcome}" => consent::application;
    Open get "/hand-over/{token}" => hand_over::open;
    HandOver get "/hand-over" => hand_over::show;
    HandOver get "/hand-over/sign-in" => hand_over::start;
    HandOver get "/hand-over/confirm" => hand_over::question;
    HandOver post "/hand-over/confirm" => hand_over::confirm;
    Viewer post "/sign-out" => sign_in::sign_out;

    Viewer get "/" => dashboard::show;
    Operator post "/notices/{id}/acknowledge" => notices::acknowledge;
    Viewer get "/connectors/{connector}" => connector::show;
    Viewer get "/connectors/{connector}/settings" => connector_settings::show;
    Viewer get "/connectors/{connector}/coverage" => coverage::show;
    Viewer get "/connectors/{connector}/customers" => customers::show;
    Operator post "/connectors/{connector}/customers/suggestions" => customers::accept;
    Viewer get "/connectors/{connector}/customers/export.csv" => customers::csv::export;
    Operator get "/connectors/{connector}/customers/import" => customers::csv::form;
    Operator post "/connectors/{connector}/customers/import" => customers::csv::import;
    Viewer get "/connectors/{connector}/accounts/{account}/customers/{customer}" => customers::one::show;
    Operator post "/connectors/{connector}/accounts/{account}/customers/{customer}" => customers::one::save;
    Viewer get "/connectors/{connector}/texts" => texts::show;
    Viewer get "/connectors/{connector}/accounts/{account}/texts/{key}" => texts::one;
    Operator post "/connectors/{connector}/accounts/{account}/texts/{key}" => texts::save;
    Operator get "/connectors/{connector}/consent/start" => consent::start;
    Consent get "/connectors/{connector}/consent/callback" => consent::callback;
    Consent get "/connectors/{connector}/consent/callback/{cloud}" => consent::callback_of_cloud;
    Operator get "/connectors/{connector}/consent/confirm" => consent::question;
    Operator post "/connectors/{connector}/consent/confirm" => consent::confirm;
    Operator post "/connectors/{connector}/hand-overs" => hand_overs::make;
    Operator post "/connectors/{connector}/hand-overs/{id}" => hand_overs::decide;
    Operator post "/connectors/{connector}/accounts" => account_entry::add;
    Operator post "/connectors/{connector}/accounts/{account}/secret" => account_entry::change_secret;
    Viewer get "/connectors/{connector}/accounts/{account}" => account::show;
    Operator post "/connectors/{connector}/accounts/{account}" => account::save;
    Viewer get "/connectors/{connector}/accounts/{account}/names" => account_names::preview;
    Viewer get "/connectors/{connector}/accounts/{account}/preflight" => preflight::show;
    Operator post "/connectors/{connector}/accounts/{account}/preflight" => preflight::probe;
    Operator post "/connectors/{connector}/accounts/{account}/pause" => account::pause;
    Operator post "/connectors/{connector}/accounts/{account}/resume" => account::resume;
    Operator post "/connectors/{connector}/accounts/{account}/disconnect" => account::disconnect;
    Operator post "/connectors/{connector}/accounts/{account}/run" => account::run_now;

    Viewer get "/purchases" => purchases::list;
    Viewer get "/purchases/unmapped" => unmapped::show;
    Viewer get "/purchases/vanished" => vanished::show;
    Operator post "/purchases/vanished" => vanished::decide;
    Viewer get "/periods" => periods::show;
    Operator post "/periods/{account}/{month}/close" => periods::close;
    Viewer get "/purchases/export.csv" => purchases::export_csv;
    Viewer get "/purchases/export.json" => purchases::export_json;
    Viewer get "/purchases/{purchase}" => explain::show;
    Viewer get "/purchases/{purchase}/pages/{page}" => explain::page_bytes;

    Viewer get "/reconciliation" => reconciliation::show;
    Viewer get "/reconciliation/export.csv" => reconciliation::export;
    Viewer get "/reconciliation/row" => reconciliation::row::show;
    Viewer get "/records/{account}/{page}/{ordinal}" => record::show;

    Viewer get "/activity" => activity::list;
    Viewer get "/activity/{run}" => run::show;
    Viewer get "/activity/{run}/live" => run::live;
    Viewer get "/activity/{run}/requests" => requests::show;
    Operator post "/activity/{run}/cancel" => run::cancel;

    Viewer get "/plugins" => plugins::list;
    Admin post "/plugins" => plugins::version::install;
    Viewer get "/plugins/{plugin}" => plugins::show;
    Admin post "/plugins/{plugin}/rollback" => plugins::version::roll_back;
    Admin post "/plugins/{plugin}/map-again" => plugins::version::map_again;
    Viewer get "/plugins/{plugin}/try" => plugin_try::form;
    Operator post "/plugins/{plugin}/try" => plugin_try::begin;
    Viewer get "/plugins/{plugin}/try/{try}" => plugin_try::show;
    Viewer get "/plugins/{plugin}/try/{try}/live" => plugin_try::show_live;
    Viewer get "/plugins/{plugin}/try/{try}/diff.json" => plugin_try::json;
    Viewer get "/plugins/{plugin}/try/{try}/diff.csv" => plugin_try::csv;
    Operator post "/plugins/{plugin}/try/{try}/stop" => plugin_try::stop;
    Viewer get "/plugins/{plugin}/versions/{digest}" => plugins::version::show;
    Admin post "/plugins/{plugin}/versions/{digest}/activate" => plugins::version::activate;
    Admin post "/plugins/{plugin}/versions/{digest}/remove" => plugins::version::remove;
    Viewer get "/settings" => site_settings::show;
    Admin post "/settings/users" => people::add;
    Admin post "/settings/users/{user}" => people::change;
    Viewer post "/settings/password" => own_access::change_password;
    Viewer post "/settings/sign-out-everywhere" => own_access::sign_out_everywhere;
    Viewer post "/settings/tokens" => tokens::make;
    Viewer post "/settings/tokens/{id}/revoke" => tokens::revoke;
    Operator get "/audit" => audit::show;
    Operator get "/audit/export.csv" => audit::export;

    Viewer[PurchasesRead] get "/api/v1/purchases" => api::purchases;
    Viewer[RunsRead] get "/api/v1/runs/{run}" => api::run;
    Viewer[RunsRead] get "/api/v1/notices" => api::notices;
    Viewer[PluginsRead] get "/api/v1/connectors/{connector}/plugins/usage" => plugin_usage::api;
    Operator[RunsOrder] post "/api/v1/accounts/{account}/runs" => api::order;
    Viewer[PluginsRead] get "/api/v1/plugins" => plugins::api::list;
    Admin[PluginsManage] post "/api/v1/plugins" => plugins::api::install;
    Operator[PluginsRead] post "/api/v1/plugins/{digest}/try" => plugin_try::api::begin;
    Viewer[PurchasesRead] get "/api/v1/plugins/{digest}/try/{try}" => plugin_try::api::show;
    Admin[PluginsManage] post "/api/v1/plugins/{digest}/activate" => plugins::api::activate;
    Admin[PluginsManage] delete "/api/v1/plugins/{digest}" => plugins::api::remove;
    Admin[PluginsManage] post "/api/v1/connectors/{connector}/plugins/rollback" => plugins::api::roll_back;
    Admin[PluginsManage] post "/api/v1/connectors/{connector}/plugins/map-again" => plugins::api::map_again;
}

/// The whole site. Serve it with connect info, so that sign-ins are slowed down per address.
pub fn router(state: WebState) -> Router {
    guarded(&state)
        .fallback(|| async { Problem::not_found("page") })
        .layer(CsrfLayer::new().with_rejection_response(foreign_form))
        .layer(middleware::from_fn_with_state(state.clone(), shell::dress))
        .layer(sessions::layer(&state))
        .layer(middleware::from_fn_with_state(state.clone(), headers::add))
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// The path of a connector's redirect URI in a cloud; behind the public URL it is what is registered with the vendor.
#[must_use]
pub fn callback_path(connector: &ConnectorId, cloud: &str) -> String {
    format!("/connectors/{connector}/consent/callback/{cloud}")
}

/// The `state` by which the answer of an administrator is known who consented for a whole tenant: whoever that is has
/// no session here, and nothing of what they bring is trusted.
pub const APPLICATION_STATE: &str = "application-consent";

/// Where such an answer is told, without anything of what it brought; an error is one whatever stands beside it.
pub(crate) fn application_answer(uri: &Uri) -> Option<Response> {
    let (connector, _) = uri.path().split_once("/consent/callback")?;
    let query: Vec<_> = url::form_urlencoded::parse(uri.query()?.as_bytes()).collect();
    query.iter().find(|(name, value)| name == "state" && value == APPLICATION_STATE)?;
    let outcome = if query.iter().any(|(name, _)| name == "error") { "refused" } else { "given" };
    Some(Redirect::to(&format!("{connector}/application-consent/{outcome}")).into_response())
}

/// Asked for by programs, as the API is.
const METRICS: &str = "/metrics";

pub(crate) fn sign_in_first(request: &Request) -> Response {
    let path = request.uri().path();
    let problem =
        Problem::new(401, "WEB-SIGN-IN", "you are not signed in, or your session has ended", "sign in again");
    if path.starts_with("/api/") || path == METRICS {
        let mut response = problem.into_response();
        let challenge = HeaderValue::from_static("Bearer realm=\"Purser\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    if request.headers().contains_key("hx-request") {
        let address = sign_in::address(&page_around(request));
        let value = HeaderValue::from_str(&address).unwrap_or(HeaderValue::from_static("/sign-in"));
        return (StatusCode::UNAUTHORIZED, [(HeaderName::from_static("hx-redirect"), value)]).into_response();
    }
    Redirect::to(&sign_in::address(&next_page(request))).into_response()
}

/// Where to go after signing in. Not back to a callback: its one-time code must not travel through another address.
fn next_page(request: &Request) -> String {
    let path = request.uri().path();
    match path.split_once("/consent/callback") {
        Some((connector, _)) => format!("{connector}/settings"),
        None if request.method() != "GET" => "/".to_owned(),
        None => request.uri().path_and_query().map_or("/", |whole| whole.as_str()).to_owned(),
    }
}

/// The page of which a part was asked for.
fn page_around(request: &Request) -> String {
    let address = request.headers().get("hx-current-url").and_then(|value| value.to_str().ok());
    address
        .and_then(|address| url::Url::parse(address).ok())
        .map_or_else(|| "/".to_owned(), |url| url.path().to_owned())
}

fn foreign_form(_: ProtectionError) -> Response {
    let what = "the form came from another site, so nothing was done";
    Problem::new(403, "WEB-ORIGIN", what, "open the page here and send its form again").into_response()
}

#[cfg(test)]
mod tests;
