//! Requests of the console's own page that are followed call by call; what was seen goes back with the answer.

use super::Access;
use super::Console;
use crate::operator::same;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::Write;
use std::sync::Arc;
use trm_runtime::capabilities::witness::Script;
use trm_runtime::capabilities::witness::Witness;

/// The cookie of a sign-in is for the console's paths alone, so other requests carry a key that the page was told.
const KEY: HeaderName = HeaderName::from_static("trm-follow");
/// W3C Server Timing.
const TIMING: HeaderName = HeaderName::from_static("server-timing");

/// A new key for each start. Without randomness there is none, and nobody is followed.
pub(super) fn key() -> String {
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return String::new();
    }
    bytes.iter().fold(String::new(), |mut key, byte| {
        // Writing to a text does not fail.
        _ = write!(key, "{byte:02x}");
        key
    })
}

impl Console {
    /// Begins to follow a request, if it is the page's. No function sees the key.
    pub fn follow(&self, head: &mut Parts) -> Option<Arc<Witness>> {
        if matches!(self.access, Access::Off) {
            return None;
        }
        let given = head.headers.remove(KEY)?;
        let given = given.to_str().ok().filter(|given| !given.is_empty())?;
        if !same(given, &self.follow_key) {
            return None;
        }
        let witness = Arc::new(Witness::new(Script::default()));
        head.extensions.insert(witness.clone());
        Some(witness)
    }
}

/// Tells with the answer what took its time.
pub fn tell<B>(response: &mut Response<B>, witness: &Witness) {
    match HeaderValue::from_str(&witness.seen().server_timing()) {
        Ok(value) => drop(response.headers_mut().insert(TIMING, value)),
        Err(error) => tracing::error!("a request's times cannot be told: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_and_another_at_each_start() {
        let (one, other) = (key(), key());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
