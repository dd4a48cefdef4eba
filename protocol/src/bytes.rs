//! Bytes in JSON: standard base64 with padding (RFC 4648 §4).

use base64ct::{Base64 as Standard, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes that travel as base64. Its `Debug` says the length only.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
pub struct Base64(pub Vec<u8>);

impl std::fmt::Debug for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Standard::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Standard::decode_vec(&text).map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_with_padding_and_nothing_else_is_read() {
        let bytes = Base64(vec![0, 1, 254, 255]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), r#""AAH+/w==""#);
        assert_eq!(serde_json::from_str::<Base64>(r#""AAH+\/w==""#).unwrap(), bytes);
        for bad in ["AAH+/w", "AAH+/w=", "AAH-_w==", "AAH+/x==", " AAH+/w==", "AAH+/w==\\n", "AAH+/w==AAAA"] {
            assert!(serde_json::from_str::<Base64>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
    }
}
