//! Takes what its path names without end, over WASI HTTP 0.2: handles, the stack, connections, or a client's time; reads no body.
//! Where it is asked for half an answer it traps in the middle of one that any cache may keep.

use std::hint::black_box;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};

/// Requests that it has under way at one time; a few fewer than it may hold handles.
const REQUESTS: usize = 9_900;

struct Greedy;

wasip2::http::proxy::export!(Greedy);

impl Guest for Greedy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let mut words = path.split('/').skip(2);
        match (words.next(), words.next()) {
            (Some("handles"), _) => handles(),
            (Some("stack"), _) => assert_ne!(deeper(1), 0),
            (Some("requests"), Some(authority)) => requests(authority),
            (Some("endless"), _) => answer(out, usize::MAX, "no-store"),
            (Some("half"), _) => answer(out, 1, "s-maxage=60"),
            _ => answer(out, 1, "no-store"),
        }
    }
}

fn handles() {
    let mut kept = Vec::new();
    loop {
        kept.push(Fields::new());
    }
}

/// Where no optimizer sees how deep it goes.
fn deeper(by: u64) -> u64 {
    match black_box(by) {
        0 => 0,
        by => black_box(deeper(by + 1)),
    }
}

/// Waits for the first of them, who all wait for who never answers.
fn requests(authority: &str) {
    let mut kept = Vec::new();
    for _ in 0..REQUESTS {
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
        request.set_authority(Some(authority)).expect("an address");
        request.set_path_with_query(Some("/")).expect("a path");
        kept.push(outgoing_handler::handle(request, None).expect("it is sent"));
    }
    kept[0].subscribe().block();
}

fn answer(out: ResponseOutparam, parts: usize, cached: &str) {
    let control = [("cache-control".to_owned(), cached.as_bytes().to_vec())];
    let headers = Fields::from_list(&control).expect("one that may be set");
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("a fresh response has its body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("a fresh body has its stream");
    for _ in 0..parts {
        stream
            .blocking_write_and_flush(&[b'x'; 4096])
            .expect("somebody reads it");
    }
    assert_eq!(cached, "no-store", "asked to trap half-way");
    drop(stream);
    OutgoingBody::finish(body, None).expect("nothing else was promised");
}
