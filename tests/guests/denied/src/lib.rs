//! Tries what it was not granted, and says what it was told.

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;
use trm_sdk::bson::Document;
use trm_sdk::{cache, doc, documents};

#[http_service]
async fn run(_: Request) -> Response<FullBody<Bytes>> {
    let mut said = String::new();
    let secret = documents::collection("secrets");
    let granted = documents::collection("notes");
    said.push_str(&format!(
        "granted {:?}\n",
        cache::get("notes:1").await.is_ok()
    ));
    said.push_str(&format!("key {:?}\n", cache::get("secrets:1").await));
    said.push_str(&format!("near {:?}\n", cache::get("notesx:1").await));
    said.push_str(&format!(
        "tag {:?}\n",
        cache::invalidate_tag("secrets").await
    ));
    said.push_str(&format!(
        "pattern {:?}\n",
        cache::invalidate_pattern("*").await
    ));
    said.push_str(&format!("read {:?}\n", secret.count(doc! {}).await));
    said.push_str(&format!(
        "write {:?}\n",
        granted.insert(&doc! {"_id": 1}).await
    ));
    let join =
        [doc! {"$lookup": {"from": "secrets", "localField": "a", "foreignField": "b", "as": "c"}}];
    said.push_str(&format!(
        "join {:?}\n",
        granted.aggregate::<Document>(&join).await
    ));
    let out = [doc! {"$out": "notes"}];
    said.push_str(&format!(
        "out {:?}\n",
        granted.aggregate::<Document>(&out).await
    ));
    Response::new(FullBody::new(said.into()))
}
