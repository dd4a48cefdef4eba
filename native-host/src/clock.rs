//! The one place that reads the real time: for the lines of the log, for limits of time, and for
//! telling whether a certificate is over.

use time::OffsetDateTime;

/// Now, UTC.
pub fn now() -> OffsetDateTime {
    // The ambient clock is banned everywhere but here, where it enters the program.
    #[allow(clippy::disallowed_methods)]
    OffsetDateTime::now_utc()
}

/// Now, for measuring how long something takes.
pub fn monotonic() -> std::time::Instant {
    #[allow(clippy::disallowed_methods)]
    std::time::Instant::now()
}
