//! Where each rule begins and ends, to the second and to the name; no cache is involved.

use super::super::directives::MAX_DELTA;
use super::tests::{control, headers, stored};
use super::*;

#[test]
fn neither_a_first_answer_nor_one_that_was_always_stale_is_stored() {
    let fresh = headers(&[("cache-control", "max-age=60")]);
    let early = StatusCode::from_u16(103).unwrap();
    assert_eq!(
        store(&Method::GET, &HeaderMap::new(), early, &fresh),
        Err(Refusal::Kind)
    );
    // Fresh for no time, it may still serve while it is asked for anew, unless that is forbidden as well.
    assert_eq!(control("max-age=0, stale-while-revalidate=20"), Ok(0));
    for strict in [
        "s-maxage=0, stale-while-revalidate=20",
        "max-age=0, must-revalidate, stale-if-error=20",
        "max-age=0, proxy-revalidate, stale-if-error=20",
    ] {
        assert_eq!(control(strict), Err(Refusal::NoLifetime), "{strict}");
    }
    let aged = |control: &str, age: &str| stored(&[], &[("cache-control", control), ("age", age)]);
    assert_eq!(aged("max-age=60", "59"), Ok(60));
    assert_eq!(aged("max-age=60", "60"), Err(Refusal::NoLifetime));
    let stale = "max-age=60, stale-if-error=20";
    assert_eq!(
        (aged(stale, "79"), aged(stale, "80")),
        (Ok(60), Err(Refusal::NoLifetime))
    );
}

