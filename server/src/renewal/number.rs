//! Numbers of renewals: `67092365R1`, then `67092365R2`.

/// An application's number: it begins a container's name.
const LONGEST: usize = 20;
/// How many are tried, one after the other.
const CANDIDATES: u32 = 100;

/// Numbers for the renewal of an application, the likeliest first.
pub(super) fn candidates(renewed: &str) -> Vec<String> {
    let (base, last) = split(renewed);
    let nth = |nth: u32| {
        let suffix = format!("R{nth}");
        // Numbers in a row differ at their ends. A number is ASCII, so it can be cut anywhere.
        let kept = base.len().min(LONGEST - suffix.len());
        format!("{}{suffix}", &base[base.len() - kept..])
    };
    (last + 1..=last + CANDIDATES).map(nth).collect()
}

/// A number without the suffix of a renewal, and which renewal it is: 0 of none.
fn split(number: &str) -> (&str, u32) {
    let split = number
        .rsplit_once('R')
        .filter(|(base, digits)| !base.is_empty() && (1..=3).contains(&digits.len()) && !digits.starts_with('0'));
    let read = split.and_then(|(base, digits)| Some((base, digits.parse().ok()?)));
    read.unwrap_or((number, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(renewed: &str) -> String {
        candidates(renewed).remove(0)
    }

    #[test]
    fn a_renewal_of_a_renewal_is_the_next_of_the_same_number() {
        assert_eq!(first("67092365"), "67092365R1");
        assert_eq!(first("67092365R1"), "67092365R2");
        assert_eq!(first("67092365R99"), "67092365R100");
        assert_eq!(candidates("67092365")[..3], ["67092365R1", "67092365R2", "67092365R3"]);
    }

    #[test]
    fn what_only_looks_like_a_renewal_is_a_number_like_any_other() {
        for number in ["R1", "1R", "1R0", "1R01", "1Rx", "1R1234", "1r1"] {
            assert_eq!(first(number), format!("{number}R1"));
        }
    }

    #[test]
    fn a_number_that_grows_too_long_loses_its_beginning() {
        assert_eq!(first("12345678901234567890"), "345678901234567890R1");
        assert_eq!(first("345678901234567890R9"), "45678901234567890R10");
        assert!(candidates("12345678901234567890").iter().all(|number| number.len() == LONGEST));
    }
}
