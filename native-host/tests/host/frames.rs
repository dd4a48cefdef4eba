//! Frames, ids and origins.

use std::{io::Write, time::Duration};

use qcert_protocol::workstation::Command;
use serde_json::{Value, json};

use crate::workplace::{Browser, ORIGIN, Workplace, eventually, next_frame, text};

fn list(id: &str, origin: &str) -> String {
    json!({"id": id, "origin": origin, "command": "listTokens"}).to_string()
}

#[test]
fn the_host_speaks_first() {
    let workplace = Workplace::new();
    let mut browser = Browser::start(workplace.command(env!("CARGO_BIN_EXE_qcert-host")));
    let version = env!("CARGO_PKG_VERSION");
    let hello = json!({"event": "hello", "protocolVersion": 1, "protocolMinor": 2, "hostVersion": version});
    assert_eq!(browser.next(), hello);
    assert!(browser.is_silent(200));
}

#[test]
fn the_host_ends_when_the_browser_does() {
    let workplace = Workplace::new();
    assert_eq!(workplace.browser().close(), (true, String::new()));
    let mut browser = workplace.browser();
    browser.write(&[200, 0]);
    assert!(browser.close().0, "half a length");
    let mut browser = workplace.browser();
    browser.write(&[200, 0, 0, 0, b'{']);
    assert!(browser.close().0, "half a frame");
}

#[test]
fn a_length_of_four_gigabytes_takes_no_memory_and_its_end_is_the_hosts() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    browser.write(&u32::MAX.to_ne_bytes());
    for _ in 0..64 {
        browser.write(&[b' '; 1024 * 1024]);
    }
    assert!(browser.is_silent(200));
    assert!(browser.peak_kilobytes() < 64 * 1024, "{}", browser.peak_kilobytes());
    assert!(browser.close().0);
}

/// RFC 8259 §4 leaves two values of one name to the reader; ours takes neither.
#[test]
fn a_name_that_comes_twice_makes_a_frame_malformed() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let twice = [
        (r#"{"id":"a","id":"b","origin":"http://localhost:8080","command":"listTokens"}"#, ""),
        (r#"{"id":"a","origin":"https://evil.example","origin":"http://localhost:8080","command":"listTokens"}"#, "a"),
        (r#"{"id":"a","origin":"http://localhost:8080","command":"cancel","command":"listTokens"}"#, "a"),
        (
            r#"{"id":"a","origin":"http://localhost:8080","command":"cancel","params":{"request":"1","request":"2"}}"#,
            "a",
        ),
        (
            r#"{"id":"a","origin":"http://localhost:8080","command":"changePin","authorization":{"pin":"1","pin":"2"}}"#,
            "a",
        ),
    ];
    for (text, id) in twice {
        browser.send_text(text);
        assert_eq!(browser.next(), json!({"id": id, "error": {"code": "frame_malformed"}}), "{text}");
    }
}

#[test]
fn a_frame_that_is_nested_too_deep_is_malformed() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let depth = 250_000 / (open.len() + close.len());
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for name in ["params", "authorization", "more"] {
            let text = format!(r#"{{"id":"a","origin":"{ORIGIN}","command":"listTokens","{name}":{nested}}}"#);
            browser.send_text(&text);
            let answer = browser.next();
            assert_eq!(answer["error"]["code"], "frame_malformed", "{name}: {answer}");
        }
        browser.send_text(&nested);
        assert_eq!(browser.next(), json!({"id": "", "error": {"code": "frame_malformed"}}));
    }
    browser.token("first");
}

#[test]
fn a_frame_that_is_no_utf_8_is_malformed() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let request = list("a", ORIGIN).into_bytes();
    for (from, to) in [("listTokens", &b"list\xffkens"[..]), ("\"a\"", b"\"\xc3\x28\""), ("{", b"\xef\xbb\xbf{")] {
        let at = request.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let frame = [&request[..at], to, &request[at + from.len()..]].concat();
        browser.write(&[&(frame.len() as u32).to_ne_bytes()[..], &frame].concat());
        assert_eq!(browser.next()["error"]["code"], "frame_malformed", "{frame:?}");
    }
    browser.token("first");
}

/// The extension reads nothing for a while: the host stops reading, too, in place of keeping answers.
#[test]
fn a_flood_of_requests_whose_answers_nobody_reads_takes_no_memory_and_each_is_answered() {
    const REQUESTS: u32 = 20_000;
    let workplace = Workplace::new();
    let command = workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    let (host, mut pipe, mut answers) = Browser::start_deaf(command);
    let flood = std::thread::spawn(move || {
        for n in 0..REQUESTS {
            let command = ["listTokens", "cancel", "sing", "storeState"][n as usize % 4];
            let request = json!({"id": n.to_string(), "origin": ORIGIN, "command": command}).to_string();
            pipe.write_all(&[&(request.len() as u32).to_ne_bytes()[..], request.as_bytes()].concat()).unwrap();
        }
    });
    // Nobody reads, so the flood stands still.
    std::thread::sleep(Duration::from_secs(1));
    assert!(!flood.is_finished());
    assert!(host.peak_kilobytes() < 64 * 1024, "{}", host.peak_kilobytes());
    let mut ids: Vec<u32> = std::iter::from_fn(|| next_frame(&mut answers))
        .filter(|frame| frame.get("event").is_none())
        .map(|answer| answer["id"].as_str().unwrap().parse().unwrap())
        .collect();
    flood.join().unwrap();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..REQUESTS));
}

