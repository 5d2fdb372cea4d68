//! A request and its answer as a text, so that what is kept of them can be read: a line of words, the request's headers, an
//! empty line, the answer's headers; checks nothing.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Both, as far as they are any.
pub struct Exchange<'a> {
    /// The words of the first line.
    pub first: Vec<&'a str>,
    /// The request's headers.
    pub request: HeaderMap,
    /// The answer's headers.
    pub response: HeaderMap,
}

impl<'a> Exchange<'a> {
    /// Reads them. Lines that are no header are passed over.
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
        let request = headers(lines.by_ref().take_while(|line| !line.is_empty()));
        Self {
            first: first.split(' ').collect(),
            request,
            response: headers(lines),
        }
    }
}

/// A line each.
pub fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The texts of all fields of one name.
pub fn texts(headers: &HeaderMap, name: &str) -> Vec<String> {
    let fields = headers.get_all(name).iter();
    fields
        .map(|field| String::from_utf8_lossy(field.as_bytes()).into_owned())
        .collect()
}
