//! Puts a host together from a checked configuration and a manifest, and swaps its functions; serves nothing itself.

use crate::artefact;
use crate::business::Business;
use crate::capabilities::Capabilities;
use crate::capabilities::Stores;
use crate::capabilities::check_imports;
use crate::config::Config;
use crate::config::Mode;
use crate::database_metrics::DatabaseMetrics;
use crate::edge::Edge;
use crate::endpoints::Endpoints;
use crate::engine;
use crate::engine::EpochClock;
use crate::manifest::Function;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::pool::Workshop;
use crate::process_metrics::ProcessMetrics;
use crate::router::Router;
use crate::schedule::Scheduled;
use crate::service::Service;
use crate::store_metrics::StoreMetrics;
use crate::telemetry::statsd::Statsd;
use crate::telemetry::upstream;
use crate::variables::Application;
use anyhow::{Context, anyhow};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A host that is ready to serve.
pub struct Host {
    /// What answers its requests.
    pub service: Arc<Service>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// What its functions store in.
    pub stores: Arc<Stores>,
    shared: Shared,
    /// By name. Held while a change is made, so that two changes are one after the other.
    serving: Mutex<BTreeMap<String, Version>>,
    _clock: EpochClock,
}

/// What all functions of a host share.
struct Shared {
    folder: PathBuf,
    stores: Arc<Stores>,
    business: Arc<Business>,
    /// As they were at start: a reload fills new templates with them.
    variables: Application,
    workshop: Workshop,
}

/// One function as it is served.
#[derive(Clone)]
struct Version {
    function: Function,
    digest: [u8; 32],
    pool: Arc<Pool>,
}

impl Host {
    /// Connects the stores, loads every function, and checks each against its grants.
    pub async fn load(config: &Config, functions: &[Function]) -> anyhow::Result<Self> {
        let declared = functions
            .first()
            .map(|function| function.variables.declared().clone())
            .unwrap_or_default();
        let env = |name: &str| std::env::var(name).ok();
        let variables = Application::resolve(&declared, env, config.mode == Mode::Dev)
            .map_err(|fault| anyhow!("{}: {fault}", config.manifest.display()))?;
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(config).await?);
        metrics.register(|registry| {
            registry.register_collector(Box::new(StoreMetrics(stores.clone())));
            registry.register_collector(Box::new(ProcessMetrics));
            upstream::register(registry);
            registry.register_collector(Box::new(DatabaseMetrics(stores.clone())));
        });
        let engine = engine::new()?;
        let clock = EpochClock::start(&engine)?;
        let mut business = Business::new(metrics.clone());
        if let Some((host, port)) = &config.statsd {
            let statsd = Statsd::open(host.clone(), *port)
                .with_context(|| format!("STATSD_HOST={host} cannot be used"))?;
            business = business.sent_to(statsd);
        }
        let shared = Shared {
            folder: artefact::folder(&config.manifest),
            stores: stores.clone(),
            business: Arc::new(business),
            variables,
            workshop: Workshop {
                linker: engine::linker(&engine)?,
                engine,
                metrics: metrics.clone(),
            },
        };
        let serving = shared.versions(functions, &BTreeMap::new()).await?;
        let service = Arc::new(Service::new(
            router(&serving)?,
            Endpoints::new(stores.clone(), metrics.clone()),
            Edge::new(stores.cache.clone()),
            metrics.clone(),
            config.slow_request,
        ));
        Ok(Self {
            service,
            metrics,
            stores,
            shared,
            serving: Mutex::new(serving),
            _clock: clock,
        })
    }

    /// What the host itself calls, as it is served now.
    pub async fn scheduled(&self) -> Vec<Scheduled> {
        let serving = self.serving.lock().await;
        let scheduled = serving.values().filter_map(|version| {
            let pool = version.pool.clone();
            let period = version.function.schedule?;
            Some(Scheduled { pool, period })
        });
        scheduled.collect()
    }

    /// Serves these functions from now on, and returns the names of those that are new or changed.
    /// What has not changed keeps its instances; requests in flight end in the version they began in.
    /// Where one function cannot be loaded everything stays as it was.
    pub async fn reload(&self, functions: &[Function]) -> anyhow::Result<Vec<String>> {
        let mut serving = self.serving.lock().await;
        let next = self.shared.versions(functions, &serving).await?;
        self.service.swap(router(&next)?);
        let changed = next
            .iter()
            .filter(|(name, version)| {
                let before = serving.get(*name);
                before.is_none_or(|before| !Arc::ptr_eq(&before.pool, &version.pool))
            })
            .map(|(name, _)| name.clone())
            .collect();
        *serving = next;
        Ok(changed)
    }
}

impl Shared {
    async fn versions(
        &self,
        functions: &[Function],
        before: &BTreeMap<String, Version>,
    ) -> anyhow::Result<BTreeMap<String, Version>> {
        let mut versions = BTreeMap::new();
        for function in functions {
            let version = self
                .version(function, before.get(&function.name))
                .await
                .with_context(|| format!("component \"{}\"", function.name))?;
            versions.insert(function.name.clone(), version);
        }
        Ok(versions)
    }

    async fn version(
        &self,
        function: &Function,
        before: Option<&Version>,
    ) -> anyhow::Result<Version> {
        let source = artefact::Source::read(&function.source)?;
        match before {
            Some(before) if before.digest == source.digest && before.function == *function => {
                Ok(before.clone())
            }
            _ => Ok(Version {
                function: function.clone(),
                digest: source.digest,
                pool: Arc::new(self.pool(function, &source).await?),
            }),
        }
    }

    async fn pool(&self, function: &Function, source: &artefact::Source) -> anyhow::Result<Pool> {
        let engine = &self.workshop.engine;
        let (component, origin) = artefact::load(engine, source, &self.folder)?;
        if origin == artefact::Origin::Replaced {
            tracing::warn!(function = %function.name, "its compiled artefact was not what was written; compiled again");
        }
        let ty = component.component_type();
        check_imports(
            &function.name,
            &function.grants,
            ty.imports(engine).map(|(name, _)| name),
        )?;
        let outbound = function.outbound.fill(&self.variables);
        let outbound = outbound.all().map(|(_, host)| host);
        let capabilities = Capabilities::new(
            function.name.as_str().into(),
            function.grants.clone().with_outbound(outbound),
            function.variables.fill(&self.variables),
            self.stores.clone(),
            self.business.clone(),
        );
        Pool::new(
            &self.workshop,
            &component,
            Arc::new(capabilities),
            function.limits,
        )
        .await
        .map_err(anyhow::Error::from)
    }
}

fn router(versions: &BTreeMap<String, Version>) -> anyhow::Result<Router> {
    let mut router = Router::default();
    for version in versions.values() {
        for route in &version.function.routes {
            router
                .add(route, version.pool.clone())
                .map_err(|fault| anyhow!(fault))?;
        }
    }
    Ok(router)
}
