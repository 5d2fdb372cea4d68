//! The driver's errors as errors of the origin, made from what a server answers; no server takes part.

use super::*;
use bson::{Document, doc};

fn command(code: i32, message: &str) -> OriginError {
    let told = doc! {"code": code, "codeName": "X", "errmsg": message};
    let error = bson::deserialize_from_document(told).unwrap();
    explain(ErrorKind::Command(error).into())
}

fn write(code: i32, message: &str) -> OriginError {
    let told = doc! {"code": code, "errmsg": message};
    let error = bson::deserialize_from_document(told).unwrap();
    explain(ErrorKind::Write(WriteFailure::WriteError(error)).into())
}

fn insert(errors: Vec<Document>) -> OriginError {
    let told = doc! {"writeErrors": errors};
    explain(ErrorKind::InsertMany(bson::deserialize_from_document(told).unwrap()).into())
}

#[test]
fn a_duplicate_names_its_index_wherever_it_is_told() {
    let message =
        "E11000 duplicate key error collection: trm.users index: email_1 dup key: { email: \"x\" }";
    let entry = doc! {"index": 0, "code": 11_000, "errmsg": message};
    for error in [
        command(11_000, message),
        write(11_001, message),
        insert(vec![entry]),
    ] {
        assert!(
            matches!(&error, OriginError::DuplicateKey(index) if index == "email_1"),
            "{error:?}"
        );
    }
    let unnamed = write(11_000, "E11000 duplicate key");
    assert!(
        matches!(&unnamed, OriginError::DuplicateKey(index) if index == "unique"),
        "{unnamed:?}"
    );
}

#[test]
fn codes_are_kinds_of_errors() {
    for code in [50, 262] {
        assert!(
            matches!(command(code, "m"), OriginError::DeadlineExceeded),
            "{code}"
        );
    }
    for code in [10_334, 17_280, 17_419, 17_420] {
        assert!(
            matches!(command(code, "m"), OriginError::TooLarge(text) if text == "m"),
            "{code}"
        );
    }
    let named = [
        2, 4, 9, 14, 15, 22, 27, 28, 40, 52, 53, 57, 66, 73, 139, 168, 291,
    ];
    let unnamed = [15_947, 17_999, 28_667, 31_032, 40_156, 51_270, 5_107_201];
    for code in named.into_iter().chain(unnamed) {
        assert!(
            matches!(command(code, "m"), OriginError::Invalid(text) if text == "m"),
            "{code}"
        );
    }
    for code in [91, 189, 10_107, 11_600, 11_602, 13_435, 13_436] {
        let error = command(code, "m");
        let away =
            matches!(&error, OriginError::Unavailable { retry_after_ms: 1_000, why } if why == "m");
        assert!(away, "{error:?}");
    }
    for code in [0, 1, 13, 8_000, 15_946] {
        let text = format!("{code}: m");
        assert!(
            matches!(command(code, "m"), OriginError::Internal(told) if told == text),
            "{code}"
        );
    }
}

#[test]
fn a_standalone_server_is_told_from_other_illegal_operations() {
    let standalone = "Transaction numbers are only allowed on a replica set member or mongos";
    let error = command(20, standalone);
    assert!(
        matches!(&error, OriginError::Unsupported(text) if text.contains("--replSet")),
        "{error:?}"
    );
    assert!(matches!(
        command(20, "something else"),
        OriginError::Internal(_)
    ));
}

#[test]
fn a_server_that_cannot_be_reached_is_unavailable_and_a_bad_argument_is_invalid() {
    let refused = explain(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
    assert!(
        matches!(refused, OriginError::Unavailable { .. }),
        "{refused:?}"
    );
    assert!(matches!(insert(vec![]), OriginError::Internal(_)));
    let own = explain(Error::custom("x"));
    assert!(matches!(own, OriginError::Internal(_)), "{own:?}");
}

#[tokio::test]
async fn what_the_driver_itself_refuses_is_invalid() {
    let parsed = mongodb::options::ClientOptions::parse("http://127.0.0.1").await;
    let error = explain(parsed.unwrap_err());
    assert!(matches!(error, OriginError::Invalid(_)), "{error:?}");
}
