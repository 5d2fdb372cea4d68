//! Runs for ever; answers never.

use trm_sdk::{Answer, Request};

trm_sdk::function!(run);

async fn run(_: Request) -> Answer {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}
