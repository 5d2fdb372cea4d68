//! The one Wasmtime engine: its settings and its clock; knows no function by name.

use anyhow::{Context, bail};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is asked whether it is still within its deadline.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Instances that an engine which only compiles has room for.
const COMPILER_INSTANCES: u32 = 1;
/// Bytes of a slot's memory, and of its stack, that stay with the process between two instances.
const KEEP_RESIDENT: usize = 512 << 10;
/// The largest memory that any function may be given; each function's own limit is the guest's matter.
const MAX_MEMORY: usize = 4 << 30;

/// The engine, with room for `instances` alive at one time over all functions. Each reserves 4 GiB of
/// address space, of which the kernel backs what is touched, and a stack whose guard page is set at
/// start: room for many makes the start longer. Two engines of one build and one machine accept each
/// other's artefacts.
pub fn new(instances: u32) -> anyhow::Result<Engine> {
    make(&settings(instances))
}

/// An engine that compiles for this machine; it runs nothing.
pub fn compiler() -> anyhow::Result<Engine> {
    new(COMPILER_INSTANCES)
}

/// An engine that compiles for any processor of a level of the x86-64 ABI (`x86-64`, `x86-64-v2`,
/// `x86-64-v3`), whatever this machine has; it runs nothing.
pub fn for_cpu(level: &str) -> anyhow::Result<Engine> {
    let Some(known) = CPU_LEVELS.iter().position(|(name, _)| *name == level) else {
        let names: Vec<_> = CPU_LEVELS.iter().map(|(name, _)| *name).collect();
        bail!(
            "`{level}` is not a processor; choose native, {}",
            names.join(", ")
        );
    };
    let mut config = settings(COMPILER_INSTANCES);
    // A named target begins without any feature of this machine.
    config.target("x86_64-unknown-linux-gnu")?;
    for feature in CPU_LEVELS[..=known]
        .iter()
        .flat_map(|(_, features)| *features)
    {
        #[expect(unsafe_code, reason = "Cranelift cannot know what its settings mean")]
        // SAFETY: these settings name instructions that the level has; Wasmtime checks before it runs them.
        unsafe {
            config.cranelift_flag_enable(feature);
        }
    }
    make(&config)
}

/// The instructions that each level adds to the one before, in Cranelift's names.
const CPU_LEVELS: [(&str, &[&str]); 3] = [
    ("x86-64", &[]),
    (
        "x86-64-v2",
        &[
            "has_cmpxchg16b",
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
        ],
    ),
    (
        "x86-64-v3",
        &[
            "has_avx",
            "has_avx2",
            "has_fma",
            "has_bmi1",
            "has_bmi2",
            "has_lzcnt",
        ],
    ),
];

fn make(config: &Config) -> anyhow::Result<Engine> {
    Engine::new(config)
        .map_err(anyhow::Error::from)
        .context("the engine cannot be made")
}

fn settings(instances: u32) -> Config {
    // A component of several languages holds a few core modules, each with its own memory.
    const CORES: u32 = 4;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORES)
        .total_memories(instances)
        .total_tables(instances * CORES)
        .total_stacks(instances * 2)
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
    let mut config = shape();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// What shapes code: two engines that differ in nothing of it accept each other's artefacts.
pub fn shape() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .memory_init_cow(true)
        // Offsets into the component for every instruction: a tenth of an artefact, of use only beside
        // debugging information, which components do not carry. Backtraces name functions without it.
        .generate_address_map(false)
        // A native debugger's way through guests' frames: mapping a function would read all of it.
        .native_unwind_info(false);
    config
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
