//! What is answered, and how it leaves over WASI HTTP 0.2; knows no job.

use serde_json::json;
use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// The most bytes of one write.
const PART: usize = 4096;

pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// 200 with JSON that anyone may see, as the SDK says it.
    pub fn public(body: Vec<u8>, tag: &str) -> Self {
        let control =
            "public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=300";
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body,
        }
        .with("cache-control", control)
        .with("surrogate-key", tag)
    }

    /// A problem (RFC 9457).
    pub fn problem(status: u16, detail: &str) -> Self {
        Self::told(status, json!({"detail": detail}))
    }

    /// 400, naming a parameter.
    pub fn parameter(name: &str, detail: &str) -> Self {
        Self::told(400, json!({"detail": detail, "parameter": name}))
    }

    /// 500, whose cause is in the log only.
    pub fn failed(cause: impl std::fmt::Debug) -> Self {
        eprintln!("internal: {cause:?}");
        Self::problem(500, "this function failed; the log says why")
    }

    fn told(status: u16, mut body: serde_json::Value) -> Self {
        let title = match status {
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            _ => "Internal Server Error",
        };
        body["type"] = "about:blank".into();
        body["title"] = title.into();
        body["status"] = status.into();
        Self {
            status,
            headers: vec![("content-type", "application/problem+json".to_owned())],
            body: body.to_string().into_bytes(),
        }
        .with("cache-control", "no-store")
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn send(self, out: ResponseOutparam, head_only: bool) {
        let fields = Fields::new();
        for (name, value) in &self.headers {
            fields
                .append(name, value.as_bytes())
                .expect("these are names and values of headers");
        }
        let response = OutgoingResponse::new(fields);
        response
            .set_status_code(self.status)
            .expect("these are statuses");
        let body = response.body().expect("a fresh response has its body");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("a fresh body has its stream");
        let bytes = if head_only { &[] } else { &self.body[..] };
        // A client that has gone needs no more of it.
        let sent = bytes
            .chunks(PART)
            .try_for_each(|part| stream.blocking_write_and_flush(part));
        drop(stream);
        if sent.is_ok() {
            OutgoingBody::finish(body, None).expect("nothing else was promised");
        }
    }
}
