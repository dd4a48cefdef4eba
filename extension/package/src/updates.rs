//! Where browsers look for a newer version.

use serde_json::json;

use crate::digest;

/// The update manifest of Chromium and its kin (`gupdate`, protocol 2.0): the `.crx` at `address` is this version.
pub fn for_chromium(id: &str, version: &str, address: &str) -> String {
    let address = address.replace('&', "&amp;").replace('\'', "&apos;").replace('<', "&lt;");
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <gupdate xmlns='http://www.google.com/update2/response' protocol='2.0'>\n  \
           <app appid='{id}'>\n    \
             <updatecheck codebase='{address}' version='{version}'/>\n  \
           </app>\n\
         </gupdate>\n"
    )
}

/// The update manifest of Firefox: the archive at `address` is this version of an add-on.
pub fn for_firefox(id: &str, version: &str, address: &str, archive: &[u8]) -> String {
    let digest = digest(archive);
    let update = json!({"version": version, "update_link": address, "update_hash": format!("sha256:{digest}")});
    format!("{:#}\n", json!({"addons": {id: {"updates": [update]}}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_query_stays_xml() {
        let text = for_chromium("a", "1.0", "https://x.example/?a=1&b='2'");
        assert!(text.contains("codebase='https://x.example/?a=1&amp;b=&apos;2&apos;' version='1.0'"), "{text}");
    }

    #[test]
    fn firefox_is_told_the_digest_of_the_archive() {
        let text = for_firefox("a@b", "1.0", "https://x.example/a.xpi", b"abc");
        let update: serde_json::Value = serde_json::from_str(&text).unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(update["addons"]["a@b"]["updates"][0]["update_hash"], format!("sha256:{digest}"));
    }
}
