//! Invariant 3 of ARCHITECTURE.md in a real browser: who may speak to the extension and to the host, and who may not.

use anyhow::{Context, Result};
use qcert_journeys::{
    Browser, Journey, Software,
    stranger::{self, Site, TlsSite, ask, refusal, request, say},
    token::PIN,
};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html><title>Another site</title><p>Another site</p>";

/// Every command that a page can give.
const COMMANDS: [&str; 14] = [
    "hello",
    "closeWindow",
    "listTokens",
    "watchTokens",
    "tokenDetails",
    "storeState",
    "cancel",
    "createRequest",
    "renewRequest",
    "requestAgain",
    "installCertificate",
    "removeKeyPair",
    "changePin",
    "unblockPin",
];

/// What a page can see of the extension: the mark of the content script, and how many answers come in half a second.
const IS_ANYBODY_THERE: &str = "
    const [done] = arguments;
    let answers = 0;
    addEventListener('message', ({ data }) => (answers += data?.qcert === 'reply'));
    postMessage({ qcert: 'request', id: '1', command: 'closeWindow', params: {} }, location.origin);
    setTimeout(() => done([document.documentElement.dataset.qcertExtension ?? null, answers]), 500);";

async fn nobody_is_there(browser: &Browser) -> Result<()> {
    let there: (Option<String>, u32) = browser.script_later(IS_ANYBODY_THERE, vec![]).await?;
    assert_eq!(there, (None, 0));
    Ok(())
}

/// “… exact scheme, host and port.” Patterns of content scripts have no port: here the worker is asked, and refuses.
#[tokio::test]
async fn a_page_of_another_port_is_refused_whatever_it_asks() -> Result<()> {
    for software in [Software::Chromium, Software::Firefox] {
        let directory = tempfile::tempdir()?;
        let journey = Journey::begin_in(software, directory.path(), &[], |_| Ok(())).await?;
        journey.browser.read("Рабочее место готово.").await?;
        let before = journey.browser.hosts()?;
        journey.browser.visit(&Site::open(PAGE)?.origin("localhost")).await?;
        let said: Vec<_> = COMMANDS.iter().map(|command| request(command, command, json!({}))).collect();
        let answers = say(&journey.browser, &said).await?;
        for command in COMMANDS {
            assert_eq!(refusal(&answers, command), Some("extension_site_refused"), "{command} in {software:?}");
        }
        assert!(journey.browser.hosts()?.iter().all(|host| before.contains(host)), "a host was started");
    }
    Ok(())
}

/// “… exact scheme, host and port.”
#[tokio::test]
async fn a_page_of_another_host_or_scheme_finds_no_extension() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin(directory.path()).await?;
    journey.browser.visit(&Site::open(PAGE)?.origin("127.0.0.1")).await?;
    nobody_is_there(&journey.browser).await?;
    let site = TlsSite::open(&directory.path().join("site"), PAGE)?;
    journey.browser.visit(&site.address()).await?;
    journey.browser.read("Another site").await?;
    nobody_is_there(&journey.browser).await
}

/// The portal's own policy keeps strangers out of its page, and its page out of theirs.
#[tokio::test]
async fn the_portal_frames_no_stranger_and_no_stranger_frames_it() -> Result<()> {
    const FRAME: &str = "
        const [address, event, done] = arguments;
        const frame = document.createElement('iframe');
        const answer = ({ effectiveDirective }) => done(effectiveDirective ?? null);
        (event === 'load' ? frame : document).addEventListener(event, answer);
        frame.src = address;
        document.body.append(frame);";
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin(directory.path()).await?;
    let site = Site::open(PAGE)?;
    let stranger = site.origin("127.0.0.1");
    let arguments = vec![stranger.clone().into(), "securitypolicyviolation".into()];
    let violated: String = journey.browser.script_later(FRAME, arguments).await?;
    assert_eq!((violated.as_str(), site.visits()), ("frame-src", 0));

    journey.browser.visit(&stranger).await?;
    let arguments = vec![journey.portal.origin().into(), "load".into()];
    let _: Option<String> = journey.browser.script_later(FRAME, arguments).await?;
    journey.browser.enter_frame(0).await?;
    assert!(!journey.browser.text().await?.contains("Номер телефона"));
    Ok(())
}

