//! Instances that are called through the plain handler, one request at a time; decides no status.

use super::Failure;
use super::idle::Idle;
use super::maker::Made;
use super::maker::Maker;
use super::maker::Term;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::handler::Door;
use crate::handler::Handle;
use crate::handler::Incoming;
use http::Response;
use std::sync::Arc;
use std::time::Instant;
use trm_policy::manifest::Isolation;
use wasmtime::Store;
use wasmtime_wasi_http::WasiBody;

/// Instances of a `fresh` function that are made ahead of their request.
const AHEAD: usize = 4;

/// A function's instances.
pub(super) struct Instances {
    maker: Maker,
    door: Door,
    idle: Arc<Idle<Warm>>,
}

/// One instance between two requests, or in one.
struct Warm {
    store: Store<GuestState>,
    handle: Handle,
    term: Term,
}

impl Instances {
    /// Makes the first instance, so that one which cannot be made is known before it is needed.
    pub async fn begin(maker: Maker, door: Door) -> Result<Arc<Self>, wasmtime::Error> {
        let first = open(maker.make().await?, door)?;
        let idle = Idle::begin(&maker);
        idle.push(first, Instant::now());
        Ok(Arc::new(Self { maker, door, idle }))
    }

    /// Runs one request in one instance. Dropped half-way, it takes the instance with it.
    pub async fn run(
        self: &Arc<Self>,
        record: Arc<RequestRecord>,
        incoming: Incoming,
    ) -> Result<Response<WasiBody>, Failure> {
        let mut warm = match self.idle.pop() {
            Some(warm) => warm,
            None => Box::pin(self.make())
                .await
                .map_err(|error| Failure::instantiation(&error))?,
        };
        warm.store.data_mut().begin(record);
        let method = incoming.head.method.clone();
        let taken = &self.maker.series.taken;
        let _asked = taken.hold(incoming.body.len());
        let called = warm.handle.call(&mut warm.store, incoming);
        let reply = called.await.map_err(Failure::Guest)?;
        warm.store.data_mut().count();
        match self.maker.limits.isolation {
            Isolation::Fresh => self.make_ahead(),
            Isolation::Exclusive | Isolation::Shared => self.give_back(warm),
        }
        reply
            .into_response(&method, taken)
            .map_err(|fault| Failure::Guest(wasmtime::Error::msg(fault)))
    }

    fn give_back(&self, mut warm: Warm) {
        let now = Instant::now();
        if warm.term.use_up(1, now) {
            self.idle.push(warm, now);
        }
    }

    fn make_ahead(self: &Arc<Self>) {
        if self.idle.len() >= AHEAD {
            return;
        }
        let instances = self.clone();
        tokio::spawn(async move {
            let made = instances.maker.instantiate().await;
            match made.and_then(|made| open(made, instances.door)) {
                Ok(warm) if instances.idle.len() < AHEAD => {
                    instances.idle.push(warm, Instant::now());
                }
                Ok(_) => {}
                // The next request tries for itself, and says what fails.
                Err(error) => tracing::debug!("no instance was made ahead: {error}"),
            }
        });
    }

    async fn make(&self) -> Result<Warm, wasmtime::Error> {
        open(self.maker.make().await?, self.door)
    }
}

fn open(made: Made, door: Door) -> Result<Warm, wasmtime::Error> {
    let mut store = made.store;
    Ok(Warm {
        handle: door.open(&mut store, &made.instance)?,
        store,
        term: made.term,
    })
}
