//! Which addresses are proxies of the authority's own.

use std::net::IpAddr;

use ipnet::IpNet;

const FORM: &str = "must be addresses and networks with commas between them, as 127.0.0.1, 10.1.0.0/16, fd00::/8";

/// Addresses and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and networks with commas between them; nothing is nobody.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|part| network(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Is it one of them? An IPv4 address that is written as IPv6 is itself.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().map_err(|_| FORM)?,
    };
    match network {
        _ if network.prefix_len() == 0 => Err("must not be everybody: then a client names any address as its own"),
        _ if network.network() != network.addr() => Err("must not have a network with bits after its prefix"),
        IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => Err("must have an IPv4 address as IPv4 writes it"),
        network => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_of_both_kinds_are_known() {
        let proxies = TrustedProxies::parse("127.0.0.1, 10.1.0.0/16,::1,fd00:1::/32").unwrap();
        for address in ["127.0.0.1", "10.1.255.255", "::1", "fd00:1:2::3", "::ffff:10.1.2.3"] {
            assert!(proxies.contain(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.2", "10.2.0.0", "::2", "fd00:2::", "::ffff:10.2.2.3"] {
            assert!(!proxies.contain(address.parse().unwrap()), "{address}");
        }
        assert!(!TrustedProxies::parse("").unwrap().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_not_meant_is_refused() {
        for text in ["localhost", "10.0.0.1,", "10.0.0.1 10.0.0.2", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
        for text in ["::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "[::1]", "127.0.0.1:80"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
    }
}
