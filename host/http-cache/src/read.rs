//! One read at the edge: finds what is stored, judges whether it may be served, else has it fetched.

use super::Origin;
use super::Outcome;
use super::Served;
use super::answer::key;
use super::answer::say;
use super::answer::serve;
use super::answer::unsatisfied;
use super::answer::variant;
use super::directives::Directives;
use super::fetch::fetch;
use super::fetch::renew;
use super::rules;
use super::stored::Answer;
use super::stored::Record;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, header};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_cache::Cache;
use trm_cache::Lookup;

/// A read with what is known of it.
pub(super) struct Request<'a, O> {
    /// The tiers, with the share of its route.
    pub(super) cache: Cache,
    /// Its head.
    pub(super) head: &'a Parts,
    /// What it demands.
    pub(super) asked: Directives,
    /// The key of its address.
    pub(super) primary: String,
    /// When it must be answered.
    pub(super) deadline: Instant,
    /// Who answers where the cache does not.
    pub(super) origin: O,
}

impl<O: Origin> Request<'_, O> {
    /// A request whose answer is for its own client, or only a part: it waits for nobody, and nobody for it.
    fn is_alone(&self) -> bool {
        let says = |name| self.head.headers.contains_key(name);
        let part = says(header::RANGE) && self.head.method == Method::GET;
        says(header::AUTHORIZATION) || part || self.asked.no_store
    }

    /// Whether it asks for a better answer than may be served stale.
    fn demands(&self) -> bool {
        self.asked.no_cache || self.asked.max_age.is_some() || self.asked.min_fresh.is_some()
    }
}

/// The answer of a read whose record stands fresh in this host's memory; counts nothing else.
pub(super) fn at_once(cache: &Cache, head: &Parts, asked: &Directives) -> Option<Response<Bytes>> {
    let primary = key(head);
    let answer = match Record::read(cache.fresh(&primary)?)? {
        Record::Answer(answer) => answer,
        Record::Vary(names) => {
            let at = variant(&primary, &names, &head.headers);
            match Record::read(cache.fresh(&at)?)? {
                Record::Answer(answer) => answer,
                Record::Vary(_) | Record::Pass => return None,
            }
        }
        Record::Pass => return None,
    };
    let age = answer.age();
    rules::fresh(&answer.lifetime, age, asked).then(|| hit(cache, head, answer, age, "hit"))
}

/// Answers a read.
pub(super) async fn read<O: Origin>(request: Request<'_, O>) -> Outcome<O> {
    let Request { head, deadline, .. } = request;
    let mut at = request.primary.clone();
    // The address itself, then the variant of it.
    for _ in 0..2 {
        if request.is_alone() {
            let kept = request.cache.get(&at, deadline).await.ok().flatten();
            match kept.and_then(Record::read) {
                Some(Record::Vary(names)) => {
                    at = variant(&request.primary, &names, &head.headers);
                }
                Some(Record::Answer(answer)) => {
                    let age = answer.age();
                    if rules::fresh(&answer.lifetime, age, &request.asked) {
                        let kept = hit(&request.cache, head, answer, age, "hit");
                        return Ok(Served::Kept(kept));
                    }
                    break;
                }
                Some(Record::Pass) | None => break,
            }
            continue;
        }
        let record = match request.cache.get_or_fill(&at, deadline).await {
            Ok(Lookup::Fill(fill)) if request.asked.only_if_cached => {
                drop(fill);
                return Ok(Served::Kept(unsatisfied()));
            }
            Ok(Lookup::Fill(fill)) => return fetch(request, &at, fill, None).await,
            Ok(Lookup::Hit(bytes)) => Record::read(bytes),
            Err(error) => {
                tracing::debug!("an answer is asked past the edge: {error}");
                None
            }
        };
        match record {
            Some(Record::Vary(names)) => {
                at = variant(&request.primary, &names, &head.headers);
            }
            Some(Record::Answer(answer)) => return judge(request, &at, answer).await,
            Some(Record::Pass) | None => break,
        }
    }
    if request.asked.only_if_cached {
        return Ok(Served::Kept(unsatisfied()));
    }
    let mut response = request.origin.run(None, request.deadline).await?;
    say(response.headers_mut(), "trm; fwd=bypass");
    Ok(Served::Passed(response))
}

/// Serves what is stored, of this age.
pub(super) fn hit(
    cache: &Cache,
    head: &Parts,
    answer: Answer,
    age: Duration,
    how: &str,
) -> Response<Bytes> {
    let stats = cache.stats();
    stats.edge_hits.fetch_add(1, Relaxed);
    if age >= answer.lifetime.fresh {
        stats.edge_stale.fetch_add(1, Relaxed);
    }
    serve(head, answer, age, how)
}

/// A stored answer: fresh, or stale and renewed behind the client's back or before its eyes.
async fn judge<O: Origin>(request: Request<'_, O>, at: &str, answer: Answer) -> Outcome<O> {
    let (age, lifetime, head) = (answer.age(), answer.lifetime, request.head);
    if rules::fresh(&lifetime, age, &request.asked) {
        let kept = hit(&request.cache, head, answer, age, "hit");
        return Ok(Served::Kept(kept));
    }
    if !request.demands() && age < lifetime.fresh + lifetime.while_revalidate {
        let served = hit(
            &request.cache,
            head,
            answer.clone(),
            age,
            "hit; detail=stale-while-revalidate",
        );
        renew(request, at, answer).await;
        return Ok(Served::Kept(served));
    }
    if request.asked.only_if_cached {
        return Ok(Served::Kept(unsatisfied()));
    }
    match request.cache.renew(at, request.deadline).await {
        Ok(Lookup::Fill(fill)) => fetch(request, at, fill, Some(answer)).await,
        Ok(Lookup::Hit(bytes)) => match Record::read(bytes) {
            Some(Record::Answer(answer)) => {
                let (age, how) = (answer.age(), "fwd=stale; collapsed");
                Ok(Served::Kept(hit(&request.cache, head, answer, age, how)))
            }
            _ => Ok(Served::Passed(
                request.origin.run(None, request.deadline).await?,
            )),
        },
        Err(error) => {
            tracing::debug!("an answer is asked past the edge: {error}");
            Ok(Served::Passed(
                request.origin.run(None, request.deadline).await?,
            ))
        }
    }
}
