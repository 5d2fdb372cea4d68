//! A request to a function that nothing has touched, taken apart, and the compilation that artefacts spare; opens no host.

use super::SAMPLES;
use super::phases::Phases;
use super::room::Room;
use anyhow::Context;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trm_policy::manifest::Function;
use trm_runtime::capabilities::witness::Script;
use trm_runtime::capabilities::witness::Witness;
use wasmtime::component::Component;

/// All of such a request but the look at the index of artefacts, which a start has done.
pub const ALL: &str = "cold: all";

/// Takes the requests apart, the functions in turn.
pub async fn requests(
    room: &Room,
    functions: &[Function],
    phases: &mut Phases,
) -> anyhow::Result<()> {
    for function in functions.iter().cycle().take(SAMPLES) {
        one(room, function, phases).await?;
    }
    // Who writes each call down costs time, so these are requests of their own. Some functions refuse who is
    // not signed in before they call anybody.
    let mut callers = Vec::new();
    for function in functions {
        if first_call(room, function, &mut Phases::default()).await? {
            callers.push(function);
        }
    }
    for function in callers.iter().cycle().take(SAMPLES) {
        first_call(room, function, phases).await?;
    }
    Ok(())
}

async fn one(room: &Room, function: &Function, phases: &mut Phases) -> anyhow::Result<()> {
    let artefact = room.artefact(function)?;
    let reading = Instant::now();
    artefact.check()?;
    let read = reading.elapsed();
    let began = Instant::now();
    let component = artefact.map(&room.engine)?;
    // Mapping reads and checks the same file first: what is left is the mapping itself.
    let mapped = began.elapsed().saturating_sub(read);
    let linking = Instant::now();
    let prepared = room.link(&component)?;
    let linked = linking.elapsed();
    let making = Instant::now();
    let mut live = room.instantiate(function, &prepared, None).await?;
    let made = making.elapsed();
    let asking = Instant::now();
    let answered = room.ask(function, &prepared, &mut live).await?;
    let (all, asked) = (began.elapsed(), asking.elapsed());
    phases.add("cold: load (read, check)", read);
    phases.add("cold: map", mapped);
    phases.add("cold: link", linked);
    phases.add("cold: instantiate", made);
    if answered {
        phases.add("cold: from the call to the first byte", asked);
        phases.add(ALL, all);
    }
    Ok(())
}

/// Whether the function calls the host at all, and after how long.
async fn first_call(room: &Room, function: &Function, phases: &mut Phases) -> anyhow::Result<bool> {
    let prepared = room.prepare(function)?;
    let witness = Arc::new(Witness::new(Script::default()));
    let born = Instant::now();
    let live = room.instantiate(function, &prepared, Some(witness.clone()));
    let mut live = live.await?;
    let asking = born.elapsed();
    room.ask(function, &prepared, &mut live).await?;
    let seen = witness.seen();
    let Some(first) = seen.calls.first() else {
        return Ok(false);
    };
    // The witness counts whole microseconds from its own begin, which is that of the instance.
    let at = Duration::from_micros(first.at_us);
    phases.add(
        "cold: from the call to the first host call",
        at.saturating_sub(asking),
    );
    Ok(true)
}

/// Compiles each component whose file is there once, as the first start without artefacts would.
pub fn compilations(
    room: &Room,
    functions: &[Function],
    phases: &mut Phases,
) -> anyhow::Result<()> {
    for function in functions.iter().filter(|function| function.source.exists()) {
        let wasm = std::fs::read(&function.source)
            .with_context(|| format!("{} cannot be read", function.source.display()))?;
        let began = Instant::now();
        Component::new(&room.engine, &wasm)?;
        phases.took("cold: compile, in place of load and map", began);
    }
    Ok(())
}
