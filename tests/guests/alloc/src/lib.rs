//! Takes memory without end; answers never.

use trm_sdk::{Answer, Request};

trm_sdk::function!(run);

async fn run(_: Request) -> Answer {
    let mut kept = Vec::new();
    loop {
        kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}
