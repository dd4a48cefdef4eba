//! The shim before SoftHSM, used the way an application does.

#[cfg(test)]
mod bench;

use std::{sync::mpsc, thread, time::Duration};

use bench::{Bench, PIN, generate, private_keys, rv};
use cryptoki::error::RvError;

#[test]
fn one_reader_with_one_token_is_seen_and_keys_can_be_made() {
    let bench = Bench::new();
    assert_eq!(bench.pkcs11.get_all_slots().unwrap().len(), 1);
    assert!(bench.pkcs11.get_slot_info(bench.slot()).unwrap().token_present());
    generate(&bench.login(PIN).unwrap()).unwrap();
    assert_eq!(private_keys(&bench), 1);
    bench.control("show empty-slots");
    assert_eq!(bench.pkcs11.get_all_slots().unwrap().len(), 2);
}

#[test]
fn a_pulled_token_leaves_an_empty_reader_and_dead_sessions() {
    let bench = Bench::new();
    let slot = bench.slot();
    let session = bench.login(PIN).unwrap();
    bench.control("token out");
    assert_eq!(rv(session.find_objects(&[])), RvError::DeviceRemoved);
    assert_eq!(rv(bench.pkcs11.get_token_info(slot)), RvError::TokenNotPresent);
    assert!(bench.pkcs11.get_slots_with_token().unwrap().is_empty());
    assert!(!bench.pkcs11.get_slot_info(slot).unwrap().token_present());
    bench.control("");
    assert_eq!(rv(session.find_objects(&[])), RvError::SessionHandleInvalid);
    assert_eq!(private_keys(&bench), 0);
}

#[test]
fn without_a_reader_there_are_no_slots() {
    let bench = Bench::new();
    bench.control("reader out");
    assert!(bench.pkcs11.get_all_slots().unwrap().is_empty());
}

#[test]
fn a_token_pulled_while_the_key_pair_is_made_ends_the_call_and_leaves_nothing() {
    let bench = Bench::new();
    let session = bench.login(PIN).unwrap();
    bench.control("generation-delay 60000");
    let (started, when_started) = mpsc::channel();
    let worker = thread::spawn(move || {
        started.send(()).unwrap();
        rv(generate(&session))
    });
    when_started.recv().unwrap();
    thread::sleep(Duration::from_millis(50));
    bench.control("token out");
    assert_eq!(worker.join().unwrap(), RvError::DeviceRemoved);
    bench.control("");
    assert_eq!(private_keys(&bench), 0);
}

#[test]
fn a_token_that_leaves_after_the_key_pair_was_made_keeps_it() {
    let bench = Bench::new();
    let session = bench.login(PIN).unwrap();
    bench.control("pull after-generation");
    assert_eq!(rv(generate(&session)), RvError::DeviceRemoved);
    assert!(bench.pkcs11.get_slots_with_token().unwrap().is_empty(), "it stays out until the test puts it back");
    bench.control("");
    assert_eq!(private_keys(&bench), 1);
}

#[test]
fn wrong_pins_are_counted_until_the_token_locks() {
    let bench = Bench::new();
    bench.control("lock-after 3");
    let info = || bench.pkcs11.get_token_info(bench.slot()).unwrap();
    assert_eq!(rv(bench.login("00000000")), RvError::PinIncorrect);
    assert!(info().user_pin_count_low());
    drop(bench.login(PIN).unwrap());
    assert!(!info().user_pin_count_low(), "the right PIN gives the tries back");
    for _ in 0..2 {
        assert_eq!(rv(bench.login("00000000")), RvError::PinIncorrect);
    }
    assert!(info().user_pin_final_try());
    assert_eq!(rv(bench.login("00000000")), RvError::PinIncorrect);
    assert!(info().user_pin_locked());
    assert_eq!(rv(bench.login(PIN)), RvError::PinLocked);
}

#[test]
fn a_mistake_in_the_control_file_fails_every_call() {
    let bench = Bench::new();
    bench.control("token away");
    assert_eq!(rv(bench.pkcs11.get_all_slots()), RvError::GeneralError);
}
