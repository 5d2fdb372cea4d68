//! A rule that a document breaks, and where; never an HTTP answer.

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
    let length = value.trim().chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    let rule = format!("must have {least} to {most} characters; it has {length}");
    Err(Violation::new(pointer, rule))
}
