//! The secrets that the functions sign with, and partners' keys; stores no secret in clear.

use crate::names;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::signing::Secrets;
use trm_sdk::{Problem, variables};

/// What tokens and refresh tokens are signed with.
pub async fn tokens() -> Result<Secrets, Problem> {
    named("jwt_secret", "jwt_secret_previous").await
}

/// What partners' keys are sealed with, and webhooks' secrets are made from.
pub async fn partners() -> Result<Secrets, Problem> {
    named("api_key_secret", "api_key_secret_previous").await
}

async fn named(name: &str, former: &str) -> Result<Secrets, Problem> {
    let current = variables::get(name).await?;
    let former = variables::get(former).await.ok();
    Secrets::new(name, current, former)
}

/// A partner's key as it is shown once: `trm_<id>_<secret>`.
pub fn shown(id: ObjectId, secret: &str) -> String {
    format!("trm_{}_{secret}", id.to_hex())
}

/// The id and the secret of a key.
pub fn parse(key: &str) -> Option<(ObjectId, &str)> {
    let (id, secret) = key.strip_prefix("trm_")?.split_once('_')?;
    Some((ObjectId::parse_str(id).ok()?, secret))
}

/// The entry of the cache that a partner's key is kept in.
pub fn entry(id: ObjectId) -> String {
    names::of("apikey:", id)
}

/// Until when an operator's key is good, and its seal: `trm_operator_<until>_<seal>`. It is made where the
/// secret is, for a short while, and nothing of it is kept.
pub fn parse_operator(key: &str) -> Option<(i64, &str)> {
    let (until, seal) = key.strip_prefix("trm_operator_")?.split_once('_')?;
    Some((until.parse().ok()?, seal))
}

/// What a webhook's deliveries are signed with: derived, so that no copy of the store tells it.
pub fn webhook_secret(secrets: &Secrets, webhook: ObjectId) -> String {
    format!("whsec_{}", secrets.seal("webhook", &webhook.to_hex()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        let id = ObjectId::from_bytes([9; 12]);
        let key = shown(id, "a_b-c");
        assert_eq!(parse(&key), Some((id, "a_b-c")));
        assert!(parse("trm_xyz_a").is_none() && parse("").is_none());
        assert_eq!(parse_operator("trm_operator_12_ab"), Some((12, "ab")));
        assert!(parse_operator(&key).is_none() && parse("trm_operator_12_ab").is_none());
    }
}
