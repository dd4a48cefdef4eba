//! What all targets share: the limit of time.

use std::time::{Duration, Instant};

/// More than any parser may take, even with the instrumentation and checks of a fuzzer's build.
const LIMIT: Duration = Duration::from_millis(50);

/// Runs a parser, and panics if it is slow. A busy machine makes one run slow, and the parser's own work all of them.
pub fn within_limit(parse: impl Fn()) {
    let slow = || {
        let start = Instant::now();
        parse();
        start.elapsed() > LIMIT
    };
    assert!(!(slow() && slow() && slow() && slow() && slow()), "five runs of more than {LIMIT:?} each");
}
