//! Whose a webhook is; sends nothing.

use crate::collections::WEBHOOKS;
use crate::{Caller, read};
use trm_domain::access::Action;
use trm_sdk::Problem;
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;

/// The webhook, if the caller manages it: a user what the user has made, a company's program what one of the
/// company's programs has made.
pub async fn own(caller: &Caller, id: ObjectId) -> Result<Document, Problem> {
    let webhook = read::one(WEBHOOKS, "webhook", id).await?;
    let owner = read::id(&webhook, "ownerId");
    let company = match owner {
        Some(_) => None,
        None => read::id(&webhook, "companyId"),
    };
    caller.over(Action::WebhookManage, &[owner], company)?;
    Ok(webhook)
}
