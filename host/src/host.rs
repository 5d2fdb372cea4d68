//! Puts a host together from a checked configuration and a manifest; serves nothing itself.

use crate::artefact;
use crate::business::Business;
use crate::capabilities::Capabilities;
use crate::capabilities::Stores;
use crate::capabilities::check_imports;
use crate::config::Config;
use crate::endpoints::Endpoints;
use crate::engine;
use crate::engine::EpochClock;
use crate::engine::Slots;
use crate::guest::GuestState;
use crate::manifest::Function;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::router::Router;
use crate::service::Service;
use crate::store_metrics::StoreMetrics;
use anyhow::{Context, anyhow};
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::handler::ProxyPre;

/// The most instances alive at one time over all functions: each reserves 4 GiB of address space.
const MAX_INSTANCES: usize = 4_096;

/// A host that is ready to serve.
pub struct Host {
    /// What answers its requests.
    pub service: Arc<Service>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// What its functions store in.
    pub stores: Arc<Stores>,
    _clock: EpochClock,
}

impl Host {
    /// Connects the stores, loads every function, and checks each against its grants.
    pub async fn load(config: &Config, functions: &[Function]) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(config).await?);
        metrics.register(|registry| {
            registry.register_collector(Box::new(StoreMetrics(stores.clone())));
        });
        let engine = engine_for(functions)?;
        let linker = engine::linker(&engine)?;
        let mut router = Router::default();
        let shared = Shared {
            folder: artefact::folder(&config.manifest),
            stores: stores.clone(),
            business: Arc::new(Business::new(metrics.clone())),
            metrics: metrics.clone(),
        };
        for function in functions {
            let pool = pool(&engine, &linker, function, &shared)
                .with_context(|| format!("component \"{}\"", function.name))?;
            for route in &function.routes {
                router
                    .add(route, pool.clone())
                    .map_err(|fault| anyhow!(fault))?;
            }
        }
        let clock = EpochClock::start(&engine)?;
        let endpoints = Endpoints::new(stores.clone(), metrics.clone());
        let service = Arc::new(Service::new(
            router,
            endpoints,
            metrics.clone(),
            config.slow_request,
        ));
        Ok(Self {
            service,
            metrics,
            stores,
            _clock: clock,
        })
    }
}

/// The engine that serves these functions; `trm build` compiles with the same one.
pub fn engine_for(functions: &[Function]) -> anyhow::Result<Engine> {
    let wanted: usize = functions
        .iter()
        .map(|function| function.limits.concurrency)
        .sum();
    let memory_mb = functions
        .iter()
        .map(|function| function.limits.memory_mb)
        .max()
        .unwrap_or(1);
    engine::new(Slots {
        instances: wanted.min(MAX_INSTANCES) as u32,
        memory_mb,
    })
}

/// What all functions of a host share.
struct Shared {
    folder: PathBuf,
    stores: Arc<Stores>,
    business: Arc<Business>,
    metrics: Arc<Metrics>,
}

fn pool(
    engine: &Engine,
    linker: &Linker<GuestState>,
    function: &Function,
    shared: &Shared,
) -> anyhow::Result<Arc<Pool>> {
    let (component, origin) = artefact::load(engine, &function.source, &shared.folder)?;
    if origin == artefact::Origin::Replaced {
        tracing::warn!(function = %function.name, "its compiled artefact was not what was written; compiled again");
    }
    let ty = component.component_type();
    check_imports(
        &function.name,
        &function.grants,
        ty.imports(engine).map(|(name, _)| name),
    )?;
    let pre = pre(linker, &component)?;
    let capabilities = Capabilities::new(
        function.name.as_str().into(),
        function.grants.clone(),
        shared.stores.clone(),
        shared.business.clone(),
    );
    Ok(Arc::new(Pool::new(
        pre,
        engine.clone(),
        Arc::new(capabilities),
        function.limits,
        shared.metrics.clone(),
    )))
}

/// WASI HTTP 0.3 where the component exports it, else 0.2.
fn pre(linker: &Linker<GuestState>, component: &Component) -> anyhow::Result<ProxyPre<GuestState>> {
    let instance = linker
        .instantiate_pre(component)
        .map_err(anyhow::Error::from)?;
    if let Ok(pre) = wasmtime_wasi_http::p3::bindings::ServicePre::new(instance.clone()) {
        return Ok(ProxyPre::P3(pre));
    }
    wasmtime_wasi_http::p2::bindings::ProxyPre::new(instance)
        .map(ProxyPre::P2)
        .map_err(anyhow::Error::from)
        .context("it exports neither wasi:http/handler 0.3 nor wasi:http/incoming-handler 0.2")
}
