//! Outbound HTTP of guests: only to granted hosts, only so many at a time, only within the deadline; keeps no connection.

mod kept;
mod pinned;
use crate::capabilities::Capabilities;
use crate::capabilities::witness::Witness;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use trm_policy::reach::{Grant, grant, is_public_address, port};
use trm_resilience::time_left::TimeLeft;
use trm_telemetry::request as watched;
use trm_telemetry::request::Watched;
use trm_telemetry::upstream;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// One instance's way out.
pub struct Outbound {
    capabilities: Arc<Capabilities>,
    left: Option<Arc<TimeLeft>>,
    witness: Option<Arc<Witness>>,
    watched: Watched,
}

impl Outbound {
    /// Nothing may be sent before a request has begun.
    pub fn new(capabilities: Arc<Capabilities>) -> Self {
        Self {
            capabilities,
            left: None,
            witness: None,
            watched: None,
        }
    }

    /// From here on the request's time bounds what is sent, and who follows it is told.
    pub fn begin(&mut self, left: Arc<TimeLeft>, witness: Option<Arc<Witness>>, watched: Watched) {
        (self.left, self.witness, self.watched) = (Some(left), witness, watched);
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
        let capabilities = self.capabilities.clone();
        let deadline = self
            .left
            .as_ref()
            .map_or_else(Instant::now, |left| left.until());
        let witness = self.witness.clone();
        let options = options.unwrap_or_default();
        // In an instance that works for several requests another may have its turn while this is sent.
        Box::new(watched::scope(self.watched.clone(), async move {
            let send = |request| send(capabilities, deadline, request, options);
            match witness {
                Some(witness) => kept::send(&witness, request, send).await,
                None => send(request).await,
            }
        }))
    }
}

async fn send(
    capabilities: Arc<Capabilities>,
    deadline: Instant,
    mut request: http::Request<WasiBody>,
    asked: RequestOptions,
) -> Result<Sent, Error> {
    let granted = grant(capabilities.grants().outbound(), request.uri());
    let function = capabilities.function();
    if granted == Grant::None {
        tracing::warn!(%function, uri = %request.uri(), "outbound host not granted; see allowed_outbound_hosts");
        return Err(Error::HttpRequestDenied);
    }
    let places = capabilities.outbound().clone().acquire_owned();
    let Ok(Ok(place)) = tokio::time::timeout_at(deadline.into(), places).await else {
        return Err(Error::ConnectionLimitReached);
    };
    let left = deadline.saturating_duration_since(Instant::now());
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
        return Ok((response, holding(place, Box::into_pin(io))));
    }
    let (mut response, io) = default_send_request(request, Some(options)).await?;
    drop_listed(response.headers_mut());
    Ok((response.map(BodyExt::boxed_unsync), holding(place, io)))
}

/// The connection's work, whose place is free when that ends.
fn holding(
    place: OwnedSemaphorePermit,
    io: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Box<dyn Future<Output = Result<(), Error>> + Send> {
    Box::new(async move {
        let done = io.await;
        drop(place);
        done
    })
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

/// The addresses of a host, none unless every one of them is public. The connection is made to these
/// and to no other, so that a name cannot change between the question and the connection.
async fn public_addresses(uri: &http::Uri) -> Vec<SocketAddr> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((host, port(uri))).await;
    let found: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
    let all = found.iter().all(|address| is_public_address(address.ip()));
    if all { found } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::drop_listed;
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
}
