//! Invariant 8: an unknown phone and a known phone look the same from outside, in status, headers, body and time.
//!
//! A real server is asked over TCP: people's phones in two groups that both are known, of which one is the control, and
//! one that nobody has. What is asked is shuffled, so whatever the machine does besides falls on all groups alike, and so
//! does what an order leaves behind for the sender. The groups' times are compared by the rank statistic of Mann and
//! Whitney: how often is one of the one slower than one of the other? A half, if nothing tells them apart.

use std::{cmp::Ordering, collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration as StdDuration};

use qcert_protocol::holder::Phone;
use qcert_server::{
    api::{self, page::Pages},
    applications::import,
    end::{Teller, end},
    sms::{gateway::Gateways, sender},
};
use serde_json::Value;
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::support::{DEMO, ORIGIN, Workplace};

/// How many phones are in a group.
const PHONES: usize = 60;
/// How far from a half the statistic may be: almost three standard deviations of groups that are alike. A millisecond
/// more for one of them is far outside.
const FAR: f64 = 0.15;
/// What noise did once it does not do in each turn.
const TURNS: u32 = 3;
/// Nobody is limited, so that every answer is that of a first question.
const LIMITS: &str = "[otp]\nhourly_by_phone = 1000000\nhourly_by_address = 1000000\nhourly_in_all = 1000000\nhourly_tries_by_address = 1000000\n";

/// Of whom a phone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Known,
    AlsoKnown,
    Unknown,
}

/// What is asked of each phone, in this order.
const STEPS: [&str; 7] = ["order", "order at once", "try", "try", "try", "try", "last try"];

fn phone(group: Group, number: usize) -> String {
    format!("+7900{}{number:06}", group as u8)
}

/// Numbers from a seed (Knuth's constants): which is asked next is all that depends on them.
struct Shuffler(u64);

impl Shuffler {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for index in (1..all.len()).rev() {
            all.swap(index, self.below(index + 1));
        }
    }
}

/// The portal with its sender, on a port of its own.
struct Server {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    _end: Teller,
}

impl Server {
    async fn start(workplace: &Workplace) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The router alone, without what the other tests put around it.
        let page = [("index.html".to_owned(), b"<!doctype html>".to_vec())];
        let pages = Arc::new(Pages::new(page.into_iter()).unwrap());
        let router = api::router(Arc::clone(&workplace.portal), pages);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let (end, ended) = end();
        let outbox = Gateways::outbox(workplace.portal.settings.sms.outbox.clone());
        let sends = sender::run(Arc::clone(&workplace.portal), outbox, vec![Uuid::max()], ended);
        let serves = async move { axum::serve(listener, service).await.unwrap() };
        Self { address, tasks: vec![tokio::spawn(sends), tokio::spawn(serves)], _end: end }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An answer without its date: the lines before the body, and the body.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    head: Vec<String>,
    body: String,
}

/// A client that keeps its connection, as a browser does.
struct Client(TcpStream);

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    async fn post(&mut self, path: &str, body: &str) -> (Answer, StdDuration) {
        let length = body.len();
        let request = format!(
            "POST /api/v1{path} HTTP/1.1\r\nhost: localhost:8080\r\norigin: {ORIGIN}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        // The hand-driven clock stands still while a request is answered.
        #[allow(clippy::disallowed_methods)]
        let asked = std::time::Instant::now();
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        loop {
            assert!(self.0.read_buf(&mut received).await.unwrap() > 0, "{}", String::from_utf8_lossy(&received));
            if let Some(answer) = whole(&received) {
                return (answer, asked.elapsed());
            }
        }
    }
}

/// The answer, if all of it has come.
fn whole(received: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(received).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut head: Vec<String> = head.lines().map(str::to_owned).collect();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
    // Of a request's name nothing but its length can be alike.
    assert!(head.iter().any(|line| line.starts_with("x-request-id: ") && line.len() == 50), "{head:?}");
    head.retain(|line| !line.starts_with("date: ") && !line.starts_with("x-request-id: "));
    (body.len() == length).then(|| Answer { head, body: body.to_owned() })
}

/// How often is one of `these` slower than one of `those`?
fn slower(these: &[StdDuration], those: &[StdDuration]) -> f64 {
    let pairs = these.iter().flat_map(|one| those.iter().map(move |other| one.cmp(other)));
    let wins: f64 = pairs
        .map(|order| match order {
            Ordering::Greater => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Less => 0.0,
        })
        .sum();
    wins / (these.len() * those.len()) as f64
}

