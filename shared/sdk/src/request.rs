//! A request as a function reads it: method, path parameters, query, JSON body; never answers.

use crate::headers::Headers;
use crate::identifier;
use crate::problem::Problem;
use crate::query::Query;
use bson::oid::ObjectId;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;

/// One request, whose body has arrived whole.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The named segments of the route.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) client: String,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, percent-encoded as the client sent it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.map()
    }

    /// The client's address and port, as the host saw it: a proxy's where one stands in front.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// A header's value, where it is text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// The body's bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The query, of which only these parameters are known.
    pub fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        Query::parse(&self.query, known)
    }

    /// A named segment of the path, as the route spells it (`:id`).
    pub fn parameter(&self, name: &str) -> Result<&str, Problem> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| Problem::parameter(name, format!("the path has no readable \"{name}\"")))
    }

    /// A named segment that is an identifier.
    pub fn id(&self, name: &str) -> Result<ObjectId, Problem> {
        let text = self.parameter(name)?;
        identifier::read(text).ok_or_else(|| {
            let detail = format!("\"{text}\" is not an identifier: 24 hexadecimal digits");
            Problem::parameter(name, detail)
        })
    }

    /// The JSON body. A fault names its line, its column and its place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let media = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Content-Type must be application/json, not \"{media}\""),
            ));
        }
        read_json(&self.body)
    }
}

/// A GET request that consists of these headers alone, for tests of code that reads headers.
impl From<Headers> for Request {
    fn from(headers: Headers) -> Self {
        Self {
            headers,
            ..Self::default()
        }
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::bad_request(format!("the body cannot be read: {}", error.inner())).at(pointer)
    })?;
    json.end().map_err(|error| {
        Problem::bad_request(format!("there is more after the JSON value: {error}"))
    })?;
    Ok(value)
}

/// A path inside the body as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Pay {
        salary: Salary,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Salary {
        min: u32,
    }

    fn fault(body: &str) -> serde_json::Value {
        read_json::<Pay>(body.as_bytes()).unwrap_err().body()
    }

    #[test]
    fn a_fault_names_its_place() {
        assert_eq!(fault(r#"{"salary":{"min":"x"}}"#)["pointer"], "/salary/min");
        assert_eq!(
            fault(r#"{"salary":{"min":1,"most":2}}"#)["pointer"],
            "/salary/most"
        );
        let malformed = fault("{\"salary\":\n{");
        assert!(
            malformed["detail"].as_str().unwrap().contains("line 2"),
            "{malformed}"
        );
        assert!(
            fault(r#"{"salary":{"min":1}} x"#)["detail"]
                .as_str()
                .unwrap()
                .contains("more")
        );
    }
}
