//! A rule that a document breaks, and where; never an HTTP answer.

use bson::oid::ObjectId;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What must hold.
    pub rule: String,
}

impl Violation {
    /// A violation at a place.
    pub fn new(pointer: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            rule: rule.into(),
        }
    }
}

/// A text of so many characters.
pub fn text(pointer: &str, value: &str, least: usize, most: usize) -> Result<(), Violation> {
    // Not every store keeps it, and nobody means it.
    if value.contains('\0') {
        return Err(Violation::new(pointer, "must not hold NUL"));
    }
    let length = value.trim().chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    let rule = format!("must have {least} to {most} characters; it has {length}");
    Err(Violation::new(pointer, rule))
}

/// An identifier.
pub fn id(pointer: &str, value: &str) -> Result<ObjectId, Violation> {
    ObjectId::parse_str(value).map_err(|_| Violation::new(pointer, "must be 24 hexadecimal digits"))
}

/// A mail address, in the form that browsers take: only a letter to it would show that it exists.
pub fn email(pointer: &str, value: &str) -> Result<(), Violation> {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match value.split_once('@') {
        Some((user, domain))
            if value.len() <= 254
                && (1..=64).contains(&user.len())
                && user.bytes().all(atom)
                && domain.split('.').all(label) =>
        {
            Ok(())
        }
        _ => Err(Violation::new(
            pointer,
            "must be a mail address, like ann@example.com",
        )),
    }
}

/// An address on the web.
pub fn website(pointer: &str, value: &str) -> Result<(), Violation> {
    let host = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"));
    let plain = value.len() <= 300 && value.bytes().all(|byte| byte.is_ascii_graphic());
    match host {
        Some(host) if plain && !host.is_empty() => Ok(()),
        _ => Err(Violation::new(
            pointer,
            "must be an address that begins with https:// or http://",
        )),
    }
}