/// “The worker takes page commands only from its own content script, top frame.” On a page of the portal's origin that
/// lets everybody in, for the portal's own page does not.
#[tokio::test]
async fn a_frame_is_not_heard_though_the_page_lets_it_in() -> Result<()> {
    const FRAMES: &str = "
        const [forged, stranger, done] = arguments;
        const heard = [];
        let arrived = 0;
        const add = (address) => new Promise((resolve) => {
          const frame = document.createElement('iframe');
          frame.addEventListener('load', () => resolve(frame), { once: true });
          frame.src = address;
          document.body.append(frame);
        });
        addEventListener('message', ({ data, source }) => {
          if (source !== window) arrived += 1;
          if (data?.qcert === 'reply') heard.push(data.id);
        });
        (async () => {
          const [blank, same] = [await add('about:blank'), await add(location.href), await add(stranger)];
          for (const frame of [blank, same]) {
            const say = `parent.postMessage(${JSON.stringify(forged)}, '*')`;
            frame.contentWindow.eval(say);
            done.marks = frame.contentDocument.documentElement.dataset.qcertExtension ?? done.marks;
          }
          while (arrived < 3) await new Promise((resolve) => setTimeout(resolve, 10));
          addEventListener('message', ({ data }) => data?.id === 'page' && data.result && done([heard, done.marks ?? null]));
          postMessage({ qcert: 'request', id: 'page', command: 'hello', params: { protocolVersion: 1 } }, location.origin);
        })();";
    let directory = tempfile::tempdir()?;
    let forged = request("frame", "hello", json!({"protocolVersion": 1}));
    let stranger = Site::open(&format!("<script>parent.postMessage({forged}, '*')</script>"))?;
    let site = Site::open(PAGE)?;
    let origin = site.origin("localhost");
    let journey = Journey::begin_with(directory.path(), &[], |computer| {
        computer.package_extension_for(&origin)?;
        computer.allow_only(&origin)
    })
    .await?;
    journey.browser.visit(&origin).await?;
    let arguments = vec![forged, stranger.origin("127.0.0.1").into()];
    let (heard, mark): (Vec<String>, Option<String>) = journey.browser.script_later(FRAMES, arguments).await?;
    assert_eq!((heard, mark), (vec!["page".to_owned()], None));
    Ok(())
}

#[tokio::test]
async fn a_forged_message_is_passed_over_or_refused_by_code() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin(directory.path()).await?;
    journey.browser.read("Рабочее место готово.").await?;
    let hosts = journey.browser.hosts()?;
    let refused = refused_messages();
    let messages: Vec<_> = refused.iter().map(|(_, message)| message.clone()).chain(passed_over()).collect();
    let answers = say(&journey.browser, &messages).await?;
    for (code, message) in &refused {
        let id = message["id"].as_str().context("an id")?;
        assert_eq!(refusal(&answers, id), Some(*code), "{message}");
    }
    assert_eq!(answers.len(), refused.len(), "{answers:?}");
    for odd in ["1n", "(() => { const loop = {}; loop.loop = loop; return loop; })()"] {
        let post = format!(
            "const [done] = arguments;
             addEventListener('message', ({{ data }}) => data.qcert === 'reply' && data.id === 'odd' && done(data));
             postMessage({{ qcert: 'request', id: 'odd', command: 'hello', params: {{ odd: {odd} }} }}, '*');"
        );
        let answer: Value = journey.browser.script_later(&post, vec![]).await?;
        assert_eq!(answer["error"]["code"], "frame_malformed", "{odd}");
    }
    assert_eq!(journey.browser.extension_windows().await?, 0);
    assert_eq!(journey.browser.hosts()?, hosts, "nothing of it reached the host, and everybody is well");
    Ok(())
}

