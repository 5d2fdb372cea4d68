//! A user's own fields, changed by the user or by an admin; shows none to anyone else.

use crate::collections::{COMPANIES, USERS};
use crate::{Caller, Change, broken, read};
use serde::de::DeserializeOwned;
use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::user::UserPatch;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Problem, Request, doc, revision};

/// The user, with these fields.
pub async fn of<T: DeserializeOwned + 'static>(
    id: ObjectId,
    fields: &[&str],
) -> Result<T, Problem> {
    let found = USERS
        .find_one(doc! {"_id": id}, Some(read::fields(fields)))
        .await?;
    found.ok_or_else(|| read::missing("user", id))
}

/// Changes the user as the body says, and answers with these fields of it.
pub async fn change(request: &Request, caller: &Caller, id: ObjectId, fields: &[&str]) -> Answer {
    let patch: UserPatch = request.json()?;
    if patch.needs_admin() {
        caller.may(Action::KeyManage)?;
    }
    let mut change = Change::new();
    let set = patch.check(change.now()).map_err(broken)?;
    if let Some(company) = read::id(&set, "companyId")
        && COMPANIES.count(doc! {"_id": company}).await? == 0
    {
        return Err(Problem::rule("/companyId", "/companyId names no company"));
    }
    let user = of(id, fields).await?;
    revision::check(request, &user)?;
    let after = change.revise(USERS, &user, set);
    let event = Event::new("user.updated", id, doc! {"id": id}).users([id]);
    change.event(event.tags([format!("user:{id}")]));
    change.answer(request, after).await
}
