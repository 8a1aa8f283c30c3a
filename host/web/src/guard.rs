//! Who asks: by session for pages, by session or bearer token for the API; from where; and whether the route lets them.
//!
//! **Invariants:** a token opens the API and `/metrics` and nothing else, and where one is sent no session counts; what a
//! token may do is the least of its own role, its scopes, and what its owner may do now; the session of a hand-over opens
//! that hand-over's pages while it is open, and nothing else.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use purser_domain::Digest;
use purser_store::access::{ApiToken, Scope};
use purser_store::hand_overs::HandOver;
use purser_store::people::Role;
use purser_store::trail::{self, Origin};
use tower_sessions::Session;

use crate::pages::consent;
use crate::problem::Problem;
use crate::routes::{self, Access};
use crate::shell::{self, Person};
use crate::state::WebState;
use crate::{access::AccessRules, sessions};

/// Every token begins so, for those who search for leaked ones.
pub(crate) const TOKEN_PREFIX: &str = "purser_";
/// Use within this time is not written down again.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a route asks for.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) state: WebState,
    pub(crate) access: Access,
    pub(crate) scope: Option<Scope>,
}

/// The address of whoever asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) Option<IpAddr>);

/// Somebody without an account here who has opened the link of a hand-over; put into the request by the guard.
#[derive(Debug, Clone)]
pub(crate) struct Guest(pub(crate) HandOver);

struct Admitted {
    person: Option<Person>,
    guest: Option<Guest>,
    means: String,
}

impl Admitted {
    fn guest(handed: HandOver) -> Self {
        Self { person: None, guest: Some(Guest(handed)), means: "hand-over".to_owned() }
    }
}

/// Lets a request through, or answers it.
pub(crate) async fn guard(
    State(rule): State<Rule>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    if rule.access == Access::Consent
        && let Some(told) = routes::application_answer(request.uri())
    {
        return consent::without_referrer(Ok(told));
    }
    let address = address(&rule.state.rules, &request);
    let credentials = request.headers().get(AUTHORIZATION).cloned();
    let admitted = match admit(&rule, &session, credentials, address).await {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return routes::sign_in_first(&request),
        Err(refused) => return *refused,
    };
    request.extensions_mut().insert(Client(address));
    if let Some(person) = admitted.person {
        request.extensions_mut().insert(person);
    }
    if let Some(guest) = admitted.guest {
        request.extensions_mut().insert(guest);
    }
    trail::arising(Origin { means: admitted.means, address }, next.run(request)).await
}

/// None: nobody is signed in.
async fn admit(
    rule: &Rule,
    session: &Session,
    credentials: Option<HeaderValue>,
    address: Option<IpAddr>,
) -> Result<Option<Admitted>, Box<Response>> {
    let handed = match rule.access {
        Access::HandOver | Access::Consent => handed_to(rule, session).await?,
        _ => None,
    };
    let wanted = match (rule.access, handed) {
        (Access::Open, _) => {
            return Ok(Some(Admitted { person: None, guest: None, means: "web".to_owned() }));
        }
        (_, Some(handed)) => return Ok(Some(Admitted::guest(handed))),
        (Access::HandOver, None) => return Err(Box::new(no_guest().into_response())),
        (Access::Viewer, None) => Role::Viewer,
        (Access::Operator | Access::Consent, None) => Role::Operator,
        (Access::Admin, None) => Role::Admin,
    };
    let (person, means) = match (rule.scope, credentials) {
        (Some(scope), Some(credentials)) => by_token(rule, &credentials, scope, address).await?,
        _ => match person_of(&rule.state, session).await {
            Err(problem) => return Err(Box::new(problem.into_response())),
            Ok(None) => return Ok(None),
            Ok(Some(person)) => (person, "session".to_owned()),
        },
    };
    if !person.may(wanted) {
        return Err(Box::new(lacks(wanted).into_response()));
    }
    Ok(Some(Admitted { person: Some(person), guest: None, means }))
}

/// The hand-over a session was begun for; one that is not open any more lets nobody in.
async fn handed_to(rule: &Rule, session: &Session) -> Result<Option<HandOver>, Box<Response>> {
    match hand_over_of(&rule.state, session).await {
        Ok(Some(handed)) if !handed.is_open(rule.state.acts.now()) => {
            Err(Box::new(link_used().into_response()))
        }
        Ok(found) => Ok(found),
        Err(problem) => Err(Box::new(problem.into_response())),
    }
}

async fn hand_over_of(state: &WebState, session: &Session) -> Result<Option<HandOver>, Problem> {
    let Some(id) = sessions::hand_over_of(session).await? else { return Ok(None) };
    Ok(Some(state.store.hand_over(id).await?))
}

fn no_guest() -> Problem {
    let what = "this page is for whoever was sent a link to it, and this browser has opened none";
    Problem::new(403, "WEB-HAND-OVER", what, "open the link you were sent once more")
}

/// A hand-over that is over, or never was.
pub(crate) fn link_used() -> Problem {
    let what = "this link has been answered, was withdrawn, or is too old";
    Problem::new(410, "WEB-HAND-OVER-USED", what, "ask whoever sent it to you for a new one")
}

/// The person a session belongs to, with the role they have now.
pub(crate) async fn person_of(state: &WebState, session: &Session) -> Result<Option<Person>, Problem> {
    let touch = sessions::touch(&state.rules);
    let Some(known) = sessions::user_of(session, state.acts.now(), touch).await? else { return Ok(None) };
    let user = state.store.user(&known.name).await?;
    let user = user.filter(|user| user.generation == known.generation && !user.is_disabled);
    Ok(user.map(|user| Person { name: user.name, role: user.role }))
}

