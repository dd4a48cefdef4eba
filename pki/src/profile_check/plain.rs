//! A plain reader of DER for the check: tag, length, content. It is written again here, for an error in the library that
//! the builder uses must not hide itself.

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) whole: &'a [u8],
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const NUMERIC_STRING: u8 = 0x12;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

impl<'a> Element<'a> {
    /// The one value that `input` is, with nothing after it.
    pub(super) fn only(input: &'a [u8]) -> Option<Self> {
        let (element, rest) = read(input)?;
        rest.is_empty().then_some(element)
    }

    /// The one value that `input` is, if it has this tag.
    pub(super) fn only_of(tag: u8, input: &'a [u8]) -> Option<Self> {
        Self::only(input).filter(|element| element.tag == tag)
    }

    /// The values inside.
    pub(super) fn children(self) -> Option<Vec<Self>> {
        let mut children = Vec::new();
        let mut rest = self.content;
        while !rest.is_empty() {
            let (child, after) = read(rest)?;
            children.push(child);
            rest = after;
        }
        Some(children)
    }

    /// The values inside, if this is what their tags are.
    pub(super) fn children_of<const N: usize>(self, tags: [u8; N]) -> Option<[Self; N]> {
        let children: [Self; N] = self.children()?.try_into().ok()?;
        children.iter().map(|child| child.tag).eq(tags).then_some(children)
    }

    /// An object identifier with dots (X.690 §8.19).
    pub(super) fn oid(self) -> Option<String> {
        let (last, _) = self.content.split_last()?;
        if self.tag != OBJECT_IDENTIFIER || last & 0x80 != 0 {
            return None;
        }
        let mut arcs = Vec::new();
        let mut arc = 0u64;
        for octet in self.content {
            arc = arc.checked_mul(128)? | u64::from(octet & 0x7f);
            if octet & 0x80 == 0 {
                arcs.push(arc);
                arc = 0;
            }
        }
        let (first, others) = arcs.split_first()?;
        let top = (*first / 40).min(2);
        let mut text = format!("{top}.{}", first - top * 40);
        others.iter().for_each(|arc| text.push_str(&format!(".{arc}")));
        Some(text)
    }

    /// A text in UTF-8, of which all string types here are a part.
    pub(super) fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.content).ok()
    }
}

fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, &first) = (input.first()?, input.get(1)?);
    // No value of a certificate has a tag of more than one octet.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (header, length) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81 => (3, usize::from(*input.get(2)?)),
        0x82 => (4, usize::from(u16::from_be_bytes([*input.get(2)?, *input.get(3)?]))),
        _ => return None,
    };
    // DER: the shortest form of the length, X.690 §10.1.
    let shortest = match length {
        0..=0x7f => 2,
        0x80..=0xff => 3,
        _ => 4,
    };
    let end = header + length;
    let content = input.get(header..end)?;
    (header == shortest).then_some((Element { tag, content, whole: &input[..end] }, &input[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_identifier_is_read_with_its_dots() {
        let email = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
        assert_eq!(Element::only(&email).unwrap().oid().as_deref(), Some("1.2.840.113549.1.9.1"));
        let title = [0x06, 0x03, 0x55, 0x04, 0x0c];
        assert_eq!(Element::only(&title).unwrap().oid().as_deref(), Some("2.5.4.12"));
    }

    #[test]
    fn a_length_in_a_longer_form_than_needed_is_refused() {
        assert!(Element::only(&[0x04, 0x81, 0x01, 0xaa]).is_none());
        assert!(Element::only(&[0x04, 0x82, 0x00, 0x01, 0xaa]).is_none());
        assert!(Element::only(&[0x04, 0x80, 0xaa, 0x00, 0x00]).is_none());
        assert!(Element::only(&[0x04, 0x01, 0xaa]).is_some());
        assert!(Element::only(&[0x04, 0x01, 0xaa, 0x00]).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((element, _)) = read(&bytes) {
                let _ = (element.oid(), element.text(), element.children());
            }
        }
    }
}
