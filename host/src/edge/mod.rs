//! The edge cache: whole answers under `api:{endpoint}` in the tiers, by the rules of `rules`; runs no guest itself.

mod answer;
pub mod rules;
pub mod stored;

use self::answer::keep;
use self::answer::key;
use self::answer::say;
use self::answer::serve;
use self::answer::tag;
use self::answer::tags;
use self::answer::unsatisfied;
use self::answer::variant;
use self::rules::Directives;
use self::stored::Answer;
use self::stored::Record;
use crate::storage::Cache;
use crate::storage::EntryOptions;
use crate::storage::Fill;
use crate::storage::Lookup;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The largest body that is stored.
const MAX_BODY: usize = 512 << 10;
/// How long it is remembered that the answers to a request are not stored.
const PASS: Duration = Duration::from_secs(5);
/// How long a renewal behind a client's back may take.
const RENEW: Duration = Duration::from_secs(10);
/// No entry of the tiers lives longer.
const MAX_TTL: Duration = Duration::from_secs(24 * 3_600);

/// What answers where the cache does not: one request to one function, which can be repeated.
pub trait Origin: Clone + Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static;
    /// Why it has none.
    type Error: Send + 'static;
    /// Answers.
    fn run(&self) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
    /// The failure of an answer whose body did not arrive whole.
    fn broken(&self) -> Self::Error;
}

/// An answer: one that is kept, or the function's own.
#[derive(Debug)]
pub enum Served<B> {
    /// From a tier, or just stored.
    Kept(Response<Bytes>),
    /// As the function gave it.
    Passed(Response<B>),
}

/// Why a body broke off.
type Fault = Box<dyn std::error::Error + Send + Sync>;
type Outcome<O> = Result<Served<<O as Origin>::Body>, <O as Origin>::Error>;

/// The edge cache of a host.
pub struct Edge {
    cache: Cache,
    /// Routes that gave an answer which may be stored. Nobody waits for another on any other route.
    routes: RwLock<HashSet<Arc<str>>>,
}

impl Edge {
    /// In the tiers of `cache`.
    pub fn new(cache: Cache) -> Self {
        Self {
            cache,
            routes: RwLock::default(),
        }
    }

