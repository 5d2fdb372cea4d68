//! The one Wasmtime engine: its settings, its linker, its clock; knows no function by name.

use crate::guest::GuestState;
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is asked whether it is still within its deadline.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// The most instances alive at one time over all functions: each reserves 4 GiB of address space, of
/// which the kernel backs what is touched.
const MAX_INSTANCES: u32 = 8_192;
/// Bytes of a slot's memory, and of its stack, that stay with the process between two instances.
const KEEP_RESIDENT: usize = 512 << 10;
/// The largest memory that any function may be given; each function's own limit is the guest's matter.
const MAX_MEMORY: usize = 4 << 30;

/// The engine. Two engines of one build and one machine accept each other's artefacts.
pub fn new() -> anyhow::Result<Engine> {
    // A component of several languages holds a few core modules, each with its own memory.
    const CORES: u32 = 4;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * CORES)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES * CORES)
        .total_stacks(MAX_INSTANCES * 2)
        .max_memory_size(MAX_MEMORY)
        .max_memories_per_component(CORES)
        .max_tables_per_component(CORES * 2)
        .max_core_instances_per_component(CORES * 4)
        // What an instance has touched up to here is cleared, not given back: the next one in its slot
        // then meets no page fault. Where the kernel tells which pages were written, only those are.
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("the engine cannot be made")
}

/// Everything that a guest may import: WASI 0.2 and 0.3, HTTP of both, and `trm:platform`.
pub fn linker(engine: &Engine) -> anyhow::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    crate::capabilities::link(&mut linker, GuestState::capabilities)?;
    Ok(linker)
}

/// The thread that advances the engine's epoch; it stops when this is dropped.
pub struct EpochClock(Arc<AtomicBool>);

impl EpochClock {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, stopped) = (engine.clone(), stop.clone());
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !stopped.load(Relaxed) {
                    std::thread::sleep(EPOCH_TICK);
                    engine.increment_epoch();
                }
            })?;
        Ok(Self(stop))
    }
}

impl Drop for EpochClock {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
