//! Puts a host together from a checked configuration and a manifest, and swaps its functions; serves nothing itself.

use crate::config::Config;
use crate::config::Mode;
use crate::console::Access;
use crate::console::Console;
use crate::console::Listed;
use crate::endpoints::Endpoints;
use crate::operator::Operator;
use crate::reloads::Reloads;
use crate::router::Router;
use crate::service::Service;
use anyhow::{Context, anyhow};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;
use trm_http_cache::Edge;
use trm_policy::manifest::Function;
use trm_policy::variables::Application;
use trm_runtime::artefact::Artefact;
use trm_runtime::artefact::Artefacts;
use trm_runtime::artefact::NATIVE;
use trm_runtime::artefact::Trusted;
use trm_runtime::capabilities::Capabilities;
use trm_runtime::capabilities::check_imports;
use trm_runtime::engine;
use trm_runtime::engine::EpochClock;
use trm_runtime::frozen::Frozen;
use trm_runtime::linker::Linkers;
use trm_runtime::pool::Neighbours;
use trm_runtime::pool::Pool;
use trm_runtime::pool::Workshop;
use trm_runtime::schedule::Scheduled;
use trm_stores::Stores;
use trm_stores::database_metrics::DatabaseMetrics;
use trm_stores::store_metrics::StoreMetrics;
use trm_telemetry::business::Business;
use trm_telemetry::metrics::Metrics;
use trm_telemetry::process_metrics::ProcessMetrics;
use trm_telemetry::statsd::Statsd;
use trm_telemetry::upstream;

/// A host that is ready to serve.
pub struct Host {
    /// What answers its requests.
    pub service: Arc<Service>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// What its functions store in.
    pub stores: Arc<Stores>,
    /// What is shown of it to who runs it.
    pub console: Arc<Console>,
    /// Who wishes that its manifest be read again.
    pub reloads: Arc<Reloads>,
    shared: Shared,
    /// By name. Held while a change is made, so that two changes are one after the other.
    serving: Mutex<BTreeMap<String, Version>>,
    _clock: EpochClock,
}

/// What all functions of a host share.
struct Shared {
    manifest: PathBuf,
    trusted: Option<Trusted>,
    stores: Arc<Stores>,
    business: Arc<Business>,
    /// As they were at start: a reload fills new templates with them.
    variables: Application,
    frozen: Option<Frozen>,
    workshop: Arc<Workshop>,
}

/// One function as it is served.
#[derive(Clone)]
struct Version {
    function: Function,
    digest: String,
    pool: Arc<Pool>,
}

impl Host {
    /// Connects the stores, and makes a host over them.
    pub async fn open(config: &Config, functions: &[Function]) -> anyhow::Result<Self> {
        let stores = Arc::new(Stores::open(config.stores()).await?);
        Self::over(stores, config, functions, None)
    }

    /// Finds every function's code, and checks each against its grants. Code is mapped by `load_all`, or by the first
    /// request that needs it. Guests of a test see another time and chance than the host: those that are `frozen`.
    pub fn over(
        stores: Arc<Stores>,
        config: &Config,
        functions: &[Function],
        frozen: Option<Frozen>,
    ) -> anyhow::Result<Self> {
        let declared = functions
            .first()
            .map(|function| function.variables.declared().clone())
            .unwrap_or_default();
        let env = |name: &str| std::env::var(name).ok();
        let variables = Application::resolve(&declared, env, config.mode == Mode::Dev)
            .map_err(|fault| anyhow!("{}: {fault}", config.manifest.display()))?;
        let metrics = Arc::new(Metrics::default());
        metrics.register(|registry| {
            registry.register_collector(Box::new(StoreMetrics(stores.clone())));
            registry.register_collector(Box::new(ProcessMetrics));
            upstream::register(registry);
            registry.register_collector(Box::new(DatabaseMetrics(stores.clone())));
        });
        let engine = engine::new(config.max_instances)?;
        let clock = EpochClock::start(&engine)?;
        let mut business = Business::new(metrics.clone());
        if let Some((host, port)) = &config.statsd {
            let statsd = Statsd::open(host.clone(), *port)
                .with_context(|| format!("STATSD_HOST={host} cannot be used"))?;
            business = business.sent_to(statsd);
        }
        let shared = Shared {
            manifest: config.manifest.clone(),
            trusted: config.trusted_key.clone(),
            stores: stores.clone(),
            business: Arc::new(business),
            variables,
            frozen,
            workshop: Arc::new(Workshop {
                linkers: Linkers::new(&engine)?,
                engine,
                metrics: metrics.clone(),
                neighbours: Neighbours::default(),
            }),
        };
        let serving = shared.versions(functions, &BTreeMap::new())?;
        let reloads = Arc::new(Reloads::default());
        let console = Console::new(
            Access::of(config),
            stores.clone(),
            metrics.clone(),
            reloads.clone(),
        );
        console.serving(listed(&serving));
        let service = Arc::new(Service::new(
            router(&serving)?,
            Endpoints::new(
                stores.clone(),
                metrics.clone(),
                config.operator_secret.clone().map(Operator::new),
                reloads.clone(),
            ),
            Edge::new(stores.cache.clone()),
            metrics.clone(),
            config.slow_request,
            console.clone(),
        ));
        Ok(Self {
            service,
            metrics,
            stores,
            console,
            reloads,
            shared,
            serving: Mutex::new(serving),
            _clock: clock,
        })
    }

