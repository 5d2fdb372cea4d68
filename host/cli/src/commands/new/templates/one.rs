//! `GET @route@` shows one of @things@; changes none.

use trm_sdk::bson::RawDocumentBuf;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, view};

const KEPT: Collection = collection("@things@");

trm_sdk::function!(@function@);

async fn @function@(request: Request) -> Answer {
    let id = request.id("@parameter@")?;
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => show(id).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn show(id: ObjectId) -> Answer {
    let key = key(id);
    let options = cache::Options::tagged([key.as_str()]);
    let body = cache::get_or_set(&key, options, async || {
        let found = KEPT.find_one::<RawDocumentBuf>(doc! {"_id": id}, None).await?;
        let found = found.ok_or_else(|| Problem::not_found("there is none of this id"))?;
        view::one(&found)
    })
    .await?;
    Ok(response::public(body, &[key]))
}

/// Where it is cached, and the tag that makes it old.
fn key(id: ObjectId) -> String {
    format!("@things@:{id}")
}

#[cfg(test)]
mod tests {
    use super::{ObjectId, key};
    use trm_testing::{Trial, json};

    #[test]
    fn one_is_shown_and_what_is_not_there_is_not_found() {
        let ids = ["650000000000000000000001", "650000000000000000000002"];
        let paths = ids.map(|id| "@path@".replace(":@parameter@", id));
        let mut trm = Trial::new();
        trm.insert("@things@", [json!({"_id": {"$oid": ids[0]}, "text": "the first"})]);
        let answer = trm.get(&paths[0]);
        assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("the first")));
        assert_eq!(answer.asked("documents.find-one").len(), 1);
        assert_eq!(trm.get(&paths[1]).status, 404);
    }

    #[test]
    fn each_has_a_key_of_its_own_within_the_grant() {
        let keys = [1, 2].map(|byte| key(ObjectId::from_bytes([byte; 12])));
        assert!(keys[0].starts_with("@things@:") && keys[0] != keys[1]);
    }
}
