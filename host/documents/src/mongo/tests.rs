//! MongoDB where no server is: what a caller is told, and what is counted.

use crate::{MongoSettings, Origin, OriginError, PoolUse};
use bson::{RawDocumentBuf, rawdoc};
use std::time::{Duration, Instant};
use trm_resilience::breaker::State;

/// A port on which nobody listens; each call waits so many milliseconds for a server.
async fn away(wait: u64) -> Origin {
    let settings = MongoSettings {
        uri: "mongodb://127.0.0.1:1/jobs".to_owned(),
        breaker_threshold: 2,
        server_selection: Duration::from_millis(wait),
        ..MongoSettings::default()
    };
    Origin::mongo(settings).await.unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_opens_the_breaker() {
    let origin = away(50).await;
    assert_eq!(
        (origin.kind(), origin.breaker()),
        ("mongodb", Some(State::Closed))
    );
    assert_eq!(origin.namespace(), "127.0.0.1:1/jobs");
    for _ in 0..2 {
        let counted = origin.count("jobs", rawdoc! {"n": 1}, soon()).await;
        assert!(
            matches!(counted, Err(OriginError::Unavailable { .. })),
            "{counted:?}"
        );
    }
    assert_eq!(origin.breaker(), Some(State::Open));
    let refused = origin.ping(soon()).await;
    let by_breaker = |why: &str, wait: u32| why.contains("breaker") && wait <= 2_000;
    assert!(
        matches!(&refused, Err(OriginError::Unavailable { why, retry_after_ms }) if by_breaker(why, *retry_after_ms)),
        "{refused:?}"
    );
    assert!(origin.connection_errors() > 0);
    assert_eq!(
        origin.connections(),
        PoolUse {
            open: 0,
            in_use: 0,
            waiting: 0,
            limit: 50
        }
    );
}

#[tokio::test]
async fn a_deadline_or_a_malformed_query_says_nothing_about_the_server() {
    let origin = away(20_000).await;
    for _ in 0..3 {
        let late = origin.ping(Instant::now() + Duration::from_millis(5)).await;
        assert!(
            matches!(late, Err(OriginError::DeadlineExceeded)),
            "{late:?}"
        );
        // A field of a type that BSON does not have.
        let malformed = RawDocumentBuf::from_bytes(b"\x08\0\0\0\x20a\0\0".to_vec()).unwrap();
        let asked = origin.count("jobs", malformed, soon()).await;
        assert!(matches!(asked, Err(OriginError::Invalid(_))), "{asked:?}");
    }
    assert_eq!(origin.breaker(), Some(State::Closed));
}

#[tokio::test]
async fn a_wrong_connection_string_is_an_error_at_the_start_and_is_not_repeated() {
    let settings = MongoSettings {
        uri: "mongodb://user:hunter2@:nonsense".to_owned(),
        ..MongoSettings::default()
    };
    let error = Origin::mongo(settings).await.map(drop).unwrap_err();
    assert!(matches!(error, OriginError::Invalid(_)), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
