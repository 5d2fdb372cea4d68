//! `/api/companies/:id`: one company, shown and changed; lists none.

use trm_domain::access::Action;
use trm_domain::company::CompanyPatch;
use trm_domain::event::Event;
use trm_market::collections::COMPANIES;
use trm_market::{Caller, Change, broken, names, read};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, revision};

trm_sdk::function!(companies_by_id);

async fn companies_by_id(request: Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => show(id).await,
        Method::PATCH => change(&request, id).await,
        _ => Err(Problem::method("GET, HEAD, PATCH")),
    }
}

async fn show(id: ObjectId) -> Answer {
    let key = names::of("companies:item:", id);
    read::public(&key, names::of("company:", id), async || {
        read::one(COMPANIES, "company", id).await
    })
    .await
}

async fn change(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    caller.over(Action::CompanyChange, &[], Some(id))?;
    let patch: CompanyPatch = request.json()?;
    let mut change = Change::new();
    let set = patch.check(change.now()).map_err(broken)?;
    let company = read::one(COMPANIES, "company", id).await?;
    revision::check(request, &company)?;
    let after = change.revise(COMPANIES, &company, set);
    let event = Event::new("company.updated", id, doc! {"id": id}).company(Some(id));
    change.event(event.tags([format!("company:{id}"), "companies:list".to_owned()]));
    change.answer(request, after).await
}
