//! `trm bench`: what a cold start is made of, phase by phase, and how many instances a gigabyte holds; serves nobody.

use super::read_config;
use crate::artefact::Artefacts;
use crate::artefact::NATIVE;
use crate::business::Business;
use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::config::Mode;
use crate::engine;
use crate::engine::EpochClock;
use crate::guest::GuestSeries;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::handler::Door;
use crate::handler::Incoming;
use crate::host::Host;
use crate::linker::Linkers;
use crate::manifest;
use crate::manifest::Function;
use crate::metrics::FunctionLabels;
use crate::metrics::Metrics;
use crate::process_metrics;
use crate::variables::Application;
use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store};

/// How often every function is started, and how often one instance is made.
const ROUNDS: usize = 20;
const INSTANTIATIONS: usize = 10_000;
/// Where the count of instances ends, and by how much memory.
const MOST_INSTANCES: u32 = 8_192;
const GIB: u64 = 1 << 30;

/// Durations of each phase, by its name.
#[derive(Default)]
struct Phases(BTreeMap<&'static str, Vec<Duration>>);

impl Phases {
    fn took(&mut self, phase: &'static str, began: Instant) {
        self.0.entry(phase).or_default().push(began.elapsed());
    }

    /// Count and percentiles in microseconds; of the phase with most samples, all of them.
    fn report(mut self) -> Value {
        let phases = self.0.iter_mut().map(|(name, samples)| {
            samples.sort_unstable();
            let at = |share: f64| {
                let last = samples.len() - 1;
                micros(samples[(last as f64 * share).round() as usize])
            };
            let told = json!({"samples": samples.len(), "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999)});
            ((*name).to_owned(), told)
        });
        Value::Object(phases.collect())
    }
}

fn micros(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 100.0).round() / 10.0
}

/// Measures, with a line for each part on standard error, and prints one JSON object.
pub async fn bench() -> anyhow::Result<()> {
    let config = read_config(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let mut phases = Phases::default();
    eprintln!("starting {} functions, {ROUNDS} times …", functions.len());
    for round in 0..ROUNDS {
        start_all(&config, &functions, round % 2 == 1, &mut phases).await?;
    }
    let one = functions.first().context("the manifest has no function")?;
    eprintln!("making {INSTANTIATIONS} instances of {} …", one.name);
    let bench = Bench::new(&config, &functions, config.max_instances).await?;
    let prepared = bench.prepare(one)?;
    let mut instantiations = Vec::with_capacity(INSTANTIATIONS);
    for _ in 0..INSTANTIATIONS {
        let began = Instant::now();
        let instance = bench.instantiate(one, &prepared).await?;
        instantiations.push(began.elapsed());
        drop(instance);
    }
    let histogram: Vec<f64> = instantiations.iter().map(|took| micros(*took)).collect();
    phases.0.insert("instantiate", instantiations);
    drop((prepared, bench));
    eprintln!("counting the instances of a gigabyte …");
    let density = density(&config, &functions).await?;
    let told = json!({
        "unit": "microseconds",
        "functions": functions.len(),
        "phases": phases.report(),
        "instantiations": histogram,
        "density": density,
    });
    println!("{told}");
    Ok(())
}

/// A whole host is opened, and each of its functions asked once before and once after it is warm. Where
/// `loaded`, the loading task has gone through all of them before the first request.
async fn start_all(
    config: &Config,
    functions: &[Function],
    loaded: bool,
    phases: &mut Phases,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let host = Host::open(config, functions).await?;
    phases.took("open a host", began);
    if loaded {
        let began = Instant::now();
        host.load_all().await?;
        phases.took("load all functions", began);
    }
    let first = match loaded {
        true => "first request after loading",
        false => "first request, nothing loaded",
    };
    for route in host.service.router().routes() {
        for phase in [first, "second request"] {
            let incoming = incoming(&route.pattern)?;
            let began = Instant::now();
            // What it answers is the function's matter; that it answers is the host's.
            let answer = route.pool.run(incoming).await;
            phases.took(phase, began);
            answer.map_err(|error| anyhow!("{} does not answer: {error:?}", route.pattern))?;
        }
    }
    Ok(())
}

fn incoming(route: &str) -> anyhow::Result<Incoming> {
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

/// A function that is linked.
struct Prepared {
    pre: InstancePre<GuestState>,
    door: Option<Door>,
}

/// What instances are made from, without a pool around them.
struct Bench {
    engine: Engine,
    linkers: Linkers,
    capabilities: BTreeMap<String, Arc<Capabilities>>,
    metrics: Arc<Metrics>,
    artefacts: Artefacts,
    _clock: EpochClock,
}

impl Bench {
    async fn new(config: &Config, functions: &[Function], instances: u32) -> anyhow::Result<Self> {
        let stores = Arc::new(crate::capabilities::Stores::open(config).await?);
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
        let engine = engine::new(instances)?;
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
            artefacts: Artefacts::open(&engine, NATIVE, &config.manifest),
            _clock: EpochClock::start(&engine)?,
            linkers: Linkers::new(&engine)?,
            engine,
        })
    }

    fn prepare(&self, function: &Function) -> anyhow::Result<Prepared> {
        let component = self.artefacts.find(&function.source)?.0.map(&self.engine)?;
        Ok(Prepared {
            pre: self.linkers.link(&component)?,
            door: Door::of(&component),
        })
    }

    async fn instantiate(
        &self,
        function: &Function,
        prepared: &Prepared,
    ) -> anyhow::Result<(Store<GuestState>, Instance)> {
        let capabilities = &self.capabilities[&function.name];
        let labels = FunctionLabels {
            function: capabilities.function().clone(),
        };
        let record = Arc::new(RequestRecord::new(Instant::now() + function.limits.timeout));
        let series = GuestSeries::of(&self.metrics, &labels);
        let mut store = GuestState::store(
            &self.engine,
            capabilities.clone(),
            &function.limits,
            series,
            record,
        );
        let instance = prepared.pre.instantiate_async(&mut store).await?;
        Ok((store, instance))
    }

    /// An instance that has served a request, as far as it has the plain handler.
    async fn used(
        &self,
        function: &Function,
        prepared: &Prepared,
    ) -> anyhow::Result<Store<GuestState>> {
        let (mut store, instance) = self.instantiate(function, prepared).await?;
        let route = function.routes.first();
        if let (Some(door), Some(route)) = (prepared.door, route) {
            let handle = door.open(&mut store, &instance)?;
            handle.call(&mut store, incoming(route)?).await?;
        }
        Ok(store)
    }
}

/// Makes instances of all functions in turn, and keeps them, until a gigabyte more is resident. Each has served one request.
async fn density(config: &Config, functions: &[Function]) -> anyhow::Result<Value> {
    let bench = Bench::new(config, functions, MOST_INSTANCES).await?;
    let prepared = functions
        .iter()
        .map(|function| bench.prepare(function))
        .collect::<Result<Vec<_>, _>>()?;
    let resident = || process_metrics::resident().context("/proc/self cannot be read");
    let before = resident()?;
    let (mut alive, mut curve) = (Vec::new(), Vec::new());
    while alive.len() < MOST_INSTANCES as usize {
        let at = alive.len() % functions.len();
        alive.push(bench.used(&functions[at], &prepared[at]).await?);
        if alive.len().is_multiple_of(256) {
            let grown = resident()?.saturating_sub(before);
            curve.push(json!([alive.len(), grown]));
            if grown >= GIB {
                break;
            }
        }
    }
    let grown = resident()?.saturating_sub(before);
    Ok(json!({
        "instances": alive.len(),
        "bytes": grown,
        "bytes_per_instance": grown / alive.len() as u64,
        "curve": curve,
    }))
}
