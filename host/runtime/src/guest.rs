//! What one instance owns while it lives: its WASI context, limits and grants; decides no policy.

use crate::account::Account;
use crate::account::Taken;
use crate::capabilities::Capabilities;
use crate::capabilities::CapabilitiesView;
use crate::capabilities::UnderWay;
use crate::capabilities::witness::Witness;
use crate::guest_log::GuestLog;
use crate::guest_log::LogLimit;
use crate::outbound::Outbound;
use prometheus_client::metrics::histogram::Histogram;
use std::mem::take;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::Ordering::Release;
use std::time::{Duration, Instant};
use trm_policy::manifest::Limits;
use trm_resilience::time_left::TimeLeft;
use trm_telemetry::metrics::FunctionLabels;
use trm_telemetry::metrics::Metrics;
use trm_telemetry::request as watched;
use trm_telemetry::request::Entered;
use trm_telemetry::request::Watched;
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{ResourceLimiter, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What the host remembers of one request while a guest handles it.
#[derive(Debug)]
pub struct RequestRecord {
    /// When the request must be answered.
    pub deadline: Instant,
    /// Until when its calls may take.
    pub left: Arc<TimeLeft>,
    /// The request, where logs or traces follow it.
    pub watched: Watched,
    /// Who is told of each of its calls.
    pub witness: Option<Arc<Witness>>,
    memory_refused: AtomicBool,
    began: Instant,
    started: OnceLock<Instant>,
    /// Whether the instance that works for it has ended before its time.
    ended: OnceLock<Arc<AtomicBool>>,
}

impl RequestRecord {
    /// A request that must be answered by `deadline`.
    pub fn new(deadline: Instant) -> Self {
        let began = Instant::now();
        Self {
            deadline,
            left: Arc::new(TimeLeft::new(began, deadline)),
            watched: watched::current(),
            witness: None,
            memory_refused: AtomicBool::new(false),
            began,
            started: OnceLock::new(),
            ended: OnceLock::new(),
        }
    }

    /// The same request, with who follows it.
    pub fn seen_by(mut self, witness: Option<Arc<Witness>>) -> Self {
        self.witness = witness;
        self
    }

    /// An instance begins to work for it. How long that took.
    pub fn start(&self) -> Duration {
        let now = *self.started.get_or_init(Instant::now);
        self.part("queue", self.began);
        now.saturating_duration_since(self.began)
    }

    /// How long an instance has worked for it, where one has begun.
    pub fn worked(&self) -> Option<Duration> {
        let started = *self.started.get()?;
        self.part("guest", started);
        Some(started.elapsed())
    }

    fn part(&self, name: &'static str, began: Instant) {
        if let Some(request) = &self.watched {
            request.part(name, began);
        }
        if let Some(witness) = &self.witness {
            witness.part(name, began);
        }
    }

    /// Whether the guest was refused memory since the request began.
    pub fn memory_refused(&self) -> bool {
        self.memory_refused.load(Relaxed)
    }

    /// Whether its instance ended before its time: what that has sent may be half an answer.
    pub fn broken_off(&self) -> bool {
        self.ended.get().is_some_and(|ended| ended.load(Acquire))
    }
}

/// What all instances of one function count together.
#[derive(Clone, Debug)]
pub struct GuestSeries {
    /// What they take of the host's memory.
    pub taken: Taken,
    /// How long requests wait for one.
    pub queue: Histogram,
    /// How much they may still log.
    pub log: Arc<LogLimit>,
}

impl GuestSeries {
    /// The series of a function, which may have been counted before it was swapped.
    pub fn of(metrics: &Metrics, labels: &FunctionLabels) -> Self {
        let dropped = metrics.log_dropped.get_or_create_owned(labels);
        Self {
            taken: Taken::of(metrics, labels),
            queue: metrics.queue.get_or_create_owned(labels),
            log: Arc::new(LogLimit::new(dropped)),
        }
    }
}

/// The data of one instance's store.
pub struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    table: ResourceTable,
    capabilities: Arc<Capabilities>,
    under_way: UnderWay,
    account: Account,
    request: Arc<RequestRecord>,
    /// All requests in an instance that takes several, by the tasks that work for them.
    several: Vec<(GuestTaskId, Arc<RequestRecord>)>,
    /// The epoch's callback is to find out which of them has its turn.
    asked: bool,
    entered: Option<Entered>,
    ended: Arc<AtomicBool>,
    series: GuestSeries,
}

