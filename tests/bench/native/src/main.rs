//! The job routes in plain axum over the host's own storage and the functions' own rules: the same work without WebAssembly.

mod jobs;
mod post;
mod stores;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use stores::Stores;
use tokio::net::TcpListener;

/// The host's own, so that what is compared is not the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `TRM_DATA_DIR` holds the sample data where `MONGODB_URI` does not, `PORT` 0 takes a free port, `REDIS_URL`
/// adds L2, `CACHE_L1_MAX_KEYS` bounds L1, `JWT_SECRET` signs the tokens of who posts.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let port = given("PORT").unwrap_or_else(|| "0".to_owned());
    let stores = Arc::new(Stores::open(given).await.context("the stores")?);
    let routes = Router::new()
        .route("/api/jobs", get(jobs::list).post(post::job))
        .route("/api/jobs/{id}", get(jobs::one))
        .with_state(stores);
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}