/// Messages, and the codes that refuse them.
fn refused_messages() -> Vec<(&'static str, Value)> {
    let key = |name: &str, value: Value| {
        let mut params = create_request("token");
        params[name] = value;
        params
    };
    let bad = "frame_malformed";
    let unknown = "command_unknown";
    let install = |certificate: String| json!({"token": "t", "container": "c", "certificate": certificate});
    let old_key = json!({"keyId": "a".repeat(40), "nonce": format!("{}=", "A".repeat(43))});
    vec![
        (bad, json!({"qcert": "request", "id": "no command"})),
        (bad, json!({"qcert": "request", "id": "a number", "command": 7, "params": {}})),
        (bad, json!({"qcert": "request", "id": "a PIN", "action": "submit", "pin": PIN})),
        (unknown, request("sign", "sign", json!({"data": "AAAA"}))),
        (unknown, request("inherited", "toString", json!({}))),
        (unknown, request("prototype", "__proto__", json!({}))),
        (unknown, request("constructor", "constructor", json!({}))),
        (bad, request("a list", "hello", json!([1]))),
        (bad, request("nothing", "listTokens", Value::Null)),
        (bad, request("text", "hello", json!({"protocolVersion": "1"}))),
        (bad, request("more", "listTokens", json!({"origin": "https://another.example"}))),
        (bad, request("smuggled", "createRequest", key("authorization", json!({"pin": PIN})))),
        (bad, request("curve", "createRequest", key("algorithm", json!("P-512")))),
        (bad, request("sensor", "createRequest", key("sensor", json!("не base64")))),
        (bad, request("direction", "createRequest", key("container", json!("a\u{202e}b")))),
        (bad, request("control", "createRequest", key("commonName", json!("a\u{7}b")))),
        (bad, request("vouching", "renewRequest", key("renews", json!({"keyId": "a".repeat(40), "message": "AAAA"})))),
        (bad, request("renewing", "createRequest", key("renews", old_key))),
        (bad, request("key", "removeKeyPair", json!({"token": "t", "keyId": "A".repeat(40)}))),
        (bad, request("certificate", "installCertificate", install("A".repeat(50_000)))),
        ("frame_too_large", request("long", "installCertificate", install("A".repeat(70_000)))),
    ]
}

/// Messages that are nobody's requests.
fn passed_over() -> Vec<Value> {
    vec![
        json!("hello"),
        Value::Null,
        json!([]),
        json!({"qcert": "Request", "id": "1", "command": "listTokens", "params": {}}),
        json!({"qcert": "request", "command": "listTokens", "params": {}}),
        request("", "listTokens", json!({})),
        request(&"1".repeat(65), "listTokens", json!({})),
        json!({"qcert": "request", "id": 1, "command": "listTokens", "params": {}}),
    ]
}

fn create_request(token: &str) -> Value {
    json!({"token": token, "container": "1@2026-01-01-forged", "commonName": "forged", "algorithm": "P-256", "sensor": "A".repeat(88)})
}

async fn token_id(browser: &Browser) -> Result<String> {
    let answer = ask(browser, request("tokens", "listTokens", json!({}))).await?;
    let id = answer["result"]["readers"][0]["token"]["id"].as_str().context("no token is listed")?;
    Ok(id.to_owned())
}

/// “The host believes only the origin that the service worker took from the browser.”
#[tokio::test]
async fn an_origin_that_a_page_names_reaches_nobody() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin(directory.path()).await?;
    let mut hello = request("1", "hello", json!({"protocolVersion": 1}));
    hello["origin"] = json!("https://another.example");
    let answer = ask(&journey.browser, hello).await?;
    assert!(answer["result"]["hostVersion"].is_string(), "{answer}");
    journey.computer.allow_only("https://another.example")?;
    journey.browser.reload().await?;
    let mut hello = request("2", "hello", json!({"protocolVersion": 1}));
    hello["origin"] = json!("https://another.example");
    let answer = ask(&journey.browser, hello).await?;
    assert_eq!(answer["error"]["code"], "origin_refused");
    Ok(())
}

/// “PIN commands only from its own window”; “signing and removal are confirmed in the extension's window”.
#[tokio::test]
async fn a_page_that_brings_a_pin_along_signs_and_removes_nothing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    let token = token_id(&journey.browser).await?;
    let mut create = request("create", "createRequest", create_request(&token));
    create["authorization"] = json!({"pin": PIN});
    let submit = json!({"qcert": "request", "id": "submit", "command": "submit", "action": "submit", "pin": PIN});
    let answers = say(&journey.browser, &[create, submit.clone()]).await?;
    assert_eq!(refusal(&answers, "submit"), Some("command_unknown"));
    journey.browser.to_extension("textbox", "Pin-код").await?;
    journey.browser.to_page().await?;
    say(&journey.browser, std::slice::from_ref(&submit)).await?;
    assert!(journey.token_contents()?.is_empty());
    journey.browser.to_extension("textbox", "Pin-код").await?;
    journey.browser.close_window().await?;

    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    let key_id = journey.token_contents()?.private_keys[0].clone();
    let mut remove = request("remove", "removeKeyPair", json!({"token": token, "keyId": key_id}));
    remove["authorization"] = json!({"pin": PIN});
    say(&journey.browser, &[remove, submit]).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    journey.browser.close_window().await?;
    assert_eq!(journey.token_contents()?.private_keys, [key_id]);
    Ok(())
}

