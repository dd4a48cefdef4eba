//! Runs lists: the same as ever, and new ones.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use crate::{
    lists,
    operation::Step,
    simulation::{self, Failure},
    tally::Tally,
    world::Template,
};

/// Lists in each of the two tests, which run side by side.
const LISTS: u64 = 1000;

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| block_on(Template::make()));

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn run(seed: u64, steps: &[Step]) -> Result<(Vec<String>, Tally), Failure> {
    let template = &*TEMPLATE;
    let run = AssertUnwindSafe(|| block_on(simulation::run(template, seed, steps)));
    catch_unwind(run).unwrap_or_else(|_| Err(Failure { after: 0, what: "a panic".to_owned() }))
}

/// Runs a list that must keep every invariant.
pub fn holds(seed: u64, steps: &[Step]) -> Tally {
    match run(seed, steps) {
        Ok((_, tally)) => tally,
        Err(failure) => panic!("after step {}: {}", failure.after, failure.what),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs the lists of these seeds; what fails is shortened and shown as it can be kept.
fn search(seeds: impl Iterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let steps = lists::list(seed);
        match run(seed, &steps) {
            Ok((_, of_list)) => tally.add(of_list),
            Err(failure) => {
                let what = |steps: &[Step]| run(seed, steps).err().map(|failure| failure.what);
                let short = lists::shortened(steps, |steps| what(steps).as_ref() == Some(&failure.what));
                panic!(
                    "seed {seed}: {}\n\nQCERT_SIMULATION_SEED={seed} runs it again; the shortest list that fails so:\n\
                     {short:#?}",
                    failure.what
                );
            }
        }
    }
    tally
}

/// What the lists must have reached between them, or they prove nothing.
const REACHED: &[&str] = &[
    "application issuing to readyToInstall",
    "application sent to rejected",
    "application sent to withdrawn",
    "application readyToInstall to revoked",
    "application installed to expired",
    "password active to superseded",
    "Confirm: 200",
    "Confirm: 403 otp_wrong",
    "fault CommitToBeSigned CrashesAfter",
    "fault CompleteIssuance CrashesBefore",
    "fault CompleteIssuance LosesItsAnswer",
    "fault ConfirmRequest WaitsAfter",
    "fault Revoke WaitsBefore",
    "RevokeOwn: 200",
    "RevokeOwn: 409 certificate_already_revoked",
    "Renew: 200",
    "Renew: 409 renewal_not_open",
    "fault Renew LosesItsAnswer",
    "fault Renew WaitsBefore",
    "Block: blocked",
    "Upload: 422 key_blocked",
    "MakeCode: made",
    "Activate: 200",
    "Activate: 403 activation_code_wrong",
    "Upload: 409 activation_required",
    "fault Activate LosesItsAnswer",
    "Ask: good unknown",
    "Ask: revoked unknown",
    "certificates of several issuers",
    "certificates of several revocation lists",
];

#[test]
fn every_invariant_holds_in_the_same_lists_as_ever() {
    if let Some(seed) = number("QCERT_SIMULATION_SEED") {
        let steps = lists::list(seed);
        let told = run(seed, &steps).map(|(trace, _)| trace.join("\n"));
        println!("{}", told.unwrap_or_else(|failure| format!("{failure:?}")));
        search(std::iter::once(seed));
        return;
    }
    let lists = number("QCERT_SIMULATION_LISTS").unwrap_or(LISTS);
    let tally = search(0..lists);
    for (what, count) in &tally.0 {
        println!("{count:8} {what}");
    }
    if lists < LISTS {
        return;
    }
    let missed: Vec<_> = REACHED.iter().filter(|what| !tally.0.contains_key(**what)).collect();
    assert!(missed.is_empty(), "the lists never came to {missed:?}");
}

#[test]
fn every_invariant_holds_in_lists_that_nobody_ran_before() {
    if number("QCERT_SIMULATION_SEED").is_some() {
        return;
    }
    // A new seed for each run is what this test is for; it is printed, and runs again by its number.
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = u64::try_from(now.as_millis()).unwrap();
    println!("lists from seed {first}");
    search(first..first + number("QCERT_SIMULATION_LISTS").unwrap_or(LISTS));
}

#[test]
fn a_list_that_is_run_twice_goes_the_same_way() {
    for seed in 0..20 {
        let steps = lists::list(seed);
        let [first, second] = [(); 2].map(|()| run(seed, &steps).map(|(trace, _)| trace));
        assert_eq!(first, second, "seed {seed}");
    }
}
