//! `GET /api/companies` lists companies, `POST /api/companies` makes the caller's own; changes none.

use trm_domain::access::{Action, Reach};
use trm_domain::company::{self, NewCompany};
use trm_domain::event::Event;
use trm_market::collections::{COMPANIES, USERS};
use trm_market::{Caller, Change, broken, read, write};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, revision, view};

const TAGS: [&str; 1] = ["companies:list"];
const FILTERS: [&str; 2] = ["city", "country"];

trm_sdk::function!(companies);

async fn companies(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        Method::POST => create(&request).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list(request: &Request) -> Answer {
    let query = request.query(&[&FILTERS[..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &company::SORTABLE, &company::FIELDS, "name")?;
    let mut filter = doc! {};
    for place in FILTERS {
        if let Some(value) = query.get(place) {
            filter.insert(format!("location.{place}"), value);
        }
    }
    let key = format!("companies:list:{}", query.canonical());
    let fetched = cache::get_or_set(&key, cache::Options::tagged(TAGS), async || {
        listing.fetch(COMPANIES, filter).await
    })
    .await?;
    Ok(Listing::linked(request, &query, fetched, |body| {
        response::public(body, &TAGS)
    }))
}

async fn create(request: &Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    let reach = caller.may(Action::CompanyCreate)?;
    let new: NewCompany = request.json()?;
    write::post(request, &caller, async || {
        let user = caller.user()?;
        if reach == Reach::Own && caller.company().is_some() {
            return Err(Problem::conflict(
                "you have a company already; PATCH changes it",
            ));
        }
        let (mut change, id) = (Change::new(), ObjectId::new());
        let company = new.into_document(id, change.now()).map_err(broken)?;
        change.insert(COMPANIES, &company);
        if reach == Reach::Own {
            // The maker hires for it from now on: both are written, or neither.
            let member = read::one(USERS, "user", user).await?;
            change.revise(USERS, &member, doc! {"companyId": id});
        }
        let event = Event::new(
            "company.created",
            id,
            doc! {"id": id, "name": company.get("name")},
        )
        .users([user])
        .company(Some(id));
        change.event(event.tags(["companies:list".to_owned(), format!("user:{user}")]));
        let answer = response::created(&format!("/api/companies/{id}"), &view::view(company))?;
        Ok((change, revision::tagged(answer)))
    })
    .await
}
