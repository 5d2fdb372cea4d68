//! Attempts the one thing that its path names, on what its body names, and says what it was told.

use std::fmt::Debug;
use std::time::Duration;
use trm_sdk::bson::Document;
use trm_sdk::cache::Options;
use trm_sdk::documents::{Collection, FindAndUpdate, Write};
use trm_sdk::{Answer, Problem, Request, cache, counter, doc, documents, outbound, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let name = String::from_utf8_lossy(request.body());
    let what = request.path().rsplit('/').next().unwrap_or_default();
    response::json(&attempt(what, &name).await?)
}

async fn attempt(what: &str, name: &str) -> Result<String, Problem> {
    Ok(match what {
        "cache-get" => said(cache::get(name).await.map(|found| found.is_some())),
        "cache-set" => said(cache::set(name, b"x".to_vec(), Options::default()).await),
        "cache-tag" => {
            let options = Options::tagged([name]);
            said(cache::set("notes:1", b"x".to_vec(), options).await)
        }
        "cache-fill" => {
            let fill = cache::get_or_set(name, Options::default(), async || {
                Ok::<_, cache::Error>(b"x".to_vec())
            });
            said(fill.await.map(drop))
        }
        "cache-delete" => said(cache::delete(name).await),
        "invalidate-tag" => said(cache::invalidate_tag(name).await),
        "invalidate-pattern" => said(cache::invalidate_pattern(name).await),
        "counter-add" => said(
            counter::add(name, 1, Duration::from_secs(9))
                .await
                .map(drop),
        ),
        "counter-get" => said(counter::get(name).await.map(drop)),
        "counter-reset" => said(counter::reset(name).await),
        "store" => said(spin_sdk::key_value::Store::open(name).await.map(drop)),
        "variable" => said(spin_sdk::variables::get(name).await),
        "redis" => said(spin_sdk::redis::Connection::open(name).await.map(drop)),
        "post" => {
            let patience = Duration::from_secs(2);
            said(outbound::post(name, &[], "x".to_owned(), patience).await)
        }
        _ => documents(what, name).await?,
    })
}

async fn documents(what: &str, name: &str) -> Result<String, Problem> {
    let named = documents::collection(Box::leak(name.to_owned().into_boxed_str()));
    let notes = documents::collection("notes");
    let update = || doc! {"$set": {"a": 1}};
    Ok(match what {
        "find" => said(named.find_one::<Document>(doc! {}, None).await.map(drop)),
        "count" => said(named.count(doc! {}).await.map(drop)),
        "distinct" => said(named.distinct::<i32>("a", doc! {}).await.map(drop)),
        "insert" => said(named.insert(&doc! {"a": 1}).await),
        "update" => said(named.update_many(doc! {}, update()).await.map(drop)),
        "find-and-update" => said(
            named
                .find_one_and_update::<Document>(doc! {}, update(), FindAndUpdate::default())
                .await
                .map(drop),
        ),
        "delete" => said(named.delete_many(doc! {}).await.map(drop)),
        "commit" => said(documents::commit([Write::insert(named, &doc! {"a": 1})]).await),
        "lookup" => said(
            pipeline(
                notes,
                doc! {"$lookup": {
                    "from": name, "localField": "a", "foreignField": "a", "as": "b"
                }},
            )
            .await,
        ),
        "union" => said(pipeline(notes, doc! {"$unionWith": name}).await),
        "union-in-facet" => {
            let inner = [doc! {"$unionWith": {"coll": name}}];
            said(pipeline(notes, doc! {"$facet": {"a": inner.to_vec()}}).await)
        }
        "out" => said(pipeline(notes, doc! {"$out": name}).await),
        "merge" => said(pipeline(notes, doc! {"$merge": {"into": name}}).await),
        other => return Err(Problem::not_found(other)),
    })
}

async fn pipeline(of: Collection, stage: Document) -> Result<(), documents::Error> {
    of.aggregate::<Document>(&[stage]).await.map(drop)
}

fn said(told: Result<impl Debug, impl Debug>) -> String {
    format!("{told:?}")
}
