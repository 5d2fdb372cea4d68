//! What the driver's errors mean to a caller of the origin; asks nothing.

use super::super::OriginError;
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// What a driver's error means to a caller. Codes are MongoDB's own (its error code reference).
pub(super) fn explain(error: Error) -> OriginError {
    let text = error.to_string();
    match *error.kind {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. } => OriginError::Unavailable {
            retry_after_ms: 1_000,
            why: text,
        },
        ErrorKind::Write(WriteFailure::WriteError(write)) => by_code(write.code, write.message),
        ErrorKind::InsertMany(insert) => match insert.write_errors.and_then(|mut all| all.pop()) {
            Some(first) => by_code(first.code, first.message),
            None => OriginError::Internal(text),
        },
        ErrorKind::Command(command) => by_code(command.code, command.message),
        ErrorKind::InvalidArgument { message, .. } => OriginError::Invalid(message),
        _ => OriginError::Internal(text),
    }
}

/// Codes with a name are smaller, but for those of documents that are too large.
const UNNAMED: i32 = 15_947;

fn by_code(code: i32, message: String) -> OriginError {
    match code {
        11_000 | 11_001 => {
            let index = message
                .split("index: ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            OriginError::DuplicateKey(index.unwrap_or("unique").to_owned())
        }
        // IllegalOperation: a standalone server numbers no transactions.
        20 if message.contains("Transaction numbers") || message.contains("retryable writes") => {
            OriginError::Unsupported(
                "MongoDB runs standalone, and a commit needs a replica set, of one node at least: \
             start mongod with --replSet rs0 and run rs.initiate() once"
                    .to_owned(),
            )
        }
        // MaxTimeMSExpired, ExceededTimeLimit.
        50 | 262 => OriginError::DeadlineExceeded,
        10_334 | 17_280 | 17_419 | 17_420 => OriginError::TooLarge(message),
        // BadValue, FailedToParse, TypeMismatch, ConflictingUpdateOperators and their like; NoSuchKey, Overflow, InvalidBSON,
        // PathNotViable, JSInterpreterFailure, InvalidPipelineOperator, NoQueryExecutionPlans.
        // IndexNotFound: a search without a text index.
        2 | 4 | 9 | 14 | 15 | 22 | 27 | 28 | 40 | 52..=57 | 66 | 73 | 139 | 168 | 291 => {
            OriginError::Invalid(message)
        }
        // From here on a number is a check that has no name of its own, and nearly all of them check what is asked.
        UNNAMED.. => OriginError::Invalid(message),
        // No primary, stepping down, shutting down, starting: the driver has tried again already.
        91 | 189 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436 => OriginError::Unavailable {
            retry_after_ms: 1_000,
            why: message,
        },
        _ => OriginError::Internal(format!("{code}: {message}")),
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
