//! The address of whoever asks: the connection's; or, if that is a trusted proxy, the one that the proxy names.
//!
//! Every proxy appends for whom it asks, so the header is walked from its end: as long as the one who wrote is trusted,
//! the one that is named counts. What stands before the first address that is no trusted proxy anybody may have written.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use qcert_protocol::ErrorCode;

use super::{App, problem::Problem};
use crate::config::{ProxyHeader, Server};

/// The client's address. An IPv4 address that is written as IPv6 is IPv4.
pub(super) struct ClientAddress(pub IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A server that does not tell it would count everybody as one.
        let connected = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
        let ConnectInfo(peer) = connected.map_err(|_| ErrorCode::Internal)?;
        Ok(Self(named(peer.ip(), &parts.headers, &app.portal.settings.server)))
    }
}

/// Does a trusted proxy ask? What it says of the request is believed.
pub(super) async fn is_of_a_trusted_proxy(parts: &mut Parts, app: &App) -> bool {
    let connected = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
    connected.is_ok_and(|peer| app.portal.settings.server.trusted_proxies.contain(peer.0.ip().to_canonical()))
}

/// For whom this connection asks.
fn named(connected: IpAddr, headers: &HeaderMap, settings: &Server) -> IpAddr {
    let connected = connected.to_canonical();
    if !settings.trusted_proxies.contain(connected) {
        return connected;
    }
    match settings.proxy_header {
        ProxyHeader::XForwardedFor => {
            let lines = headers.get_all("x-forwarded-for").iter().rev();
            let hops = lines.flat_map(|line| line.as_bytes().rsplit(|octet| *octet == b',').map(written));
            walk(connected, hops, settings)
        }
        ProxyHeader::Forwarded => {
            let lines = headers.get_all(header::FORWARDED).iter().rev();
            walk(connected, lines.flat_map(|line| forwarded::hops(line.as_bytes())), settings)
        }
    }
}

/// `None` is a hop that names no address: nobody knows what is before it, and the last one that is known counts.
fn walk(connected: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, settings: &Server) -> IpAddr {
    let mut address = connected;
    for hop in hops {
        let Some(hop) = hop else { return address };
        address = hop;
        if !settings.trusted_proxies.contain(address) {
            return address;
        }
    }
    address
}

fn written(octets: &[u8]) -> Option<IpAddr> {
    node(std::str::from_utf8(octets).ok()?.trim_matches([' ', '\t']))
}

