//! `GET @route@` lists @things@, `POST @route@` adds one; changes none.

use serde::Deserialize;
use trm_sdk::bson::RawDocumentBuf;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::{Collection, Find, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, time, view};

const KEPT: Collection = collection("@things@");
/// How many are shown.
const MOST: u32 = 20;
/// What is made old by a new one.
const LIST: &str = "@things@:list";

/// What a client sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    text: String,
}

trm_sdk::function!(@function@);

async fn @function@(request: Request) -> Answer {
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => list().await,
        Method::POST => add(&request).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list() -> Answer {
    let options = cache::Options::tagged([LIST]);
    let body = cache::get_or_set("@things@:newest", options, async || {
        let newest = Find {
            sort: Some(doc! {"_id": -1}),
            limit: MOST,
            ..Find::default()
        };
        let page = KEPT.find::<RawDocumentBuf>(doc! {}, newest).await?;
        view::all(&page.documents)
    })
    .await?;
    Ok(response::public(body, &[LIST]))
}

async fn add(request: &Request) -> Answer {
    let new: New = request.json()?;
    let text = new.check()?;
    let id = ObjectId::new();
    let kept = doc! {"_id": id, "text": text, "createdAt": time::now()};
    KEPT.insert(&kept).await?;
    cache::invalidate_tag(LIST).await?;
    response::created(&format!("@path@/{id}"), &view::view(kept))
}

impl New {
    fn check(&self) -> Result<&str, Problem> {
        let text = self.text.trim();
        match text.chars().count() {
            1..=1_000 => Ok(text),
            _ => Err(Problem::rule("/text", "/text must have 1 to 1000 characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::New;
    use trm_testing::{Trial, json};

    #[test]
    fn what_is_added_is_kept_and_listed() {
        let mut trm = Trial::new();
        assert_eq!(trm.post("@path@", &json!({"text": "the first"})).status, 201);
        assert_eq!(trm.documents("@things@", json!({"text": "the first"})).len(), 1);
        assert_eq!(trm.get("@path@").json()[0]["text"], "the first");
        assert_eq!(trm.post("@path@", &json!({"text": " "})).status, 422);
    }

    #[test]
    fn a_text_has_something_in_it() {
        let check = |text: &str| New { text: text.into() }.check().map(str::to_owned);
        assert_eq!(check(" a ").ok().as_deref(), Some("a"));
        assert!(check(" ").is_err() && check(&"a".repeat(1_001)).is_err());
    }
}
