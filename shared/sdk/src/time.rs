//! The wall clock; keeps no time of its own.

use bson::DateTime;
use std::time::SystemTime;

/// Now, in UTC milliseconds.
pub fn now() -> DateTime {
    DateTime::from_system_time(SystemTime::now())
}
