//! Time that runs down: until a password can be sent again, and until a dialog ends.

/// How long a dialog stays open, in milliseconds (figures 6 to 8).
pub const DIALOG_MS: f64 = 600_000.0;

/// Whole seconds from `now` to `deadline` (both milliseconds since 1970), rounded up, never below zero.
pub fn seconds_left(deadline: f64, now: f64) -> u32 {
    // The cast saturates: a deadline in the past is zero.
    ((deadline - now) / 1000.0).ceil() as u32
}

/// `0:09:46`, as the figures show it.
pub fn hours(seconds: u32) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `1:59`, and from an hour on `1:00:00`.
pub fn minutes(seconds: u32) -> String {
    if seconds < 3600 { format!("{}:{:02}", seconds / 60, seconds % 60) } else { hours(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_reads_as_in_the_figures() {
        assert_eq!(hours(586), "0:09:46");
        assert_eq!(minutes(119), "1:59");
        assert_eq!((minutes(3599), minutes(86_400)), ("59:59".to_owned(), "24:00:00".to_owned()));
    }

    #[test]
    fn a_deadline_in_the_past_is_zero_and_a_started_second_counts() {
        assert_eq!(seconds_left(1_000.0, 5_000.0), 0);
        assert_eq!(seconds_left(5_000.0, 4_999.0), 1);
        assert_eq!(seconds_left(120_000.0, 0.0), 120);
    }
}
