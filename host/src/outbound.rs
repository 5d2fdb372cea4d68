//! Outbound HTTP of guests: only to granted hosts, only within the deadline; keeps no connection.

use crate::capabilities::Capabilities;
use crate::telemetry::request as watched;
use crate::telemetry::upstream;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// One instance's way out.
pub struct Outbound {
    capabilities: Arc<Capabilities>,
    deadline: Instant,
}

impl Outbound {
    /// Nothing may be sent before a request has begun.
    pub fn new(capabilities: Arc<Capabilities>) -> Self {
        Self {
            capabilities,
            deadline: Instant::now(),
        }
    }

    /// From here on `deadline` bounds what is sent.
    pub fn begin(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }
}

type Sent = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let granted = is_granted(self.capabilities.grants().outbound(), request.uri());
        let left = self.deadline.saturating_duration_since(Instant::now());
        let function = self.capabilities.function().clone();
        Box::new(async move {
            if !granted {
                tracing::warn!(%function, uri = %request.uri(), "outbound host not granted; see allowed_outbound_hosts");
                return Err(Error::HttpRequestDenied);
            }
            let capped =
                |asked: Option<Duration>| Some(asked.map_or(left, |asked| asked.min(left)));
            let asked = options.unwrap_or_default();
            let options = RequestOptions {
                connect_timeout: capped(asked.connect_timeout),
                first_byte_timeout: capped(asked.first_byte_timeout),
                between_bytes_timeout: capped(asked.between_bytes_timeout),
            };
            if let Some(watched) = watched::current() {
                watched.propagate(request.headers_mut());
            }
            let _call = upstream::call("http");
            let (response, io) = default_send_request(request, Some(options)).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Box<_>))
        })
    }
}

/// Whether one of `scheme://host[:port]` covers the address; `*` stands for any scheme, host or port.
pub(crate) fn is_granted(grants: &[String], uri: &http::Uri) -> bool {
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return false;
    };
    let default_port = |scheme: &str| match scheme {
        "https" => 443,
        "redis" | "rediss" => 6379,
        _ => 80,
    };
    let port = uri.port_u16().unwrap_or(default_port(scheme));
    grants.iter().any(|grant| {
        let Some((granted_scheme, rest)) = grant.split_once("://") else {
            return false;
        };
        let rest = rest.trim_end_matches('/');
        let (granted_host, granted_port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.to_owned()),
            _ => (rest, default_port(scheme).to_string()),
        };
        let host_fits = match granted_host.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .is_some_and(|sub| sub.ends_with('.')),
            None => granted_host == "*" || granted_host.eq_ignore_ascii_case(host),
        };
        (granted_scheme == "*" || granted_scheme == scheme)
            && host_fits
            && (granted_port == "*" || granted_port == port.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::is_granted;

    #[test]
    fn only_the_named_scheme_host_and_port_are_granted() {
        let granted =
            |grant: &str, uri: &str| is_granted(&[grant.to_owned()], &uri.parse().unwrap());
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
}