    /// Maps every function that no request has mapped yet; from then on the host is ready.
    pub async fn load_all(&self) -> anyhow::Result<()> {
        let serving = self.serving.lock().await.clone();
        // A task of its own: mapping holds its thread, and the caller's may have connections to accept.
        tokio::spawn(load(serving)).await??;
        self.service.endpoints().loaded();
        Ok(())
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

    /// Serves these functions from now on, and returns the names of those that are new, changed or gone.
    /// What has not changed keeps its instances; requests in flight end in the version they began in.
    /// Where one function cannot be loaded everything stays as it was.
    pub async fn reload(&self, functions: &[Function]) -> anyhow::Result<Vec<String>> {
        let mut serving = self.serving.lock().await;
        let next = self.shared.versions(functions, &serving)?;
        load(next.clone()).await?;
        self.service.swap(router(&next)?);
        self.console.serving(listed(&next));
        let changed = next
            .iter()
            .filter(|(name, version)| {
                let before = serving.get(*name);
                before.is_none_or(|before| !Arc::ptr_eq(&before.pool, &version.pool))
            })
            .map(|(name, _)| name);
        let gone = serving.keys().filter(|name| !next.contains_key(*name));
        let changed = changed.chain(gone).cloned().collect();
        *serving = next;
        Ok(changed)
    }
}

impl Shared {
    fn versions(
        &self,
        functions: &[Function],
        before: &BTreeMap<String, Version>,
    ) -> anyhow::Result<BTreeMap<String, Version>> {
        let artefacts = Artefacts::open(&self.workshop.engine, NATIVE, &self.manifest)
            .trusting(self.trusted.clone());
        let versions = functions.iter().map(|function| {
            let version = self
                .version(&artefacts, function, before.get(&function.name))
                .with_context(|| format!("component \"{}\"", function.name))?;
            Ok((function.name.clone(), version))
        });
        versions.collect()
    }

    fn version(
        &self,
        artefacts: &Artefacts,
        function: &Function,
        before: Option<&Version>,
    ) -> anyhow::Result<Version> {
        let (artefact, _) = artefacts.find(&function.source)?;
        match before {
            Some(before) if before.digest == artefact.digest() && before.function == *function => {
                Ok(before.clone())
            }
            _ => Ok(Version {
                function: function.clone(),
                digest: artefact.digest().to_owned(),
                pool: Arc::new(self.pool(function, artefact)?),
            }),
        }
    }

    fn pool(&self, function: &Function, artefact: Artefact) -> anyhow::Result<Pool> {
        let outbound = function.outbound.fill(&self.variables);
        let outbound = outbound.all().map(|(_, host)| host);
        let capabilities = Capabilities::new(
            function.name.as_str().into(),
            function.grants.clone().with_outbound(outbound),
            function.variables.fill(&self.variables),
            self.stores.clone(),
            self.business.clone(),
            self.frozen,
        );
        // What the index says is enough to refuse a start; what is mapped is checked once more.
        let imports = artefact.about().imports.iter().map(String::as_str);
        check_imports(&function.name, &function.grants, imports)?;
        Ok(Pool::new(
            self.workshop.clone(),
            artefact,
            Arc::new(capabilities),
            function.limits,
        ))
    }
}

async fn load(versions: BTreeMap<String, Version>) -> anyhow::Result<()> {
    for (name, version) in versions {
        let loaded = version.pool.load().await;
        loaded.with_context(|| format!("component \"{name}\""))?;
    }
    Ok(())
}

fn listed(versions: &BTreeMap<String, Version>) -> Vec<Listed> {
    let listed = versions.values().map(|version| Listed {
        name: version.function.name.clone(),
        routes: version.function.routes.clone(),
        version: version.digest.chars().take(12).collect(),
        schedule: version.function.schedule.map(|every| every.as_secs()),
        start: version.pool.start(),
    });
    listed.collect()
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
