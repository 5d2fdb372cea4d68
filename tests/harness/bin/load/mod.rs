//! A load of requests from many clients at a constant rate, whose every request is kept with its time.

mod connection;
pub mod plan;
mod seen;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use connection::{Answer, Connection, Place};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use plan::{Asked, Hear, Plan};
use seen::Seen;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

pub use seen::now;

/// A client that was held up sends what it is behind with, but not more than this.
const BEHIND: Duration = Duration::from_secs(1);
/// How long the requests that are under way may take at the end; longer than a client waits for any of them.
const LAST: Duration = Duration::from_secs(40);

/// A load that was begun. Dropping it ends it.
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
    over: watch::Sender<bool>,
    runtime: Handle,
}

struct Shared {
    plan: Plan,
    token: Mutex<Option<String>>,
    seen: Mutex<Seen>,
}

impl Load {
    pub fn begin(plan: Plan, runtime: Handle) -> Result<Self> {
        let asks = !plan.requests.is_empty() && plan.requests.iter().all(Asked::has_path);
        ensure!(asks, "a load needs requests, and each of them a path");
        let goes = !plan.places.is_empty() && plan.rate > 0.0;
        ensure!(goes, "a load needs places and a rate");
        ensure!((1..=250).contains(&plan.clients), "1 to 250 clients");
        let tls = plan
            .certificate
            .as_deref()
            .map(connection::tls)
            .transpose()?;
        let (over, ended) = watch::channel(false);
        let mut load = Self {
            shared: Arc::new(Shared {
                token: Mutex::new(plan.token.clone()),
                seen: Mutex::default(),
                plan,
            }),
            clients: JoinSet::new(),
            over,
            runtime,
        };
        for (number, last) in (0..load.shared.plan.clients).zip(2..=u8::MAX) {
            let places = &load.shared.plan.places;
            let address = places[number % places.len()].into();
            let place = Place {
                address,
                source: (address.ip().is_loopback() && address.is_ipv4())
                    .then(|| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))),
                tls: tls.clone(),
            };
            let client = load.shared.clone().client(number, place, ended.clone());
            load.clients.spawn_on(client, &load.runtime);
        }
        Ok(load)
    }

    /// What was seen since it was last asked.
    pub fn collect(&mut self) -> Result<Value> {
        self.shared.seen().collect()
    }

    /// Has requests carry another token.
    pub fn renew(&mut self, token: String) {
        *self.shared.token() = Some(token);
    }

    /// Ends it, after the requests that are under way.
    pub fn end(&mut self) -> Result<()> {
        self.over.send_replace(true);
        let clients = &mut self.clients;
        let all = async {
            while let Some(ended) = clients.join_next().await {
                ended?;
            }
            Ok(())
        };
        match self.runtime.block_on(async { timeout(LAST, all).await }) {
            Ok(ended) => ended,
            Err(_) => bail!("a request never ended"),
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self) -> MutexGuard<'_, Option<String>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One client, until the load is over.
    async fn client(self: Arc<Self>, number: usize, place: Place, mut over: watch::Receiver<bool>) {
        let gap = Duration::from_secs_f64(1.0 / self.plan.rate);
        // The clients begin one after another, so that the load is even.
        let mut due = Instant::now() + gap.mul_f64(number as f64 / self.plan.clients as f64);
        let (mut turn, mut connection) = (number, None);
        loop {
            tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => return,
                () = sleep_until(due) => {}
            }
            due = (due + gap).max(Instant::now() - BEHIND);
            let kinds = self.plan.requests.len();
            let asked = &self.plan.requests[turn % kinds];
            // Each kind of request asks all of its paths, whatever their number has in common with the number of kinds.
            if let Some(path) = asked.path(turn, turn / kinds, || self.seen().take()) {
                self.ask(asked, path, &place, &mut connection).await;
            }
            // Its next request is another one, also where there are as many clients as requests.
            turn += self.plan.clients + 1;
        }
    }

    async fn ask(
        &self,
        asked: &Asked,
        path: String,
        place: &Place,
        connection: &mut Option<Connection>,
    ) {
        let begun = now();
        let answer = match self.request(asked, &path, place) {
            Ok(request) => Connection::exchange(connection, place, request).await,
            Err(error) => Err(error.to_string()),
        };
        let ended = now();
        let mut seen = self.seen();
        let (status, kind) = match answer {
            Err(fault) => (0, fault),
            Ok(answer) => {
                let status = answer.head.status();
                if asked.method == "POST" && status == StatusCode::CREATED {
                    seen.acknowledge(&answer.body);
                }
                if !asked.fine(status.as_u16()) {
                    (status.as_u16(), status.as_str().to_owned())
                } else {
                    if let Some(hear) = &asked.hear {
                        seen.hear((begun, ended, path.clone(), word(hear, &answer)));
                    }
                    (status.as_u16(), "ok".to_owned())
                }
            }
        };
        let port = place.address.port();
        let method = asked.method.clone();
        seen.request((begun, ended - begun, port, method, path, status, kind));
    }

    fn request(
        &self,
        asked: &Asked,
        path: &str,
        place: &Place,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder().method(asked.method.as_str()).uri(path);
        request = request.header(HOST, place.address.to_string());
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        if asked.method != "GET"
            && let Some(token) = self.token().as_ref()
        {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        match &asked.body {
            None => request.body(Full::default()),
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(body.to_string())),
        }
    }
}

fn word(hear: &Hear, answer: &Answer) -> Option<String> {
    match hear {
        Hear::Body => Some(String::from_utf8_lossy(&answer.body).into_owned()),
        Hear::Header(name) => {
            let value = answer.head.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
    }
}
