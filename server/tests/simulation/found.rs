//! Lists that are kept as tests: shortened ones that once failed, and stories that every list is made of.

use crate::{
    operation::{
        Browser::Left,
        Call, Code,
        Effect::{CrashesAfter, LosesItsAnswer, WaitsAfter, WaitsBefore},
        Fault, Key, Nth,
        Operation::*,
        Person::Director,
        Server::{First, Second},
        Step,
    },
    search::holds,
};

/// A request of the director's, confirmed.
const SENT: [Step; 4] = [
    Step::new(First, Upload(Director, Left, Nth::One, Key::Good(0))),
    Step::new(First, OrderConfirmation(Director, Left, Nth::One)),
    Step::new(First, SendMessages),
    Step::new(Second, Confirm(Director, Left, Nth::One, Code::Latest)),
];

#[test]
fn a_certificate_is_issued_once_by_two_workers_of_which_one_fell_asleep() {
    let asleep =
        [Call::CommitToBeSigned, Call::CompleteIssuance].map(|call| [WaitsBefore, WaitsAfter].map(|how| (call, how)));
    for (call, how) in asleep.concat() {
        let then = [
            Step::new(First, Work).failing(Fault::Of(call, how)),
            Step::new(First, Seconds(16)),
            Step::new(Second, Work),
            Step::new(First, GoOn),
        ];
        holds(1, &[&SENT[..], &then].concat());
    }
}

#[test]
fn an_answer_that_got_lost_makes_no_second_certificate() {
    for call in [Call::ClaimIssuance, Call::CommitToBeSigned, Call::CompleteIssuance] {
        for how in [LosesItsAnswer, CrashesAfter] {
            let then = [Step::new(First, Work).failing(Fault::Of(call, how)), Step::new(Second, Work)];
            holds(1, &[&SENT[..], &then].concat());
        }
    }
}
