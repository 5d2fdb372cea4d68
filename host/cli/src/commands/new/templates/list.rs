//! `GET @route@` lists @things@; changes none.

use trm_sdk::bson::RawDocumentBuf;
use trm_sdk::documents::{Collection, Find, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, view};

const KEPT: Collection = collection("@things@");
/// How many are shown.
const MOST: u32 = 20;

trm_sdk::function!(@function@);

async fn @function@(request: Request) -> Answer {
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => list().await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list() -> Answer {
    let tags = ["@things@:list"];
    let options = cache::Options::tagged(tags);
    let body = cache::get_or_set("@things@:newest", options, async || {
        let page = KEPT.find::<RawDocumentBuf>(doc! {}, newest()).await?;
        view::all(&page.documents)
    })
    .await?;
    Ok(response::public(body, &tags))
}

fn newest() -> Find {
    Find {
        sort: Some(doc! {"_id": -1}),
        limit: MOST,
        ..Find::default()
    }
}

#[cfg(test)]
mod tests {
    use super::newest;
    use trm_testing::{Trial, json};

    #[test]
    fn what_is_there_is_listed() {
        let mut trm = Trial::new();
        trm.insert("@things@", [json!({"text": "the first"}), json!({"text": "the second"})]);
        let answer = trm.get("@path@");
        assert_eq!((answer.status, answer.json().as_array().map(Vec::len)), (200, Some(2)));
    }

    #[test]
    fn the_newest_are_asked_for_and_never_all() {
        let asked = newest();
        assert!((1..=1_000).contains(&asked.limit));
        assert_eq!(asked.sort.unwrap().get_i32("_id").ok(), Some(-1));
    }
}
