//! Problem details (RFC 9457): every error that a function answers with; never holds private detail.

use crate::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// An error answer. `detail` names the fault and what to mend.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    place: Option<(&'static str, String)>,
    header: Option<(header::HeaderName, String)>,
}

impl Problem {
    /// A problem with a status and a detail.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            place: None,
            header: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400, naming a query or path parameter.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            place: Some(("parameter", name.to_owned())),
            ..Self::bad_request(detail)
        }
    }

    /// 422, naming a parameter whose form is right and whose meaning is not.
    pub fn unusable(name: &str, detail: impl Into<String>) -> Self {
        Self {
            place: Some(("parameter", name.to_owned())),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// 404, naming what is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422: the request is understood but breaks a rule at a place (RFC 6901 pointer).
    pub fn rule(pointer: &str, detail: impl Into<String>) -> Self {
        let place = Some(("pointer", pointer.to_owned()));
        Self {
            place,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// 401: who asks is not known, or not any more.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self {
            header: Some((header::WWW_AUTHENTICATE, "Bearer".to_owned())),
            ..Self::new(StatusCode::UNAUTHORIZED, detail)
        }
    }

    /// 403: who asks may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 409: what is kept does not allow it now.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 429: too often; the client may try again after so many seconds.
    pub fn too_often(after_seconds: u64) -> Self {
        Self {
            header: Some((header::RETRY_AFTER, after_seconds.max(1).to_string())),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many attempts; wait before the next",
            )
        }
    }

    /// 405, with what is allowed.
    pub fn method(allow: &str) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("this resource answers {allow} only"),
        );
        Self {
            header: Some((header::ALLOW, allow.to_owned())),
            ..problem
        }
    }

    /// 503: a store is away; the client may try again after so many milliseconds.
    pub fn unavailable(retry_after_ms: u32) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "a store is not available; try again shortly",
        );
        let seconds = retry_after_ms.div_ceil(1_000).max(1);
        Self {
            header: Some((header::RETRY_AFTER, seconds.to_string())),
            ..problem
        }
    }

    /// 500, whose cause is in the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        eprintln!("internal: {cause}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this function failed; the log says why",
        )
    }

    /// Adds the place of a fault in the body.
    pub fn at(self, pointer: impl Into<String>) -> Self {
        Self {
            place: Some(("pointer", pointer.into())),
            ..self
        }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON of its body.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some((name, value)) = &self.place {
            body[*name] = json!(value);
        }
        body
    }

    /// The response.
    pub fn into_response(self) -> Response {
        let body = Bytes::from(self.body().to_string());
        let mut response = crate::response::whole(self.status, "application/problem+json", body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(name, value);
        }
        response
    }
}

impl From<crate::documents::Error> for Problem {
    fn from(error: crate::documents::Error) -> Self {
        use crate::documents::Error;
        match error {
            Error::Unavailable(after) => Self::unavailable(after),
            Error::DeadlineExceeded => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the store did not answer in time",
            ),
            Error::Unsupported(what) => Self::new(StatusCode::NOT_IMPLEMENTED, what),
            Error::DuplicateKey(index) => Self::new(
                StatusCode::CONFLICT,
                format!("this exists already ({index})"),
            ),
            Error::Conflict(_) => Self::new(
                StatusCode::CONFLICT,
                "this changed meanwhile; read it again, then repeat the request",
            ),
            // A cursor is the one part of a query that comes from the client.
            Error::Invalid(why) if why.contains("cursor") => Self::unusable("cursor", why),
            other => Self::internal(format_args!("documents: {other:?}")),
        }
    }
}

impl From<crate::counter::Error> for Problem {
    fn from(error: crate::counter::Error) -> Self {
        Self::internal(format_args!("counter: {error:?}"))
    }
}

impl From<crate::cache::Error> for Problem {
    fn from(error: crate::cache::Error) -> Self {
        use crate::cache::Error;
        match error {
            Error::Saturated | Error::Unavailable(_) => Self::unavailable(1_000),
            Error::DeadlineExceeded => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the cache did not answer in time",
            ),
            other => Self::internal(format_args!("cache: {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_place_and_keeps_its_header() {
        let problem = Problem::rule("/salary/max", "must not be less than min");
        assert_eq!(problem.body()["pointer"], "/salary/max");
        assert_eq!(problem.body()["status"], 422);
        let response = Problem::unavailable(1_200).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}
