//! What every part of the program has: settings, a start, an end.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use crate::support::{Serving, run, stderr, with_applications};

#[test]
fn serving_without_an_authority_says_how_to_make_one() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["serve"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("`qcert-server ca init`"), "{}", stderr(&output));
}

#[test]
fn an_authority_is_made_once_and_its_keys_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let key = directory.path().join("data/ca/root.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&key).unwrap();
    let again = run(directory.path(), &["ca", "init"]);
    assert!(!again.status.success() && stderr(&again).contains("never overwritten"), "{}", stderr(&again));
    assert_eq!(std::fs::read(&key).unwrap(), before);
}

#[test]
fn applications_are_imported_and_listed() {
    let directory = tempfile::tempdir().unwrap();
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/applications.json");
    let imported = run(directory.path(), &["applications", "import", demo]);
    assert_eq!(String::from_utf8_lossy(&imported.stdout), "6 added, 0 changed, 0 unchanged\n");
    let listed = run(directory.path(), &["applications", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((list[0]["number"].as_str(), list[0]["state"].as_str()), (Some("67092365"), Some("available")));
    let certificates = run(directory.path(), &["certificates", "list", "--json"]);
    assert_eq!(String::from_utf8_lossy(&certificates.stdout), "[]\n");
}

#[test]
fn what_became_of_text_messages_is_listed_and_never_what_they_said() {
    let directory = with_applications();
    let serving = Serving::start(directory.path());
    let ordered = serving.ask("POST /api/v1/sign-in/password HTTP/1.1\r\n", r#"{"phone":"+79222114545"}"#);
    assert!(ordered.starts_with("HTTP/1.1 202"), "{ordered}");
    let outbox = directory.path().join("data/sms.jsonl");
    let sent = (0..150).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::fs::read_to_string(&outbox).ok().filter(|text| text.ends_with('\n'))
    });
    let sent: serde_json::Value = serde_json::from_str(&sent.unwrap()).unwrap();
    let code = sent["text"].as_str().unwrap().rsplit('#').next().unwrap();
    // Its end is noted behind it.
    let listed = (0..150).find_map(|_| {
        let listed = run(directory.path(), &["messages", "list", "--phone", "+7 922 211-45-45", "--json"]).stdout;
        let list: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        (list[0]["state"] == "accepted").then_some(list)
    });
    let listed = listed.unwrap();
    assert_eq!((&listed[0]["phone"], &listed[0]["purpose"]), (&"+79222114545".into(), &"signIn".into()));
    assert_eq!((&listed[0]["gateway"], listed.as_array().unwrap().len()), (&"outbox".into(), 1));
    let line = String::from_utf8(run(directory.path(), &["messages", "list"]).stdout).unwrap();
    assert!(line.contains("+79222114545  signIn        accepted     outbox"), "{line}");
    for said in [listed.to_string(), line] {
        assert!(!said.contains(&format!("#{code}")) && !said.contains("пароль"), "{said}");
    }
    let nobody = run(directory.path(), &["messages", "list", "--phone", "+79120000217", "--json"]);
    assert_eq!(String::from_utf8_lossy(&nobody.stdout), "[]\n");
}

#[test]
fn a_server_that_is_told_to_end_hears_first_what_became_of_its_messages() {
    let directory = with_applications();
    let gateway = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/{{{{phone}}}}/{{{{text}}}}", gateway.local_addr().unwrap());
    let settings = format!("[sms.first]\nkind = 'http'\nurl = '{url}'");
    std::fs::write(directory.path().join("qcert.toml"), settings).unwrap();
    let mut serving = Serving::start(directory.path());
    serving.ask("POST /api/v1/sign-in/password HTTP/1.1\r\n", r#"{"phone":"+79222114545"}"#);
    let (mut asked, _) = gateway.accept().unwrap();
    assert!(asked.read(&mut [0; 4096]).unwrap() > 0);
    let id = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    std::thread::sleep(std::time::Duration::from_millis(500));
    asked.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(serving.child.wait().unwrap().success());
    let listed = run(directory.path(), &["messages", "list", "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed[0]["state"], "accepted", "{listed}");
}

#[test]
fn in_production_a_server_whose_text_messages_would_reach_nobody_or_suffice_alone_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let settings = "environment = 'production'\n[server]\norigin = 'https://qcert.example'";
    std::fs::write(directory.path().join("qcert.toml"), settings).unwrap();
    let refused = run(directory.path(), &["serve"]);
    assert!(!refused.status.success());
    for word in ["sms_outbox_in_production", "sms_alone_in_production"] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn settings_that_cannot_be_used_are_all_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.toml"), "[otp]\ntries = 0\nlives = 9").unwrap();
    let output = run(directory.path(), &["--config", "bad.toml", "serve"]);
    assert!(stderr(&output).contains("otp.tries") && stderr(&output).contains("otp.lives"), "{}", stderr(&output));
}

#[test]
fn a_server_tells_where_it_listens_and_ends_when_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let mut serving = Serving::start(directory.path());
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(serving.get("/api/v1/configuration").contains("supportPhone"));
    let id = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(serving.child.wait().unwrap().success());
}

#[test]
fn a_server_does_not_wait_for_a_request_that_never_comes_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let mut serving = Serving::start(directory.path());
    let mut stuck = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    write!(stuck, "GET /healthz HT").unwrap();
    // Once this is answered the connection before it was taken, too.
    serving.get("/healthz");
    let id = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = (0..150).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        serving.child.try_wait().unwrap()
    });
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}
