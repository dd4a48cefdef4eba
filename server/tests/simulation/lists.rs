//! Lists of steps, made from a seed; and shorter ones of a list that failed.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::operation::{
    Browser, Call, Code, Correction, Effect, Fault, Key, Nth, Operation, Person, Server, Step, Why,
};
use crate::world::asks_for_codes;

/// The list of a seed.
pub fn list(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let tree = steps(asks_for_codes(seed)).new_tree(&mut runner);
    tree.map(|tree| tree.current()).unwrap_or_default()
}

/// With `codes` an activation code is asked for.
fn steps(codes: bool) -> impl Strategy<Value = Vec<Step>> {
    let piece = prop_oneof![
        6 => step().prop_map(|step| vec![step]),
        3 => request(),
        1 => sign_in(),
    ];
    let piece = if codes {
        let made = prop_oneof![2 => Just(true), 1 => any::<bool>()];
        prop_oneof![5 => piece, 2 => activation(made.boxed()), 2 => (activation(Just(true).boxed()), request()).prop_map(concat)].boxed()
    } else {
        piece.boxed()
    };
    prop::collection::vec(piece, 6..20).prop_map(|pieces| pieces.concat())
}

fn server() -> impl Strategy<Value = Server> {
    prop_oneof![Just(Server::First), Just(Server::Second)]
}

fn person() -> impl Strategy<Value = Person> {
    prop_oneof![4 => Just(Person::Director), 2 => Just(Person::Accountant)]
}

fn browser() -> impl Strategy<Value = Browser> {
    prop_oneof![5 => Just(Browser::Left), 1 => Just(Browser::Right)]
}

fn nth() -> impl Strategy<Value = Nth> {
    prop_oneof![3 => Just(Nth::One), 1 => Just(Nth::Two)]
}

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        6 => Just(Code::Latest),
        1 => prop::sample::select(Code::ALL.as_slice()),
        1 => Just(Code::Wrong),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![12 => (0..8u8).prop_map(Key::Good), 1 => Just(Key::NotProven), 1 => Just(Key::Garbage)]
}

fn why() -> impl Strategy<Value = Why> {
    prop_oneof![Just(Why::Superseded), Just(Why::KeyCompromise)]
}

fn correction() -> impl Strategy<Value = Correction> {
    prop_oneof![
        Just(Correction::Nothing),
        (0..3u8).prop_map(Correction::Email),
        Just(Correction::NotIdentified),
        Just(Correction::Identified),
        Just(Correction::OtherPhone),
    ]
}

fn seconds() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => prop::sample::select([1, 10, 16, 61, 121].as_slice()),
        2 => prop::sample::select([300, 599, 601, 1860, 3600].as_slice()),
        1 => prop::sample::select([43_200, 86_400, 172_801].as_slice()),
        1 => prop::sample::select([-1, -16, -90].as_slice()),
    ]
}

/// What a person does.
fn of_person() -> BoxedStrategy<Operation> {
    (person(), browser(), nth(), code(), key())
        .prop_flat_map(|(person, browser, nth, code, key)| {
            prop_oneof![
                1 => Just(Operation::OrderSignIn(person)),
                2 => Just(Operation::SignIn(person, browser, code)),
                1 => Just(Operation::SignOut(person, browser)),
                1 => Just(Operation::SignOutEverywhere(person, browser)),
                1 => Just(Operation::Look(person, browser)),
                1 => Just(Operation::Pry(person, browser, nth)),
                4 => Just(Operation::Upload(person, browser, nth, key)),
                4 => Just(Operation::OrderConfirmation(person, browser, nth)),
                6 => Just(Operation::Confirm(person, browser, nth, code)),
                1 => Just(Operation::Remove(person, browser, nth)),
                2 => Just(Operation::Withdraw(person, browser, nth)),
                1 => Just(Operation::Install(person, browser, nth)),
                1 => Just(Operation::Renew(person, browser, nth)),
                1 => why().prop_map(move |why| Operation::OrderRevocation(person, browser, nth, why)),
                2 => why().prop_map(move |why| Operation::RevokeOwn(person, browser, nth, why, code)),
            ]
        })
        .boxed()
}

fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        10 => of_person(),
        1 => Just(Operation::OrderSignIn(Person::Nobody)),
        1 => code().prop_map(|code| Operation::SignIn(Person::Nobody, Browser::Left, code)),
        3 => Just(Operation::Again),
        1 => (person(), nth(), correction()).prop_map(|(person, nth, how)| Operation::Import(person, nth, how)),
        2 => (person(), nth()).prop_map(|(person, nth)| Operation::Approve(person, nth)),
        1 => (person(), nth()).prop_map(|(person, nth)| Operation::Reject(person, nth)),
        2 => (person(), nth(), any::<bool>()).prop_map(|(person, nth, known)| Operation::Revoke(person, nth, known)),
        1 => (0..8u8).prop_map(Operation::Block),
        3 => (person(), nth(), any::<bool>()).prop_map(|(person, nth, nonce)| Operation::Ask(person, nth, nonce)),
        3 => Just(Operation::Publish),
        8 => Just(Operation::Work),
        1 => Just(Operation::Tidy),
        4 => Just(Operation::SendMessages),
        5 => Just(Operation::GoOn),
        1 => Just(Operation::Restart),
        1 => Just(Operation::RestartAll),
        4 => seconds().prop_map(Operation::Seconds),
        1 => any::<bool>().prop_map(Operation::Signer),
        1 => Just(Operation::Rollover),
        1 => prop::sample::select([1, 2, 5].as_slice()).prop_map(Operation::Shards),
        1 => any::<bool>().prop_map(Operation::Gateway),
    ]
    .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    operation().prop_flat_map(step_of)
}

fn step_of(operation: Operation) -> BoxedStrategy<Step> {
    (server(), fault(operation)).prop_map(move |(at, fault)| Step { at, operation, fault }).boxed()
}

/// A step of a story; now and then with a fault.
fn part(operation: Operation) -> BoxedStrategy<Step> {
    (server(), part_fault(operation)).prop_map(move |(at, fault)| Step { at, operation, fault }).boxed()
}

/// From the upload to the certificate, if nothing goes wrong.
fn request() -> BoxedStrategy<Vec<Step>> {
    (person(), nth(), 0..8u8)
        .prop_flat_map(|(person, nth, key)| {
            let left = Browser::Left;
            (
                part(Operation::Upload(person, left, nth, Key::Good(key))),
                part(Operation::OrderConfirmation(person, left, nth)),
                part(Operation::SendMessages),
                part(Operation::Confirm(person, left, nth, Code::Latest)),
                end(person, nth),
            )
                .prop_map(|(upload, order, send, confirm, end)| [vec![upload, order, send, confirm], end].concat())
        })
        .boxed()
}

/// What becomes of a confirmed request.
fn end(person: Person, nth: Nth) -> BoxedStrategy<Vec<Step>> {
    let left = Browser::Left;
    let withdrawn = part(Operation::Withdraw(person, left, nth)).prop_map(|step| vec![step]);
    let rejected = part(Operation::Reject(person, nth)).prop_map(|step| vec![step]);
    let installed = (
        part(Operation::Work),
        part(Operation::Install(person, left, nth)),
        prop_oneof![Just(10), Just(172_801)],
        part(Operation::Tidy),
    )
        .prop_map(|(work, install, seconds, tidy)| {
            vec![work, install, Step::new(Server::First, Operation::Seconds(seconds)), tidy]
        });
    let revoked = (
        part(Operation::Approve(person, nth)),
        part(Operation::Work),
        step_of(Operation::Revoke(person, nth, true)),
        prop::collection::vec(step_of(Operation::Publish), 1..3),
    )
        .prop_map(|(approve, work, revoke, publish)| [vec![approve, work, revoke], publish].concat());
    // Two servers are asked, one perhaps while the other is at it.
    let renewed = (
        part(Operation::Work),
        part(Operation::Install(person, left, nth)),
        step_of(Operation::Renew(person, left, nth)),
        step_of(Operation::Renew(person, left, nth)),
        part(Operation::GoOn),
    )
        .prop_map(|(work, install, renew, again, go_on)| vec![work, install, renew, again, go_on]);
    prop_oneof![
        6 => prop::collection::vec(step_of(Operation::Work), 0..3),
        1 => renewed,
        1 => withdrawn,
        1 => rejected,
        1 => installed,
        2 => revoked,
        2 => why().prop_flat_map(move |why| revoked_by_holder(person, nth, why)),
    ]
    .boxed()
}

