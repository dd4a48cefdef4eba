//! How a command ends, for scripts: 0 it was done; 1 something failed that may be there the next time (settings, files,
//! the database); 2 it was typed wrongly; 3 it was refused, and the same again will be refused again.

use qcert_protocol::ErrorCode;

use super::audit::NotWhole;
use crate::{
    applications::import::ImportError, approval::ApprovalError, error::Refusal, operators::OperatorError,
    revocation::RevocationError,
};

const FAILED: u8 = 1;
const REFUSED: u8 = 3;

/// What to say about an error, and how to end.
pub fn outcome(error: &anyhow::Error) -> (String, u8) {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        let fails = matches!(refusal.code, ErrorCode::Internal | ErrorCode::PortalUnavailable);
        return (words(refusal), if fails { FAILED } else { REFUSED });
    }
    let refused = error.downcast_ref().is_some_and(|error| !matches!(error, ApprovalError::Store(_)))
        || error.downcast_ref().is_some_and(|error| !matches!(error, RevocationError::Store(_)))
        || error.downcast_ref().is_some_and(|error| matches!(error, ImportError::Refused(_)))
        || error
            .downcast_ref()
            .is_some_and(|error| !matches!(error, OperatorError::Store(_) | OperatorError::Randomness(_)))
        || error.is::<NotWhole>();
    (format!("{error:#}"), if refused { REFUSED } else { FAILED })
}

fn words(refusal: &Refusal) -> String {
    let mut words = refusal.code.to_string();
    for field in &refusal.fields {
        words.push_str(&format!("; {}: {}", field.field, field.reason));
    }
    if let Some(seconds) = refusal.retry_after_seconds {
        words.push_str(&format!("; in {seconds} seconds"));
    }
    words
}

#[cfg(test)]
mod tests {
    use qcert_protocol::holder::FieldReason;

    use super::*;
    use crate::store::StoreError;

    #[test]
    fn what_is_refused_ends_otherwise_than_what_fails() {
        let unavailable = || StoreError::Unavailable("x".to_owned());
        let ends = |error: anyhow::Error| outcome(&error).1;
        assert_eq!(ends(ApprovalError::NotFound("1".to_owned()).into()), REFUSED);
        assert_eq!(ends(ApprovalError::Store(unavailable()).into()), FAILED);
        assert_eq!(ends(RevocationError::Hold.into()), REFUSED);
        assert_eq!(ends(RevocationError::Store(unavailable()).into()), FAILED);
        assert_eq!(ends(ImportError::Refused(Vec::new()).into()), REFUSED);
        assert_eq!(ends(ImportError::Store(unavailable()).into()), FAILED);
        assert_eq!(ends(OperatorError::Name.into()), REFUSED);
        assert_eq!(ends(OperatorError::Store(unavailable()).into()), FAILED);
        assert_eq!(ends(Refusal::from(unavailable()).into()), FAILED);
        assert_eq!(ends(anyhow::anyhow!("cannot read")), FAILED);
        let (words, code) = outcome(&Refusal::field("phone", FieldReason::Form).retry_after(5).into());
        assert_eq!((words.as_str(), code), ("field_invalid; phone: not of the expected form; in 5 seconds", REFUSED));
    }
}