async fn by_token(
    rule: &Rule,
    credentials: &HeaderValue,
    scope: Scope,
    address: Option<IpAddr>,
) -> Result<(Person, String), Box<Response>> {
    let (state, now) = (&rule.state, rule.state.acts.now());
    if !state.token_throttle.allows_address(address, now) {
        return Err(too_many());
    }
    let found = match bearer(credentials) {
        Some(token) => holder(state, token).await.map_err(|problem| Box::new(problem.into_response()))?,
        None => None,
    };
    let Some((token, person)) = found else {
        state.token_throttle.failed_from(address, now);
        return Err(refused_token(state, address).await);
    };
    if !token.made.scopes.contains(&scope) {
        return Err(lacks_scope(scope));
    }
    if token.last_used_at.is_none_or(|used| now.duration_since(used) > TOUCH)
        && let Err(error) = state.store.token_used(token.id, now).await
    {
        return Err(Box::new(Problem::from(error).into_response()));
    }
    Ok((person, format!("token {}", token.made.name)))
}

fn bearer(credentials: &HeaderValue) -> Option<&str> {
    let (scheme, token) = credentials.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
        .filter(|token| token.starts_with(TOKEN_PREFIX))
}

/// The token and who acts by it: its owner, where it has one who may still come in.
async fn holder(state: &WebState, token: &str) -> Result<Option<(ApiToken, Person)>, Problem> {
    let hash = Digest::of(token.as_bytes());
    let Some(token) = state.store.token(hash.as_bytes(), state.acts.now()).await? else { return Ok(None) };
    let Some(owner) = &token.made.owner else {
        let person = Person { name: format!("token {}", token.made.name), role: token.made.role };
        return Ok(Some((token, person)));
    };
    let owner = state.store.user(owner).await?.filter(|owner| !owner.is_disabled);
    Ok(owner.map(|owner| {
        let role = owner.role.min(token.made.role);
        (token, Person { name: owner.name, role })
    }))
}

async fn refused_token(state: &WebState, address: Option<IpAddr>) -> Box<Response> {
    let origin = Origin { means: "token".to_owned(), address };
    let written = trail::arising(origin, state.audit("nobody", "token.refused", serde_json::json!({}))).await;
    if let Err(problem) = written {
        return Box::new(problem.into_response());
    }
    let what = "the token is unknown, has expired or was revoked";
    let problem = Problem::new(401, "API-TOKEN", what, "make a new one under Settings, API tokens");
    challenge(problem, "Bearer realm=\"Purser\", error=\"invalid_token\"".to_owned())
}

fn lacks_scope(scope: Scope) -> Box<Response> {
    let what = format!("the token does not have the scope {}", scope.name());
    let problem = Problem::new(403, "API-SCOPE", what, "use a token that was made with this scope");
    challenge(
        problem,
        format!("Bearer realm=\"Purser\", error=\"insufficient_scope\", scope=\"{}\"", scope.name()),
    )
}

fn challenge(problem: Problem, words: String) -> Box<Response> {
    let mut response = problem.into_response();
    if let Ok(words) = HeaderValue::from_str(&words) {
        response.headers_mut().insert(WWW_AUTHENTICATE, words);
    }
    Box::new(response)
}

fn too_many() -> Box<Response> {
    let problem = Problem::new(
        429,
        "API-THROTTLED",
        "too many wrong tokens came from this address",
        "wait a quarter of an hour, and check the token that is sent",
    );
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("900"));
    Box::new(response)
}

fn lacks(wanted: Role) -> Problem {
    let what = format!("this takes the role {}, which you do not have", shell::role_title(wanted));
    Problem::new(403, "WEB-ROLE", what, "ask an administrator to do it, or for the role")
}

/// The peer, unless it is a proxy of ours: then whoever it says it asks for. Each proxy appends to the header, so it is
/// read from its end, and what stands before the first address that is none of ours may be made up.
fn address(rules: &AccessRules, request: &Request) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    if !rules.trusts(peer) {
        return Some(peer);
    }
    let mut last = peer;
    for address in forwarded(request.headers()).into_iter().rev() {
        let Some(address) = address else { break };
        last = address;
        if !rules.trusts(address) {
            break;
        }
    }
    Some(last)
}

/// None for what is no address.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let parsed = |text: &str| {
        let text = text.trim();
        let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
        address.ok().map(|address: IpAddr| address.to_canonical())
    };
    values.flat_map(|value| value.split(',')).map(parsed).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_client_s_address_is_taken_from_proxies_of_ours_only() {
        let rules =
            AccessRules { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..AccessRules::default() };
        for (peer, forwarded, expected) in [
            ("192.0.2.1:1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1:1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1:1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1:1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1:1", "203.0.113.9, made up, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1:1", "198.51.100.7:4711", "198.51.100.7"),
            ("[::ffff:10.0.0.1]:1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1:1", "", "10.0.0.1"),
        ] {
            let mut request = Request::get("/").body(Body::empty()).unwrap();
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
            request.headers_mut().insert(FORWARDED_FOR, forwarded.parse().unwrap());
            assert_eq!(address(&rules, &request), Some(expected.parse().unwrap()), "{peer} {forwarded}");
        }
    }
}
