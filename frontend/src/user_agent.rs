//! Which browser this is, by what it tells every site (`navigator.userAgent`).

use qcert_protocol::{
    portal::PackageLinks,
    workstation::{OLDEST_CHROMIUM, OLDEST_FIREFOX},
};

/// No version of it is known to work.
const NEVER: u32 = u32::MAX;

/// What a browser calls itself, what people call it, and the oldest version that can run the extension. Each also calls
/// itself what those below it do.
const BROWSERS: [(&str, &str, u32); 6] = [
    ("Edg/", "Microsoft Edge", OLDEST_CHROMIUM),
    ("OPR/", "Opera", NEVER),
    ("YaBrowser/", "Yandex", NEVER),
    ("Firefox/", "Firefox", OLDEST_FIREFOX),
    ("Chrome/", "Chromium", OLDEST_CHROMIUM),
    ("Version/", "Safari", NEVER),
];

/// Name and version for a person, and can it run the extension?
pub fn browser(user_agent: &str) -> (String, bool) {
    for (token, name, oldest) in BROWSERS {
        if let Some((_, after)) = user_agent.split_once(token) {
            let version = after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let new = version.parse().is_ok_and(|version: u32| version >= oldest);
            return ([name, " ", version].concat(), new && !user_agent.contains("Mobi"));
        }
    }
    (String::new(), false)
}

/// Where this system finds the host, or this browser the extension; with names of their own where browsers do not tell one
/// system from another.
pub fn links<'a>(user_agent: &str, links: &'a PackageLinks, of_host: bool) -> [Option<(&'static str, &'a String)>; 2] {
    let is = |name| user_agent.contains(name);
    let named = |name, link: &'a Option<String>| Some((name, link.as_ref()?));
    match of_host {
        true if is("Windows") => [named("Windows", &links.windows), None],
        true => [named("Debian (.deb)", &links.debian), named("RPM (.rpm)", &links.rpm)],
        false if is("Firefox/") => [named("Firefox", &links.firefox), None],
        false => [named("Chromium", &links.chromium), None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROMIUM: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0";

    #[test]
    fn browsers_are_told_apart_though_each_names_others() {
        let firefox =
            |version| format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0");
        for (user_agent, name, supported) in [
            (CHROMIUM.to_owned(), "Chromium 156", true),
            (CHROMIUM.replace("156", "120"), "Chromium 120", false),
            (EDGE.to_owned(), "Microsoft Edge 130", true),
            (firefox(142), "Firefox 142", true),
            (firefox(128), "Firefox 128", false),
            (format!("{CHROMIUM} YaBrowser/25.1"), "Yandex 25", false),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605 Version/18.0 Safari/605".into(), "Safari 18", false),
            ("Mozilla/5.0 (Linux; Android 15) Chrome/156.0 Mobile Safari/537".into(), "Chromium 156", false),
            (String::new(), "", false),
        ] {
            assert_eq!(browser(&user_agent), (name.to_owned(), supported), "{user_agent}");
        }
    }

    #[test]
    fn each_system_and_browser_is_shown_its_own_package() {
        let link = |name: &str| Some(format!("https://ca.example/{name}"));
        let links = PackageLinks {
            debian: link("deb"),
            rpm: None,
            windows: link("msi"),
            chromium: link("crx"),
            firefox: link("xpi"),
        };
        let all = |user_agent: &str, of_host| {
            let found = super::links(user_agent, &links, of_host).into_iter().flatten();
            found.map(|(_, link)| link.clone()).collect::<Vec<_>>()
        };
        assert_eq!(all(CHROMIUM, true), ["https://ca.example/deb"]);
        assert_eq!(all(EDGE, true), ["https://ca.example/msi"]);
        assert_eq!(all(EDGE, false), ["https://ca.example/crx"]);
        assert_eq!(all("Firefox/142.0", false), ["https://ca.example/xpi"]);
    }
}
