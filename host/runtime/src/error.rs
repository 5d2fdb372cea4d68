//! The one place where a failed request becomes a status and problem details (RFC 9457); never logs.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::time::Duration;
use wasmtime_wasi_http::WasiBody;

/// Why the host itself, and not the function, answers a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No route of the manifest matches the path.
    #[error("no function serves {path}; GET /api/health lists the routes")]
    NoRoute {
        /// The path of the request.
        path: String,
    },
    /// The method is not one that this endpoint of the host answers.
    #[error("this endpoint answers {allow} only")]
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
    /// The request's body is larger than the function's `max_body_kb`.
    #[error("the request body is larger than {limit} bytes, which is this function's limit")]
    BodyTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The request can be read in more than one way.
    #[error("the request is malformed: {fault}")]
    Malformed {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The client sent its body too slowly or broke off.
    #[error("the request body did not arrive whole: {reason}")]
    BodyIncomplete {
        /// What went wrong, without private detail.
        reason: &'static str,
    },
    /// The function, or the host, already runs as many requests as it may.
    #[error("{what} is at its concurrency bound; try again shortly")]
    Saturated {
        /// Whose bound it is.
        what: &'static str,
    },
    /// The function did not answer within its `timeout_ms`.
    #[error("the function did not answer within {limit:?}")]
    DeadlineExceeded {
        /// The function's time limit.
        limit: Duration,
    },
    /// The function asked for more memory than its `memory_mb`.
    #[error("the function needed more memory than its limit of {limit} MiB")]
    OutOfMemory {
        /// The function's memory limit.
        limit: usize,
    },
    /// The function trapped; the backtrace is in the log.
    #[error("the function failed while it handled this request")]
    Trapped,
    /// The host failed; the cause is in the log.
    #[error("the host failed while it handled this request")]
    Internal,
}

impl RequestError {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::BodyIncomplete { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Saturated { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::OutOfMemory { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Trapped => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The response: status, problem details, and the headers that the status calls for.
    pub fn into_response(self) -> Response<WasiBody> {
        let status = self.status();
        let mut response = problem(status, &self.to_string());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Saturated { .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::MethodNotAllowed { allow } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            // The rest of a refused body is not worth reading; where a malformed one ends nobody knows.
            Self::BodyTooLarge { .. } | Self::BodyIncomplete { .. } | Self::Malformed { .. } => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Problem details (RFC 9457) of no type of their own.
pub fn problem(status: StatusCode, detail: &str) -> Response<WasiBody> {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    json_response(status, "application/problem+json", problem.to_string())
}

/// A whole response without headers; its length is known.
pub fn whole(status: StatusCode, body: impl Into<Bytes>) -> Response<WasiBody> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response
}

/// A body that is here already.
pub fn full(body: impl Into<Bytes>) -> WasiBody {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A whole response of one content type.
pub fn json_response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<WasiBody> {
    let mut response = whole(status, body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
