//! The rules as a table: what a shared cache stores, for how long, and for whom; no cache is involved.

use super::super::directives::MAX_DELTA;
use super::*;

pub(super) fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, value.parse().unwrap());
    }
    map
}

pub(super) fn stored(
    request: &[(&'static str, &str)],
    response: &[(&'static str, &str)],
) -> Result<u64, Refusal> {
    let (request, response) = (headers(request), headers(response));
    store(&Method::GET, &request, StatusCode::OK, &response)
        .map(|lifetime| lifetime.fresh.as_secs())
}

pub(super) fn control(value: &str) -> Result<u64, Refusal> {
    stored(&[], &[("cache-control", value)])
}

#[test]
fn lifetimes_come_from_s_maxage_then_max_age_then_expires() {
    assert_eq!(control("max-age=60"), Ok(60));
    assert_eq!(control("max-age=60, s-maxage=10"), Ok(10));
    assert_eq!(control("public, s-maxage=\"30\""), Ok(30));
    assert_eq!(control("MaX-aGe=60"), Ok(60));
    assert_eq!(control("max-age=99999999999999999999"), Ok(MAX_DELTA));
    let date = "Tue, 24 Nov 2026 12:00:00 GMT";
    let late = "Tue, 24 Nov 2026 12:05:00 GMT";
    let now = httpdate::fmt_http_date(SystemTime::now());
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(300));
    assert_eq!(stored(&[], &[("expires", &soon), ("date", &now)]), Ok(300));
    assert_eq!(stored(&[], &[("expires", "0")]), Err(Refusal::NoLifetime));
    assert!(
        freshness(
            &Directives::default(),
            &headers(&[("expires", late), ("date", date)])
        )
        .unwrap()
            == Duration::from_secs(300)
    );
}

#[test]
fn what_forbids_storing_is_obeyed_wherever_it_stands() {
    for value in [
        "no-store",
        "max-age=60, no-store",
        "private, max-age=60",
        "no-cache, max-age=60",
        "max-age=60, NO-STORE",
    ] {
        assert_eq!(control(value), Err(Refusal::Forbidden), "{value}");
    }
    for value in [
        "",
        "public",
        "max-age=0",
        "max-age=-5",
        "max-age=a",
        "max-age=6 0",
    ] {
        assert_eq!(control(value), Err(Refusal::NoLifetime), "{value}");
    }
    assert_eq!(control("foo=\"no-store, private\", max-age=60"), Ok(60));
    let twice = [
        ("cache-control", "max-age=60"),
        ("cache-control", "no-store"),
    ];
    assert_eq!(stored(&[], &twice), Err(Refusal::Forbidden));
    let fresh = ("cache-control", "max-age=60");
    assert_eq!(
        stored(&[], &[fresh, ("set-cookie", "a=b")]),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        stored(&[("cache-control", "no-store")], &[fresh]),
        Err(Refusal::Forbidden)
    );
    assert_eq!(stored(&[], &[fresh, ("vary", "*")]), Err(Refusal::Vary));
    assert_eq!(
        stored(&[], &[fresh, ("vary", "accept, *")]),
        Err(Refusal::Vary)
    );
    assert_eq!(
        stored(&[], &[fresh, ("age", "100")]),
        Err(Refusal::NoLifetime)
    );
    let empty = HeaderMap::new();
    let response = headers(&[fresh]);
    for (method, status) in [
        (Method::POST, 200),
        (Method::GET, 206),
        (Method::GET, 304),
        (Method::HEAD, 200),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            store(&method, &empty, status, &response),
            Err(Refusal::Kind)
        );
    }
}

#[test]
fn an_age_that_is_not_one_number_is_stale() {
    let fresh = ("cache-control", "max-age=3600");
    assert_eq!(stored(&[], &[fresh, ("age", "30")]), Ok(3600));
    for age in ["abc", "-1", "1.0", "0, 0", "0;a=1", ""] {
        let said = stored(&[], &[fresh, ("age", age)]);
        assert_eq!(said, Err(Refusal::NoLifetime), "{age}");
    }
    let twice = [fresh, ("age", "0"), ("age", "0")];
    assert_eq!(stored(&[], &twice), Err(Refusal::NoLifetime));
}

#[test]
fn what_is_said_to_surrogates_goes_before_what_is_said_to_all() {
    let with = |surrogate: &str, all: &str| {
        stored(
            &[],
            &[("surrogate-control", surrogate), ("cache-control", all)],
        )
    };
    assert_eq!(with("max-age=60", "max-age=1"), Ok(60));
    assert_eq!(with("MAX-AGE=60;trm, max-age=5", "no-store"), Ok(60));
    assert_eq!(with("max-age=60;other", "max-age=1"), Ok(1));
    assert_eq!(with("max-age=60+600", "max-age=1"), Ok(60));
    assert_eq!(with("content=\"ESI/1.0\"", "max-age=1"), Ok(1));
    assert_eq!(with("max-age=0", "max-age=60"), Err(Refusal::NoLifetime));
    assert_eq!(with("no-store", "max-age=60"), Err(Refusal::Forbidden));
}

#[test]
fn must_understand_stores_known_statuses_only() {
    let response = headers(&[("cache-control", "max-age=60, no-store, must-understand")]);
    let of = |status| {
        let status = StatusCode::from_u16(status).unwrap();
        store(&Method::GET, &HeaderMap::new(), status, &response).map(|kept| kept.fresh.as_secs())
    };
    assert_eq!((of(200), of(599)), (Ok(60), Err(Refusal::Kind)));
}

#[test]
fn an_authorized_answer_is_stored_only_where_it_says_so() {
    let who = [("authorization", "Bearer x")];
    let with = |value| stored(&who, &[("cache-control", value)]);
    assert_eq!(with("max-age=60"), Err(Refusal::Forbidden));
    assert_eq!(with("public, max-age=60"), Ok(60));
    assert_eq!(with("s-maxage=60"), Ok(60));
    assert_eq!(with("must-revalidate, max-age=60"), Ok(60));
}

#[test]
fn stale_answers_are_kept_as_long_as_they_may_be_served() {
    let of = |value| {
        store(
            &Method::GET,
            &HeaderMap::new(),
            StatusCode::OK,
            &headers(&[("cache-control", value)]),
        )
        .unwrap()
    };
    let lifetime = of("max-age=10, stale-while-revalidate=20, stale-if-error=60");
    assert_eq!(lifetime.kept(), Duration::from_secs(70));
    let strict = of("max-age=10, must-revalidate, stale-while-revalidate=20, stale-if-error=60");
    assert_eq!(strict.kept(), Duration::from_secs(10));
    let validated = headers(&[("cache-control", "max-age=10"), ("etag", "\"a\"")]);
    let validated = store(&Method::GET, &HeaderMap::new(), StatusCode::OK, &validated);
    assert_eq!(validated.unwrap().kept(), Duration::from_secs(70));
}

#[test]
fn a_request_decides_what_is_fresh_enough_for_it() {
    let lifetime = Lifetime {
        fresh: Duration::from_secs(60),
        ..Lifetime::default()
    };
    let ask = |value: &str, age| {
        fresh(
            &lifetime,
            Duration::from_secs(age),
            &Directives::of(&headers(&[("cache-control", value)])),
        )
    };
    assert!(ask("", 59) && !ask("", 60));
    assert!(!ask("no-cache", 0) && !ask("max-age=5", 6) && ask("max-age=5", 5));
    assert!(!ask("min-fresh=10", 55) && ask("min-fresh=10", 40));
}

#[test]
fn variants_differ_by_the_listed_fields_alone() {
    let response = headers(&[("vary", "Accept-Language, accept"), ("vary", "accept")]);
    let names = vary(&response).unwrap();
    assert_eq!(names, ["accept", "accept-language"]);
    let of = |lines: &[(&'static str, &str)]| variant(&names, &headers(lines));
    assert_eq!(
        of(&[("accept", "a,b"), ("x", "1")]),
        of(&[("x", "2"), ("accept", "a, b")])
    );
    assert_eq!(
        of(&[("accept", "a"), ("accept", "b")]),
        of(&[("accept", "a, b")])
    );
    assert_ne!(of(&[("accept", "a")]), of(&[("accept-language", "a")]));
    assert_ne!(of(&[]), of(&[("accept", "")]));
}

#[test]
fn validators_are_compared_weakly_and_a_tag_goes_before_a_date() {
    let response = headers(&[
        ("etag", "\"a,b\""),
        ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT"),
    ]);
    let asked = |lines: &[(&'static str, &str)]| unmodified(&headers(lines), &response);
    assert!(asked(&[("if-none-match", "\"x\", W/\"a,b\"")]) && asked(&[("if-none-match", "*")]));
    let later = ("if-modified-since", "Tue, 24 Nov 2026 12:00:01 GMT");
    assert!(asked(&[later]) && !asked(&[later, ("if-none-match", "\"x\"")]));
    assert!(!asked(&[("if-modified-since", "yesterday")]) && !asked(&[]));
}

#[test]
fn fields_of_one_connection_are_not_stored() {
    let response = headers(&[("connection", "close, X-Once")]);
    let kept = |name: &str| is_stored(&name.parse().unwrap(), &response);
    assert!(!kept("connection") && !kept("x-once") && !kept("transfer-encoding") && !kept("age"));
    assert!(kept("etag") && kept("x-other"));
}
