//! The head of a request: one Host and no more, the same headers for a function as came in, and `If-Match` as a plain reading of
//! it has it; serves nothing.

#![cfg_attr(not(test), no_main)]

use http::{HeaderMap, Version, header};
use libfuzzer_sys::fuzz_target;
use trm_fuzz::exchange::{headers, texts};
use trm_policy::request_form;
use trm_sdk::headers::Headers;
use trm_sdk::{Request, revision};

const NAMES: [&str; 4] = ["if-match", "host", "x", "authorization"];

/// As the host writes it.
fn section(headers: &HeaderMap) -> Vec<u8> {
    let mut section = Vec::new();
    for (name, value) in headers {
        let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
        section.extend(line.concat());
    }
    section
}

fuzz_target!(|bytes: &[u8]| {
    // Any bytes are a section that is read without harm.
    let _read = Headers::section(bytes.to_vec()).map();
    let headers = headers(bytes.split(|byte| *byte == b'\n'));
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let mut head = http::Request::new(()).into_parts().0;
        (head.version, head.headers) = (version, headers.clone());
        let one = headers.get_all(header::HOST).iter().count() == 1;
        let accepted = request_form::check(&head).is_ok();
        assert_eq!(accepted, version != Version::HTTP_11 || one);
    }
    let section = Headers::section(section(&headers));
    for name in NAMES {
        assert_eq!(section.mention(name), headers.contains_key(name), "{name}");
    }
    let request = Request::from(section);
    assert_eq!(*request.headers(), headers);
    let current = bson::doc! {"revision": 7};
    let held = revision::check(&request, &current);
    let given = headers
        .get(header::IF_MATCH)
        .and_then(|given| given.to_str().ok());
    let Some(given) = given else {
        assert!(held.is_ok());
        return;
    };
    let named = given.split(',').map(|one| one.trim_matches([' ', '\t']));
    let named: Vec<_> = named.collect();
    assert_eq!(
        held.is_ok(),
        named.contains(&"*") || named.contains(&"\"7\""),
        "{given}"
    );
    assert!(held.is_ok() || held.is_err_and(|problem| problem.status() == 412));
    assert!(!texts(&headers, "if-match").is_empty());
});