fn pin_window_address() -> String {
    "chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/window/pin.html".to_owned()
}

/// “PIN commands only from its own window”: the page of it, opened by anybody else, is not that window.
#[tokio::test]
async fn a_pin_window_that_the_worker_did_not_open_closes_and_the_other_goes_on() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;
    journey.browser.open_tab().await?;
    journey.browser.visit(&pin_window_address()).await?;
    journey.browser.tab_closes().await?;
    journey.enter_pin().await.map(drop)
}

/// A site may not even load what the window is made of.
#[tokio::test]
async fn a_page_can_neither_open_nor_read_the_pin_window() -> Result<()> {
    const TRY: &str = "
        const [address, done] = arguments;
        const element = (name, key) => new Promise((resolve) => {
          const one = document.createElement(name);
          one.addEventListener('load', () => resolve('loaded'));
          one.addEventListener('error', () => resolve('refused'));
          one[key] = address.replace('pin.html', key === 'href' ? 'pin.css' : 'pin.js');
          if (key === 'href') one.rel = 'stylesheet';
          document.head.append(one);
        });
        (async () => done([
          await fetch(address).then(() => 'loaded', () => 'refused'),
          await element('script', 'src'),
          await element('link', 'href'),
        ]))();";
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin(directory.path()).await?;
    let address = pin_window_address();
    let page = format!(
        "<!doctype html><title>Another site</title><a href='{address}' target='another'>open</a><iframe src='{address}'></iframe>"
    );
    // On the portal's own host: nobody is nearer.
    journey.browser.visit(&Site::open(&page)?.origin("localhost")).await?;
    let outcomes: Vec<String> = journey.browser.script_later(TRY, vec![address.into()]).await?;
    assert_eq!(outcomes, ["refused"; 3]);
    journey.browser.enter_frame(0).await?;
    assert!(!is_pin_window(&journey.browser).await?, "framed");
    journey.browser.to_page().await?;
    journey.browser.click("link", "open").await?;
    journey.browser.to_window("").await?;
    assert!(!is_pin_window(&journey.browser).await?, "opened");
    Ok(())
}

async fn is_pin_window(browser: &Browser) -> Result<bool> {
    browser.script("return document.getElementById('pinField') !== null", vec![]).await
}

/// “It listens to nobody outside”; and the host is registered for nobody else.
#[tokio::test]
async fn another_extension_gets_no_answer_and_no_host() -> Result<()> {
    for (software, no_host) in [
        (Software::Chromium, "host: closed, Access to the specified native messaging host is forbidden."),
        (Software::Firefox, "host: closed, No such native application ru.qcert.host"),
    ] {
        let directory = tempfile::tempdir()?;
        let with_a_stranger = |computer: &mut qcert_journeys::Workstation| {
            computer.other_extensions.push(stranger::extension());
            Ok(())
        };
        let journey = Journey::begin_in(software, directory.path(), &[], with_a_stranger).await?;
        journey.browser.read("Рабочее место готово.").await?;
        journey.browser.to_window("/stranger.html").await?;
        journey.browser.read("all: tried").await?;
        let told = journey.browser.text().await?;
        assert!(told.contains("message: refused"), "{told}");
        assert!(told.contains("port page: closed") && told.contains("port window: closed"), "{told}");
        assert!(told.contains(no_host), "{told}");
        assert_eq!(journey.browser.hosts()?.len(), 1, "the portal's own");
    }
    Ok(())
}

/// “Only origins on its own list”, whatever the extension was packaged for.
#[tokio::test]
async fn an_extension_that_was_packaged_for_a_stranger_opens_no_token() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let site = Site::open(PAGE)?;
    let origin = site.origin("localhost");
    let journey =
        Journey::begin_with(directory.path(), &[], |computer| computer.package_extension_for(&origin)).await?;
    journey.browser.visit(&origin).await?;
    for command in ["listTokens", "watchTokens", "tokenDetails"] {
        let params = match command {
            "watchTokens" => json!({"on": true}),
            "tokenDetails" => json!({"token": "any"}),
            _ => json!({}),
        };
        let answer = ask(&journey.browser, request(command, command, params)).await?;
        assert_eq!(answer["error"]["code"], "origin_refused", "{command}");
    }
    Ok(())
}
