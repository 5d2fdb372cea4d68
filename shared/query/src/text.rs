//! Full-text search: `$text` as a query of SQLite's FTS5, and its score; indexes nothing.

use crate::QueryError;
use crate::filter::Condition;
use crate::path::Shape;
use bson::{Bson, Document};

/// The most words of one search.
const MAX_WORDS: usize = 64;

/// Words that are too common to be searched for: on their own they find nothing, as in MongoDB.
const COMMON: [&str; 30] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "in", "into", "is",
    "it", "no", "not", "of", "on", "or", "that", "the", "their", "there", "these", "they", "this",
    "to", "was", "with",
];

/// The condition of `{"$text": {"$search": "…"}}`.
pub fn condition(operand: &Bson, shape: &Shape) -> Result<Condition, QueryError> {
    let search = match operand {
        Bson::Document(of) if of.len() == 1 => of.get_str("$search").ok(),
        Bson::Document(of) if of.contains_key("$search") => {
            return Err(QueryError::unsupported("$text with more than $search"));
        }
        _ => None,
    };
    let Some(search) = search else {
        return Err(QueryError::invalid("$text needs a $search"));
    };
    let table = table(shape)?;
    Ok(match words(search)? {
        Some(query) => Condition {
            sql: format!("{table} MATCH ?"),
            keys: vec![query],
        },
        None => Condition {
            sql: "0".to_owned(),
            keys: Vec::new(),
        },
    })
}

/// Whether a filter searches: its statement then reads the full-text table as well.
pub fn searches(filter: &Document) -> bool {
    filter.contains_key("$text")
}

/// Whether a sort or projection asks for `{"$meta": "textScore"}`.
pub fn is_score(how: &Bson) -> bool {
    how.as_document()
        .is_some_and(|how| how.len() == 1 && how.get_str("$meta").ok() == Some("textScore"))
}

/// The term of an ORDER BY that puts the best match first: FTS5 ranks from below.
pub fn order(shape: &Shape) -> Result<String, QueryError> {
    Ok(format!("bm25({}) ASC", table(shape)?))
}

/// The expression of the score: larger is better.
pub fn score(shape: &Shape) -> Result<String, QueryError> {
    Ok(format!("-bm25({})", table(shape)?))
}

fn table(shape: &Shape) -> Result<&str, QueryError> {
    shape
        .text
        .as_deref()
        .ok_or_else(|| QueryError::invalid("text index required for $text query"))
}

/// MongoDB's search as FTS5's: any of the words, all of the phrases, none of the excluded words.
/// Every word is quoted, so that none is an operator. None where nothing is left to search for.
fn words(search: &str) -> Result<Option<String>, QueryError> {
    let (mut any, mut phrases, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for (at, part) in search.split('"').enumerate() {
        if at % 2 == 1 {
            let phrase = plain(part).join(" ");
            if !phrase.is_empty() {
                phrases.push(format!("\"{phrase}\""));
            }
            continue;
        }
        for word in part.split_whitespace() {
            let (into, word) = match word.strip_prefix('-') {
                Some(word) => (&mut none, word),
                None => (&mut any, word),
            };
            let words = plain(word);
            into.extend(words.iter().map(|word| format!("\"{word}\"")));
        }
    }
    any.retain(|word| {
        let word = word.trim_matches('"').to_lowercase();
        !COMMON.contains(&word.as_str())
    });
    if any.len() + phrases.len() + none.len() > MAX_WORDS {
        return Err(QueryError::invalid(format!(
            "a search has at most {MAX_WORDS} words"
        )));
    }
    let wanted = match (phrases.is_empty(), any.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => any.join(" OR "),
        // A phrase must be there; other words then only add to the score, which is left out.
        (false, _) => phrases.join(" AND "),
    };
    Ok(Some(match none.is_empty() {
        true => wanted,
        false => format!("({wanted}) NOT ({})", none.join(" OR ")),
    }))
}

/// The words of a text, without what separates them.
fn plain(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_become_quoted_words() {
        let of = |search: &str| words(search).unwrap();
        assert_eq!(of("rust engineer").unwrap(), "\"rust\" OR \"engineer\"");
        assert_eq!(of("the rust").unwrap(), "\"rust\"");
        assert_eq!(of("\"data platform\" lead").unwrap(), "\"data platform\"");
        assert_eq!(of("rust -java").unwrap(), "(\"rust\") NOT (\"java\")");
        assert_eq!(of("NEAR(a b) OR *").unwrap(), "\"NEAR\" OR \"b\"");
        assert_eq!(of("the of"), None);
        assert_eq!(of(""), None);
        assert_eq!(of("-java"), None);
        assert!(words(&"x ".repeat(100)).is_err());
    }
}
