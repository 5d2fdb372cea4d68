//! Query strings, read strictly: each parameter once, none unknown; knows no meaning of them.

use crate::problem::Problem;
use bson::oid::ObjectId;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The parameters of a request, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string (application/x-www-form-urlencoded). Only these names are known.
    pub fn parse(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let detail = format!("\"{name}\" is not a parameter here; known are: {known}");
                return Err(Problem::parameter(&name, detail));
            }
            if parameters.contains_key(&name) {
                return Err(Problem::parameter(
                    &name,
                    format!("\"{name}\" is given twice"),
                ));
            }
            parameters.insert(name, value);
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number within bounds, or the default.
    pub fn number<T>(&self, name: &str, default: T, least: T, most: T) -> Result<T, Problem>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        match text.parse::<T>() {
            Ok(number) if number >= least && number <= most => Ok(number),
            _ => Err(Problem::parameter(
                name,
                format!("\"{name}\" must be a whole number from {least} to {most}, not \"{text}\""),
            )),
        }
    }

    /// An identifier, if it was given.
    pub fn id(&self, name: &str) -> Result<Option<ObjectId>, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let fault = |_| {
            let detail = format!("\"{text}\" is not an identifier: 24 hexadecimal digits");
            Problem::parameter(name, detail)
        };
        ObjectId::parse_str(text).map(Some).map_err(fault)
    }

    /// One of these words, if it was given.
    pub fn word(&self, name: &str, known: &[&str]) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            Some(word) if !known.contains(&word) => {
                let detail = format!("\"{word}\" is not one of {}", known.join(", "));
                Err(Problem::parameter(name, detail))
            }
            word => Ok(word),
        }
    }

    /// The parameters in one order, whatever order they came in: the same question, the same text.
    pub fn canonical(&self) -> String {
        self.with(&[], None)
    }

    /// The same question without some parameters, and with another one.
    pub fn with(&self, without: &[&str], more: Option<(&str, &str)>) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| !without.contains(&name.as_str()));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<String> = kept
            .chain(more)
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        pairs.join("&")
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded
        .map_err(|_| Problem::bad_request(format!("the query's \"{text}\" is not UTF-8")))?;
    if decoded.contains('\0') {
        return Err(Problem::bad_request("the query holds a NUL"));
    }
    Ok(decoded.into_owned())
}

fn encode(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_parameter() {
        let fault = |query: &str| Query::parse(query, &["page", "city"]).unwrap_err().body();
        assert_eq!(fault("colour=red")["parameter"], "colour");
        assert_eq!(fault("page=1&page=2")["parameter"], "page");
        assert_eq!(fault("city=%ff")["status"], 400);
        for nul in ["city=%00", "city=\0", "%00=a"] {
            assert_eq!(fault(nul)["detail"], "the query holds a NUL");
        }
        let query = Query::parse("page=x", &["page"]).unwrap();
        assert_eq!(
            query.number("page", 1, 1, 10).unwrap_err().body()["parameter"],
            "page"
        );
    }

    #[test]
    fn values_are_decoded_and_one_question_has_one_text() {
        let one = Query::parse("city=S%C3%A3o+Paulo&page=2", &["page", "city"]).unwrap();
        let two = Query::parse("page=2&city=S%c3%a3o%20Paulo", &["page", "city"]).unwrap();
        assert_eq!(one.get("city"), Some("São Paulo"));
        assert_eq!(one.canonical(), two.canonical());
    }
}