/// An address, with a port or without; IPv6 in brackets if it has one.
fn node(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(())?;
            IpAddr::V6(address.parse().ok()?)
        }
        None => match text.split_once(':') {
            Some((address, port)) if is_port(port) => IpAddr::V4(address.parse().ok()?),
            _ => text.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

/// A number, or a name that hides it (RFC 7239 §6.3).
fn is_port(text: &str) -> bool {
    let hidden =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    match text.strip_prefix('_') {
        Some(name) => hidden(name),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Settings;

    /// The address that counts for a connection from 10.0.0.1, which is trusted.
    fn counted(header: &str, lines: &[&str]) -> String {
        counted_from("10.0.0.1", header, lines)
    }

    fn counted_from(connected: &str, header: &str, lines: &[&str]) -> String {
        let file = format!("[server]\ntrusted_proxies = '10.0.0.0/24, fd00::1'\nproxy_header = '{header}'");
        let settings = Settings::read(&file, &BTreeMap::new()).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(if header == "forwarded" { "forwarded" } else { "x-forwarded-for" }, line.parse().unwrap());
        }
        named(connected.parse().unwrap(), &headers, &settings.server).to_string()
    }

    #[test]
    fn x_forwarded_for_is_walked_from_its_end_to_the_first_that_is_no_proxy() {
        let table: [(&[&str], &str); 17] = [
            (&[], "10.0.0.1"),
            (&["192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.9, 192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.9", "192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.9, 192.0.2.7,10.0.0.2 , 10.0.0.3"], "192.0.2.7"),
            (&["198.51.100.9, 192.0.2.7", "fd00::1", "10.0.0.3"], "192.0.2.7"),
            (&["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
            // What nobody can read ends the walk at the last hop that was good.
            (&["192.0.2.7, evil"], "10.0.0.1"),
            (&["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7, "], "10.0.0.1"),
            (&["[192.0.2.7], 10.0.0.2"], "10.0.0.2"),
        ];
        for (lines, address) in table {
            assert_eq!(counted("x-forwarded-for", lines), address, "{lines:?}");
        }
    }

    #[test]
    fn forwarded_is_walked_from_its_end_to_the_first_that_is_no_proxy() {
        let table: [(&[&str], &str); 26] = [
            (&["for=192.0.2.7"], "192.0.2.7"),
            (&["For=192.0.2.7;proto=https;by=10.0.0.1"], "192.0.2.7"),
            (&["proto=https ; for=192.0.2.7"], "192.0.2.7"),
            (&["for=198.51.100.9, for=192.0.2.7"], "192.0.2.7"),
            (&["for=198.51.100.9", "for=192.0.2.7, for=10.0.0.2"], "192.0.2.7"),
            (&["for=\"192.0.2.7:4711\""], "192.0.2.7"),
            (&["for=\"192.0.2.7:_hidden\""], "192.0.2.7"),
            (&["for=\"[2001:db8::7]\""], "2001:db8::7"),
            (&["for=\"[2001:DB8::7]:4711\""], "2001:db8::7"),
            (&["for=\"[::ffff:192.0.2.7]\""], "192.0.2.7"),
            (&["for=\"192.0.2\\.7\""], "192.0.2.7"),
            (&["for=198.51.100.9, for=192.0.2.7;host=\"a, for=198.51.100.8\""], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a\\\", for=198.51.100.8\""], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a\\\\\""], "192.0.2.7"),
            // The client wrote the beginning, and left a string open that swallows what the proxy appended.
            (&["for=\"198.51.100.9, for=192.0.2.7"], "192.0.2.7"),
            (&["for=\"198.51.100.9", "for=192.0.2.7"], "192.0.2.7"),
            // Nobody knows who is behind these.
            (&["for=192.0.2.7, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.7, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            (&["for=192.0.2.7, for=\"_hidden:_port\""], "10.0.0.1"),
            (&["for=192.0.2.7, proto=https"], "10.0.0.1"),
            // Not of the form.
            (&["for=192.0.2.7;for=198.51.100.9"], "10.0.0.1"),
            (&["for=2001:db8::7"], "10.0.0.1"),
            (&["for=\"2001:db8::7\""], "10.0.0.1"),
            (&["for=192.0.2.7:4711"], "10.0.0.1"),
            (&["for = 192.0.2.7"], "10.0.0.1"),
            (&["192.0.2.7"], "10.0.0.1"),
        ];
        for (lines, address) in table {
            assert_eq!(counted("forwarded", lines), address, "{lines:?}");
        }
    }

    #[test]
    fn who_is_no_trusted_proxy_names_nobody() {
        for connected in ["192.0.2.1", "10.0.1.1", "2001:db8::1", "fd00::2"] {
            assert_eq!(counted_from(connected, "x-forwarded-for", &["198.51.100.9"]), connected);
            assert_eq!(counted_from(connected, "forwarded", &["for=198.51.100.9"]), connected);
        }
        assert_eq!(counted_from("::ffff:10.0.0.1", "x-forwarded-for", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(counted_from("::ffff:192.0.2.1", "x-forwarded-for", &["198.51.100.9"]), "192.0.2.1");
    }

    #[test]
    fn the_other_header_is_not_looked_at() {
        let file = "[server]\ntrusted_proxies = '10.0.0.1'\nproxy_header = 'forwarded'";
        let settings = Settings::read(file, &BTreeMap::new()).unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "198.51.100.9".parse().unwrap());
        assert_eq!(named("10.0.0.1".parse().unwrap(), &headers, &settings.server).to_string(), "10.0.0.1");
        headers.append("forwarded", "for=192.0.2.7".parse().unwrap());
        assert_eq!(named("10.0.0.1".parse().unwrap(), &headers, &settings.server).to_string(), "192.0.2.7");
    }
}
