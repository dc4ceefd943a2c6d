//! Compiles the part `providers`, and finds the provider of each route.

use core::net::{IpAddr, Ipv6Addr};
use std::collections::BTreeMap;

use tollgate_config::{Finding, Path, nearest};
use tollgate_quota::Period;
use tollgate_route::{RawRoute, header_value};
use tollgate_tokens::{AskUsage, usage_of_host};

use crate::checks::{ROUTE_PROVIDERS, ROUTE_WITHOUT_PROVIDER};
use crate::compile::Findings;
use crate::identity::is_token;
use crate::providers::{Key, Provider, RawKey, RawProvider, RawProviders, RawTls, Secret, Tls};

/// Certificate authorities of the system, where Debian, Ubuntu and the official images of Envoy have them.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Time to connect, in milliseconds.
const CONNECT_TIMEOUT: u64 = 5_000;

/// Longest time without a byte, in milliseconds.
const IDLE_TIMEOUT: u64 = 300_000;

/// Returns the valid providers by name.
pub(super) fn compile(raw: RawProviders, findings: &mut Findings) -> BTreeMap<String, Provider> {
    let mut providers: BTreeMap<String, Provider> = BTreeMap::new();
    for (name, raw) in raw.0 {
        let path = Path::part("providers").key(&name);
        let mut fields = Fields { path: &path, findings };
        let Some(provider) = fields.provider(&name, raw) else { continue };
        if providers.values().any(|other| other.cluster == provider.cluster) {
            findings.invalid(path.key("cluster"), "another provider has a cluster with this name");
        }
        if provider.model_list && providers.values().any(|other| other.model_list) {
            findings.invalid(path.key("model_list"), "another provider serves the list of models");
        }
        providers.insert(name, provider);
    }
    providers
}

/// Returns the requests for usage by provider: the configured value, else that of the provider's host.
pub(super) fn usage(raw: &RawProviders) -> BTreeMap<String, Option<AskUsage>> {
    let of = |provider: &RawProvider| {
        let host = address(&provider.address).map(|(host, _)| host).unwrap_or_default();
        provider.usage.or_else(|| usage_of_host(&host))
    };
    raw.0.iter().map(|(name, provider)| (name.clone(), of(provider))).collect()
}

/// Values of one provider.
struct Fields<'a> {
    path: &'a Path,
    findings: &'a mut Findings,
}

impl Fields<'_> {
    fn provider(&mut self, name: &str, raw: RawProvider) -> Option<Provider> {
        let address = address(&raw.address);
        let cluster = raw.cluster.unwrap_or_else(|| name.to_owned());
        let prefix = raw.path_prefix.unwrap_or_default();
        let is_path = |path: &str| path.starts_with('/') && header_value(path).is_some() && !path.contains(['?', '#']);
        self.check("address", address.is_some(), "must be a host and a port such as `api.openai.com:443`");
        self.check(
            "cluster",
            header_value(&cluster).is_some(),
            "must be 1 to 256 bytes of visible ASCII without spaces",
        );
        let valid = prefix.is_empty() || is_path(&prefix) && !prefix.ends_with('/');
        self.check("path_prefix", valid, "must be a path that begins with a slash and does not end with one");
        let valid = raw.health_path.as_deref().is_none_or(is_path);
        self.check("health_path", valid, "must be a path that begins with a slash");
        let key = raw.key.and_then(|raw| self.key(raw));
        let (host, port) = address?;
        let tls = raw.tls.or_else(|| (port == 443).then(Default::default)).map(|raw| self.tls(raw, &host));
        Some(Provider {
            host,
            port,
            cluster,
            tls,
            key,
            http2: raw.http2,
            path_prefix: prefix,
            connect_timeout: raw.connect_timeout.or(Period::from_millis(CONNECT_TIMEOUT))?,
            idle_timeout: raw.idle_timeout.or(Period::from_millis(IDLE_TIMEOUT))?,
            health_path: raw.health_path,
            model_list: raw.model_list,
        })
    }

    fn tls(&mut self, raw: RawTls, host: &str) -> Tls {
        let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
        match &raw.sni {
            Some(sni) => self.check("tls.sni", is_host(sni) && !is_address(sni), "must be the name of a server"),
            None => {
                let problem = "with TLS, an IP address needs `tls.sni`, the name in the certificate";
                self.check("address", !is_address(host), problem);
            }
        }
        let ca_file = raw.ca_file.unwrap_or_else(|| SYSTEM_CA.to_owned());
        self.check("tls.ca_file", ca_file.starts_with('/'), "must be the absolute path of a file");
        Tls { sni: raw.sni.unwrap_or_else(|| host.to_owned()), ca_file }
    }

    /// Returns the credential; `None` if it has no secret, which is the error of a check.
    fn key(&mut self, raw: RawKey) -> Option<Key> {
        let header = raw.header.unwrap_or_else(|| "authorization".to_owned()).to_ascii_lowercase();
        let prefix = raw.prefix.unwrap_or_else(|| match header.as_str() {
            "authorization" => "Bearer ".to_owned(),
            _ => String::new(),
        });
        self.check("key.header", !header.is_empty() && header.bytes().all(is_token), "not a header name");
        let visible = prefix.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        self.check("key.prefix", visible, "must be visible ASCII and spaces");
        let secret = match (raw.env, raw.file) {
            (Some(name), None) => Secret::Env(name),
            (None, Some(path)) => Secret::File(path),
            _ => return None,
        };
        Some(Key { header, prefix, secret })
    }

    fn check(&mut self, field: &str, valid: bool, problem: &str) {
        if !valid {
            self.findings.invalid(self.path.join(field), problem);
        }
    }
}

/// Parses `host:port` or `[IPv6]:port`.
fn address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| is_host(host))?,
    };
    Some((host.to_owned(), port))
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// Returns the provider of every route: the one that its models name, else the one with the name of the route. Empty if there
/// are no providers.
pub(super) fn of_routes(
    routes: &BTreeMap<String, RawRoute>,
    providers: &BTreeMap<String, Provider>,
    findings: &mut Findings,
) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if providers.is_empty() || findings.is_incomplete("models") || findings.is_incomplete("providers") {
        return found;
    }
    let place = |model: &str, field: &str| Path::part("models").key(model).key(field);
    for (model, RawRoute { route, provider, .. }) in routes {
        let Some(provider) = provider else { continue };
        match found.get(route) {
            Some(other) if other != provider => {
                let message = "another model has the same route and another provider, so the route has no cluster";
                findings.add(Finding::error(ROUTE_PROVIDERS.code, place(model, "provider"), message));
            }
            _ => {
                found.insert(route.clone(), provider.clone());
            }
        }
    }
    for (model, RawRoute { route, .. }) in routes {
        if found.contains_key(route) {
            continue;
        }
        found.insert(route.clone(), route.clone());
        if !providers.contains_key(route) {
            let message = "no model with this route has a `provider`, so the route has no cluster";
            let finding = Finding::error(ROUTE_WITHOUT_PROVIDER.code, place(model, "route"), message);
            findings.add(match nearest(route, providers.keys().map(String::as_str)) {
                Some(near) => finding.with_help(format!("did you mean `{near}`?")),
                None => finding.with_help("add `provider` with the name of an entry of `providers`"),
            });
        }
    }
    found
}
