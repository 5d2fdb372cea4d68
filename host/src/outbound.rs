//! Outbound HTTP of guests: only to granted hosts, only within the deadline; keeps no connection.

mod kept;
mod pinned;

use crate::capabilities::Capabilities;
use crate::capabilities::witness::Witness;
use crate::telemetry::request as watched;
use crate::telemetry::upstream;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// One instance's way out.
pub struct Outbound {
    capabilities: Arc<Capabilities>,
    deadline: Instant,
    witness: Option<Arc<Witness>>,
}

impl Outbound {
    /// Nothing may be sent before a request has begun.
    pub fn new(capabilities: Arc<Capabilities>) -> Self {
        Self {
            capabilities,
            deadline: Instant::now(),
            witness: None,
        }
    }

    /// From here on `deadline` bounds what is sent, and `witness` is told of it.
    pub fn begin(&mut self, deadline: Instant, witness: Option<Arc<Witness>>) {
        self.deadline = deadline;
        self.witness = witness;
    }
}

type Sent = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let (capabilities, deadline) = (self.capabilities.clone(), self.deadline);
        let witness = self.witness.clone();
        let options = options.unwrap_or_default();
        Box::new(async move {
            let send = |request| send(capabilities, deadline, request, options);
            match witness {
                Some(witness) => kept::send(&witness, request, send).await,
                None => send(request).await,
            }
        })
    }
}

async fn send(
    capabilities: Arc<Capabilities>,
    deadline: Instant,
    mut request: http::Request<WasiBody>,
    asked: RequestOptions,
) -> Result<Sent, Error> {
    let granted = grant(capabilities.grants().outbound(), request.uri());
    let left = deadline.saturating_duration_since(Instant::now());
    let function = capabilities.function();
    if granted == Grant::None {
        tracing::warn!(%function, uri = %request.uri(), "outbound host not granted; see allowed_outbound_hosts");
        return Err(Error::HttpRequestDenied);
    }
    let capped = |asked: Option<Duration>| Some(asked.map_or(left, |asked| asked.min(left)));
    let options = RequestOptions {
        connect_timeout: capped(asked.connect_timeout),
        first_byte_timeout: capped(asked.first_byte_timeout),
        between_bytes_timeout: capped(asked.between_bytes_timeout),
    };
    if let Some(watched) = watched::current() {
        watched.propagate(request.headers_mut());
    }
    let _call = upstream::call("http");
    if granted == Grant::Pattern {
        let resolving = public_addresses(request.uri());
        let Ok(found) = tokio::time::timeout(left, resolving).await else {
            return Err(Error::DnsTimeout);
        };
        if found.is_empty() {
            tracing::warn!(%function, uri = %request.uri(), "outbound address is not public; name the host in full in allowed_outbound_hosts to allow it");
            return Err(Error::HttpRequestDenied);
        }
        let (mut response, io) = pinned::send(request, found, options).await?;
        drop_listed(response.headers_mut());
        return Ok((response, io));
    }
    let (mut response, io) = default_send_request(request, Some(options)).await?;
    drop_listed(response.headers_mut());
    Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Box<_>))
}

/// Fields that `Connection` lists are meant for this hop alone: RFC 9110, section 7.6.1. A guest does not
/// see that field, so it cannot tell them apart.
fn drop_listed(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in listed {
        headers.remove(name);
    }
}

/// Whether any of the grants covers the address.
pub(crate) fn is_granted(grants: &[String], uri: &http::Uri) -> bool {
    grant(grants, uri) > Grant::None
}

/// How an address is granted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Grant {
    /// Not at all.
    None,
    /// By a pattern, which means public addresses only.
    Pattern,
    /// By its own name.
    Named,
}

/// The best of the grants (`scheme://host[:port]`) that cover the address; `*` stands for any scheme, host or port.
fn grant(grants: &[String], uri: &http::Uri) -> Grant {
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Grant::None;
    };
    let default_port = |scheme: &str| match scheme {
        "https" => 443,
        "redis" | "rediss" => 6379,
        _ => 80,
    };
    let port = uri.port_u16().unwrap_or(default_port(scheme));
    let of = |grant: &String| {
        let Some((granted_scheme, rest)) = grant.split_once("://") else {
            return Grant::None;
        };
        let rest = rest.trim_end_matches('/');
        let (granted_host, granted_port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.to_owned()),
            _ => (rest, default_port(scheme).to_string()),
        };
        let fits = (granted_scheme == "*" || granted_scheme == scheme)
            && (granted_port == "*" || granted_port == port.to_string());
        if !fits {
            return Grant::None;
        }
        if granted_host.eq_ignore_ascii_case(host) {
            return Grant::Named;
        }
        let pattern = match granted_host.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .is_some_and(|sub| sub.ends_with('.')),
            None => granted_host == "*",
        };
        if pattern { Grant::Pattern } else { Grant::None }
    };
    grants.iter().map(of).max().unwrap_or(Grant::None)
}

/// The addresses of a host, none unless every one of them is public. The connection is made to these
/// and to no other, so that a name cannot change between the question and the connection.
async fn public_addresses(uri: &http::Uri) -> Vec<SocketAddr> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let found = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(default))).await;
    let found: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
    let all = found.iter().all(|address| is_public_address(address.ip()));
    if all { found } else { Vec::new() }
}

fn is_public_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 240 || (a == 192 && b == 0 && c == 0);
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || shared
                || reserved
                || benchmark)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Global unicast, without documentation, and without the ways into IPv4 (6to4, Teredo).
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && !(first == 0x2001 && (second == 0 || second == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grant, drop_listed, grant, is_public_address};
    use http::HeaderMap;

    #[test]
    fn what_connection_lists_ends_at_this_hop() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, A"), ("a", "1"), ("b", "2")] {
            headers.insert(name, value.parse().unwrap());
        }
        drop_listed(&mut headers);
        assert!(!headers.contains_key("a") && headers.contains_key("b"));
    }

    #[test]
    fn only_the_named_scheme_host_and_port_are_granted() {
        let granted = |given: &str, uri: &str| {
            grant(&[given.to_owned()], &uri.parse().unwrap()) > Grant::None
        };
        assert!(granted(
            "https://api.example.com",
            "https://api.example.com/x"
        ));
        assert!(granted("http://127.0.0.1:8080", "http://127.0.0.1:8080/"));
        assert!(granted("https://*.example.com", "https://a.example.com/"));
        assert!(granted("*://*:*", "http://any:1/"));
        assert!(!granted(
            "https://api.example.com",
            "http://api.example.com/"
        ));
        assert!(!granted(
            "https://api.example.com",
            "https://api.example.com:8443/"
        ));
        assert!(!granted(
            "https://*.example.com",
            "https://evilexample.com/"
        ));
        assert!(!granted("https://*.example.com", "https://example.com/"));
    }
    #[test]
    fn a_pattern_reaches_public_addresses_only_and_a_name_any() {
        let of = |given: &[&str], uri: &str| {
            let given: Vec<_> = given.iter().map(|one| (*one).to_owned()).collect();
            grant(&given, &uri.parse().unwrap())
        };
        assert_eq!(of(&["http://*:*"], "http://10.0.0.1:80/"), Grant::Pattern);
        let both = ["http://*:*", "http://10.0.0.1:80"];
        assert_eq!(of(&both, "http://10.0.0.1:80/"), Grant::Named);
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "2001::1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_public_address(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111"] {
            assert!(is_public_address(public.parse().unwrap()), "{public}");
        }
    }
}
