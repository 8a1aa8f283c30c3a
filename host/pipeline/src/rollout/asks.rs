//! Everything a plugin may ever ask, one sentence each: what an administrator allows.
//!
//! **Invariant:** two descriptors that could make different requests give different sentences; a grant is compared by
//! them and by nothing else.

use purser_runtime::contract::manifest::{Auth, Call, Consent, Descriptor, Endpoint, Method};
use purser_runtime::contract::types::Pair;

/// The sentences of a descriptor, in its order.
#[must_use]
pub fn of(descriptor: &Descriptor) -> Vec<String> {
    let endpoints = descriptor.endpoints.iter().flat_map(of_endpoint);
    let calls = descriptor.calls.iter().map(of_call);
    let downloads = descriptor.download_hosts.iter().map(|host| {
        format!(
            "download from {} in the cloud {}, without any token, what an answer gave the address of",
            host.pattern, host.cloud
        )
    });
    let consent = descriptor.consent.iter().flat_map(of_consent);
    endpoints.chain(calls).chain(downloads).chain(consent).collect()
}

fn of_endpoint(endpoint: &Endpoint) -> impl Iterator<Item = String> + '_ {
    endpoint.base_urls.iter().map(|base| {
        let (cloud, url) = (&base.name, &base.value);
        format!("reach {} at {url} in the cloud {cloud} {}", endpoint.name, proof(&endpoint.auth, cloud))
    })
}

/// What a request proves itself by.
fn proof(auth: &Auth, cloud: &str) -> String {
    match auth {
        Auth::None => "without saying who asks".to_owned(),
        Auth::SecretHeader(header) => format!("with the account's secret in the header {header}"),
        Auth::Oauth(audience) => {
            let scopes = of_cloud(&audience.scopes, cloud);
            match of_cloud(&audience.app_scopes, cloud).as_str() {
                "" => format!("with the account's token for {scopes}"),
                own => format!("with the account's token for {scopes}, or the application's own for {own}"),
            }
        }
    }
}

fn of_cloud(pairs: &[Pair], cloud: &str) -> String {
    let of_cloud = pairs.iter().filter(|pair| pair.name == cloud).map(|pair| pair.value.as_str());
    of_cloud.collect::<Vec<_>>().join(" ")
}

fn of_call(call: &Call) -> String {
    let method = match call.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let list = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!(", {what} {}", sorted(names).join(" ")),
    };
    let (query, headers) = (list("choosing", &call.query), list("with the headers", &call.headers));
    format!("{method} {} of {}{query}{headers}", call.path, call.endpoint)
}

fn of_consent(consent: &Consent) -> Vec<String> {
    let sign_in = consent.authorities.iter().map(|authority| {
        let (url, cloud) = (&authority.value, &authority.name);
        let paths = [&consent.authorize_path, &consent.token_path, &consent.keys_path];
        let paths = paths.map(String::as_str).join(" ");
        format!("let people sign in at {url} in the cloud {cloud}, by {paths}")
    });
    let scopes = format!("ask whoever consents for {}", sorted(&consent.scopes).join(" "));
    let for_all = consent
        .admin_consent
        .iter()
        .map(|page| format!("send an administrator of the tenant to {} to consent for everybody", page.path));
    sign_in.chain([scopes]).chain(for_all).collect()
}

fn sorted(names: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: Method, path: &str, query: &[&str]) -> Call {
        Call {
            name: "usage".into(),
            endpoint: "api".into(),
            method,
            path: path.into(),
            query: query.iter().map(|name| (*name).into()).collect(),
            headers: vec!["x-b".into(), "x-a".into()],
            per_minute: None,
            purpose: "to read usage".into(),
        }
    }

    #[test]
    fn a_call_says_all_that_it_may_carry() {
        let told = of_call(&call(Method::Get, "/usage/{day}", &["size"]));
        assert_eq!(told, "GET /usage/{day} of api, choosing size, with the headers x-a x-b");
    }

    #[test]
    fn whatever_could_be_asked_differently_reads_differently() {
        let mut told = vec![
            of_call(&call(Method::Get, "/usage", &[])),
            of_call(&call(Method::Post, "/usage", &[])),
            of_call(&call(Method::Get, "/orders", &[])),
            of_call(&call(Method::Get, "/usage", &["filter"])),
        ];
        let all = told.len();
        told.dedup();
        assert_eq!(told.len(), all, "{told:?}");
    }

    #[test]
    fn a_purpose_and_an_order_of_names_are_no_other_question() {
        let first = call(Method::Get, "/usage", &["a", "b"]);
        let second = Call { purpose: "other words".into(), ..call(Method::Get, "/usage", &["b", "a"]) };
        assert_eq!(of_call(&first), of_call(&second));
    }
}
