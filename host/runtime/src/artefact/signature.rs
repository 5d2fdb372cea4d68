//! Who vouches for an artefact: Ed25519 (RFC 8032) over what the index says of it; keeps no key and reads no code.

use super::index::Entry;
use anyhow::{Context, anyhow, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Signs what is built.
pub struct Signer(Ed25519KeyPair);

/// Whose signature is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted([u8; 32]);

impl Signer {
    /// By a seed of 32 bytes in Base64, as `openssl rand -base64 32` makes one.
    pub fn new(seed: &str) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(seed)?);
        Ok(Self(
            pair.map_err(|error| anyhow!("it is no seed: {error}"))?,
        ))
    }

    /// The public key, as `Trusted` reads it.
    pub fn public(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// The signature of what an entry says of the component called `name`.
    pub fn sign(&self, name: &str, entry: &Entry) -> String {
        STANDARD.encode(self.0.sign(statement(name, entry).as_bytes()))
    }
}

impl Trusted {
    /// A public key in Base64.
    pub fn new(key: &str) -> anyhow::Result<Self> {
        Ok(Self(bytes(key)?))
    }

    /// That the key's owner has signed just this of the component called `name`.
    pub fn check(&self, name: &str, entry: &Entry) -> anyhow::Result<()> {
        let signature = entry.signature.as_ref().context("it is not signed")?;
        let signature = STANDARD
            .decode(signature)
            .context("its signature is not Base64")?;
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        let valid = key
            .verify(statement(name, entry).as_bytes(), &signature)
            .is_ok();
        ensure!(
            valid,
            "its signature is not of this key, or of something else"
        );
        Ok(())
    }
}

fn bytes(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = STANDARD.decode(text.trim()).context("it is not Base64")?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| anyhow!("it holds {length} bytes, not 32"))
}

/// What is signed. Sizes and times of files are not in it: they differ from copy to copy.
fn statement(name: &str, entry: &Entry) -> String {
    let parts = [
        "trm artefact 2",
        name,
        &entry.sha256,
        &entry.cpu,
        &entry.engine,
        &entry.file,
        &entry.code_blake3,
        &entry.imports.join(" "),
        &entry.exports.join(" "),
    ];
    parts.join("\n")
}