#[test]
fn a_frame_that_is_too_long_or_no_request_is_answered_and_the_host_goes_on() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    browser.send_text(&" ".repeat(256 * 1024 + 1));
    assert_eq!(browser.next(), json!({"id": "", "error": {"code": "frame_too_large"}}));
    for text in ["", "no JSON", "[]", "{}", r#"{"id":7}"#, r#"{"origin":"x","command":"listTokens"}"#] {
        browser.send_text(text);
        assert_eq!(browser.next(), json!({"id": "", "error": {"code": "frame_malformed"}}), "{text}");
    }
    let more = r#"{"id":"a","origin":"x","command":"listTokens","more":1}"#;
    browser.send_text(more);
    assert_eq!(browser.next(), json!({"id": "a", "error": {"code": "frame_malformed"}}));
    browser.token("first");
}

#[test]
fn an_id_is_one_to_sixty_four_bytes_and_not_in_use() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    for id in [String::new(), "x".repeat(65)] {
        browser.send_text(&list(&id, ORIGIN));
        assert_eq!(browser.next(), json!({"id": "", "error": {"code": "frame_malformed"}}));
    }
    let longest = "x".repeat(64);
    browser.send_text(&list(&longest, ORIGIN));
    assert!(browser.answer(&longest)["error"].is_null());
    // The first listing loads modules, so the second frame is read while it is open.
    let mut browser = workplace.browser();
    browser.send_text(&list("twin", ORIGIN));
    browser.send_text(&list("twin", ORIGIN));
    let answers = [browser.next(), browser.next()];
    assert!(answers.contains(&json!({"id": "", "error": {"code": "frame_malformed"}})), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["id"] == "twin").count(), 1);
}

/// Invariant 3.
#[test]
fn an_origin_that_is_not_on_the_list_gets_nothing_whatever_it_asks() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    for origin in
        ["", "null", "https://evil.example", "http://localhost:8081", "http://localhost:8080/", "HTTP://LOCALHOST:8080"]
    {
        for command in Command::NAMES.iter().chain(&["noSuchCommand"]) {
            let request = json!({"id": "a", "origin": origin, "command": command, "authorization": {"pin": "1234"}});
            browser.send_text(&request.to_string());
            assert_eq!(browser.next(), json!({"id": "a", "error": {"code": "origin_refused"}}), "{origin} {command}");
        }
    }
}

#[test]
fn an_unknown_command_and_wrong_parameters_are_told_apart() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    assert_eq!(browser.refused("sing", Value::Null, Value::Null)["code"], "command_unknown");
    assert_eq!(browser.refused("listTokens", json!({"all": true}), Value::Null)["code"], "frame_malformed");
    assert_eq!(browser.refused("tokenDetails", json!({}), Value::Null)["code"], "frame_malformed");
    assert_eq!(browser.ask("cancel", json!({"request": "nothing"}), Value::Null), json!({"found": false}));
}

#[test]
fn a_broken_configuration_is_said_to_everybody() {
    let workplace = Workplace::new();
    workplace.configure("allowed_origin = ['http://localhost:8080']");
    let mut browser = workplace.browser();
    assert_eq!(browser.refused("listTokens", Value::Null, Value::Null)["code"], "host_configuration_invalid");
}

#[test]
fn a_module_that_prints_does_not_corrupt_frames() {
    let workplace = Workplace::new();
    let source = r#"
        #include <stdio.h>
        #include <unistd.h>
        __attribute__((constructor)) static void greet(void) {
            printf("Module loaded!\n");
            fflush(stdout);
            (void)!write(1, "raw noise\n", 10);
            /* Nor does it take what is the host's to read. */
            char line[8];
            (void)!read(0, line, sizeof line);
        }
    "#;
    workplace.add_module("noisy", source);
    let mut browser = workplace.browser();
    let tokens = browser.ask("listTokens", Value::Null, Value::Null);
    assert_eq!(tokens["modules"][0], json!({"name": "noisy", "error": "module_failed"}));
    browser.token("first");
    let log = || text(&workplace.path("home/.local/state/qcert/host.log"));
    eventually("it is not noted", || log().contains("module noisy prints"));
    assert_eq!(browser.close(), (true, String::new()));
    let log = log();
    assert_eq!(log.matches("module noisy prints").count(), 1, "{log}");
    assert!(!log.contains("noise\n") && !log.contains("Module loaded"), "{log}");
}
