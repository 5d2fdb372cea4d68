//! Waits as many milliseconds as its path ends in, else for a minute, longer than any deadline of a test; does then
//! what stands before that: /panic/, /loop/, or /grow/ for more memory than it may have.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let mut asked = request.path().rsplit('/');
    let wait = asked.next().and_then(|wait| wait.parse().ok());
    let wait = std::time::Duration::from_millis(wait.unwrap_or(60_000));
    spin_sdk::time::sleep(wait).await;
    match asked.next() {
        Some("grow") => drop(std::hint::black_box(vec![1_u8; 1 << 30])),
        Some("panic") => panic!("asked to panic"),
        Some("loop") => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
    Ok(response::json_bytes("\"late\""))
}
