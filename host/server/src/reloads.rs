//! Wishes that the manifest be read again, on their way from an endpoint to who reads it; reads nothing itself.

use http::{Response, StatusCode};
use serde_json::json;
use tokio::sync::{Mutex, mpsc, oneshot};
use trm_runtime::error::json_response;
use trm_runtime::error::problem;
use wasmtime_wasi_http::WasiBody;

/// Wishes that may wait while one is carried out.
const WAITING: usize = 4;

/// The names of what is new, changed or gone; or why everything stayed as it was.
pub type Outcome = Result<Vec<String>, String>;

/// One wish, and who waits for what came of it.
pub type Wish = oneshot::Sender<Outcome>;

/// Wishes on their way.
pub struct Reloads {
    wish: mpsc::Sender<Wish>,
    wishes: Mutex<mpsc::Receiver<Wish>>,
}

impl Default for Reloads {
    fn default() -> Self {
        let (wish, wishes) = mpsc::channel(WAITING);
        Self {
            wish,
            wishes: Mutex::new(wishes),
        }
    }
}

impl Reloads {
    /// Has the manifest and its components read again, and waits for what comes of it.
    pub async fn ask(&self) -> Outcome {
        let (wish, outcome) = oneshot::channel();
        self.wish
            .try_send(wish)
            .map_err(|_| format!("{WAITING} reloads wait already; see what comes of those"))?;
        outcome
            .await
            .unwrap_or_else(|_| Err("the host is stopping".to_owned()))
    }

    /// The next wish; there is always one to wait for.
    pub async fn next(&self) -> Option<Wish> {
        self.wishes.lock().await.recv().await
    }
}

/// What came of it, as an answer.
pub fn reloaded(outcome: Outcome) -> Response<WasiBody> {
    match outcome {
        Ok(changed) => {
            let body = json!({"changed": changed}).to_string();
            json_response(StatusCode::OK, "application/json", body)
        }
        Err(fault) => problem(StatusCode::CONFLICT, &format!("not reloaded: {fault}")),
    }
}
