//! A message as `submit_sm` (SMPP 3.4 §4.4), in as many parts as it needs.

use rusmpp::{
    pdus::SubmitSm,
    types::{COctetString, EmptyOrFullCOctetString, OctetString},
    values::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton},
};
use time::Duration;

use crate::{config::Smpp, sms::gateway::Outgoing};

/// A receipt for success and failure (SMPP 3.4 §5.2.17).
const RECEIPT: u8 = 0x01;
/// There is a header before the text (SMPP 3.4 §5.2.12).
const HEADER: u8 = 0x40;
/// How many units of 16 bits a short message has room for, alone and as a part, behind its header.
const ALONE: usize = 70;
const PART: usize = 67;

/// The parts, in UCS-2; none if the message cannot be written so. `left` is how long it is of use, `number` what joins
/// its parts.
pub(super) fn parts(settings: &Smpp, outgoing: &Outgoing, left: Duration, number: u8) -> Option<Vec<SubmitSm>> {
    let (source, ton, npi) = &settings.source;
    // An empty source is the gateway's own.
    let (ton, npi) = if source.is_empty() { (0, 0) } else { (*ton, *npi) };
    let bodies = bodies(&outgoing.message.text, number)?;
    let class = if bodies.len() > 1 { HEADER } else { 0 };
    let submit = |body: Vec<u8>| {
        let phone = outgoing.message.to.trim_start_matches('+').to_owned();
        let submit = SubmitSm::builder()
            .source_addr_ton(Ton::from(ton))
            .source_addr_npi(Npi::from(npi))
            .source_addr(COctetString::from_string(source.clone()).ok()?)
            .dest_addr_ton(Ton::International)
            .dest_addr_npi(Npi::Isdn)
            .destination_addr(COctetString::from_string(phone).ok()?)
            .esm_class(EsmClass::from(class))
            .validity_period(EmptyOrFullCOctetString::from_string(validity(left)).ok()?)
            .registered_delivery(RegisteredDelivery::from(RECEIPT))
            .data_coding(DataCoding::Ucs2)
            .short_message(OctetString::from_vec(body).ok()?);
        Some(submit.build())
    };
    bodies.into_iter().map(submit).collect()
}

/// Text as big-endian units, each part behind the header that joins it to the others (3GPP TS 23.040 §9.2.3.24.1). A
/// character of two units is not divided.
fn bodies(text: &str, number: u8) -> Option<Vec<Vec<u8>>> {
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= ALONE {
        return Some(vec![bytes(&units)]);
    }
    let (mut parts, mut rest) = (Vec::new(), units.as_slice());
    while !rest.is_empty() {
        let mut length = rest.len().min(PART);
        // The first half of such a character belongs to the second.
        if length < rest.len() && matches!(rest.get(length - 1), Some(0xD800..=0xDBFF)) {
            length -= 1;
        }
        let (part, behind) = rest.split_at(length);
        parts.push(part);
        rest = behind;
    }
    let count = u8::try_from(parts.len()).ok()?;
    let body = |(index, part): (u8, &[u16])| [vec![5, 0, 3, number, count, index], bytes(part)].concat();
    Some((1..=count).zip(parts).map(body).collect())
}

fn bytes(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

/// How long a message is good for, from now (SMPP 3.4 §7.1.1.2): `YYMMDDhhmmss000R`.
fn validity(left: Duration) -> String {
    let seconds = left.whole_seconds().clamp(1, 86_399);
    format!("000000{:02}{:02}{:02}000R", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_is_written_as_a_time_from_now() {
        assert_eq!(validity(Duration::minutes(10)), "000000001000000R");
        assert_eq!(validity(Duration::seconds(-5)), "000000000001000R");
        assert_eq!(validity(Duration::days(9)), "000000235959000R");
    }

    #[test]
    fn a_text_is_divided_where_it_must_be_and_never_in_a_character() {
        assert_eq!(bodies("Код", 7).unwrap(), [vec![4, 0x1A, 4, 0x3E, 4, 0x34]]);
        assert_eq!(bodies(&"я".repeat(70), 7).unwrap().len(), 1);
        let two = bodies(&"я".repeat(71), 7).unwrap();
        assert_eq!(two.iter().map(Vec::len).collect::<Vec<_>>(), [6 + 134, 6 + 8]);
        assert_eq!((&two[0][..6], &two[1][..6]), ([5, 0, 3, 7, 2, 1].as_slice(), [5, 0, 3, 7, 2, 2].as_slice()));
        // The character would be half in the first part.
        let whole = bodies(&format!("{}\u{1F511}яяяя", "я".repeat(66)), 7).unwrap();
        assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [6 + 132, 6 + 12]);
        assert!(bodies(&"я".repeat(67 * 256), 7).is_none(), "there is no number for so many");
    }
}
