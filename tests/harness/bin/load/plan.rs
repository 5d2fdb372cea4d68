//! What a load asks: its requests, whose paths follow a pattern, how often, and what is right as an answer.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// In a path: the number of the request, in 22 hexadecimal digits.
const TURN: &str = "{turn}";
/// In a path: an id that was acknowledged before, each once.
const ACKNOWLEDGED: &str = "{acknowledged}";

/// A load: clients that each send the requests in turn, at a constant rate, whether the last one went well or not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where the clients send to, each always to the same.
    pub places: Vec<(IpAddr, u16)>,
    pub requests: Vec<Asked>,
    pub clients: usize,
    /// Requests a second of each client.
    pub rate: f64,
    /// It is sent with every request but GET.
    pub token: Option<String>,
    /// The certificate that the servers show, where they are asked by TLS.
    pub certificate: Option<PathBuf>,
}

/// One kind of request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default = "get")]
    pub method: String,
    pub path: Path,
    /// It is sent as JSON.
    pub body: Option<Value>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The statuses that are right. By default those of a resource that exists: 404 is not among them.
    pub fine: Option<Vec<u16>>,
    /// What to keep of each right answer.
    pub hear: Option<Hear>,
}

/// A path, or several that are asked in turn.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Path {
    One(String),
    Several(Vec<String>),
}

/// What is kept of an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hear {
    /// The value of a header.
    Header(String),
    /// The text of the body.
    Body,
}

impl Asked {
    /// Whether there is a path to ask.
    pub fn has_path(&self) -> bool {
        !matches!(&self.path, Path::Several(paths) if paths.is_empty())
    }

    /// The path of this turn, which is the request's own turn of this number; none where it needs an id and none is there.
    pub fn path(
        &self,
        turn: usize,
        own: usize,
        id: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        let path = match &self.path {
            Path::One(path) => path,
            Path::Several(paths) => &paths[own % paths.len()],
        };
        let path = path.replace(TURN, &format!("{turn:022x}"));
        if !path.contains(ACKNOWLEDGED) {
            return Some(path);
        }
        Some(path.replace(ACKNOWLEDGED, &id()?))
    }

    /// Whether a status is right.
    pub fn fine(&self, status: u16) -> bool {
        let usual: &[u16] = match self.method.as_str() {
            "GET" => &[200],
            "POST" => &[200, 201],
            _ => &[200, 204],
        };
        self.fine.as_deref().unwrap_or(usual).contains(&status)
    }
}

fn get() -> String {
    "GET".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(value: Value) -> Asked {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn paths_are_asked_in_turn() {
        let several = asked(json!({"path": ["/a", "/b", "/c"]}));
        let paths = (1..5).map(|own| several.path(4 * own, own, || None).unwrap());
        assert_eq!(paths.collect::<Vec<_>>(), ["/b", "/c", "/a", "/b"]);
    }

    #[test]
    fn a_turn_and_an_acknowledged_id_are_filled_in() {
        let turn = asked(json!({"path": "/66{turn}"})).path(255, 1, || None);
        assert_eq!(turn.unwrap(), format!("/66{}ff", "0".repeat(20)));
        let taken = asked(json!({"path": "/{acknowledged}"}));
        assert_eq!(taken.path(1, 1, || Some("x".into())).unwrap(), "/x");
        assert_eq!(taken.path(1, 1, || None), None);
    }

    #[test]
    fn a_resource_that_is_missing_is_not_fine_unless_that_is_said() {
        for method in ["GET", "POST", "DELETE"] {
            assert!(!asked(json!({"path": "/", "method": method})).fine(404));
        }
        assert!(asked(json!({"path": "/"})).fine(200));
        assert!(asked(json!({"path": "/", "fine": [404]})).fine(404));
    }
}
