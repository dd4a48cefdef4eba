//! Lists that are kept as tests: shortened ones that once failed, and stories that every list is made of.

use crate::{
    operation::{
        Browser::{self, Left},
        Call, Code, Correction,
        Effect::{CrashesAfter, LosesItsAnswer, WaitsAfter, WaitsBefore},
        Fault, Key, Nth,
        Operation::*,
        Person::Director,
        Server::{self, First, Second},
        Step, Why,
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
fn a_job_is_nobody_elses_while_its_lease_runs() {
    let asleep = Step::new(First, Work).failing(Fault::Of(Call::CommitToBeSigned, WaitsBefore));
    holds(1, &[&SENT[..], &[asleep, Step::new(Second, Work), Step::new(First, GoOn)]].concat());
}

#[test]
fn of_two_workers_that_fell_asleep_the_one_without_the_lease_ends_nothing() {
    let asleep = |at| Step::new(at, Work).failing(Fault::Of(Call::CompleteIssuance, WaitsBefore));
    let then = [asleep(First), Step::new(First, Seconds(16)), asleep(Second)];
    holds(1, &[&SENT[..], &then, &[Step::new(First, GoOn), Step::new(Second, GoOn)]].concat());
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

#[test]
fn what_a_crash_left_behind_is_finished_although_the_clock_was_set_back() {
    let back = Step::new(Second, Seconds(-90));
    let then = [Step::new(Second, Work).failing(Fault::Of(Call::ClaimIssuance, CrashesAfter)), back, back];
    holds(1, &[&SENT[..], &then].concat());
}

/// A code that came to the director, to sign in with.
const ORDERED: [Step; 2] = [Step::new(First, OrderSignIn(Director)), Step::new(First, SendMessages)];

const fn typed(at: Server, code: Code) -> Step {
    Step::new(at, SignIn(Director, Browser::Right, code))
}

#[test]
fn a_code_is_worth_nothing_after_ten_minutes() {
    holds(1, &[&ORDERED[..], &[Step::new(First, Seconds(600)), typed(Second, Code::Latest)]].concat());
}

#[test]
fn a_code_is_worth_nothing_after_five_wrong_tries_at_whichever_server() {
    let wrong = [First, Second, First, Second, First].map(|at| typed(at, Code::Wrong));
    holds(1, &[&ORDERED[..], &wrong, &[typed(Second, Code::Latest)]].concat());
}

#[test]
fn a_code_that_is_sent_again_brings_no_new_tries() {
    let [wrong, right] = [Code::Wrong, Code::Latest].map(|code| typed(First, code));
    let later = [Step::new(First, Seconds(121))];
    holds(1, &[&ORDERED[..], &[wrong; 3], &later, &ORDERED, &[wrong; 2], &[right]].concat());
}

#[test]
fn a_code_is_tried_five_times_although_another_one_was_right_meanwhile() {
    let [wrong, right] = [Code::Wrong, Code::Latest].map(|code| typed(First, code));
    holds(1, &[&ORDERED[..], &[wrong; 4], &SENT, &[wrong, right]].concat());
}

#[test]
fn a_phone_waits_longer_each_time() {
    let [wrong, right] = [Code::Wrong, Code::Latest].map(|code| typed(Second, code));
    let wait = |seconds| [Step::new(First, Seconds(seconds))];
    holds(1, &[&ORDERED[..], &[wrong; 5], &wait(601), &ORDERED, &[wrong; 5], &wait(1199), &ORDERED, &[right]].concat());
    holds(1, &[&ORDERED[..], &[wrong; 5], &wait(601), &ORDERED, &[wrong; 5], &wait(1201), &ORDERED, &[right]].concat());
}

#[test]
fn a_message_whose_code_another_one_took_the_place_of_is_not_sent() {
    let (away, back) = (Step::new(First, Gateway(false)), Step::new(First, Gateway(true)));
    let [order, send] = ORDERED;
    let later = Step::new(First, Seconds(121));
    holds(
        1,
        &[away, order, send, later, Step::new(Second, OrderSignIn(Director)), back, send, typed(Second, Code::Latest)],
    );
}

#[test]
fn a_code_is_used_once_although_both_servers_try_it_at_once() {
    let asleep = typed(First, Code::Latest).failing(Fault::Of(Call::SignIn, WaitsBefore));
    holds(1, &[&ORDERED[..], &[asleep, typed(Second, Code::Latest), Step::new(First, GoOn)]].concat());
}

#[test]
fn what_was_corrected_while_its_confirmation_slept_is_not_confirmed() {
    let [upload, order, send, confirm] = SENT;
    let asleep = confirm.failing(Fault::Of(Call::ConfirmRequest, WaitsBefore));
    let corrected = Step::new(First, Import(Director, Nth::One, Correction::Email(1)));
    holds(1, &[upload, order, send, asleep, corrected, Step::new(Second, GoOn), Step::new(First, Work)]);
}

#[test]
fn what_was_corrected_after_its_code_was_sent_is_not_confirmed_by_it() {
    let [upload, order, send, confirm] = SENT;
    let corrected = Step::new(First, Import(Director, Nth::One, Correction::Email(1)));
    holds(1, &[upload, order, send, corrected, confirm, Step::new(First, Work)]);
}

#[test]
fn a_revocation_that_was_decided_in_time_stands_although_the_certificate_expires_meanwhile() {
    let then = [
        Step::new(First, Work),
        Step::new(First, Revoke(Director, Nth::One, true)).failing(Fault::Of(Call::Revoke, WaitsBefore)),
        Step::new(First, Seconds(172_801)),
        Step::new(Second, Tidy),
        Step::new(First, GoOn),
    ];
    holds(1, &[&SENT[..], &then].concat());
}

#[test]
fn a_certificate_that_is_revoked_while_its_list_is_made_is_on_the_next() {
    for call in [Call::Revoked, Call::PublishRevocationList] {
        for how in [WaitsBefore, WaitsAfter] {
            let then = [
                Step::new(First, Work),
                Step::new(First, Publish).failing(Fault::Of(call, how)),
                Step::new(Second, Revoke(Director, Nth::One, false)),
                Step::new(First, GoOn),
            ];
            holds(1, &[&SENT[..], &then].concat());
        }
    }
}

/// The director's certificate, and a code that revokes it.
const REVOCABLE: [Step; 3] = [
    Step::new(First, Work),
    Step::new(First, OrderRevocation(Director, Left, Nth::One, Why::KeyCompromise)),
    Step::new(First, SendMessages),
];
const BY_HOLDER: Step = Step::new(First, RevokeOwn(Director, Left, Nth::One, Why::KeyCompromise, Code::Latest));
const BY_OPERATOR: Step = Step::new(Second, Revoke(Director, Nth::One, false));

#[test]
fn of_two_who_revoke_at_once_one_does() {
    for first in [BY_HOLDER, BY_OPERATOR] {
        for second in [BY_HOLDER, BY_OPERATOR] {
            let asleep = first.failing(Fault::Of(Call::Revoke, WaitsBefore));
            let then = [asleep, second, Step::new(First, Seconds(1)), Step::new(First, GoOn)];
            holds(1, &[&SENT[..], &REVOCABLE, &then].concat());
        }
    }
}

#[test]
fn what_was_revoked_elsewhere_is_not_called_good_although_the_clock_was_set_back() {
    let ask = Step::new(First, Ask(Director, Nth::One, false));
    for seconds in [-90, -1, 10] {
        holds(1, &[&SENT[..], &REVOCABLE, &[ask, BY_OPERATOR, Step::new(First, Seconds(seconds)), ask]].concat());
    }
}

/// A seed whose world asks for activation codes.
const BY_CODE: u64 = 4;
const MAKE: Step = Step::new(First, MakeCode(Director, Nth::One));
const ENTER: Step = Step::new(First, Activate(Director, Left, Nth::One, true));

#[test]
fn a_code_that_is_entered_at_two_servers_at_once_activates_once() {
    for how in [WaitsBefore, WaitsAfter, LosesItsAnswer, CrashesAfter] {
        let asleep = ENTER.failing(Fault::Of(Call::Activate, how));
        let again = Step { at: Second, ..ENTER };
        let tally = holds(BY_CODE, &[&[MAKE, asleep, again, Step::new(First, GoOn)][..], &SENT].concat());
        assert!(tally.0.contains_key("request prepared to confirmed"), "{how:?}: {:?}", tally.0);
    }
}

#[test]
fn a_code_that_arrives_when_the_phone_has_changed_activates_nothing() {
    let asleep = ENTER.failing(Fault::Of(Call::Activate, WaitsBefore));
    let moved = Step::new(Second, Import(Director, Nth::One, Correction::OtherPhone));
    let tally = holds(BY_CODE, &[MAKE, asleep, moved, Step::new(First, GoOn)]);
    assert!(tally.0.contains_key("Activate: 409 activation_code_missing"), "{:?}", tally.0);
}

#[test]
fn a_phone_that_changes_behind_an_activation_leaves_nothing_to_confirm() {
    let [upload, order, send, confirm] = SENT;
    let moved = Step::new(Second, Import(Director, Nth::One, Correction::OtherPhone));
    let back = Step::new(Second, Import(Director, Nth::One, Correction::Nothing));
    let tally = holds(BY_CODE, &[MAKE, ENTER, upload, order, send, moved, back, confirm]);
    assert!(!tally.0.contains_key("request prepared to confirmed"), "{:?}", tally.0);
}