/// Applications for the phones that are known.
async fn fill(workplace: &Workplace) {
    let demo: Vec<Value> = serde_json::from_str(DEMO).unwrap();
    let known = [Group::Known, Group::AlsoKnown].into_iter();
    let entries: Vec<Value> = known
        .flat_map(|group| (0..PHONES).map(move |number| (group, number)))
        .map(|(group, number)| {
            let mut entry = demo[0].clone();
            entry["phone"] = phone(group, number).into();
            entry["number"] = format!("8{}{number:06}", group as u8).into();
            entry
        })
        .collect();
    let entries = serde_json::to_string(&entries).unwrap();
    let file = import::File::json(&entries);
    import::import(&*workplace.portal.store, &*workplace.clock, &*workplace.portal.randomness, &file).await.unwrap();
}

/// The times of each step, by group.
type Times = BTreeMap<(&'static str, Group), Vec<StdDuration>>;

/// Asks everything of every phone once, and holds the answers against each other.
async fn ask(client: &mut Client, shuffler: &mut Shuffler) -> Times {
    let mut phones: Vec<(Group, String)> = [Group::Known, Group::AlsoKnown, Group::Unknown]
        .into_iter()
        .flat_map(|group| (0..PHONES).map(move |number| (group, phone(group, number))))
        .collect();
    assert!(phones.iter().all(|(_, phone)| Phone::parse(phone).is_ok()));
    let mut times = Times::new();
    for step in STEPS {
        shuffler.shuffle(&mut phones);
        let mut first: Option<Answer> = None;
        for (group, phone) in &phones {
            let (path, body) = match step {
                "order" | "order at once" => ("/sign-in/password", format!(r#"{{"phone":"{phone}"}}"#)),
                // Nobody was sent it, so it is wrong for everybody.
                _ => ("/sign-in", format!(r#"{{"phone":"{phone}","password":"12345"}}"#)),
            };
            let (answer, time) = client.post(path, &body).await;
            let first = first.get_or_insert_with(|| answer.clone());
            assert_eq!(&answer, first, "{step}: {group:?} is told apart");
            times.entry((step, *group)).or_default().push(time);
        }
        let expected = match step {
            "order" => "202",
            "order at once" => "429",
            _ => "403",
        };
        assert!(first.unwrap().head[0].contains(expected), "{step}");
    }
    times
}

async fn are_alike(workplace: Workplace) {
    fill(&workplace).await;
    let server = Server::start(&workplace).await;
    let mut client = Client::connect(&server).await;
    // Another one each time; what fails says it.
    #[allow(clippy::disallowed_methods)]
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut shuffler = Shuffler(seed);
    // Not compared: plans are made, files grow.
    ask(&mut client, &mut shuffler).await;
    let mut report = String::new();
    for turn in 1..=TURNS {
        // Every phone has waited long enough.
        workplace.clock.advance(Duration::days(2));
        let times = ask(&mut client, &mut shuffler).await;
        let mut all_alike = true;
        for step in ["order", "order at once", "try", "last try"] {
            let of = |group| times[&(step, group)].as_slice();
            let (known, control) = (of(Group::Known), of(Group::AlsoKnown));
            let [same, unknown] = [control, of(Group::Unknown)].map(|others| slower(known, others));
            let median = {
                let mut sorted = known.to_vec();
                sorted.sort();
                sorted[sorted.len() / 2]
            };
            report += &format!("turn {turn}, {step} ({median:?}): known {same:.3}, unknown {unknown:.3}\n");
            all_alike &= (unknown - 0.5).abs() < FAR;
        }
        if all_alike {
            print!("{report}");
            return;
        }
    }
    panic!("known and unknown phones are told apart by the time, seed {seed}:\n{report}");
}

/// Invariant 8 of ARCHITECTURE.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_phone_and_a_known_one_are_alike_in_everything_on_sqlite() {
    are_alike(Workplace::on_sqlite(LIMITS).await).await;
}

/// Invariant 8 of ARCHITECTURE.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_phone_and_a_known_one_are_alike_in_everything_on_postgresql() {
    are_alike(Workplace::on_postgres(LIMITS).await).await;
}

#[test]
fn a_millisecond_more_is_seen_and_noise_is_not() {
    let times = |seed, more: u64| -> Vec<StdDuration> {
        let mut shuffler = Shuffler(seed);
        // About a millisecond, now and then much more.
        let time =
            |shuffler: &mut Shuffler| 900 + shuffler.below(400) as u64 + 20_000 * u64::from(shuffler.below(20) == 0);
        (0..PHONES).map(|_| StdDuration::from_micros(time(&mut shuffler) + more)).collect()
    };
    assert!((slower(&times(1, 0), &times(2, 0)) - 0.5).abs() < FAR);
    assert!(slower(&times(1, 1000), &times(2, 0)) > 0.5 + FAR);
    assert!(slower(&times(1, 0), &times(2, 1000)) < 0.5 - FAR);
}
