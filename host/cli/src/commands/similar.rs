//! A name like one that was mistyped, as clap finds it for its own values.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use std::ffi::OsStr;

/// `; did you mean "jobs"?` where a known name is like the given one, else nothing.
pub(super) fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let names = PossibleValuesParser::new(known.map(str::to_owned));
    // clap finds the most similar value when it refuses one.
    let refused = names.parse_ref(
        &Command::new("trm"),
        Some(&Arg::new("name")),
        OsStr::new(given),
    );
    let similar = refused.err().and_then(|error| {
        let ContextValue::String(similar) = error.get(ContextKind::SuggestedValue)? else {
            return None;
        };
        Some(format!("; did you mean \"{similar}\"?"))
    });
    similar.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_a_similar_name_is_suggested() {
        let known = ["jobs", "jobs-by-id", "users"];
        let suggested = |given| did_you_mean(given, known.into_iter());
        assert_eq!(suggested("jbos"), "; did you mean \"jobs\"?");
        assert_eq!(suggested("usres"), "; did you mean \"users\"?");
        assert_eq!(suggested("payouts"), "");
    }
}
