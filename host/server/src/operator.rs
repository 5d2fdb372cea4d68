//! An operator's key: made where API_KEY_SECRET is, good for a minute, known by its seal alone; keeps none.

use hmac::{Hmac, KeyInit, Mac};
use sha2_11::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The header that a key comes in.
pub const HEADER: &str = "x-api-key";
/// How long a key is good for.
const LIFE: Duration = Duration::from_secs(60);

/// Who makes and knows keys. Who has the secret can make any.
pub struct Operator(String);

impl Operator {
    /// By this secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// A key from now on, as the functions read it as well: `trm_operator_<until>_<seal>`.
    pub fn key(&self) -> String {
        self.until(now() + LIFE.as_secs())
    }

    /// Whether a key is one of this secret, and still good.
    pub fn knows(&self, key: &str) -> bool {
        let rest = key.strip_prefix("trm_operator_");
        let until = rest.and_then(|rest| rest.split_once('_')?.0.parse().ok());
        let good = now()..=now() + LIFE.as_secs();
        until.is_some_and(|until| good.contains(&until) && same(key, &self.until(until)))
    }

    fn until(&self, until: u64) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes());
        let mut mac = mac.expect("HMAC takes a secret of any length");
        mac.update(b"operator\0");
        mac.update(until.to_string().as_bytes());
        let seal = mac.finalize().into_bytes();
        let seal: String = seal.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("trm_operator_{until}_{seal}")
    }
}

/// In seconds since 1970; a clock before that makes keys that are good for nothing.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Whether two texts are one, in a time that says nothing of where they differ.
pub fn same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    one.len() == other.len() && pairs.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_for_its_minute_and_its_secret_alone() {
        let operator = Operator::new("a secret of a test".to_owned());
        let key = operator.key();
        assert!(operator.knows(&key));
        assert!(!Operator::new("another".to_owned()).knows(&key));
        assert!(!operator.knows(&operator.until(now() - 1)), "over");
        assert!(!operator.knows(&operator.until(now() + 3_600)), "too long");
        let forged = key.replacen(&now().to_string()[..4], "9999", 1);
        for wrong in ["", "trm_operator_", "trm_operator_1_", &key[1..], &forged] {
            assert!(!operator.knows(wrong), "{wrong}");
        }
    }
}
