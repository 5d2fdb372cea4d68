//! Latency against load: one host as `trm serve` opens it, asked in this process at fixed rates; there is no socket in it, and no generator beside it.

use super::line;
use super::line::Line;
use super::line::Outcome;
use super::phases::told;
use anyhow::ensure;
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trm_cores::Cores;
use trm_policy::manifest::Function;
use trm_server::config::Config;
use trm_server::endpoints::Endpoint;
use trm_server::host::Host;
use trm_server::service::Service;

/// Requests under way at one time, over all cores.
const ASKERS: usize = 32;
/// The rates, in hundredths of what the askers reach where each asks anew at once.
const SHARES: [u32; 5] = [10, 25, 50, 75, 90];
/// How long each rate is held, and how long late requests may wait in line after that.
const SPAN: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(2);
/// How long is asked before anything counts.
const WARM: Duration = Duration::from_millis(500);
/// By then every core has begun.
const AHEAD: Duration = Duration::from_millis(5);

/// Those who ask, spread over the cores as connections are.
struct Crew {
    cores: Cores,
    /// How many of the cores have askers.
    places: usize,
    client: Client,
}

/// Past the edge cache: what it keeps is answered without the function, faster than anyone can ask.
const PAST_EDGE: HeaderValue = HeaderValue::from_static("no-cache, no-store");

/// Who asks for one thing, signed in as nobody.
#[derive(Clone)]
struct Client {
    service: Arc<Service>,
    uri: Uri,
    address: Arc<str>,
}

/// The most that is reached, then percentiles at shares of it.
pub async fn measure(config: &Config, functions: &[Function]) -> anyhow::Result<Value> {
    let host = Host::open(config, functions).await?;
    host.load_all().await?;
    let client = first(&host.service, functions).await?;
    let route = client.uri.path().to_owned();
    let crew = Crew {
        cores: Cores::start()?,
        places: trm_cores::available()?.get().min(ASKERS),
        client,
    };
    crew.most(WARM).await?;
    eprintln!("asking for {route} by {ASKERS} at one time …");
    let most = crew.most(SPAN).await?;
    ensure!(most > 0.0, "{route} is answered with a success no more");
    let mut rates = Vec::new();
    for share in SHARES {
        let rate = most * f64::from(share) / 100.0;
        eprintln!("asking for {route} at {rate:.0}/s, {share} % of that …");
        let outcome = crew.at(rate).await?;
        rates.push(json!({
            "share": share,
            "rate": tenths(rate),
            "latency": told(&outcome.took),
            "failed": outcome.failed,
            "given_up": outcome.given_up,
        }));
    }
    Ok(json!({
        "route": route,
        "askers": ASKERS,
        "seconds": SPAN.as_secs(),
        "most": tenths(most),
        "rates": rates,
    }))
}

fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

/// A client of the first route without parameters that answers it with a success; where none does, of the host's own health.
async fn first(service: &Arc<Service>, functions: &[Function]) -> anyhow::Result<Client> {
    let mut client = Client {
        service: service.clone(),
        uri: Uri::from_static(Endpoint::Health.path()),
        address: "127.0.0.1:0".into(),
    };
    let routes = functions.iter().flat_map(|function| &function.routes);
    for route in routes.filter(|route| plain(route)) {
        // A route that is no URI as it is written can be asked for, but not by its own name.
        let Ok(uri) = route.parse::<Uri>() else {
            continue;
        };
        let asking = Client {
            uri,
            ..client.clone()
        };
        if asking.clone().ask().await {
            client = asking;
            break;
        }
    }
    let path = client.uri.path();
    ensure!(client.clone().ask().await, "{path} does not answer");
    Ok(client)
}

/// Whether a route is a path as it stands.
fn plain(route: &str) -> bool {
    !route.contains("/:") && !route.ends_with("/...")
}

impl Client {
    /// Whether the whole answer came, and is a success.
    async fn ask(self) -> bool {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = self.uri;
        let host = HeaderValue::from_static("localhost");
        request.headers_mut().insert(header::HOST, host);
        request
            .headers_mut()
            .insert(header::CACHE_CONTROL, PAST_EDGE);
        let answer = self.service.answer(request, self.address).await;
        let success = answer.status().is_success();
        let body = answer.into_body().collect().await;
        success && body.is_ok()
    }
}

impl Crew {
    /// Successes a second where each asker asks anew as soon as it is answered.
    async fn most(&self, span: Duration) -> anyhow::Result<f64> {
        let end = Instant::now() + span;
        let done = self.everywhere(|_, askers| {
            let client = self.client.clone();
            line::closed(end, askers, move || client.clone().ask())
        });
        let done: u64 = done.await?.into_iter().sum();
        Ok(done as f64 / span.as_secs_f64())
    }

    /// What comes of so many requests a second. Each core has a line of its own, whose turns are between those
    /// of the others.
    async fn at(&self, rate: f64) -> anyhow::Result<Outcome> {
        let begin = Instant::now() + AHEAD;
        let all = (rate * SPAN.as_secs_f64()).ceil().max(1.0) as u64;
        let outcomes = self.everywhere(|place, askers| {
            let line = Line {
                due: begin + Duration::from_secs_f64(place as f64 / rate),
                every: Duration::from_secs_f64(self.places as f64 / rate),
                left: share(all, place as u64, self.places as u64),
                end: begin + SPAN + PATIENCE,
            };
            let client = self.client.clone();
            line::open(line, askers, move || client.clone().ask())
        });
        let mut sum = Outcome::default();
        for outcome in outcomes.await? {
            sum.join(outcome);
        }
        Ok(sum)
    }

    /// Does this on each core, told which one of them it is and how many askers it has.
    async fn everywhere<T, F>(&self, work: impl Fn(usize, usize) -> F) -> anyhow::Result<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        // No core has another task, so that each gets one of these.
        let working: Vec<_> = (0..self.places)
            .map(|place| {
                let askers = share(ASKERS as u64, place as u64, self.places as u64);
                self.cores.spawn(work(place, askers as usize))
            })
            .collect();
        let mut done = Vec::new();
        for one in working {
            done.push(one.await??);
        }
        Ok(done)
    }
}

/// How many of all have the turn of this place, where the places take turns.
fn share(all: u64, place: u64, places: u64) -> u64 {
    all / places + u64::from(place < all % places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_route_without_parameters_is_asked_for_by_its_name() {
        assert!(plain("/api/jobs") && plain("/a:b") && plain("/"));
        assert!(!plain("/api/jobs/:id") && !plain("/:a/b") && !plain("/files/..."));
    }

    #[test]
    fn the_shares_of_the_places_are_all_of_it() {
        for (all, places) in [(32, 2), (32, 3), (1, 4), (7, 1), (100_001, 32)] {
            let shares: Vec<u64> = (0..places).map(|place| share(all, place, places)).collect();
            assert_eq!(shares.iter().sum::<u64>(), all, "{shares:?}");
            let (least, most) = (all / places, all.div_ceil(places));
            assert!(shares.iter().all(|one| (least..=most).contains(one)));
        }
    }
}
