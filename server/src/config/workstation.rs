//! Where the page sends a person for the workstation's parts.

use qcert_protocol::portal::PackageLinks;

use super::{is_local, reader::Reader};

/// `[workstation.packages]`
pub(super) fn packages(reader: &mut Reader<'_>) -> PackageLinks {
    let mut link = |name: &str| reader.parsed(&format!("workstation.packages.{name}"), "", address);
    PackageLinks {
        debian: link("debian"),
        rpm: link("rpm"),
        windows: link("windows"),
        chromium: link("chromium"),
        firefox: link("firefox"),
    }
}

/// What is installed from there works with tokens: it does not come over a line that others can write on.
fn address(text: &str) -> Result<Option<String>, &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\".contains(&b));
    let origin = text.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    match text {
        "" => Ok(None),
        _ if plain && text.len() <= 500 && origin.len() > "https://".len() && text.starts_with("https://") => {
            Ok(Some(text.to_owned()))
        }
        _ if plain && text.starts_with("http://") && is_local(&origin) => Ok(Some(text.to_owned())),
        _ => Err("must be an https address, of no more than 500 characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_fetched_by_https_or_from_this_machine() {
        for good in
            ["https://ca.example/qcert-host.deb", "https://addons.example/x?y=1#z", "http://localhost:8080/a.deb"]
        {
            assert_eq!(address(good), Ok(Some(good.to_owned())));
        }
        assert_eq!(address(""), Ok(None));
        for bad in [
            "http://ca.example/qcert-host.deb",
            "http://localhost.example/a",
            "javascript:alert(1)",
            "/packages/a.deb",
            "https://",
            "https://ca.example/\"onclick",
            "https://ca.example/a b",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