    /// Answers a request of a route from the tiers, or through `origin`.
    pub async fn answer<O: Origin>(
        &self,
        route: &Arc<str>,
        head: &Parts,
        deadline: Instant,
        origin: O,
    ) -> Outcome<O> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return self.written(head, deadline, origin).await;
        }
        if self.passes(route, head) {
            let response = origin.run().await?;
            self.learn(route, &head.method, response.status(), response.headers());
            return Ok(Served::Passed(response));
        }
        self.read(head, deadline, origin).await
    }

    /// Whether a read goes to the function without a look: its route has given no answer yet that may
    /// be stored, or only a part of an answer is asked for.
    pub fn passes(&self, route: &Arc<str>, head: &Parts) -> bool {
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        reads && (!self.stores(route) || head.headers.contains_key(header::RANGE))
    }

    fn stores(&self, route: &Arc<str>) -> bool {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.contains(route)
    }

    /// An answer that may be stored makes its route one that is looked up from now on.
    pub fn learn(&self, route: &Arc<str>, method: &Method, status: StatusCode, said: &HeaderMap) {
        let storable =
            said.contains_key(header::CACHE_CONTROL) || said.contains_key(header::EXPIRES);
        if storable
            && rules::store(method, &HeaderMap::new(), status, said).is_ok()
            && !self.stores(route)
        {
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            routes.insert(route.clone());
        }
    }

    /// A write that did not fail invalidates what is stored of its address: RFC 9111 section 4.4.
    async fn written<O: Origin>(&self, head: &Parts, deadline: Instant, origin: O) -> Outcome<O> {
        let response = origin.run().await?;
        let status = response.status();
        let safe = matches!(head.method, Method::OPTIONS | Method::TRACE);
        if !safe && (status.is_success() || status.is_redirection()) {
            let address = tag(&key(head));
            if let Err(error) = self.cache.invalidate_tag(&address, deadline).await {
                tracing::error!("an address cannot be invalidated: {error}");
            }
        }
        Ok(Served::Passed(response))
    }

    async fn read<O: Origin>(&self, head: &Parts, deadline: Instant, origin: O) -> Outcome<O> {
        let asked = Directives::of(&head.headers);
        let primary = key(head);
        let mut at = primary.clone();
        // The address itself, then the variant of it.
        for _ in 0..2 {
            if is_alone(&head.headers, &asked) {
                match self
                    .cache
                    .get(&at, deadline)
                    .await
                    .ok()
                    .flatten()
                    .and_then(Record::read)
                {
                    Some(Record::Vary(names)) => at = variant(&primary, &names, &head.headers),
                    Some(Record::Answer(answer))
                        if rules::fresh(&answer.lifetime, answer.age(), &asked) =>
                    {
                        return Ok(self.hit(head, &answer, "hit"));
                    }
                    _ => break,
                }
                continue;
            }
            let record = match self.cache.get_or_fill(&at, deadline).await {
                Ok(Lookup::Fill(fill)) if asked.only_if_cached => {
                    drop(fill);
                    return Ok(Served::Kept(unsatisfied()));
                }
                Ok(Lookup::Fill(fill)) => {
                    return self
                        .fetch(head, &primary, &at, fill, None, deadline, origin)
                        .await;
                }
                Ok(Lookup::Hit(bytes)) => Record::read(bytes),
                Err(error) => {
                    tracing::debug!("an answer is asked past the edge: {error}");
                    None
                }
            };
            match record {
                Some(Record::Vary(names)) => at = variant(&primary, &names, &head.headers),
                Some(Record::Answer(answer)) => {
                    return self
                        .judge(head, &asked, (&primary, &at), answer, deadline, origin)
                        .await;
                }
                Some(Record::Pass) | None => break,
            }
        }
        if asked.only_if_cached {
            return Ok(Served::Kept(unsatisfied()));
        }
        let mut response = origin.run().await?;
        say(response.headers_mut(), "trm; fwd=bypass");
        Ok(Served::Passed(response))
    }

    fn hit<B>(&self, head: &Parts, answer: &Answer, how: &str) -> Served<B> {
        let stats = self.cache.stats();
        stats.edge_hits.fetch_add(1, Relaxed);
        if answer.age() >= answer.lifetime.fresh {
            stats.edge_stale.fetch_add(1, Relaxed);
        }
        Served::Kept(serve(head, answer, how))
    }

    /// A stored answer: fresh, or stale and renewed behind the client's back or before its eyes.
    async fn judge<O: Origin>(
        &self,
        head: &Parts,
        asked: &Directives,
        keys: (&str, &str),
        answer: Answer,
        deadline: Instant,
        origin: O,
    ) -> Outcome<O> {
        let age = answer.age();
        if rules::fresh(&answer.lifetime, age, asked) {
            return Ok(self.hit(head, &answer, "hit"));
        }
        let demanded = asked.no_cache || asked.max_age.is_some();
        let lifetime = answer.lifetime;
        if !demanded && age < lifetime.fresh + lifetime.while_revalidate {
            self.renew(head, keys, deadline, origin).await;
            return Ok(self.hit(head, &answer, "hit; detail=stale-while-revalidate"));
        }
        if asked.only_if_cached {
            return Ok(Served::Kept(unsatisfied()));
        }
        match self.cache.renew(keys.1, deadline).await {
            Ok(Lookup::Fill(fill)) => {
                self.fetch(head, keys.0, keys.1, fill, Some(answer), deadline, origin)
                    .await
            }
            Ok(Lookup::Hit(bytes)) => match Record::read(bytes) {
                Some(Record::Answer(answer)) => Ok(self.hit(head, &answer, "fwd=stale; collapsed")),
                _ => Ok(Served::Passed(origin.run().await?)),
            },
            Err(_) => Ok(Served::Passed(origin.run().await?)),
        }
    }

    /// Renews an answer behind the client's back, unless somebody does already.
    async fn renew<O: Origin>(
        &self,
        head: &Parts,
        keys: (&str, &str),
        deadline: Instant,
        origin: O,
    ) {
        let Some(fill) = self.cache.renew_alone(keys.1, deadline).await else {
            return;
        };
        let edge = Self::new(self.cache.clone());
        let (head, primary, at) = (head.clone(), keys.0.to_owned(), keys.1.to_owned());
        tokio::spawn(async move {
            let deadline = Instant::now() + RENEW;
            let renewed = edge.fetch(&head, &primary, &at, fill, None, deadline, origin);
            if tokio::time::timeout(RENEW, renewed).await.is_err() {
                tracing::warn!("an answer was not renewed within {RENEW:?}");
            }
        });
    }

    /// Asks the function, and stores what may be stored. Where it fails, a stale answer may serve.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing that a fetch needs"
    )]
    async fn fetch<O: Origin>(
        &self,
        head: &Parts,
        primary: &str,
        at: &str,
        fill: Fill,
        stale: Option<Answer>,
        deadline: Instant,
        origin: O,
    ) -> Outcome<O> {
        // HEAD has no body to store: whoever asks next with GET has the turn.
        let fill = (head.method == Method::GET).then_some(fill);
        let stale =
            stale.filter(|stale| stale.age() < stale.lifetime.fresh + stale.lifetime.if_error);
        self.cache.stats().edge_misses.fetch_add(1, Relaxed);
        let ran = origin.run().await;
        let failed = ran
            .as_ref()
            .map_or(true, |response| response.status().is_server_error());
        if let Some(answer) = stale.filter(|_| failed) {
            return Ok(self.hit(head, &answer, "hit; detail=stale-if-error"));
        }
        let mut response = ran?;
        let Some(fill) = fill else {
            say(response.headers_mut(), "trm; fwd=miss");
            return Ok(Served::Passed(response));
        };
        let lifetime = rules::store(
            &head.method,
            &head.headers,
            response.status(),
            response.headers(),
        );
        let lifetime = match lifetime {
            Ok(lifetime) if has_bounded_body(&response) => lifetime,
            _ => {
                say(response.headers_mut(), "trm; fwd=miss");
                let options = EntryOptions {
                    ttl: Some(PASS),
                    local: true,
                    ..EntryOptions::default()
                };
                complete(fill, Record::Pass, options, deadline).await;
                return Ok(Served::Passed(response));
            }
        };
        let (parts, body) = response.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return Err(origin.broken());
        };
        let answer = keep(&parts.headers, parts.status, body.to_bytes(), lifetime);
        let left = lifetime.kept().saturating_sub(answer.age());
        let options = EntryOptions {
            ttl: Some(left.clamp(Duration::from_millis(1), MAX_TTL)),
            tags: tags(primary, &answer.headers),
            ..EntryOptions::default()
        };
        let names = rules::vary(&answer.headers).unwrap_or_default();
        let record = Record::Answer(answer.clone());
        let beside = variant(primary, &names, &head.headers);
        if names.is_empty() || at == beside {
            complete(fill, record, options, deadline).await;
        } else {
            let kept = fill
                .keep_beside(&beside, record.write(), options.clone(), deadline)
                .await;
            if let Err(error) = kept {
                tracing::debug!("a variant is not stored: {error}");
            }
            complete(fill, Record::Vary(names), options, deadline).await;
        }
        Ok(Served::Kept(serve(head, &answer, "fwd=miss; stored")))
    }
}

async fn complete(fill: Fill, record: Record, options: EntryOptions, deadline: Instant) {
    if let Err(error) = fill.complete(record.write(), options, deadline).await {
        tracing::debug!("an answer is not stored: {error}");
    }
}

/// A request whose answer is for its own client: it waits for nobody, and nobody for it.
fn is_alone(request: &HeaderMap, asked: &Directives) -> bool {
    request.contains_key(header::AUTHORIZATION) || asked.no_store
}

fn has_bounded_body<B: Body>(response: &Response<B>) -> bool {
    let said = response.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    said.or(response.body().size_hint().upper())
        .is_some_and(|length| length <= MAX_BODY as u64)
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
