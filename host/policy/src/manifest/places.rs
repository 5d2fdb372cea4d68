//! Where in spin.toml a setting stands; knows nothing of what settings mean.

use super::Fault;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A manifest's text with the place of each key.
pub struct Places<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

impl<'t> Places<'t> {
    /// Every place, or everything that is not TOML.
    pub fn of(text: &'t str) -> Result<Self, Vec<Fault>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self { text, root });
        }
        let mut faults: Vec<Fault> = errors
            .iter()
            .map(|error| Fault {
                line: line(text, error.span().map_or(0, |span| span.start)),
                text: error.message().to_owned(),
            })
            .collect();
        faults.sort();
        Err(faults)
    }

    /// The line of a setting, or of the innermost table around it that there is. Elements of a list
    /// are named by their index.
    pub fn line(&self, place: &[&str]) -> usize {
        let (mut at, mut table, mut list) = (0, Some(self.root.get_ref()), None);
        for name in place {
            let value = if let Some(known) = table {
                let found = known.iter().find(|(key, _)| key.get_ref() == name);
                let Some((key, value)) = found else { break };
                at = key.span().start;
                value
            } else if let Some(known) = list {
                let index = name.parse::<usize>().ok();
                let known: &toml::de::DeArray<'_> = known;
                let Some(value) = index.and_then(|index| known.get(index)) else {
                    break;
                };
                at = first(value);
                value
            } else {
                break;
            };
            (table, list) = (value.get_ref().as_table(), value.get_ref().as_array());
        }
        line(self.text, at)
    }
}

/// Where a value begins: a table of a list by its first key.
fn first(value: &Spanned<DeValue<'_>>) -> usize {
    let keys = value
        .get_ref()
        .as_table()
        .into_iter()
        .flat_map(|table| table.keys());
    keys.map(|key| key.span().start)
        .min()
        .unwrap_or(value.span().start)
}

fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
