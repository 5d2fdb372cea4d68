//! The fields that a change sets, each checked where it is given; knows no collection.

use crate::place::Location;
use crate::violation::{Violation, text};
use bson::{Bson, DateTime, Document};

/// What is to be set.
#[derive(Default)]
pub struct Fields(Document);

impl Fields {
    /// A text of so many characters, kept without the space around it.
    pub fn text(
        &mut self,
        name: &str,
        given: Option<String>,
        least: usize,
        most: usize,
    ) -> Result<(), Violation> {
        if let Some(given) = given {
            text(&format!("/{name}"), &given, least, most)?;
            self.value(name, Some(given.trim()));
        }
        Ok(())
    }

    /// One of some words.
    pub fn word(
        &mut self,
        name: &str,
        given: Option<String>,
        known: &[&str],
    ) -> Result<(), Violation> {
        if let Some(given) = given {
            if !known.contains(&given.as_str()) {
                let rule = format!("must be one of {}", known.join(", "));
                return Err(Violation::new(format!("/{name}"), rule));
            }
            self.value(name, Some(given));
        }
        Ok(())
    }

    /// A place, as `location`.
    pub fn place(&mut self, given: Option<Location>) -> Result<(), Violation> {
        if let Some(place) = given {
            place.check("/location")?;
            self.value("location", Some(place.to_document()));
        }
        Ok(())
    }

    /// A value that is good as it is.
    pub fn value(&mut self, name: &str, given: Option<impl Into<Bson>>) {
        if let Some(given) = given {
            self.0.insert(name, given);
        }
    }

    /// All of them, with when they are set. A change that names nothing is none.
    pub fn done(mut self, now: DateTime) -> Result<Document, Violation> {
        if self.0.is_empty() {
            return Err(Violation::new("", "a change names at least one field"));
        }
        self.0.insert("updatedAt", now);
        Ok(self.0)
    }
}
