//! What one instance owns while it lives: its WASI context, limits and grants; decides no policy.

use crate::capabilities::Capabilities;
use crate::capabilities::CapabilitiesView;
use crate::guest_log::GuestLog;
use crate::manifest::Limits;
use crate::outbound::Outbound;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The most resources (handles) that one instance may hold at one time.
const MAX_RESOURCES: usize = 10_000;
/// The most elements of one table.
const MAX_TABLE: usize = 100_000;

/// What the host remembers of one request while a guest handles it.
#[derive(Debug)]
pub struct RequestRecord {
    /// When the request must be answered.
    pub deadline: Instant,
    memory_refused: AtomicBool,
}

impl RequestRecord {
    /// A request that must be answered by `deadline`.
    pub fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            memory_refused: AtomicBool::new(false),
        }
    }

    /// Whether the guest was refused memory since the request began.
    pub fn memory_refused(&self) -> bool {
        self.memory_refused.load(Relaxed)
    }
}

/// The data of one instance's store.
pub struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    table: ResourceTable,
    capabilities: Arc<Capabilities>,
    memory: MemoryAccount,
    request: Arc<RequestRecord>,
}

impl GuestState {
    /// A store for one instance. Until a request begins, `request` bounds the instantiation.
    pub fn store(
        engine: &wasmtime::Engine,
        capabilities: Arc<Capabilities>,
        limits: &Limits,
        request: Arc<RequestRecord>,
    ) -> Store<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let log = GuestLog::new(capabilities.function().clone());
        let state = Self {
            wasi: WasiCtxBuilder::new()
                .stdout(log.clone())
                .stderr(log)
                .build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(capabilities.clone()),
            table,
            capabilities,
            memory: MemoryAccount {
                used: 0,
                limit: limits.memory_mb << 20,
            },
            request,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            Ok(match Instant::now() < store.data().request.deadline {
                true => UpdateDeadline::Yield(1),
                false => UpdateDeadline::Interrupt,
            })
        });
        store
    }

    /// From here on the instance works for this request.
    pub fn begin(&mut self, request: Arc<RequestRecord>) {
        self.outbound.begin(request.deadline);
        self.request = request;
    }

    /// The view that the capabilities' host functions work on.
    pub fn capabilities(&mut self) -> CapabilitiesView<'_> {
        CapabilitiesView {
            capabilities: &self.capabilities,
            table: &mut self.table,
            deadline: self.request.deadline,
        }
    }
}

/// The bytes of all linear memories of one instance together.
struct MemoryAccount {
    used: usize,
    limit: usize,
}

impl ResourceLimiter for GuestState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.memory.used + (desired - current);
        let granted = used <= self.memory.limit;
        if granted {
            self.memory.used = used;
        } else {
            self.request.memory_refused.store(true, Relaxed);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
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
