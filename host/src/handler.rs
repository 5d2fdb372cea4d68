//! `trm:platform/handler` seen from the host: a request lowered, a response lifted and checked; calls nothing.

use crate::account::Held;
use crate::account::Taken;
use crate::error::whole;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use std::sync::Arc;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Lift, Lower};
use wasmtime_wasi_http::WasiBody;

const INTERFACE: &str = "trm:platform/handler@0.1.0";

/// One request, whose body has arrived, with what the router found.
#[derive(Clone)]
pub struct Incoming {
    /// Method, URI and headers.
    pub head: Parts,
    /// The whole body.
    pub body: Bytes,
    /// Whose connection it came on: address and port, written once for each connection.
    pub client: Arc<str>,
    /// The route's pattern.
    pub route: Arc<str>,
    /// The named segments of the route, in order.
    pub parameters: Vec<(String, String)>,
    /// What the route's trailing wildcard matched.
    pub rest: String,
}

/// `handler.request`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Call {
    method: String,
    path: String,
    query: String,
    parameters: Vec<(String, String)>,
    client: String,
    headers: Vec<u8>,
    body: Vec<u8>,
}

/// `handler.response`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// A response's body until it is sent.
struct Answered {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Answered {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where a component exports the plain handler, if it does.
pub fn find(component: &Component) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, INTERFACE)?;
    component.get_export_index(Some(&interface), "handle")
}

impl From<Incoming> for Call {
    fn from(incoming: Incoming) -> Self {
        let uri = &incoming.head.uri;
        Self {
            method: incoming.head.method.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            parameters: incoming.parameters,
            client: (*incoming.client).to_owned(),
            headers: section(&incoming.head.headers),
            body: incoming.body.into(),
        }
    }
}

/// The header section as RFC 9112, section 5 writes it. Headers by which the host speaks to a
/// function in `wasi:http` mean nothing here, and a client's own are not passed on.
fn section(headers: &HeaderMap) -> Vec<u8> {
    let mut section = Vec::with_capacity(headers.len() * 48);
    for (name, value) in headers {
        if name.as_str().starts_with("spin-") {
            continue;
        }
        section.extend_from_slice(name.as_str().as_bytes());
        section.extend_from_slice(b": ");
        section.extend_from_slice(value.as_bytes());
        section.extend_from_slice(b"\r\n");
    }
    section
}

impl Reply {
    /// The response, or what the function did wrong. What belongs to the connection is the host's own:
    /// framing headers are dropped, save the length of a body that HEAD leaves out.
    pub fn into_response(
        self,
        method: &Method,
        taken: &Taken,
    ) -> Result<Response<WasiBody>, String> {
        let status = StatusCode::from_u16(self.status)
            .ok()
            .filter(|status| (200..600).contains(&status.as_u16()))
            .ok_or_else(|| format!("it answered with the status {}", self.status))?;
        let body = Answered {
            _held: taken.hold(self.body.len()),
            bytes: self.body,
        };
        let mut response = whole(status, Bytes::from_owner(body));
        let headers = response.headers_mut();
        headers.reserve(self.headers.len());
        for (name, value) in self.headers {
            let read = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_maybe_shared(Bytes::from(value)).ok();
            let (Some(read), Some(value)) = (read, value) else {
                return Err(format!("its header \"{}\" is not one", name.escape_debug()));
            };
            let framing = match read {
                CONTENT_LENGTH => *method != Method::HEAD,
                CONNECTION | TRANSFER_ENCODING | UPGRADE => true,
                _ => false,
            };
            if !framing {
                headers.append(read, value);
            }
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{FunctionLabels, Metrics};

    fn reply(status: u16, headers: &[(&str, &str)]) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        Reply {
            status,
            headers,
            body: b"{}".to_vec(),
        }
    }

    fn taken() -> Taken {
        let function = "any".into();
        Taken::of(&Metrics::default(), &FunctionLabels { function })
    }

    #[test]
    fn a_section_keeps_order_and_leaves_out_what_only_a_host_may_say() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.append("spin-path-match-id", HeaderValue::from_static("forged"));
        assert_eq!(section(&headers), b"accept: a\r\naccept: b\r\n");
    }

    #[test]
    fn framing_is_the_hosts_own() {
        let headers = [
            ("content-length", "9"),
            ("transfer-encoding", "chunked"),
            ("x", "y"),
        ];
        let got = reply(200, &headers)
            .into_response(&Method::GET, &taken())
            .unwrap();
        assert_eq!(got.headers().len(), 1);
        let head = reply(200, &headers)
            .into_response(&Method::HEAD, &taken())
            .unwrap();
        assert_eq!(head.headers()[CONTENT_LENGTH], "9");
    }

    #[test]
    fn what_http_does_not_allow_is_refused() {
        let refused = |status, headers: &[(&str, &str)]| {
            reply(status, headers)
                .into_response(&Method::GET, &taken())
                .unwrap_err()
        };
        assert!(refused(101, &[]).contains("101"));
        assert!(refused(99, &[]).contains("99"));
        assert!(refused(200, &[("a b", "c")]).contains("a b"));
        assert!(refused(200, &[("a", "b\r\nc: d")]).contains("\"a\""));
    }
}
