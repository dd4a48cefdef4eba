//! The built page, from memory: compressed once, named by content, with the policy that its inline scripts need.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use anyhow::Context;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_protocol::ErrorCode;
use ring::digest::{SHA256, digest};
use rust_embed::RustEmbed;

use super::{App, problem::Problem};

const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
struct Embedded;

/// All files of the page.
pub struct Pages {
    files: HashMap<String, File>,
    policy: HeaderValue,
}

struct File {
    bytes: Vec<u8>,
    brotli: OnceLock<Vec<u8>>,
    tag: HeaderValue,
    content_type: &'static str,
    caching: &'static str,
}

impl Pages {
    /// Takes the page that was built into the program.
    ///
    /// # Errors
    /// When a header cannot be made of it.
    pub fn embedded() -> anyhow::Result<Self> {
        let names = Embedded::iter().map(|name| name.into_owned());
        Self::new(names.filter_map(|name| Embedded::get(&name).map(|file| (name, file.data.into_owned()))))
    }

    /// Reads the page from a directory.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn from_directory(directory: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        collect(directory, "", &mut files)
            .with_context(|| format!("cannot read the page in {}", directory.display()))?;
        Self::new(files.into_iter())
    }

    /// Takes files by their paths.
    ///
    /// # Errors
    /// When a header cannot be made of them.
    pub fn new(files: impl Iterator<Item = (String, Vec<u8>)>) -> anyhow::Result<Self> {
        let files: HashMap<String, File> =
            files.map(|(name, bytes)| Ok((name.clone(), File::new(&name, bytes)?))).collect::<anyhow::Result<_>>()?;
        let index = files.get(INDEX).map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let hashes: String = index.iter().flat_map(|index| inline_scripts(index)).map(hash_source).collect();
        let policy = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        );
        Ok(Self { files, policy: HeaderValue::from_str(&policy)? })
    }

    pub(super) fn content_security_policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// Compresses every file; takes seconds, so not on a thread that serves.
    pub fn compress(self: Arc<Self>) {
        self.files.values().for_each(File::compress);
    }
}

impl File {
    fn new(name: &str, bytes: Vec<u8>) -> anyhow::Result<Self> {
        let tag = format!("\"{}\"", STANDARD.encode(&digest(&SHA256, &bytes).as_ref()[..12]));
        Ok(Self {
            bytes,
            brotli: OnceLock::new(),
            tag: HeaderValue::from_str(&tag)?,
            content_type: content_type(name),
            caching: if is_named_by_content(name) { "public, max-age=31536000, immutable" } else { "no-cache" },
        })
    }

    fn compress(&self) {
        self.brotli.get_or_init(|| {
            let mut compressed = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
            let done = brotli::BrotliCompress(&mut self.bytes.as_slice(), &mut compressed, &parameters);
            // What does not get smaller is served as it is.
            if done.is_ok() && compressed.len() < self.bytes.len() { compressed } else { Vec::new() }
        });
    }

    fn respond(&self, request: &HeaderMap) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static(self.caching)),
            (header::ETAG, self.tag.clone()),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if request.get_all(header::IF_NONE_MATCH).iter().any(|tags| has_tag(tags, &self.tag)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        match self.brotli.get().filter(|compressed| !compressed.is_empty() && takes_brotli(request)) {
            Some(compressed) => (headers, [(header::CONTENT_ENCODING, "br")], compressed.clone()).into_response(),
            None => (headers, self.bytes.clone()).into_response(),
        }
    }
}

/// Serves a file, or the page itself for every path that names none.
pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ([(header::ALLOW, "GET,HEAD")], Problem::from(ErrorCode::MethodNotAllowed)).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let file = match app.pages.files.get(path) {
        Some(file) => Some(file),
        None if last.contains('.') => return StatusCode::NOT_FOUND.into_response(),
        None => app.pages.files.get(INDEX),
    };
    match file {
        Some(file) => file.respond(request.headers()),
        None => (StatusCode::SERVICE_UNAVAILABLE, "The page was not built into this server.\n").into_response(),
    }
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// The bodies of `<script>` elements without `src`.
fn inline_scripts(html: &str) -> Vec<&str> {
    let elements = html.split("<script").skip(1).filter_map(|rest| rest.split_once('>'));
    let inline = elements.filter(|(attributes, _)| !attributes.contains("src="));
    inline
        .filter_map(|(_, rest)| rest.split_once("</script").map(|(body, _)| body))
        .filter(|body| !body.is_empty())
        .collect()
}

fn hash_source(script: &str) -> String {
    format!(" 'sha256-{}'", STANDARD.encode(digest(&SHA256, script.as_bytes())))
}

/// `name-0123456789abcdef.js` or `name-0123456789abcdef_bg.wasm`: Trunk puts 16 hexadecimal digits there.
fn is_named_by_content(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
    stem.split(['-', '_']).any(|part| part.len() >= 16 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn has_tag(tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(tag)) = (tags.to_str(), tag.to_str()) else { return false };
    tags.split(',').map(|given| given.trim().trim_start_matches("W/")).any(|given| given == tag || given == "*")
}

fn takes_brotli(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("br") && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_found_and_others_are_not() {
        let html = "<script type=\"module\">init()</script><script src=\"/a.js\"></script><script>\n1 </script>";
        assert_eq!(inline_scripts(html), ["init()", "\n1 "]);
    }

    #[test]
    fn names_with_a_hash_are_told_from_others() {
        assert!(is_named_by_content("qcert-frontend-0123456789abcdef_bg.wasm"));
        assert!(is_named_by_content("snippets/x-0123456789abcdef/inline0.js".rsplit_once('/').unwrap().0));
        assert!(!is_named_by_content("index.html"));
    }

    #[test]
    fn the_policy_names_the_hash_of_an_inline_script() {
        let index = b"<script>1</script>".to_vec();
        let pages = Pages::new([(INDEX.to_owned(), index)].into_iter()).unwrap();
        let policy = pages.policy.to_str().unwrap();
        // printf 1 | openssl dgst -sha256 -binary | base64
        assert!(
            policy.contains(
                "script-src 'self' 'wasm-unsafe-eval' 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=';"
            ),
            "{policy}"
        );
    }
}
