//! The plain doors of a component, `trm:platform/message` and `trm:platform/handler`: which it has, and how it is entered; answers nothing.

pub mod message;
mod record;

use crate::account::Taken;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, TypedFunc};
use wasmtime_wasi_http::WasiBody;

/// The longest header section of an answer: more than clients and proxies take, and less than a map of headers holds.
const MAX_SECTION: usize = 32 << 10;

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

/// The plain door that a component has.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// `message`: bytes in, bytes out.
    Message(ComponentExportIndex),
    /// `handler`: the same as records.
    Record(ComponentExportIndex),
}

impl Door {
    /// The one that a component exports, if it does; where both, the one that costs less.
    pub fn of(component: &Component) -> Option<Self> {
        let message = export(component, "trm:platform/message@0.1.0").map(Self::Message);
        message.or_else(|| export(component, "trm:platform/handler@0.1.0").map(Self::Record))
    }

    /// The door of one instance.
    pub fn open<T: Send + 'static>(
        self,
        store: &mut Store<T>,
        instance: &Instance,
    ) -> wasmtime::Result<Handle> {
        Ok(match self {
            Self::Message(handle) => Handle::Message(instance.get_typed_func(store, handle)?),
            Self::Record(handle) => Handle::Record(instance.get_typed_func(store, handle)?),
        })
    }
}

/// The plain door of a component whose instances take several requests at one time.
#[derive(Clone, Copy, Debug)]
pub struct DoorOfSeveral(ComponentExportIndex);

/// The same of one instance.
pub type HandleOfSeveral = TypedFunc<(Vec<u8>,), (Vec<u8>,)>;

impl DoorOfSeveral {
    /// The one that a component exports, if it does.
    pub fn of(component: &Component) -> Option<Self> {
        export(component, "trm:platform/messages@0.1.0").map(Self)
    }

    /// The door of one instance.
    pub fn open<T: Send + 'static>(
        self,
        store: &mut Store<T>,
        instance: &Instance,
    ) -> wasmtime::Result<HandleOfSeveral> {
        instance.get_typed_func(store, self.0)
    }
}

fn export(component: &Component, interface: &str) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, interface)?;
    component.get_export_index(Some(&interface), "handle")
}

/// The plain door of one instance.
pub enum Handle {
    /// See [`Door::Message`].
    Message(TypedFunc<(Vec<u8>,), (Vec<u8>,)>),
    /// See [`Door::Record`].
    Record(TypedFunc<(record::Call,), (record::Reply,)>),
}

impl Handle {
    /// Runs one request.
    pub async fn call<T: Send + 'static>(
        &self,
        store: &mut Store<T>,
        incoming: Incoming,
    ) -> wasmtime::Result<Reply> {
        Ok(match self {
            Self::Message(handle) => {
                let call = (message::write(&incoming),);
                Reply::Message(handle.call_async(store, call).await?.0)
            }
            Self::Record(handle) => {
                let call = (record::Call::from(incoming),);
                Reply::Record(handle.call_async(store, call).await?.0)
            }
        })
    }
}

/// What a function answered, not checked yet.
pub enum Reply {
    /// See [`Door::Message`].
    Message(Vec<u8>),
    /// See [`Door::Record`].
    Record(record::Reply),
}

impl Reply {
    /// The response, or what the function did wrong.
    pub fn into_response(
        self,
        method: &Method,
        taken: &Taken,
    ) -> Result<Response<WasiBody>, String> {
        match self {
            Self::Message(message) => message::read(message, method, taken),
            Self::Record(reply) => reply.into_response(method, taken),
        }
    }
}

/// A request's header section as RFC 9112, section 5 writes it. Headers by which the host speaks to a
/// function in `wasi:http` mean nothing here, and a client's own are not passed on.
fn section(into: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        if name.as_str().starts_with("spin-") {
            continue;
        }
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
}

/// How long that is at most.
fn section_length(headers: &HeaderMap) -> usize {
    let fields = headers.iter();
    fields
        .map(|(name, value)| line_length(name.as_str(), value.as_bytes()))
        .sum()
}

/// How long the line of one header is there.
fn line_length(name: &str, value: &[u8]) -> usize {
    name.len() + value.len() + b": \r\n".len()
}

/// The status that a function answered with.
fn status(status: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or_else(|| format!("it answered with the status {status}"))
}

/// Whether an answer's header section of so many bytes is within its bound.
fn check_section(length: usize) -> Result<(), String> {
    match length <= MAX_SECTION {
        true => Ok(()),
        false => Err(format!(
            "its header section has {length} bytes, of {MAX_SECTION} that it may have"
        )),
    }
}

/// Adds a function's own header to its response. What belongs to the connection is the host's own:
/// framing headers are dropped, save the length of a body that HEAD leaves out.
fn add(headers: &mut HeaderMap, name: &[u8], value: Bytes, method: &Method) -> Result<(), String> {
    let read = HeaderName::from_bytes(name).ok();
    let value = HeaderValue::from_maybe_shared(value).ok();
    let (Some(read), Some(value)) = (read, value) else {
        return Err(format!("its header \"{}\" is not one", name.escape_ascii()));
    };
    let framing = match read {
        CONTENT_LENGTH => *method != Method::HEAD,
        CONNECTION | TRANSFER_ENCODING | UPGRADE => true,
        _ => false,
    };
    if !framing {
        headers.append(read, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_keeps_order_and_leaves_out_what_only_a_host_may_say() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.append("spin-path-match-id", HeaderValue::from_static("forged"));
        let mut written = Vec::new();
        section(&mut written, &headers);
        assert_eq!(written, b"accept: a\r\naccept: b\r\n");
        assert!(section_length(&headers) >= written.len());
    }

    #[test]
    fn framing_is_the_hosts_own() {
        let added = |method| {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("content-length", "9"),
                ("transfer-encoding", "chunked"),
                ("x", "y"),
            ] {
                add(&mut headers, name.as_bytes(), value.into(), &method).unwrap();
            }
            headers
        };
        assert_eq!(added(Method::GET).len(), 1);
        assert_eq!(added(Method::HEAD)[CONTENT_LENGTH], "9");
    }

    #[test]
    fn what_http_does_not_allow_is_refused() {
        assert!(status(101).unwrap_err().contains("101"));
        assert!(status(99).unwrap_err().contains("99"));
        assert!(status(299).is_ok());
        let refused = |name: &str, value: &'static str| {
            add(
                &mut HeaderMap::new(),
                name.as_bytes(),
                value.into(),
                &Method::GET,
            )
            .unwrap_err()
        };
        assert!(check_section(MAX_SECTION).is_ok() && check_section(MAX_SECTION + 1).is_err());
        assert!(refused("a b", "c").contains("a b"));
        assert!(refused("a", "b\r\nc: d").contains("\"a\""));
    }
}
