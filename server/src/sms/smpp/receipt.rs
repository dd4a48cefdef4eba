//! Delivery receipts (SMPP 3.4 appendix B): what became of a message, in optional parameters or in text.

use rusmpp::{pdus::DeliverSm, tlvs::TlvValue, values::MessageState as Reported};

use crate::{config::ReceiptId, store::MessageState};

/// A receipt that says something final.
#[derive(Debug, PartialEq)]
pub(super) struct Receipt {
    /// The message's name, as the receipt writes it.
    pub(super) id: String,
    /// Delivered or not.
    pub(super) state: MessageState,
    /// Why not.
    pub(super) problem: Option<String>,
}

/// Reads a receipt; none if it is a message of somebody's, or says nothing final.
pub(super) fn read(deliver: &DeliverSm) -> Option<Receipt> {
    // Message type: delivery receipt (SMPP 3.4 §5.2.12).
    if u8::from(deliver.esm_class) & 0x3C != 0x04 {
        return None;
    }
    let (mut id, mut state) = (None, None);
    for tlv in deliver.tlvs() {
        match tlv.value() {
            Some(TlvValue::ReceiptedMessageId(name)) => id = Some(name.as_str().to_owned()),
            Some(TlvValue::MessageState(reported)) => state = Some(word_of(*reported)),
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(&deliver.short_message().clone().into_vec()).into_owned();
    let id = id.or_else(|| field(&text, "id:"))?;
    let word = state.map(str::to_owned).or_else(|| field(&text, "stat:"))?;
    judged(id, &word)
}

fn judged(id: String, word: &str) -> Option<Receipt> {
    match word {
        "DELIVRD" => Some(Receipt { id, state: MessageState::Delivered, problem: None }),
        "EXPIRED" | "DELETED" | "UNDELIV" | "REJECTD" => {
            Some(Receipt { id, state: MessageState::Undelivered, problem: Some(format!("report_{word}")) })
        }
        _ => None,
    }
}

fn word_of(state: Reported) -> &'static str {
    match state {
        Reported::Delivered => "DELIVRD",
        Reported::Expired => "EXPIRED",
        Reported::Deleted => "DELETED",
        Reported::Undeliverable => "UNDELIV",
        Reported::Rejected => "REJECTD",
        _ => "",
    }
}

/// A field of `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.
fn field(text: &str, name: &str) -> Option<String> {
    let word = text.split(' ').find_map(|word| word.strip_prefix(name))?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// The name under which a message is remembered, from how its answer or its receipt writes it.
pub(super) fn name(written: &str, receipt_id: ReceiptId, in_answer: bool) -> String {
    let is_hexadecimal = match receipt_id {
        ReceiptId::Same => return written.to_owned(),
        ReceiptId::Decimal => in_answer,
        ReceiptId::Hexadecimal => !in_answer,
    };
    let number = u128::from_str_radix(written, if is_hexadecimal { 16 } else { 10 });
    number.map_or_else(|_| written.to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_receipt_is_read() {
        let text = "id:00ab sub:001 dlvrd:001 submit date:2603020900 done date:2603020901 stat:UNDELIV err:011 text:";
        assert_eq!(field(text, "id:").as_deref(), Some("00ab"));
        let receipt = judged("00ab".into(), &field(text, "stat:").unwrap()).unwrap();
        assert_eq!((receipt.state, receipt.problem.as_deref()), (MessageState::Undelivered, Some("report_UNDELIV")));
        assert_eq!(judged("1".into(), "ENROUTE"), None);
    }

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        let same = |receipt_id, answer: &str, receipt: &str| {
            name(answer, receipt_id, true) == name(receipt, receipt_id, false)
        };
        assert!(same(ReceiptId::Same, "ab-1", "ab-1"));
        assert!(same(ReceiptId::Decimal, "00AB", "171"));
        assert!(same(ReceiptId::Hexadecimal, "0171", "ab"));
        assert!(!same(ReceiptId::Same, "AB", "171"));
    }
}