/// The holder revokes, and somebody else perhaps at the same time; whoever asks meanwhile is told the truth.
fn revoked_by_holder(person: Person, nth: Nth, why: Why) -> BoxedStrategy<Vec<Step>> {
    let left = Browser::Left;
    let asleep = prop::sample::select([Effect::WaitsBefore, Effect::WaitsAfter].as_slice());
    let fault = prop_oneof![1 => Just(None), 1 => asleep.prop_map(|how| Some(Fault::Of(Call::Revoke, how)))];
    let revoke = Operation::RevokeOwn(person, left, nth, why, Code::Latest);
    (
        part(Operation::Approve(person, nth)),
        part(Operation::Work),
        part(Operation::OrderRevocation(person, left, nth, why)),
        part(Operation::SendMessages),
        step_of(Operation::Ask(person, nth, false)),
        (server(), fault).prop_map(move |(at, fault)| Step { at, operation: revoke, fault }),
        prop_oneof![
            part(Operation::Revoke(person, nth, why == Why::Superseded)),
            part(revoke),
            step_of(Operation::Ask(person, nth, false)),
        ],
        (part(Operation::GoOn), part(Operation::Ask(person, nth, true)), part(Operation::Publish)),
    )
        .prop_map(|(approve, work, order, send, ask, revoke, meanwhile, (go_on, again, publish))| {
            vec![approve, work, order, send, ask, revoke, meanwhile, go_on, again, publish]
        })
        .boxed()
}

fn concat((first, then): (Vec<Step>, Vec<Step>)) -> Vec<Step> {
    [first, then].concat()
}

/// An operator makes the code of an application, or did so before; its holder enters it, or another one.
fn activation(own: BoxedStrategy<bool>) -> BoxedStrategy<Vec<Step>> {
    let make = prop_oneof![3 => Just(true), 1 => Just(false)];
    (person(), browser(), nth(), own, make)
        .prop_flat_map(|(person, browser, nth, own, make)| {
            let steps =
                (part(Operation::MakeCode(person, nth)), step_of(Operation::Activate(person, browser, nth, own)));
            steps.prop_map(move |(made, enter)| if make { vec![made, enter] } else { vec![enter] })
        })
        .boxed()
}

/// From the order of a code to the session.
fn sign_in() -> impl Strategy<Value = Vec<Step>> {
    (person(), browser(), code()).prop_flat_map(|(person, browser, code)| {
        (
            part(Operation::OrderSignIn(person)),
            part(Operation::SendMessages),
            part(Operation::SignIn(person, browser, code)),
        )
            .prop_map(|(order, send, sign_in)| vec![order, send, sign_in])
    })
}

/// In a story most goes well, or it has no end.
fn part_fault(operation: Operation) -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![4 => Just(None), 1 => fault(operation)]
}

