//! What the edge keeps, as it comes back from Redis: any bytes are a record or none, and a record survives its writing; damaged
//! times end nowhere in a panic.

#![cfg_attr(not(test), no_main)]

use bytes::Bytes;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use trm_http_cache::directives::Directives;
use trm_http_cache::rules::{fresh, vary};
use trm_http_cache::stored::Record;

fuzz_target!(|bytes: &[u8]| {
    let Some(record) = Record::read(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let written = record.write();
    let Some(again) = Record::read(written.clone()) else {
        panic!("what was written is not read");
    };
    assert_eq!(again.write(), written);
    match (record, again) {
        (Record::Pass, Record::Pass) => {}
        (Record::Vary(names), Record::Vary(same)) => assert_eq!(names, same),
        (Record::Answer(answer), Record::Answer(same)) => {
            assert_eq!((answer.status, answer.made), (same.status, same.made));
            assert_eq!((&answer.headers, &answer.body), (&same.headers, &same.body));
            assert_eq!(
                (answer.lifetime, answer.own_tag),
                (same.lifetime, same.own_tag)
            );
            // What the edge asks of it before it is served.
            let lifetime = answer.lifetime;
            let asked = Directives::of(&HeaderMap::new());
            assert!(!fresh(&lifetime, lifetime.fresh, &asked));
            assert!(lifetime.kept() >= lifetime.fresh + lifetime.while_revalidate);
            assert!(lifetime.kept() >= lifetime.fresh + lifetime.if_error);
            drop(vary(&answer.headers));
            let _age = answer.age();
        }
        (one, other) => panic!("{one:?} came back as {other:?}"),
    }
});