#[test]
fn what_has_a_validator_is_kept_to_be_confirmed_within_bounds() {
    let kept = |lines: &[(&'static str, &str)]| {
        let lifetime = store(
            &Method::GET,
            &HeaderMap::new(),
            StatusCode::OK,
            &headers(lines),
        );
        lifetime.unwrap().revalidate.as_secs()
    };
    let tag = ("etag", "\"a\"");
    assert_eq!(kept(&[("cache-control", "max-age=10"), tag]), 60);
    assert_eq!(kept(&[("cache-control", "max-age=600"), tag]), 600);
    assert_eq!(kept(&[("cache-control", "max-age=7200"), tag]), 3_600);
    let date = ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT");
    assert_eq!(kept(&[("cache-control", "max-age=10"), date]), 60);
    assert_eq!(kept(&[("cache-control", "max-age=600")]), 0);
}

#[test]
fn an_age_is_what_is_said_or_what_the_date_tells() {
    let before =
        |seconds| httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(seconds));
    let of = |lines: &[(&'static str, &str)]| age(&headers(lines)).as_secs();
    assert_eq!((of(&[]), of(&[("age", " 7 ")])), (0, 7));
    assert!((98..=100).contains(&of(&[("date", &before(100))])));
    assert_eq!(of(&[("date", &before(100)), ("age", "200")]), 200);
    assert!(of(&[("date", &before(300)), ("age", "200")]) > 200);
    let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    assert_eq!(of(&[("date", &later)]), 0);
    let twice = [("expires", later.as_str()), ("expires", later.as_str())];
    assert_eq!(stored(&[], &twice), Err(Refusal::NoLifetime));
    let alone = stored(&[], &twice[..1]).unwrap();
    assert!((98..=100).contains(&alone), "{alone}");
}

#[test]
fn vary_lists_eight_names_at_most_and_nothing_is_no_name() {
    let of = |value: &str| vary(&headers(&[("vary", value)])).map(|names| names.len());
    assert_eq!((of(""), of("a,, b,"), of("a b")), (Some(0), Some(2), None));
    assert_eq!(
        (of("a,b,c,d,e,f,g,h"), of("a,b,c,d,e,f,g,h,i")),
        (Some(8), None)
    );
    assert_eq!(of("a,b,c,d,e,f,g,h,A"), Some(8));
    assert_eq!(vary(&HeaderMap::new()), Some(Vec::new()));
}

#[test]
fn fresh_enough_ends_with_the_time_that_is_asked_for() {
    let lifetime = Lifetime {
        fresh: Duration::from_secs(60),
        ..Lifetime::default()
    };
    let asked = Directives::of(&headers(&[("cache-control", "min-fresh=10")]));
    let at = |age| fresh(&lifetime, Duration::from_secs(age), &asked);
    assert!(at(49) && !at(50) && !at(51));
}

#[test]
fn only_a_request_that_wants_nothing_kept_at_all_goes_past_what_is() {
    let past = |value: &str| Directives::of(&headers(&[("cache-control", value)])).refuse_stored();
    assert!(past("no-cache, no-store"));
    for other in [
        "no-cache",
        "no-store",
        "",
        "no-cache, no-store, only-if-cached",
    ] {
        assert!(!past(other), "{other}");
    }
}

#[test]
fn the_first_of_two_directives_counts_and_quotes_hold_commas() {
    assert_eq!(control("max-age=5, max-age=60"), Ok(5));
    assert_eq!(control("s-maxage=5, s-maxage=60"), Ok(5));
    assert_eq!(control("max-age=\"60\""), Ok(60));
    assert_eq!(control("x=\"a, no-store\", max-age=60"), Ok(60));
    let all: Vec<&str> = split(" a , \"b,c\" ,, d").collect();
    assert_eq!(all, ["a", "\"b,c\"", "d"]);
    assert_eq!((delta("7"), delta(""), delta("7a")), (Some(7), None, None));
    assert_eq!(delta("2147483649"), Some(MAX_DELTA));
}

#[test]
fn a_directive_for_this_surrogate_goes_before_one_for_all_of_them() {
    let of = |surrogate: &str| {
        let all = "no-store, stale-if-error=9";
        stored(
            &[],
            &[("surrogate-control", surrogate), ("cache-control", all)],
        )
    };
    assert_eq!(of("max-age=5, max-age=60;trm"), Ok(60));
    assert_eq!(of("max-age=60 ; trm, no-store"), Ok(60));
    assert_eq!(of("no-store;trm, max-age=60"), Err(Refusal::Forbidden));
    assert_eq!(of("no-store;other, max-age=60"), Ok(60));
    assert_eq!(of("content=\"x\";trm, max-age=60"), Ok(60));
    let lines = [
        ("surrogate-control", "max-age=60"),
        (
            "cache-control",
            "private, stale-if-error=9, stale-while-revalidate=8",
        ),
    ];
    let lifetime = store(
        &Method::GET,
        &HeaderMap::new(),
        StatusCode::OK,
        &headers(&lines),
    );
    let lifetime = lifetime.unwrap();
    let stale = [lifetime.if_error, lifetime.while_revalidate];
    assert_eq!(stale, [9, 8].map(Duration::from_secs));
}

#[test]
fn without_its_tag_or_with_a_later_date_an_answer_is_not_held() {
    let date = "Tue, 24 Nov 2026 12:00:00 GMT";
    let dated = headers(&[("last-modified", date)]);
    let asked = |lines: &[(&'static str, &str)]| unmodified(&headers(lines), &dated);
    assert!(!asked(&[("if-none-match", "*")]), "it has no tag");
    assert!(asked(&[("if-modified-since", date)]));
    assert!(!asked(&[(
        "if-modified-since",
        "Tue, 24 Nov 2026 11:59:59 GMT"
    )]));
    let weak = headers(&[("etag", "W/\"a\"")]);
    let held = |value: &str| unmodified(&headers(&[("if-none-match", value)]), &weak);
    assert!(held("\"a\"") && held("W/\"a\"") && !held("\"A\"") && !held("\"*\""));
}

#[test]
fn surrogate_keys_are_the_words_of_all_fields() {
    let response = headers(&[
        ("surrogate-key", " jobs  job:1 "),
        ("surrogate-key", "list"),
    ]);
    assert_eq!(surrogate_keys(&response), ["jobs", "job:1", "list"]);
}

#[test]
fn each_field_of_a_connection_is_left_out_by_its_name() {
    let none = HeaderMap::new();
    for name in [
        "connection",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "age",
        "keep-alive",
        "proxy-connection",
        "proxy-authentication-info",
    ] {
        assert!(!is_stored(&name.parse().unwrap(), &none), "{name}");
    }
    assert!(is_stored(&header::DATE, &none));
}

#[test]
fn values_that_are_no_text_are_variants_of_their_own() {
    let names = [header::ACCEPT];
    let of = |value: &[u8]| {
        let value = HeaderValue::from_bytes(value).unwrap();
        variant(&names, &HeaderMap::from_iter([(header::ACCEPT, value)]))
    };
    let values: [&[u8]; 6] = [
        b"a",
        b"a\xfe",
        b"a\xff",
        b"a\xa0",
        b"a\x85",
        "a\u{fffd}".as_bytes(),
    ];
    for (at, value) in values.iter().enumerate() {
        let same = values.iter().filter(|other| of(other) == of(value));
        assert_eq!(same.count(), 1, "{at}");
    }
    assert_eq!(of(b"a,\tb"), of(b"a , b"));
}
