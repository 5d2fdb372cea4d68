//! Time that stands still and chance that repeats, for the guests of a test or a recording; the host's own go on.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trm_telemetry::chance::Chance;
use wasmtime_wasi::{Deterministic, HostWallClock, WasiCtxBuilder};

/// Random bytes before they repeat.
const CHANCE: usize = 1 << 16;

/// What a guest sees in place of the clock and of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frozen {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// What all that is random follows from.
    pub seed: u64,
}

impl Frozen {
    /// This moment, which chooses the seed as well.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Self {
            at_ms: since.as_millis() as u64,
            seed: u64::from(since.subsec_nanos()),
        }
    }

    /// Gives them to an instance.
    pub(crate) fn apply(self, wasi: &mut WasiCtxBuilder) {
        let mut bytes = Vec::with_capacity(CHANCE);
        let mut chance = Chance::new(self.seed);
        while bytes.len() < CHANCE {
            bytes.extend_from_slice(&chance.number().to_le_bytes());
        }
        wasi.wall_clock(self)
            .secure_random(Deterministic::new(bytes.clone()))
            .insecure_random(Deterministic::new(bytes))
            .insecure_random_seed(u128::from(self.seed));
    }
}

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.at_ms)
    }
}
