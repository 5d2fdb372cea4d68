//! A request as a test writes it, and its answer with all that was asked of the host; sends neither.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    /// A request without headers and body; the path may have a query.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With one header more.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of JSON.
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    /// With a body of any text.
    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }
}

/// One call that the function made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Interface and function, as the contract names them: `documents.find-one`.
    pub call: String,
    /// In order; bytes are `{"$document": …}`, `{"$text": …}` or `{"$base64": …}`.
    pub arguments: Vec<Value>,
    /// None where the request ended before it.
    pub answer: Option<Value>,
    /// Microseconds until the answer.
    pub took_us: Option<u64>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// All of it; Base64 where it is no text.
    pub body: String,
    /// What the function asked of the host, in order. Nothing where the edge cache answered.
    pub calls: Vec<Call>,
}

impl Answer {
    pub(crate) fn read(mut said: Value) -> Self {
        let mut part = |place: &str| said.pointer_mut(place).map(Value::take).unwrap_or_default();
        let body = match part("/answer/body") {
            Value::String(text) => text,
            other => other["base64"].as_str().unwrap_or_default().to_owned(),
        };
        let read = |fault: serde_json::Error| -> ! { panic!("trm speaks another form: {fault}") };
        Self {
            status: serde_json::from_value(part("/answer/status"))
                .unwrap_or_else(|fault| read(fault)),
            headers: serde_json::from_value(part("/answer/headers"))
                .unwrap_or_else(|fault| read(fault)),
            calls: serde_json::from_value(part("/seen/calls")).unwrap_or_else(|fault| read(fault)),
            body,
        }
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(fault) => panic!("{fault}: {}", self.body),
        }
    }

    /// The calls of one name.
    pub fn asked(&self, call: &str) -> Vec<&Call> {
        self.calls.iter().filter(|one| one.call == call).collect()
    }
}
