//! What systemd hears of a server.

use std::{os::unix::net::UnixDatagram, process::Command, time::Duration};

use crate::support::{run, server};

#[test]
fn systemd_hears_when_a_server_is_ready_that_it_goes_on_and_that_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut datagram = [0; 256];
        let length = socket.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..length]).trim().to_owned()
    };
    let mut command = server(directory.path(), &["serve"]);
    let mut serving = command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").spawn().unwrap();
    assert_eq!([heard(), heard(), heard()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    assert!(Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().unwrap().success());
    // What was said before the signal came is heard first.
    assert!((0..100).any(|_| heard() == "STOPPING=1"));
    assert!(serving.wait().unwrap().success());
}
