//! As what a client's address is counted.

use std::net::{IpAddr, Ipv6Addr};

use crate::secrets::Secrets;

/// Whose rate an address spends: its own if it is IPv4, that of its /64 if it is IPv6, of which every subscriber has at
/// least one (RFC 6177 §2), and with it more addresses than can be counted.
pub fn rate_subject(secrets: &Secrets, kind: &str, address: IpAddr) -> String {
    let counted = match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    };
    secrets.subject(kind, &counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_is_counted_by_the_address_and_ipv6_by_the_64() {
        let secrets = Secrets::new(&[1; 32]);
        let subject = |address: &str| rate_subject(&secrets, "kind", address.parse().unwrap());
        assert_eq!(subject("192.0.2.1"), subject("::ffff:192.0.2.1"));
        assert_ne!(subject("192.0.2.1"), subject("192.0.2.2"));
        assert_eq!(subject("2001:db8:0:1::1"), subject("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(subject("2001:db8:0:1::1"), subject("2001:db8:0:2::1"));
        assert_ne!(subject("192.0.2.1"), rate_subject(&secrets, "other", "192.0.2.1".parse().unwrap()));
    }
}
