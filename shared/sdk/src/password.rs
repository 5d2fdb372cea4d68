//! Passwords as Argon2id hashes in the PHC form; stores none.

use crate::problem::Problem;
use crate::random;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// OWASP's first choice for little memory: 19 MiB, two passes, one lane. One instance holds them for
/// as long as it lives, so a function that hashes needs `memory_mb` of 48 or more.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// Verified where there is no user, so that an unknown name takes as long as a wrong password.
/// No password is known to fit it: its hash is all zeros.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(Problem::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash that is kept of a password.
pub fn hash(password: &str) -> Result<String, Problem> {
    let salt = random::bytes::<16>()?;
    let hash = hasher()?.hash_password_with_salt(password.as_bytes(), &salt);
    let hash: PasswordHash = hash.map_err(Problem::internal)?;
    Ok(hash.to_string())
}

/// Whether a password fits the hash that was kept, if any was. Compared in constant time.
pub fn fits(password: &str, kept: Option<&str>) -> Result<bool, Problem> {
    let parsed = PasswordHash::new(kept.unwrap_or(NOBODY)).map_err(Problem::internal)?;
    let fits = hasher()?
        .verify_password(password.as_bytes(), &parsed)
        .is_ok();
    Ok(fits && kept.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits_its_hash_and_nothing_fits_nobody() {
        let kept = hash("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits("correct horse", Some(&kept)).unwrap());
        assert!(!fits("Correct horse", Some(&kept)).unwrap());
        assert!(!fits("correct horse", None).unwrap());
        assert_ne!(
            hash("correct horse").unwrap(),
            kept,
            "each hash has its salt"
        );
    }
}
