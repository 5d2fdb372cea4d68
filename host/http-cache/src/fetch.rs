//! Asks the function for an answer, whole or whether a stored one holds, and stores what may be stored.

use super::Origin;
use super::Outcome;
use super::Served;
use super::answer::keep;
use super::answer::say;
use super::answer::serve;
use super::answer::tags;
use super::answer::variant;
use super::read::Request;
use super::read::hit;
use super::revalidate;
use super::rules;
use super::rules::Lifetime;
use super::stored::Answer;
use super::stored::Record;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_cache::EntryOptions;
use trm_cache::Fill;

/// The largest body that is stored.
const MAX_BODY: usize = 512 << 10;
/// How long it is remembered that the answers to a request are not stored.
const PASS: Duration = Duration::from_secs(5);
/// How long a renewal behind a client's back may take.
const RENEW: Duration = Duration::from_secs(10);
/// No entry of the tiers lives longer.
const MAX_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Renews an answer behind the client's back, unless somebody does already.
pub(super) async fn renew<O: Origin>(request: Request<'_, O>, at: &str, stale: Answer) {
    let Some(fill) = request.cache.renew_alone(at, request.deadline).await else {
        return;
    };
    let (head, at) = (request.head.clone(), at.to_owned());
    let (cache, asked) = (request.cache, request.asked);
    let (primary, origin) = (request.primary, request.origin);
    tokio::spawn(async move {
        let request = Request {
            cache,
            head: &head,
            asked,
            primary,
            deadline: Instant::now() + RENEW,
            origin,
        };
        let renewed = fetch(request, &at, fill, Some(stale));
        if tokio::time::timeout(RENEW, renewed).await.is_err() {
            tracing::warn!("an answer was not renewed within {RENEW:?}");
        }
    });
}

/// Asks the function, and stores what may be stored. Where it fails, a stale answer may serve; where it
/// only confirms, the stored one is fresh again.
pub(super) async fn fetch<O: Origin>(
    request: Request<'_, O>,
    at: &str,
    fill: Fill,
    stale: Option<Answer>,
) -> Outcome<O> {
    let head = request.head;
    // HEAD has no body to store: whoever asks next with GET has the turn.
    let reads = head.method == Method::GET;
    let fill = reads.then_some(fill);
    let confirmable = stale.as_ref().filter(|_| reads);
    let conditional = confirmable.is_some_and(revalidate::is_confirmable);
    request.cache.stats().edge_misses.fetch_add(1, Relaxed);
    let headers = revalidate::ask(&head.headers, confirmable);
    let ran = request.origin.run(Some(headers), request.deadline).await;
    let failed = match &ran {
        Ok(response) => response.status().is_server_error(),
        Err(_) => true,
    };
    let stale = match stale {
        Some(stale) if failed => {
            let (age, lifetime) = (stale.age(), stale.lifetime);
            if age < lifetime.fresh + lifetime.if_error {
                let how = "hit; detail=stale-if-error";
                return Ok(Served::Kept(hit(&request.cache, head, stale, age, how)));
            }
            Some(stale)
        }
        stale => stale,
    };
    let mut response = ran?;
    let Some(fill) = fill else {
        say(response.headers_mut(), "trm; fwd=miss");
        return Ok(Served::Passed(response));
    };
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(match stale.filter(|_| conditional) {
            Some(stale) => confirm(request, at, fill, stale, response.headers()).await,
            // It answers the client's own condition: the next one asks anew.
            None => Served::Passed(response),
        });
    }
    let may = rules::store(
        &head.method,
        &head.headers,
        response.status(),
        response.headers(),
    );
    let lifetime = match may {
        Ok(lifetime) if !is_too_long(&response) => lifetime,
        _ => {
            pass(fill, request.deadline).await;
            say(response.headers_mut(), "trm; fwd=miss");
            return Ok(Served::Passed(response));
        }
    };
    let (parts, body) = response.into_parts();
    let body = match read(body).await {
        Some(Read::Whole(body)) => body,
        Some(Read::Over(read, rest)) => {
            pass(fill, request.deadline).await;
            let body = O::rejoin(read, rest);
            let mut response = Response::from_parts(parts, body);
            say(response.headers_mut(), "trm; fwd=miss");
            return Ok(Served::Passed(response));
        }
        None => return Err(request.origin.broken()),
    };
    let answer = keep(&parts.headers, parts.status, body, lifetime);
    store(&request, at, fill, &answer).await;
    let age = answer.age();
    Ok(Served::Kept(serve(head, answer, age, "fwd=miss; stored")))
}

/// A 304 to the host's own question: the stored answer, with what the function said anew.
async fn confirm<O: Origin>(
    request: Request<'_, O>,
    at: &str,
    fill: Fill,
    stale: Answer,
    said: &HeaderMap,
) -> Served<O::Body> {
    request.cache.stats().edge_confirmed.fetch_add(1, Relaxed);
    let head = request.head;
    let mut answer = revalidate::confirmed(stale, said);
    let may = rules::store(&head.method, &head.headers, answer.status, &answer.headers);
    match may {
        Ok(lifetime) => {
            answer.lifetime = lifetime;
            store(&request, at, fill, &answer).await;
        }
        Err(_) => {
            answer.lifetime = Lifetime::default();
            pass(fill, request.deadline).await;
        }
    }
    let age = answer.age();
    Served::Kept(serve(head, answer, age, "fwd=stale; fwd-status=304"))
}

/// Stores an answer, under the variant's key where there are variants.
async fn store<O: Origin>(request: &Request<'_, O>, at: &str, fill: Fill, answer: &Answer) {
    let (primary, deadline) = (&request.primary, request.deadline);
    let left = answer.lifetime.kept().saturating_sub(answer.age());
    let options = EntryOptions {
        ttl: Some(left.clamp(Duration::from_millis(1), MAX_TTL)),
        tags: tags(primary, &answer.headers),
        ..EntryOptions::default()
    };
    let names = rules::vary(&answer.headers).unwrap_or_default();
    let record = Record::Answer(answer.clone());
    let beside = variant(primary, &names, &request.head.headers);
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
}

/// Remembers for a moment that nobody need wait for another's answer.
async fn pass(fill: Fill, deadline: Instant) {
    let options = EntryOptions {
        ttl: Some(PASS),
        local: true,
        ..EntryOptions::default()
    };
    complete(fill, Record::Pass, options, deadline).await;
}

async fn complete(fill: Fill, record: Record, options: EntryOptions, deadline: Instant) {
    if let Err(error) = fill.complete(record.write(), options, deadline).await {
        tracing::debug!("an answer is not stored: {error}");
    }
}

/// A body as far as it was read.
enum Read<B> {
    Whole(Bytes),
    /// More than is stored, and what is left of it.
    Over(Bytes, B),
}

/// None where it breaks off.
async fn read<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Option<Read<B>> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            // Most bodies are one frame, which need not be copied.
            if read.is_empty() && body.is_end_stream() && data.len() <= MAX_BODY {
                return Some(Read::Whole(data));
            }
            read.extend_from_slice(&data);
        }
        if read.len() > MAX_BODY {
            return Some(Read::Over(read.freeze(), body));
        }
    }
    Some(Read::Whole(read.freeze()))
}

fn is_too_long<B: Body>(response: &Response<B>) -> bool {
    let said = response.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    said.unwrap_or(response.body().size_hint().lower()) > MAX_BODY as u64
}
