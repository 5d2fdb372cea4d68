//! Instances by the ten thousand: what one costs, and how many a gigabyte holds; maps no code anew.

use super::SAMPLES;
use super::phases::Phases;
use super::room::Room;
use anyhow::Context;
use serde_json::{Value, json};
use std::time::Instant;
use trm_policy::manifest::Function;
use trm_telemetry::process_metrics;

/// Where the count of instances ends, and by how much memory.
pub const MOST: u32 = 8_192;
const GIB: u64 = 1 << 30;

/// Makes instances of one function; then makes, asks and ends them. The phases by these names.
pub async fn make(
    room: &Room,
    function: &Function,
    [made, served]: [&'static str; 2],
    phases: &mut Phases,
) -> anyhow::Result<()> {
    let prepared = room.prepare(function)?;
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let live = room.instantiate(function, &prepared, None).await?;
        phases.took(made, began);
        drop(live);
    }
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let mut live = room.instantiate(function, &prepared, None).await?;
        room.ask(function, &prepared, &mut live).await?;
        drop(live);
        phases.took(served, began);
    }
    Ok(())
}

/// Makes instances of all functions in turn, and keeps them, until a gigabyte more is resident. Each has served one request.
pub async fn density(room: &Room, functions: &[Function]) -> anyhow::Result<Value> {
    let prepared = functions
        .iter()
        .map(|function| room.prepare(function))
        .collect::<Result<Vec<_>, _>>()?;
    let resident = || process_metrics::resident().context("/proc/self cannot be read");
    let before = resident()?;
    let (mut alive, mut curve) = (Vec::new(), Vec::new());
    while alive.len() < MOST as usize {
        let at = alive.len() % functions.len();
        let (function, prepared) = (&functions[at], &prepared[at]);
        let mut live = room.instantiate(function, prepared, None).await?;
        room.ask(function, prepared, &mut live).await?;
        alive.push(live);
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
