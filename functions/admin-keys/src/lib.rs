//! `GET /api/admin/keys` lists partners' keys, `POST /api/admin/keys` makes one, shown once; keeps no secret.

use trm_domain::access::Action;
use trm_domain::key::{FIELDS, NewKey};
use trm_market::collections::{COMPANIES, KEYS};
use trm_market::{Caller, Change, broken, keys};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, random, response, view};

trm_sdk::function!(admin_keys);

async fn admin_keys(request: Request) -> Answer {
    let caller = Caller::of(&request).await?;
    match *request.method() {
        Method::GET | Method::HEAD => list(&request, &caller).await,
        Method::POST => create(&request, &caller).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list(request: &Request, caller: &Caller) -> Answer {
    caller.may(Action::KeyManage)?;
    let query = request.query(&Listing::PARAMETERS)?;
    // What is asked for in any case: the seal is never among the fields.
    let listing = Listing::read(&query, &["createdAt"], &FIELDS, "-createdAt")?.only(&FIELDS);
    listing.answer(request, &query, KEYS, doc! {}).await
}

/// Without an `Idempotency-Key`: its record would hold the key in clear.
async fn create(request: &Request, caller: &Caller) -> Answer {
    request.query(&[])?;
    caller.may(Action::KeyManage)?;
    let new: NewKey = request.json()?;
    let company = new.check().map_err(broken)?;
    if let Some(company) = company
        && COMPANIES.count(doc! {"_id": company}).await? == 0
    {
        return Err(Problem::rule("/companyId", "/companyId names no company"));
    }
    let (mut change, id) = (Change::new(), ObjectId::new());
    let key = keys::shown(id, &random::secret()?);
    let seal = keys::partners().await?.seal("api key", &key);
    let mut document = new.into_document(id, company, seal, change.now());
    change.insert(KEYS, &document);
    change.commit(request).await?;
    document.remove("seal");
    document.insert("key", key);
    response::created(&format!("/api/admin/keys/{id}"), &view::view(document))
}
