//! `trm:platform/counter` for guests: grants and bounds of a call; counts nothing itself.

use super::Call;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::counter;
use super::bindings::trm::platform::counter::{Counted, Error};
use std::time::Duration;
use wasmtime::component::Accessor;

const MAX_KEY: usize = 512;
const MAX_WINDOW_MS: u64 = 86_400_000;

type Answer<A> = wasmtime::Result<Result<A, Error>>;

pub(super) async fn add(
    call: Call,
    (key, by, window_ms): (String, u32, u64),
) -> Result<Counted, Error> {
    check(&call, &key)?;
    if !(1..=MAX_WINDOW_MS).contains(&window_ms) {
        let fault = format!("a window is from 1 to {MAX_WINDOW_MS} ms, not {window_ms}");
        return Err(Error::Invalid(fault));
    }
    let window = Duration::from_millis(window_ms);
    let counters = call.capabilities.counters();
    let counted = counters.add(&key, by, window, call.deadline).await;
    Ok(Counted {
        value: counted.value,
        resets_in_ms: counted.left.as_millis() as u64,
    })
}

pub(super) async fn reset(call: Call, (key,): (String,)) -> Result<(), Error> {
    check(&call, &key)?;
    let counters = call.capabilities.counters();
    counters.reset(&key, call.deadline).await;
    Ok(())
}

impl counter::Host for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> counter::HostWithStore<T> for HasCapabilities {
    async fn add(
        accessor: &Accessor<T, Self>,
        key: String,
        by: u32,
        window_ms: u64,
    ) -> Answer<Counted> {
        let call = begin(accessor);
        call.verb("counter.add", (key, by, window_ms), add).await
    }

    async fn reset(accessor: &Accessor<T, Self>, key: String) -> Answer<()> {
        begin(accessor).verb("counter.reset", (key,), reset).await
    }
}

fn check(call: &Call, key: &str) -> Result<(), Error> {
    if !call.grants().counter(key) {
        return Err(Error::Denied(format!(
            "no counters grant matches the key \"{key}\""
        )));
    }
    match key.len() {
        1..=MAX_KEY => Ok(()),
        length => Err(Error::Invalid(format!(
            "a key has 1 to {MAX_KEY} bytes, not {length}"
        ))),
    }
}
