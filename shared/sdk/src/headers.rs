//! A request's headers, parsed only when a function asks for them; changes none.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::cell::OnceCell;

/// The headers of one request.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    section: Bytes,
    map: OnceCell<HeaderMap>,
}

impl Headers {
    /// Headers as `trm:platform/message` carries them: a line each, CRLF after each.
    pub fn section(section: impl Into<Bytes>) -> Self {
        Self {
            section: section.into(),
            map: OnceCell::new(),
        }
    }

    /// Whether a name, in lower case, may be among them; answered without parsing them.
    pub fn mention(&self, name: &str) -> bool {
        if let Some(map) = self.map.get() {
            return map.contains_key(name);
        }
        let mut lines = self.section.split(|byte| *byte == b'\n');
        lines.any(|line| {
            line.get(name.len()) == Some(&b':')
                && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
        })
    }

    /// All of them, by name.
    pub fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| parse(&self.section))
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Self {
            section: Bytes::new(),
            map: OnceCell::from(map),
        }
    }
}

/// The host sends what its own HTTP parser accepted; a line that is none is left out.
fn parse(section: &[u8]) -> HeaderMap {
    section
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            Some((name, value))
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}

#[cfg(test)]
mod tests {
    use super::Headers;

    #[test]
    fn a_section_becomes_a_map_in_order() {
        let headers = Headers::section(b"accept: a\r\nx-y:  b:c \r\naccept: d\r\nbad\r\n".to_vec());
        let all: Vec<_> = headers.map().get_all("accept").iter().collect();
        assert_eq!(all, ["a", "d"]);
        assert!(Headers::section(b"a: b\r\nIf-Match: c\r\n".to_vec()).mention("if-match"));
        assert!(
            !Headers::section(b"a: if-match\r\nx-if-match: c\r\n".to_vec()).mention("if-match")
        );
        assert_eq!(headers.map()["x-y"], "b:c");
        assert_eq!(headers.map().len(), 3);
    }
}
