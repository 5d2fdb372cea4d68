//! Which jobs a list holds: what anyone may see, or drafts for whom they belong to; lists none itself.

use crate::{Caller, read};
use trm_domain::access::{Action, Reach};
use trm_domain::job::{DRAFT, SHOWN, STATUSES};
use trm_sdk::bson::Document;
use trm_sdk::{Problem, Query, Request, doc};

/// Narrows a list by `status`: active jobs where it is not given. Whether anyone may see what is left; drafts are
/// narrowed to what the caller may see of them.
pub async fn narrow(
    request: &Request,
    query: &Query,
    filter: &mut Document,
) -> Result<bool, Problem> {
    match query.word("status", &STATUSES)?.unwrap_or("active") {
        DRAFT => {
            own_drafts(&Caller::of(request).await?, filter)?;
            filter.insert("status", DRAFT);
            return Ok(false);
        }
        "all" => filter.insert("status", doc! {"$in": SHOWN.to_vec()}),
        status => filter.insert("status", status),
    };
    Ok(true)
}

/// An admin sees all drafts, a company's users and programs see the company's.
fn own_drafts(caller: &Caller, filter: &mut Document) -> Result<(), Problem> {
    let asked = read::id(filter, "companyId");
    if asked.is_none() && caller.may(Action::DraftRead)? == Reach::Own {
        let company = caller.company();
        let company = company.ok_or_else(|| Problem::forbidden("you belong to no company"))?;
        filter.insert("companyId", company);
        return Ok(());
    }
    match asked {
        Some(company) => caller.over(Action::DraftRead, &[], Some(company)),
        None => Ok(()),
    }
}