/// One step in four has a fault, in a call or a table that it uses.
fn fault(operation: Operation) -> BoxedStrategy<Option<Fault>> {
    use Call::*;
    let (calls, tables): (&'static [Call], &'static [&'static str]) = match operation {
        Operation::OrderSignIn(_) => (&[PhoneIsKnown, OrderPassword], &["passwords", "messages"]),
        Operation::SignIn(..) => (&[Attempt, SignIn], &["sessions"]),
        Operation::SignOut(..) => (&[EndSession], &[]),
        Operation::SignOutEverywhere(..) => (&[EndSessions], &[]),
        Operation::Upload(..) => (&[SessionWith, PrepareRequest], &["requests", "audit"]),
        Operation::OrderConfirmation(..) => (&[SessionWith, OrderPassword], &["passwords", "messages"]),
        Operation::Confirm(..) => (&[SessionWith, Attempt, ConfirmRequest, ConfirmRequest], &["issuances", "audit"]),
        Operation::Remove(..) => (&[SessionWith, RemoveRequest], &["audit"]),
        Operation::Withdraw(..) => (&[SessionWith, Withdraw], &["audit"]),
        Operation::Install(..) => (&[SessionWith, Install], &["audit"]),
        Operation::Renew(..) => (&[ApplicationsOf, Renew, Renew], &["audit"]),
        Operation::Activate(..) => (&[SessionWith, Activate, Activate], &["audit"]),
        Operation::MakeCode(..) => (&[ApplicationByNumber], &["audit"]),
        Operation::Import(..) => (&[Import], &["audit"]),
        Operation::Work => (
            &[ClaimIssuance, CommitToBeSigned, CommitToBeSigned, CompleteIssuance, CompleteIssuance, ReleaseIssuance],
            &["certificates", "audit"],
        ),
        Operation::Approve(..) => (&[ApproveIssuance], &["audit"]),
        Operation::Reject(..) => (&[RejectIssuance], &["audit"]),
        Operation::Revoke(..) => (&[Certificate, Revoke, Revoke], &["audit", "blocked_keys"]),
        Operation::OrderRevocation(..) => (&[SessionWith, OrderPassword], &["passwords", "messages"]),
        Operation::RevokeOwn(..) => (&[Attempt, Revoke, Revoke], &["audit", "blocked_keys"]),
        Operation::Block(_) => (&[BlockKey], &["audit", "blocked_keys"]),
        Operation::Ask(..) => (
            &[Statuses, Statuses, CommitAuthorityCertificate, CompleteAuthorityCertificate],
            &["authority_certificates"],
        ),
        Operation::Publish => (&[Shards, Revoked, PublishRevocationList, PublishRevocationList], &["revocation_lists"]),
        Operation::Tidy => (&[Expire, Forget], &[]),
        Operation::SendMessages => (&[ClaimMessages, SettleMessages], &[]),
        Operation::Again => (&[ConfirmRequest, PrepareRequest, Call::SignIn, Call::Revoke], &[]),
        _ => return Just(None).boxed(),
    };
    let of_call =
        (prop::sample::select(calls), effect()).prop_map(|(call, effect)| Fault::Of(call, awake(call, effect)));
    let of_table = match tables {
        [] => return prop_oneof![3 => Just(None), 1 => of_call.prop_map(Some)].boxed(),
        tables => prop::sample::select(tables).prop_map(Fault::Insert),
    };
    prop_oneof![12 => Just(None), 4 => of_call.prop_map(Some), 1 => of_table.prop_map(Some)].boxed()
}

/// One makes a responder's certificate, and all others who ask wait for it: if it slept, so would the whole list.
fn awake(call: Call, effect: Effect) -> Effect {
    let is_waited_for = matches!(call, Call::CommitAuthorityCertificate | Call::CompleteAuthorityCertificate);
    match effect {
        Effect::WaitsBefore if is_waited_for => Effect::CrashesBefore,
        Effect::WaitsAfter if is_waited_for => Effect::CrashesAfter,
        effect => effect,
    }
}

fn effect() -> impl Strategy<Value = Effect> {
    prop::sample::select(
        [
            Effect::Fails,
            Effect::LosesItsAnswer,
            Effect::CrashesBefore,
            Effect::CrashesAfter,
            Effect::WaitsBefore,
            Effect::WaitsAfter,
        ]
        .as_slice(),
    )
}

/// The shortest list that still fails, by taking out what is not needed: parts, then steps, then faults.
pub fn shortened(mut steps: Vec<Step>, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut start = 0;
        let mut shorter = false;
        while start < steps.len() {
            let end = (start + size).min(steps.len());
            let without: Vec<Step> = [&steps[..start], &steps[end..]].concat();
            if fails(&without) {
                steps = without;
                shorter = true;
            } else {
                start = end;
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    for index in 0..steps.len() {
        let mut calmer = steps.clone();
        calmer[index].fault = None;
        if calmer != steps && fails(&calmer) {
            steps = calmer;
        }
    }
    steps
}
