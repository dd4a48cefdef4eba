//! A module that leaks on and on, beside one that works; and one that reserves much and uses little.

use serde_json::{Value, json};

use crate::{
    obedient::{Obedient, shim},
    strangers::{LOG, SHIM, error, list, shown_by},
    workplace::{Browser, PIN, Workplace, request_params, softhsm, text},
};

/// The listing in which the module is ended.
fn ended(browser: &mut Browser) -> Value {
    let mut listings = (0..40).map(|_| list(browser));
    listings.find(|tokens| !error(tokens, SHIM).is_null()).expect("it leaks on and on")
}

#[test]
fn a_module_that_leaks_on_and_on_is_ended_as_a_crashed_one_and_the_others_go_on() {
    let obedient = Obedient::new();
    obedient.configure(&[shim(), softhsm()], "module_memory_limit = 96");
    obedient.control("leak 4");
    let mut browser = obedient.browser();
    assert_eq!(shown_by(&list(&mut browser)), SHIM);
    let good = browser.workers()["libsofthsm2"].clone();
    let tokens = ended(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &json!("module_crashed")));
    assert_eq!(browser.workers()["libsofthsm2"], good, "the other one was left alone");
    let log = text(&obedient.workplace.path(LOG));
    assert!(log.contains(&format!("error module_crashed ({SHIM}: it took all its memory)")), "{log}");
    obedient.control("");
    let tokens = list(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), (SHIM, &Value::Null), "started again");
    browser.create_request("first", "P-256");
}

#[test]
fn a_module_that_leaks_more_than_there_is_hinders_no_operation_with_the_same_token() {
    let obedient = Obedient::new();
    obedient.configure(&[shim(), softhsm()], "module_memory_limit = 96");
    let mut browser = obedient.browser();
    list(&mut browser);
    obedient.control("leak 100");
    let tokens = list(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &json!("module_failed")));
    let token = browser.token("first");
    browser.ask("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
}

/// Takes what it may, in steps of a MiB, and writes down how much that was; gives it back.
const RESERVING: &str = r#"
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/mman.h>

    __attribute__((constructor)) static void take(void) {
        static void *taken[4096];
        size_t tebibyte = (size_t)1 << 40;
        int reserved = mmap(NULL, tebibyte, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
        int count = 0;
        while (count < 4096 && (taken[count] = malloc(1 << 20)))
            count++;
        FILE *file = fopen(getenv("RESERVING_FILE"), "w");
        fprintf(file, "%d %d", reserved, count);
        fclose(file);
        while (count)
            free(taken[--count]);
    }
"#;

#[test]
fn a_module_may_reserve_what_it_likes_and_gets_no_more_than_its_limit() {
    let workplace = Workplace::new();
    workplace.add_module("reserving", RESERVING);
    let configured = text(&workplace.path("host.toml"));
    let file = workplace.path("got");
    for (setting, least, most) in [("", 400, 512), ("module_memory_limit = 64", 40, 64)] {
        workplace.configure(&format!("{configured}\n{setting}"));
        let mut command = workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
        command.env("RESERVING_FILE", &file);
        Browser::start(command).token("first");
        let got = text(&file);
        let (reserved, count) = got.split_once(' ').unwrap();
        let count: u32 = count.parse().unwrap();
        assert!(reserved == "1" && (least..most).contains(&count), "{setting}: {got}");
    }
}