impl GuestState {
    /// A store for one instance. Until a request begins, `request` bounds the instantiation.
    pub fn store(
        engine: &wasmtime::Engine,
        capabilities: Arc<Capabilities>,
        limits: &Limits,
        series: GuestSeries,
        request: Arc<RequestRecord>,
    ) -> Store<Self> {
        let log = GuestLog::new(capabilities.function().clone(), series.log.clone());
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(log.clone()).stderr(log);
        if let Some(frozen) = capabilities.frozen() {
            frozen.apply(&mut wasi);
        }
        let state = Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(capabilities.clone()),
            table: Account::table(),
            capabilities,
            under_way: UnderWay::default(),
            account: Account::new(&series.taken, limits.memory_mb << 20),
            request,
            several: Vec::new(),
            asked: false,
            entered: None,
            ended: Arc::default(),
            series,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| {
            if take(&mut store.data_mut().asked) {
                find_turn(&mut store)?;
                return Ok(UpdateDeadline::Continue(1));
            }
            Ok(match Instant::now() < store.data().request.deadline {
                true => UpdateDeadline::Yield(1),
                false => UpdateDeadline::Interrupt,
            })
        });
        store
    }

    /// From here on the instance works for this request.
    pub fn begin(&mut self, request: Arc<RequestRecord>) {
        self.enter(&request);
        self.turn_to(request);
        self.count();
    }

    /// From here on the instance works for this request as well, by this task.
    pub fn join(&mut self, task: GuestTaskId, request: Arc<RequestRecord>) {
        self.enter(&request);
        if self.several.is_empty() {
            self.turn_to(request.clone());
        }
        self.several.push((task, request));
        self.count();
    }

    /// This task has answered its request.
    pub fn leave(&mut self, task: GuestTaskId) {
        self.several.retain(|(other, _)| *other != task);
        match &self.several[..] {
            [] => self.entered = None,
            [(_, last)] => self.turn_to(last.clone()),
            _ => {}
        }
        self.count();
    }

    /// The function's name.
    pub fn function(&self) -> &Arc<str> {
        self.capabilities.function()
    }

    /// The calls that its guest has under way.
    pub fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// The request whose turn it is.
    pub fn current(&self) -> &Arc<RequestRecord> {
        &self.request
    }

    fn enter(&self, request: &RequestRecord) {
        self.series.queue.observe(request.start().as_secs_f64());
        request.ended.get_or_init(|| self.ended.clone());
    }

    fn turn_to(&mut self, request: Arc<RequestRecord>) {
        let (witness, watched) = (request.witness.clone(), request.watched.clone());
        self.outbound.begin(request.left.clone(), witness, watched);
        // The old one ends before the new one begins: they name the same task.
        self.entered = None;
        self.entered = watched::enter(&request.watched);
        self.request = request;
    }

    /// Counts what the instance holds now.
    pub fn count(&mut self) {
        self.account.count_handles(&mut self.table);
    }

    /// The instance has trapped or was cut off: no request of it is answered any further.
    pub fn break_off(&self) {
        self.ended.store(true, Release);
    }

    /// The view that the capabilities' host functions work on.
    pub fn capabilities(&mut self) -> CapabilitiesView<'_> {
        CapabilitiesView {
            capabilities: &self.capabilities,
            table: &mut self.table,
            left: &self.request.left,
            witness: &self.request.witness,
            under_way: &self.under_way,
        }
    }
}

/// Asks which request has the next turn of a guest, where it works for several: the first thing that the guest
/// then does is to meet an epoch that has passed, and it is found out there.
pub fn ask_turn(mut store: StoreContextMut<'_, GuestState>) {
    let state = store.data_mut();
    let several = state.several.len() > 1;
    state.asked = several;
    if state.entered.is_none() {
        // An instance whose request has begun to wait goes on in a task of its own.
        state.entered = watched::enter(&state.request.watched);
    }
    store.set_epoch_deadline(u64::from(!several));
}

fn find_turn(store: &mut StoreContextMut<'_, GuestState>) -> wasmtime::Result<()> {
    let called: Vec<_> = store.async_call_stack()?.collect();
    let state = store.data_mut();
    let mut several = state.several.iter();
    let found = several.find(|(task, _)| called.contains(task));
    // A task that has answered and goes on works for nobody: it is bounded by whoever had the turn.
    if let Some((_, request)) = found
        && !Arc::ptr_eq(request, &state.request)
    {
        let request = request.clone();
        state.turn_to(request);
    }
    Ok(())
}

impl ResourceLimiter for GuestState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = self.account.grow_memory(desired - current);
        if !granted {
            self.request.memory_refused.store(true, Relaxed);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.account.grow_table(desired - current))
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
