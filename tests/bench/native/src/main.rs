//! `GET /api/jobs/:id` in plain axum over the host's own storage: the same work without WebAssembly; no other route.

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use trm_host::storage::origin::{MongoSettings, Origin};
use trm_host::storage::{Cache, CacheSettings, EntryOptions, Lookup, RedisSettings};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Document, serialize_to_raw_document_buf};
use trm_sdk::{doc, view};

/// The host's own, so that what is compared is not the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Stores {
    cache: Cache,
    origin: Origin,
}

/// `TRM_DATA_DIR` holds the sample data where `MONGODB_URI` does not, `PORT` 0 takes a free port, `REDIS_URL`
/// adds L2, `CACHE_L1_MAX_KEYS` bounds L1.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::var("TRM_DATA_DIR").context("set TRM_DATA_DIR to the sample data")?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut settings = CacheSettings {
        redis: given("REDIS_URL").map(|url| RedisSettings::new(url, "bench")),
        ..CacheSettings::default()
    };
    if let Some(keys) = given("CACHE_L1_MAX_KEYS") {
        settings.l1.keys = keys.parse().context("CACHE_L1_MAX_KEYS is no number")?;
    }
    let origin = match given("MONGODB_URI") {
        None => Origin::sqlite(folder.as_ref())?,
        Some(uri) => {
            let settings = MongoSettings {
                uri,
                ..MongoSettings::default()
            };
            Origin::mongo(settings).await?
        }
    };
    let stores = Arc::new(Stores {
        cache: Cache::new(settings)?,
        origin,
    });
    let routes = Router::new()
        .route("/api/jobs/{id}", get(job))
        .with_state(stores);
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}

async fn job(State(stores): State<Arc<Stores>>, Path(id): Path<String>) -> Response {
    match read(&stores, &id).await {
        Ok(Some(body)) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn read(stores: &Stores, id: &str) -> anyhow::Result<Option<axum::body::Bytes>> {
    let Ok(id) = ObjectId::parse_str(id) else {
        return Ok(None);
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let fill = match stores
        .cache
        .get_or_fill(&format!("jobs:item:{id}"), deadline)
        .await?
    {
        Lookup::Hit(body) => return Ok(Some(body)),
        Lookup::Fill(fill) => fill,
    };
    let filter = serialize_to_raw_document_buf(&doc! {"_id": id})?;
    let found = stores
        .origin
        .find_one("jobs", filter, None, deadline)
        .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let body = serde_json::to_vec(&view::view(Document::try_from(found.as_ref())?))?;
    let options = EntryOptions {
        tags: vec![format!("job:{id}")],
        ..EntryOptions::default()
    };
    let body = axum::body::Bytes::from(body);
    fill.complete(body.clone(), options, deadline).await?;
    Ok(Some(body))
}
