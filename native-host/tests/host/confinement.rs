//! What the host and its workers gave up, told by a module that tries.

use serde_json::{Value, json};

use crate::workplace::{Browser, Workplace, text};

/// Tries to make sockets in all ways, from two threads, and writes down what it got: 0 or the error's number.
const CURIOUS: &str = r#"
    #include <errno.h>
    #include <pthread.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/prctl.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static FILE *file;

    static int got(long result) { return result < 0 ? errno : 0; }

    static void *look(void *thread) {
        int pair[2];
        fprintf(file, "%s inet=%d inet6=%d packet=%d unix=%d netlink=%d pair=%d\n", (const char *)thread,
            got(socket(AF_INET, SOCK_STREAM, 0)), got(socket(AF_INET6, SOCK_DGRAM, 0)),
            got(socket(AF_PACKET, SOCK_RAW, 0)), got(socket(AF_UNIX, SOCK_STREAM, 0)),
            got(socket(AF_NETLINK, SOCK_RAW, 0)), got(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)));
        return NULL;
    }

    __attribute__((constructor)) static void look_around(void) {
        pthread_t other;
        file = fopen(getenv("CURIOUS_FILE"), "w");
        look("first");
        pthread_create(&other, NULL, look, "second");
        pthread_join(other, NULL);
        char parameters[256] = {0};
        fprintf(file, "ring=%d\n", got(syscall(SYS_io_uring_setup, 4, parameters)));
    #ifdef __x86_64__
        fprintf(file, "x32=%d\n", got(syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0)));
    #endif
        fprintf(file, "dumpable=%d privileges=%d\n", prctl(PR_GET_DUMPABLE), !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        fclose(file);
    }
"#;

/// EACCES where there is a network behind it, and nothing refused that stays on the machine.
fn assert_confined(said: &str) {
    let sockets = "inet=13 inet6=13 packet=13 unix=0 netlink=0 pair=0";
    let mut expected = vec![format!("first {sockets}"), format!("second {sockets}"), "ring=13".to_owned()];
    if cfg!(target_arch = "x86_64") {
        expected.push("x32=13".to_owned());
    }
    expected.push("dumpable=0 privileges=0".to_owned());
    for line in expected {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
}

#[test]
fn a_module_in_the_host_has_no_network_and_works_without() {
    let workplace = Workplace::new();
    workplace.add_module("curious", CURIOUS);
    let file = workplace.path("got");
    let mut command = workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    command.env("CURIOUS_FILE", &file);
    let mut browser = Browser::start(command);
    browser.token("first");
    assert_confined(&text(&file));
}

#[test]
fn a_module_has_no_network_either_when_a_person_asks_for_tokens_or_the_doctor() {
    let workplace = Workplace::new();
    workplace.add_module("curious", CURIOUS);
    for command in ["tokens", "doctor"] {
        let file = workplace.path(&format!("got-by-{command}"));
        workplace.command(env!("CARGO_BIN_EXE_qcert-host")).arg(command).env("CURIOUS_FILE", &file).output().unwrap();
        assert_confined(&text(&file));
    }
}

#[test]
fn the_host_leaves_no_core_file() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    browser.ask("listTokens", json!({}), Value::Null);
    for process in [browser.process(), browser.worker()] {
        let limits = text(&process.join("limits"));
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    }
}
