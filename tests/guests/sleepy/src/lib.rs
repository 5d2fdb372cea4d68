//! Waits as many milliseconds as its path ends in, else for a minute, longer than any deadline of a test; says and does then
//! what stands before that: /say/, which says what stands before it, /panic/ or /loop/.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let mut asked = request.path().rsplit('/');
    let wait = asked.next().and_then(|wait| wait.parse().ok());
    let wait = std::time::Duration::from_millis(wait.unwrap_or(60_000));
    spin_sdk::time::sleep(wait).await;
    match asked.next() {
        Some("say") => eprintln!("waited for {}", asked.next().unwrap_or_default()),
        Some("panic") => panic!("asked to panic"),
        Some("loop") => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
    Ok(response::json_bytes("\"late\""))
}
