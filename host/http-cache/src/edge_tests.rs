//! The edge cache before an origin that counts its calls; no function and no Redis takes part.

use super::*;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::Full;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use trm_cache::CacheSettings;

#[path = "confirm_tests.rs"]
mod confirm;

/// Answers with what the test put there last, as a function would.
#[derive(Clone, Default)]
struct Script(Arc<Played>);

#[derive(Default)]
struct Played {
    calls: AtomicUsize,
    slow: AtomicUsize,
    status: AtomicUsize,
    headers: Mutex<Vec<(&'static str, String)>>,
    /// What it was asked with last.
    asked: Mutex<HeaderMap>,
}

impl Script {
    fn with(headers: &[(&'static str, &str)]) -> Self {
        let script = Self::default();
        script.say(200, headers);
        script
    }

    fn say(&self, status: usize, headers: &[(&'static str, &str)]) {
        self.0.status.store(status, Relaxed);
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        *self.0.headers.lock().unwrap() = headers.collect();
    }

    fn calls(&self) -> usize {
        self.0.calls.load(Relaxed)
    }
}

impl Origin for Script {
    type Body = Full<Bytes>;
    type Error = Infallible;

    fn rejoin(_: Bytes, rest: Self::Body) -> Self::Body {
        rest
    }

    async fn run(
        &self,
        asked: Option<HeaderMap>,
        _: Instant,
    ) -> Result<Response<Self::Body>, Infallible> {
        let call = self.0.calls.fetch_add(1, Relaxed) + 1;
        *self.0.asked.lock().unwrap() = asked.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(self.0.slow.load(Relaxed) as u64)).await;
        let mut response = Response::builder().status(self.0.status.load(Relaxed) as u16);
        for (name, value) in self.0.headers.lock().unwrap().iter() {
            response = response.header(*name, value);
        }
        Ok(response
            .body(Full::new(format!("call {call}").into()))
            .unwrap())
    }

    fn broken(&self) -> Infallible {
        panic!("a body in memory does not break")
    }
}

fn edge() -> Edge {
    Edge::new(Cache::new(CacheSettings::default()).unwrap())
}

/// Status, headers and body of one request.
async fn ask(
    edge: &Edge,
    script: &Script,
    method: &str,
    headers: &[(&str, &str)],
) -> (u16, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri("/api/jobs?page=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let deadline = Instant::now() + Duration::from_secs(5);
    let route: Arc<str> = "/api/jobs".into();
    // As the host asks: first what needs no wait.
    let served = match edge.meet(&route, &head) {
        Met::Fresh(response) => Served::Kept(response),
        Met::Nothing | Met::More => {
            let answered = edge.answer(&route, &head, deadline, script.clone());
            answered.await.unwrap()
        }
    };
    let (parts, body) = match served {
        Served::Kept(response) => response.into_parts(),
        Served::Passed(response) => {
            let (parts, body) = response.into_parts();
            (parts, body.collect().await.unwrap().to_bytes())
        }
    };
    (
        parts.status.as_u16(),
        parts.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn get(edge: &Edge, script: &Script) -> String {
    ask(edge, script, "GET", &[]).await.2
}

#[tokio::test]
async fn a_public_answer_is_served_again_with_age_and_a_validator() {
    let (edge, script) = (
        edge(),
        Script::with(&[("cache-control", "public, s-maxage=60")]),
    );
    assert_eq!(get(&edge, &script).await, "call 1");
    assert_eq!(
        get(&edge, &script).await,
        "call 2",
        "a route is learned by its first answer"
    );
    let (status, headers, body) = ask(&edge, &script, "GET", &[]).await;
    assert_eq!((status, body.as_str(), script.calls()), (200, "call 2", 2));
    assert_eq!(headers["age"], "0");
    assert!(
        headers["cache-status"]
            .to_str()
            .unwrap()
            .starts_with("trm; hit; ttl=")
    );
    let etag = headers["etag"].to_str().unwrap();
    let (status, headers, body) = ask(&edge, &script, "GET", &[("if-none-match", etag)]).await;
    assert_eq!((status, body.as_str()), (304, ""));
    assert!(headers.contains_key("etag") && headers.contains_key("cache-control"));
    let (status, _, body) = ask(&edge, &script, "HEAD", &[]).await;
    assert_eq!((status, body.as_str(), script.calls()), (200, "", 2));
}

#[tokio::test]
async fn what_does_not_say_that_it_may_be_stored_is_not() {
    for control in [
        "",
        "no-store",
        "private, max-age=60",
        "no-cache",
        "max-age=0",
    ] {
        let (edge, script) = (edge(), Script::with(&[("cache-control", control)]));
        for call in 1..4 {
            assert_eq!(
                get(&edge, &script).await,
                format!("call {call}"),
                "{control}"
            );
        }
    }
    // On a route that stores others of its answers as well.
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    script.say(200, &[("cache-control", "private")]);
    for call in 2..5 {
        assert_eq!(get(&edge, &script).await, format!("call {call}"));
    }
}

#[tokio::test]
async fn only_who_refuses_stored_answers_passes_a_route_that_is_looked_up() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    let passes = |control: &str| {
        let request = Request::builder().header("cache-control", control);
        let (head, ()) = request.body(()).unwrap().into_parts();
        matches!(edge.meet(&"/api/jobs".into(), &head), Met::Nothing)
    };
    assert!(passes(""), "nothing was stored yet");
    get(&edge, &script).await;
    assert!(passes("no-cache, no-store"));
    for looks in [
        "",
        "no-cache",
        "no-store",
        "no-cache, no-store, only-if-cached",
    ] {
        assert!(!passes(looks), "{looks}");
    }
}

#[tokio::test]
async fn a_thousand_requests_for_a_missing_answer_make_one_call() {
    let edge = Arc::new(edge());
    let script = Script::with(&[("cache-control", "max-age=60")]);
    get(&edge, &script).await;
    script.0.slow.store(50, Relaxed);
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let (edge, script) = (edge.clone(), script.clone());
            tokio::spawn(async move { get(&edge, &script).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "call 2");
    }
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn variants_are_kept_apart() {
    let headers = [("cache-control", "max-age=60"), ("vary", "Accept-Language")];
    let (edge, script) = (edge(), Script::with(&headers));
    get(&edge, &script).await;
    let of = async |language: &str| {
        ask(&edge, &script, "GET", &[("accept-language", language)])
            .await
            .2
    };
    assert_eq!(
        (of("de").await, of("en").await),
        ("call 2".into(), "call 3".into())
    );
    assert_eq!(
        (of("de").await, of("en").await),
        ("call 2".into(), "call 3".into())
    );
}

#[tokio::test]
async fn a_stale_answer_serves_while_it_is_renewed_or_where_the_function_fails() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    let aged =
        |control: &'static str| script.say(200, &[("cache-control", control), ("age", "100")]);
    aged("max-age=60, stale-while-revalidate=600");
    assert_eq!(get(&edge, &script).await, "call 2");
    let (_, headers, body) = ask(&edge, &script, "GET", &[]).await;
    assert_eq!(body, "call 2");
    assert!(
        headers["cache-status"]
            .to_str()
            .unwrap()
            .contains("stale-while-revalidate")
    );
    let end = Instant::now() + Duration::from_secs(5);
    while script.calls() < 3 {
        assert!(Instant::now() < end, "nobody renews it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (edge, script) = (
        self::edge(),
        Script::with(&[("cache-control", "max-age=60")]),
    );
    get(&edge, &script).await;
    script.say(
        200,
        &[
            ("cache-control", "max-age=60, stale-if-error=600"),
            ("age", "100"),
        ],
    );
    assert_eq!(get(&edge, &script).await, "call 2");
    script.say(503, &[]);
    let (status, headers, body) = ask(&edge, &script, "GET", &[]).await;
    assert_eq!((status, body.as_str()), (200, "call 2"));
    assert!(
        headers["cache-status"]
            .to_str()
            .unwrap()
            .contains("stale-if-error")
    );
}

#[tokio::test]
async fn invalidation_reaches_it_by_tag_and_by_a_write_to_the_same_address() {
    let headers = [
        ("cache-control", "max-age=60"),
        ("surrogate-key", "job:1 jobs"),
    ];
    let (edge, script) = (edge(), Script::with(&headers));
    get(&edge, &script).await;
    assert_eq!(
        (get(&edge, &script).await, get(&edge, &script).await),
        ("call 2".into(), "call 2".into())
    );
    let soon = Instant::now() + Duration::from_secs(5);
    edge.cache.invalidate_tag("job:1", soon).await.unwrap();
    assert_eq!(get(&edge, &script).await, "call 3");
    script.say(404, &headers);
    ask(&edge, &script, "PATCH", &[]).await;
    assert_eq!(
        get(&edge, &script).await,
        "call 3",
        "a write that failed changes nothing"
    );
    script.say(204, &headers);
    ask(&edge, &script, "PATCH", &[]).await;
    script.say(200, &headers);
    assert_eq!(get(&edge, &script).await, "call 6");
    edge.cache.invalidate_pattern("api:*", soon).await.unwrap();
    assert_eq!(get(&edge, &script).await, "call 7");
}

#[tokio::test]
async fn requests_decide_for_themselves() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    let said =
        async |control: &str| ask(&edge, &script, "GET", &[("cache-control", control)]).await;
    assert_eq!(said("only-if-cached").await.0, 504);
    assert_eq!(get(&edge, &script).await, "call 2");
    assert_eq!(said("only-if-cached").await.2, "call 2");
    assert_eq!(said("no-cache").await.2, "call 3");
    assert_eq!(
        get(&edge, &script).await,
        "call 3",
        "what was demanded is stored"
    );
    let who = [("authorization", "Bearer x")];
    script.say(200, &[("cache-control", "private")]);
    let own = "/".to_owned() + &ask(&edge, &script, "GET", &who).await.2;
    assert_eq!(own, "/call 3", "a stored answer is for everyone");
}
