//! Strict reading: DER and nothing else, nothing after it, and a code that says which of these it was.

use der::{Decode, Encode, ErrorKind, Header, Reader, SliceReader};
use qcert_protocol::ErrorCode;

/// Reads one value that is the whole of `der`.
///
/// # Errors
/// `request_trailing_bytes`, `request_not_der` or `request_malformed`.
pub(crate) fn decode<T: for<'a> Decode<'a, Error = der::Error> + Encode>(der: &[u8]) -> Result<T, ErrorCode> {
    let value = T::from_der(der).map_err(|error| refusal(der, &error))?;
    // One value has one encoding in DER: what differs after writing it again was not DER.
    if value.to_der().ok().as_deref() == Some(der) { Ok(value) } else { Err(ErrorCode::RequestNotDer) }
}

/// What the decoder of `der` complained of.
pub(crate) fn refusal(der: &[u8], error: &der::Error) -> ErrorCode {
    match error.kind() {
        // The decoder says the same of a member too many inside.
        ErrorKind::TrailingData { .. } if ends_early(der) => ErrorCode::RequestTrailingBytes,
        ErrorKind::IndefiniteLength
        | ErrorKind::Length { .. }
        | ErrorKind::Noncanonical { .. }
        | ErrorKind::Overlength
        | ErrorKind::SetOrdering => ErrorCode::RequestNotDer,
        _ => ErrorCode::RequestMalformed,
    }
}

/// Is the value shorter than the octets?
fn ends_early(der: &[u8]) -> bool {
    let ends = || -> der::Result<bool> {
        let mut reader = SliceReader::new(der)?;
        let header = Header::decode(&mut reader)?;
        Ok(header.length() < reader.remaining_len())
    };
    ends().unwrap_or(false)
}

/// No two of them are the same.
pub(crate) fn all_differ<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.windows(2).all(|pair| pair[0] != pair[1])
}
