//! Expressions of a stage, the part that names fields, and paths into a document; computes no arithmetic.

use crate::QueryError;
use bson::{Bson, Document};

/// A constant, a path (`$a.b`), or a document of these.
pub(super) fn evaluate(expression: &Bson, document: &Document) -> Result<Option<Bson>, QueryError> {
    match expression {
        Bson::String(path) => match path.strip_prefix('$') {
            Some(path) if path.starts_with('$') => {
                Err(QueryError::unsupported(format!("the variable ${path}")))
            }
            Some(path) => Ok(at(document, path).cloned()),
            None => Ok(Some(expression.clone())),
        },
        Bson::Document(parts) => {
            let mut value = Document::new();
            for (name, part) in parts {
                if name.starts_with('$') {
                    return Err(QueryError::unsupported(format!("the expression {name}")));
                }
                if let Some(part) = evaluate(part, document)? {
                    value.insert(name, part);
                }
            }
            Ok(Some(Bson::Document(value)))
        }
        Bson::Array(_) => Err(QueryError::unsupported("a list as an expression")),
        constant => Ok(Some(constant.clone())),
    }
}

pub(super) fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    let mut parts = path.split('.');
    let mut value = document.get(parts.next()?)?;
    for part in parts {
        value = value.as_document()?.get(part)?;
    }
    Some(value)
}

/// Sets the value at a path; documents are made on the way.
pub(super) fn put(document: &mut Document, path: &str, value: Bson) -> Result<(), QueryError> {
    let mut holder = document;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        if name.is_empty() || name.starts_with('$') {
            return Err(QueryError::invalid(format!("\"{path}\" is not a path")));
        }
        if names.peek().is_none() {
            holder.insert(name, value);
            return Ok(());
        }
        if !matches!(holder.get(name), Some(Bson::Document(_))) {
            holder.insert(name, Document::new());
        }
        match holder.get_mut(name) {
            Some(Bson::Document(inner)) => holder = inner,
            _ => break,
        }
    }
    Ok(())
}

/// Removes the value at a path.
pub(super) fn remove(document: &mut Document, path: &str) {
    match path.split_once('.') {
        None => drop(document.remove(path)),
        Some((name, rest)) => {
            if let Some(Bson::Document(inner)) = document.get_mut(name) {
                remove(inner, rest);
            }
        }
    }
}
