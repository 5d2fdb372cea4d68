//! `trm:platform/counter` for guests: grants and bounds of a call; counts nothing itself.

use super::Capabilities;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::counter;
use super::bindings::trm::platform::counter::{Counted, Error};
use std::time::Duration;
use wasmtime::component::Accessor;

const MAX_KEY: usize = 512;
const MAX_WINDOW_MS: u64 = 86_400_000;

type Answer<A> = wasmtime::Result<Result<A, Error>>;

impl counter::Host for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> counter::HostWithStore<T> for HasCapabilities {
    async fn add(
        accessor: &Accessor<T, Self>,
        key: String,
        by: u32,
        window_ms: u64,
    ) -> Answer<Counted> {
        let (capabilities, deadline) = begin(accessor);
        if let Err(error) = check(&capabilities, &key) {
            return Ok(Err(error));
        }
        if !(1..=MAX_WINDOW_MS).contains(&window_ms) {
            let fault = format!("a window is from 1 to {MAX_WINDOW_MS} ms, not {window_ms}");
            return Ok(Err(Error::Invalid(fault)));
        }
        let window = Duration::from_millis(window_ms);
        let counters = capabilities.counters();
        let counted = counters.add(&key, by, window, deadline).await;
        Ok(Ok(Counted {
            value: counted.value,
            resets_in_ms: counted.left.as_millis() as u64,
        }))
    }

    async fn reset(accessor: &Accessor<T, Self>, key: String) -> Answer<()> {
        let (capabilities, deadline) = begin(accessor);
        if let Err(error) = check(&capabilities, &key) {
            return Ok(Err(error));
        }
        capabilities.counters().reset(&key, deadline).await;
        Ok(Ok(()))
    }
}

fn check(capabilities: &Capabilities, key: &str) -> Result<(), Error> {
    if !capabilities.grants().counter(key) {
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
