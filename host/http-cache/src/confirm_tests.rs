//! What the edge asks its origin anew, cuts into parts, and forgets after a write; no function takes part.

use super::*;

#[tokio::test]
async fn a_stale_answer_is_confirmed_by_its_own_validator() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    let old = [
        ("cache-control", "max-age=60"),
        ("age", "59"),
        ("etag", "\"one\""),
        ("x-first", "1"),
    ];
    script.say(200, &old);
    assert_eq!(get(&edge, &script).await, "call 2");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    script.say(304, &[("cache-control", "max-age=90"), ("etag", "\"one\"")]);
    let (status, headers, body) = ask(&edge, &script, "GET", &[("if-none-match", "\"x\"")]).await;
    assert_eq!((status, body.as_str(), script.calls()), (200, "call 2", 3));
    assert_eq!(script.0.asked.lock().unwrap()["if-none-match"], "\"one\"");
    for (name, value) in [("cache-control", "max-age=90"), ("x-first", "1")] {
        assert_eq!(headers[name], value);
    }
    let told = headers["cache-status"].to_str().unwrap();
    assert!(told.starts_with("trm; fwd=stale; fwd-status=304; ttl="));
    let (status, _, _) = ask(&edge, &script, "GET", &[("if-none-match", "\"one\"")]).await;
    assert_eq!((status, script.calls()), (304, 3), "it is fresh again");
    assert_eq!(edge.cache.stats().edge_confirmed.load(Relaxed), 1);
}

#[tokio::test]
async fn a_304_to_the_clients_own_condition_is_passed_on_and_stores_nothing() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    script.say(304, &[("etag", "\"one\"")]);
    let (status, _, _) = ask(&edge, &script, "GET", &[("if-none-match", "\"one\"")]).await;
    assert_eq!(status, 304);
    script.say(200, &[("cache-control", "max-age=60")]);
    assert_eq!(get(&edge, &script).await, "call 3");
    assert_eq!(
        get(&edge, &script).await,
        "call 3",
        "nobody was told to pass"
    );
}

#[tokio::test]
async fn parts_are_cut_from_a_stored_answer() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    let part = [("range", "bytes=0-3")];
    let (status, _, body) = ask(&edge, &script, "GET", &part).await;
    assert_eq!(
        (status, body.as_str()),
        (200, "call 2"),
        "nothing is stored yet"
    );
    assert_eq!(get(&edge, &script).await, "call 3");
    let (status, headers, body) = ask(&edge, &script, "GET", &part).await;
    assert_eq!((status, body.as_str()), (206, "call"));
    assert_eq!(headers["content-range"], "bytes 0-3/6");
    let (status, headers, body) = ask(&edge, &script, "GET", &[("range", "bytes=9-")]).await;
    assert_eq!((status, body.as_str()), (416, ""));
    assert_eq!(headers["content-range"], "bytes */6");
    assert_eq!(script.calls(), 3);
}

#[tokio::test]
async fn a_write_invalidates_what_its_answer_names() {
    let (edge, script) = (edge(), Script::with(&[("cache-control", "max-age=60")]));
    get(&edge, &script).await;
    assert_eq!(get(&edge, &script).await, "call 2");
    let request = Request::builder().method("POST").uri("/api/other");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let deadline = Instant::now() + Duration::from_secs(5);
    script.say(201, &[("location", "/api/jobs?page=1")]);
    let route: Arc<str> = "/api/other".into();
    edge.answer(&route, &head, deadline, script.clone())
        .await
        .unwrap();
    script.say(200, &[("cache-control", "max-age=60")]);
    assert_eq!(get(&edge, &script).await, "call 4");
}
