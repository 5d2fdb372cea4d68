//! Secrets taken out of log lines on their way to the terminal; knows the configured ones and two shapes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::io;
use std::sync::Arc;
use tracing_subscriber::fmt::MakeWriter;

const HIDDEN: &str = "***";
/// A shorter secret would take words out of every line.
const LEAST: usize = 6;

/// Writes to standard error without secrets.
#[derive(Clone, Debug)]
pub struct Redacting(Arc<[String]>);

impl Redacting {
    /// Hides these, besides passwords in addresses and bearer tokens.
    pub fn new(secrets: &[String]) -> Self {
        let long = secrets.iter().filter(|secret| secret.len() >= LEAST);
        let mut long: Vec<String> = long.cloned().collect();
        // One that begins with another must go first, or its end is left.
        long.sort_by_key(|secret| Reverse(secret.len()));
        Self(long.into())
    }

    /// The line with `***` in the place of each secret.
    pub fn clean<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let mut line = Cow::Borrowed(line);
        for secret in self.0.iter() {
            if line.contains(secret.as_str()) {
                line = Cow::Owned(line.replace(secret.as_str(), HIDDEN));
            }
        }
        for (before, ends_at) in [("://", Some('@')), ("Bearer ", None)] {
            if line.contains(before) {
                line = Cow::Owned(hide(&line, before, ends_at));
            }
        }
        line
    }
}

/// Hides what stands between `before` and `ends_at`, or the end of the word; without `ends_at` in the
/// word nothing was secret.
fn hide(line: &str, before: &str, ends_at: Option<char>) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(found) = rest.find(before) {
        let (head, tail) = rest.split_at(found + before.len());
        clean.push_str(head);
        let word = tail
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '/' | ',' | '<' | '\\'))
            .unwrap_or(tail.len());
        let secret = match ends_at {
            Some(end) => tail[..word].rfind(end).unwrap_or(0),
            None => word,
        };
        if secret > 0 {
            clean.push_str(HIDDEN);
        }
        rest = &tail[secret..];
    }
    clean.push_str(rest);
    clean
}

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log is written line by line, so a secret never spans two writes.
impl io::Write for Redacting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr()
            .lock()
            .write_all(self.clean(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::Redacting;

    #[test]
    fn secrets_passwords_and_tokens_are_hidden_and_nothing_else() {
        let redacting = Redacting::new(&["hunter22".to_owned(), "ab".to_owned()]);
        for (line, clean) in [
            ("the key is hunter22.", "the key is ***."),
            (
                "at mongodb://me:pw@host/db?x=1",
                "at mongodb://***@host/db?x=1",
            ),
            ("redis://:p@ss@host:1 failed", "redis://***@host:1 failed"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            (
                "{\"uri\":\"http://host/a@b\"} about",
                "{\"uri\":\"http://host/a@b\"} about",
            ),
        ] {
            assert_eq!(redacting.clean(line), clean);
        }
        let nested = Redacting::new(&["hunter".to_owned(), "hunter22-more".to_owned()]);
        assert_eq!(nested.clean("hunter22-more, hunter2"), "***, ***2");
    }
}
