//! What is signed with a secret: tokens (JWT, HS256) and seals (HMAC-SHA256); keeps no secret of its own.

use crate::problem::Problem;
use crate::time;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2_11::{Digest, Sha256};

/// The shortest secret that is taken, in bytes.
const LEAST: usize = 16;

/// The one algorithm of tokens. The crates for all of JWT bring RSA and curves along, or are not kept;
/// for this one HMAC and two JSON texts are enough (RFC 7515, RFC 7519).
const ALGORITHM: &str = "HS256";

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    custom: T,
}

/// A secret and the one before it: what was signed with either is good, what is signed now uses the first.
pub struct Secrets {
    live: Vec<String>,
}

impl Secrets {
    /// Secrets by name; an empty former one is none.
    pub fn new(name: &str, current: String, former: Option<String>) -> Result<Self, Problem> {
        if current.len() < LEAST {
            return Err(Problem::internal(format_args!(
                "{name} is not set, or has less than {LEAST} bytes; see [variables] in spin.toml"
            )));
        }
        let former = former.filter(|former| former.len() >= LEAST);
        let live = [Some(current), former].into_iter().flatten().collect();
        Ok(Self { live })
    }

    /// A token that is good for so many seconds.
    pub fn token<T: Serialize>(&self, custom: T, seconds: i64) -> Result<String, Problem> {
        let secret = &self.live[0];
        let (iat, kid) = (now(), key_id(secret));
        let exp = iat + seconds;
        let head = part(&Header {
            alg: ALGORITHM.to_owned(),
            typ: "JWT".to_owned(),
            kid,
        })?;
        let signed = format!("{head}.{}", part(&Claims { iat, exp, custom })?);
        let tag = keyed(secret).chain_update(&signed).finalize().into_bytes();
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// What a token says, if a live secret has signed it and it has not expired. Its key id only picks
    /// the secret; the algorithm is fixed.
    pub fn read<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let (signed, tag) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let header: Header = unpart(head)?;
        if header.alg != ALGORITHM {
            return None;
        }
        let secret = self
            .live
            .iter()
            .find(|secret| key_id(secret) == header.kid)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        keyed(secret).chain_update(signed).verify_slice(&tag).ok()?;
        let claims: Claims<T> = unpart(claims)?;
        (claims.exp > now()).then_some(claims.custom)
    }

    /// The seal of a text for one purpose: nobody without the secret can make it.
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        hex(&mac(&self.live[0], purpose, text).finalize().into_bytes())
    }

    /// Whether a seal was made with a live secret. Compared in constant time.
    pub fn is_sealed(&self, purpose: &str, text: &str, seal: &str) -> bool {
        let Some(seal) = unhex(seal) else {
            return false;
        };
        self.live
            .iter()
            .any(|secret| mac(secret, purpose, text).verify_slice(&seal).is_ok())
    }
}

/// The HMAC-SHA256 of some bytes under a key that a receiver has too, in hexadecimal.
pub fn signature(key: &str, parts: &[&[u8]]) -> String {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

/// A digest (SHA-256) in hexadecimal.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

fn keyed(key: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so this cannot fail.
    Hmac::new_from_slice(key.as_bytes()).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn mac(secret: &str, purpose: &str, text: &str) -> Hmac<Sha256> {
    let mut mac = keyed(secret);
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(text.as_bytes());
    mac
}

/// A name for a secret that does not tell it.
fn key_id(secret: &str) -> String {
    hex(&mac(secret, "key id", "").finalize().into_bytes()[..4])
}

/// In seconds, as tokens count them.
fn now() -> i64 {
    time::now().timestamp_millis() / 1_000
}

fn part<T: Serialize>(value: &T) -> Result<String, Problem> {
    let json = serde_json::to_vec(value).map_err(Problem::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn unpart<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // A sign would be read as a part of a number.
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    struct Who {
        sub: String,
    }

    fn secrets(current: &str, former: Option<&str>) -> Secrets {
        Secrets::new("T", current.into(), former.map(str::to_owned)).unwrap()
    }

    #[test]
    fn a_token_outlives_one_rotation_but_not_two_nor_its_time() {
        let (one, two, three) = ("1".repeat(32), "2".repeat(32), "3".repeat(32));
        let who = Who { sub: "a".into() };
        let token = secrets(&one, None).token(who.clone(), 60).unwrap();
        assert_eq!(
            secrets(&two, Some(&one)).read::<Who>(&token),
            Some(who.clone())
        );
        assert_eq!(secrets(&three, Some(&two)).read::<Who>(&token), None);
        let old = secrets(&one, None).token(who, -1).unwrap();
        assert_eq!(secrets(&one, None).read::<Who>(&old), None);
        // Neither an unsigned token, nor another's claims under this tag, nor another algorithm is read.
        let parts: Vec<&str> = token.split('.').collect();
        let other = secrets(&one, None)
            .token(Who { sub: "b".into() }, 60)
            .unwrap();
        let claims = other.split('.').nth(1).unwrap();
        let none = part(&Header {
            alg: "none".into(),
            typ: "JWT".into(),
            kid: key_id(&one),
        });
        for forged in [
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{claims}.{}", parts[0], parts[2]),
            format!("{}.{}.", none.unwrap(), parts[1]),
        ] {
            assert_eq!(secrets(&one, None).read::<Who>(&forged), None, "{forged}");
        }
        assert!(Secrets::new("T", "short".into(), None).is_err());
    }

    #[test]
    fn a_seal_fits_its_purpose_and_text_alone() {
        let secrets = secrets(&"1".repeat(32), None);
        let seal = secrets.seal("refresh", "a.1");
        assert!(secrets.is_sealed("refresh", "a.1", &seal));
        for (purpose, text, seal) in [
            ("reset", "a.1", seal.as_str()),
            ("refresh", "a.2", seal.as_str()),
            ("refresh", "a.1", &seal[2..]),
            ("refresh", "a.1", "é"),
        ] {
            assert!(!secrets.is_sealed(purpose, text, seal));
        }
        // The same numbers in another spelling are another seal.
        let spelled = (0..100).filter_map(|n| {
            let text = n.to_string();
            let seal = secrets.seal("refresh", &text);
            let at = (0..64).step_by(2).find(|at| seal.as_bytes()[*at] == b'0')?;
            Some((text, format!("{}+{}", &seal[..at], &seal[at + 1..])))
        });
        let spelled: Vec<_> = spelled.collect();
        assert!(spelled.len() > 50);
        for (text, seal) in spelled {
            assert!(!secrets.is_sealed("refresh", &text, &seal), "{seal}");
        }
    }

    #[test]
    fn the_hmac_is_rfc_4231s() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(signature("Jefe", &parts), expected);
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
