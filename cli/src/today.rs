//! The day, for exceptions that end.

use std::time::{SystemTime, UNIX_EPOCH};

use tollgate_inspect::Date;

/// Returns the day in UTC.
#[must_use]
pub fn today() -> Date {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::of_unix_ns(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX))
}
