//! What instances are made from, without a host or a pool around them; decides what is measured of none.

use anyhow::anyhow;
use bytes::Bytes;
use http::{Method, Request};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use trm_policy::manifest::Function;
use trm_policy::variables::Application;
use trm_runtime::account::Taken;
use trm_runtime::artefact::Artefact;
use trm_runtime::artefact::Artefacts;
use trm_runtime::artefact::NATIVE;
use trm_runtime::capabilities::Capabilities;
use trm_runtime::capabilities::witness::Witness;
use trm_runtime::engine;
use trm_runtime::engine::EpochClock;
use trm_runtime::guest::GuestSeries;
use trm_runtime::guest::GuestState;
use trm_runtime::guest::RequestRecord;
use trm_runtime::handler::Door;
use trm_runtime::handler::Incoming;
use trm_runtime::linker::Linkers;
use trm_server::config::Config;
use trm_stores::Stores;
use trm_telemetry::business::Business;
use trm_telemetry::metrics::FunctionLabels;
use trm_telemetry::metrics::Metrics;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime::{Engine, Store};

/// An engine with all that its instances need.
pub struct Room {
    pub engine: Engine,
    linkers: Linkers,
    capabilities: BTreeMap<String, Arc<Capabilities>>,
    metrics: Arc<Metrics>,
    artefacts: Artefacts,
    _clock: EpochClock,
}

/// A function that is linked.
pub struct Prepared {
    pre: InstancePre<GuestState>,
    door: Option<Door>,
}

/// One instance.
pub struct Live {
    store: Store<GuestState>,
    instance: Instance,
}

/// The host's engine in all that shapes code, whose instances ask the kernel for their memory one by one.
pub fn on_demand() -> anyhow::Result<Engine> {
    Ok(Engine::new(&engine::shape())?)
}

impl Room {
    /// With an engine of its own, over the configured stores.
    pub async fn new(
        config: &Config,
        functions: &[Function],
        engine: Engine,
    ) -> anyhow::Result<Self> {
        let stores = Arc::new(Stores::open(config.stores()).await?);
        let metrics = Arc::new(Metrics::default());
        let business = Arc::new(Business::new(metrics.clone()));
        let declared = functions
            .first()
            .map(|function| function.variables.declared().clone());
        let variables = Application::resolve(
            &declared.unwrap_or_default(),
            |name: &str| std::env::var(name).ok(),
            true,
        )
        .map_err(|fault| anyhow!("{fault}"))?;
        let capabilities = functions.iter().map(|function| {
            let capabilities = Capabilities::new(
                function.name.as_str().into(),
                function.grants.clone(),
                function.variables.fill(&variables),
                stores.clone(),
                business.clone(),
                None,
            );
            (function.name.clone(), Arc::new(capabilities))
        });
        Ok(Self {
            capabilities: capabilities.collect(),
            metrics,
            // The host's own compiler: what another engine would make here is not for its artefacts.
            artefacts: Artefacts::open(&engine::compiler()?, NATIVE, &config.manifest),
            _clock: EpochClock::start(&engine)?,
            linkers: Linkers::new(&engine)?,
            engine,
        })
    }

    /// The function's code, not read yet.
    pub fn artefact(&self, function: &Function) -> anyhow::Result<Artefact> {
        Ok(self.artefacts.find(&function.source)?.0)
    }

    /// Links mapped code to what it imports.
    pub fn link(&self, component: &Component) -> anyhow::Result<Prepared> {
        Ok(Prepared {
            pre: self.linkers.link(component)?,
            door: Door::of(component),
        })
    }

    /// All of it at once.
    pub fn prepare(&self, function: &Function) -> anyhow::Result<Prepared> {
        self.link(&self.artefact(function)?.map(&self.engine)?)
    }

    /// One instance, whose calls a witness may be told of.
    pub async fn instantiate(
        &self,
        function: &Function,
        prepared: &Prepared,
        witness: Option<Arc<Witness>>,
    ) -> anyhow::Result<Live> {
        let capabilities = &self.capabilities[&function.name];
        let labels = self.labels(function);
        let record = RequestRecord::new(Instant::now() + function.limits.timeout);
        let mut store = GuestState::store(
            &self.engine,
            capabilities.clone(),
            &function.limits,
            GuestSeries::of(&self.metrics, &labels),
            Arc::new(record.seen_by(witness)),
        );
        let instance = prepared.pre.instantiate_async(&mut store).await?;
        Ok(Live { store, instance })
    }

    fn labels(&self, function: &Function) -> FunctionLabels {
        FunctionLabels {
            function: self.capabilities[&function.name].function().clone(),
        }
    }

    /// A request to the first route of an instance's function; false where it has no plain handler or no route.
    pub async fn ask(
        &self,
        function: &Function,
        prepared: &Prepared,
        live: &mut Live,
    ) -> anyhow::Result<bool> {
        let (Some(door), Some(route)) = (prepared.door, function.routes.first()) else {
            return Ok(false);
        };
        let handle = door.open(&mut live.store, &live.instance)?;
        let reply = handle.call(&mut live.store, incoming(route)?).await?;
        let taken = Taken::of(&self.metrics, &self.labels(function));
        let answer = reply.into_response(&Method::GET, &taken);
        answer.map_err(|fault| anyhow!("{} does not answer: {fault}", function.name))?;
        Ok(true)
    }
}

/// A GET of a route by nobody, with the sample's first job for what it names.
pub fn incoming(route: &str) -> anyhow::Result<Incoming> {
    let (head, ()) = Request::get(route).body(())?.into_parts();
    let named = route.split('/').filter_map(|part| part.strip_prefix(':'));
    Ok(Incoming {
        head,
        body: Bytes::new(),
        client: "127.0.0.1:0".into(),
        route: route.into(),
        parameters: named
            .map(|name| (name.to_owned(), "650000000300000000000001".to_owned()))
            .collect(),
        rest: String::new(),
    })
}
