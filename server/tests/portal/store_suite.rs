//! What every store does, whatever it is made of: one suite, run against each. A test gets a store of its own, empty.

mod activations;
mod backlog;
mod issuances;
mod messages;
mod operators;
mod passwords;
mod people;
mod publication;
mod renewals;
mod requests;
mod revocations;

use std::{
    ops::Deref,
    path::Path,
    sync::{Arc, LazyLock},
};

use qcert_protocol::{ContainerName, KeyId, holder::Phone, portal::TokenName};
use qcert_server::{
    applications::import::parse,
    audit::{Actor, Keeper, Key},
    store::{
        Certificate, Commitment, ConfirmOutcome, ConfirmedRequest, Import, ImportRules, IssuerId, Job, NewPassword,
        OrderLimits, PasswordOrder, PasswordScope, Prepared, Purpose, Request, RequestState, SessionRecord, Store,
        TryLimits, postgres::PostgresStore, sqlite::SqliteStore,
    },
};
use qcert_test_postgres::Database;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::support::{DEMO, PHONE};

const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-03-02 09:01 UTC);
const ISSUER: IssuerId = [5; 20];
const SHARD: &str = "1-0";

fn phone() -> Phone {
    Phone::parse(PHONE).unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// What the stores of this suite keep the audit with.
pub fn keeper(head: Option<&Path>) -> Keeper {
    Keeper { node: "here".to_owned(), key: Key::new(&[7; 32]), head: head.map(Path::to_owned) }
}

fn holder() -> Actor {
    Actor::holder([192, 0, 2, 1].into())
}

fn by(name: &str) -> Actor {
    Actor::operator(name, [192, 0, 2, 9].into())
}

static OPERATOR: LazyLock<Actor> = LazyLock::new(|| by("operator"));

fn rules() -> ImportRules<'static> {
    ImportRules { changeable: &["available"], changes_phones: false, by: &OPERATOR }
}

/// The demo's applications, numbered from 1; the first four belong to [`phone`].
async fn filled(store: &dyn Store) {
    let mut entries = parse(DEMO).unwrap();
    entries.iter_mut().enumerate().for_each(|(index, entry)| entry.id = id(index as u128 + 1));
    assert!(matches!(store.import(&entries, &rules(), NOW).await.unwrap(), Import::Done { added: 6, .. }));
}

fn request(number: u128, application: u128, key: u8) -> Request {
    Request {
        id: id(number),
        application_id: id(application),
        der: vec![1],
        public_key: vec![key],
        key_digest: [key; 32],
        key_id: KeyId::from_bytes(&[key; 20]),
        container: ContainerName::parse("1@2026-03-02-x").unwrap(),
        token: TokenName { label: "l".into(), serial: "s".into(), model: "m".into() },
        state: RequestState::Prepared,
        created_at: NOW,
        confirmed_at: None,
        vouched_by: None,
    }
}

fn sign_in() -> PasswordScope {
    PasswordScope { phone: phone(), purpose: Purpose::SignIn, subject: None }
}

fn password(number: u128, created_at: OffsetDateTime) -> NewPassword {
    NewPassword {
        id: id(number),
        scope: sign_in(),
        digest: None,
        hash: [1; 32],
        created_at,
        expires_at: created_at + Duration::minutes(10),
    }
}

/// Nothing but the interval.
fn limits(interval: Duration) -> OrderLimits {
    OrderLimits { interval, tries: tries(100), rates: Vec::new() }
}

/// So many tries for a password, and for a phone before it waits an hour, then two, then three; at a hundred it is locked.
fn tries(tries: u32) -> TryLimits {
    TryLimits { tries, waits: [1, 2, 3].map(Duration::hours).to_vec(), most: 100 }
}

fn session(number: u128) -> SessionRecord {
    SessionRecord { id: id(number), token_hash: [number as u8; 32], phone: phone(), created_at: NOW, last_seen_at: NOW }
}

async fn ordered(store: &dyn Store, number: u128) -> Uuid {
    let ordered = store.order_password(&password(number, NOW), b"m", &limits(Duration::MINUTE)).await.unwrap();
    assert_eq!(ordered, PasswordOrder::Ordered);
    id(number)
}

/// A confirmation of request `1000 + application`, which is prepared here, with a password of its own.
async fn prepared(store: &dyn Store, application: u128, held: bool) -> ConfirmedRequest {
    let request = request(1000 + application, application, application as u8);
    let from = ["available", "preparing", "withdrawn"];
    assert!(matches!(store.prepare_request(&request, &from, &holder()).await.unwrap(), Prepared::Done(_)));
    ConfirmedRequest {
        password: ordered(store, 2000 + application).await,
        request: request.id,
        snapshot: store.application_of(&phone(), id(application)).await.unwrap().unwrap().application.holder_json,
        digest: [3; 32],
        held,
        by: holder(),
        now: NOW,
    }
}

async fn confirmed(store: &dyn Store, application: u128, held: bool) {
    let confirmed = prepared(store, application, held).await;
    assert!(matches!(store.confirm_request(&confirmed).await.unwrap(), ConfirmOutcome::Done(_)));
}

/// Leases one.
async fn leased(
    store: &dyn Store,
    owner: u128,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Option<Job> {
    store.claim_issuances(id(owner), 1, ripe, now, until).await.unwrap().pop().map(Result::unwrap)
}

async fn committed(store: &dyn Store, job: &Job, commitment: &Commitment, now: OffsetDateTime) -> bool {
    store.commit_to_be_signed(&[(job, commitment)], now).await.unwrap() == [true]
}

async fn completed(store: &dyn Store, job: &Job, certificate: &Certificate) -> bool {
    store.complete_issuances(&[(job, certificate)]).await.unwrap() == [true]
}

/// Leases what waits until `LATER`, for worker `owner`.
async fn claimed(store: &dyn Store, owner: u128) -> Option<Job> {
    leased(store, owner, NOW, NOW, LATER).await
}

fn commitment(serial: &str) -> Commitment {
    Commitment { issuer: ISSUER, shard: SHARD.into(), serial: serial.into(), to_be_signed: serial.into() }
}

/// The certificate of a job, with number `3000 + number`, valid for a day.
fn certificate(job: &Job, number: u128) -> Certificate {
    Certificate {
        id: id(3000 + number),
        application_id: job.application.id,
        request_id: job.request.id,
        serial: format!("{number:02X}"),
        key_id: job.request.key_id.clone(),
        der: vec![number as u8],
        not_before: NOW,
        not_after: NOW + Duration::DAY,
        issued_at: NOW,
        installed_at: None,
        issuer: ISSUER,
        shard: SHARD.into(),
        revoked: None,
    }
}

/// Issues certificate `3000 + application` for an application, serial number `application`.
async fn issued(store: &dyn Store, application: u128) -> Certificate {
    confirmed(store, application, false).await;
    let job = claimed(store, 20).await.unwrap();
    let certificate = certificate(&job, application);
    assert!(committed(store, &job, &commitment(&certificate.serial), NOW).await);
    assert!(completed(store, &job, &certificate).await);
    certificate
}

/// State of an application of [`phone`].
async fn state(store: &dyn Store, application: u128) -> &'static str {
    store.application_of(&phone(), id(application)).await.unwrap().unwrap().application.state.as_str()
}

/// Runs the suite against stores that `open` makes, each in a directory of its own.
macro_rules! suite {
    ($module:ident, $open:path) => {
        $crate::store_suite::suite!($module, $open,
            people: an_import_takes_all_entries_or_none,
            people: a_phone_is_known_by_its_applications,
            people: an_application_is_its_phones_alone,
            people: a_session_is_read_with_what_is_wanted_and_nothing_of_anybody_elses,
            people: a_session_ends_once_and_for_all,
            people: signing_in_ends_the_session_before,
            passwords: a_password_is_ordered_once_in_an_interval_and_used_once,
            passwords: a_password_used_twice_at_once_begins_one_session,
            passwords: a_password_is_not_used_after_its_time,
            passwords: a_later_password_supersedes_the_earlier_ones_of_its_subject,
            issuances: several_are_leased_committed_and_completed_together,
            people: all_sessions_of_a_phone_end_and_nobody_elses,
            passwords: a_phone_waits_longer_after_each_round_of_wrong_passwords,
            passwords: failures_are_counted_over_all_purposes_until_a_password_is_right,
            passwords: a_phone_with_too_many_failures_is_locked_until_an_operator_opens_it,
            passwords: a_password_is_given_its_tries_and_no_more_although_the_phone_has_others,
            passwords: a_try_reads_the_passwords_that_it_is_a_try_at,
            passwords: a_try_over_the_rate_takes_none_from_the_phone,
            passwords: an_order_is_counted_up_to_the_first_rate_that_is_reached,
            passwords: tries_at_the_same_moment_are_all_counted,
            passwords: events_are_counted_until_the_window_ends,
            passwords: what_is_old_is_forgotten_and_what_is_young_is_kept,
            messages: messages_are_leased_in_their_order_and_once_at_a_time,
            messages: two_senders_at_once_share_the_messages,
            messages: a_message_whose_sender_died_is_leased_again_and_one_that_has_gone_is_not,
            messages: a_message_that_is_about_to_be_handed_over_says_so_to_whoever_comes_after,
            messages: a_message_that_is_postponed_waits_until_then_and_keeps_its_text,
            messages: what_became_of_a_message_is_kept_and_of_one_that_is_discarded_nothing,
            messages: a_report_says_whether_a_message_was_delivered,
            messages: a_message_in_parts_is_delivered_when_all_of_it_is,
            messages: a_report_that_is_faster_than_the_answer_counts,
            messages: a_name_that_a_gateway_gives_again_is_of_the_later_message,
            messages: a_report_tells_of_a_message_of_which_nobody_knew,
            messages: old_messages_are_forgotten_unless_they_are_on_their_way,
            messages: a_message_whose_password_is_superseded_is_not_sent_and_loses_its_text,
            messages: a_message_that_was_begun_stays_when_its_password_is_superseded,
            requests: a_key_serves_one_request_until_it_is_removed,
            requests: a_blocked_key_is_refused,
            requests: whoever_changes_an_application_is_told_its_revision,
            requests: a_request_is_confirmed_once_of_two_at_once,
            requests: a_confirmation_of_other_data_uses_no_password,
            requests: a_confirmed_request_can_be_taken_back_until_somebody_begins,
            requests: a_held_request_waits_for_its_approval,
            requests: a_held_request_is_rejected_with_its_reason,
            requests: a_held_request_can_be_taken_back,
            requests: an_application_is_found_by_its_number_and_tells_whether_its_request_is_held,
            renewals: a_renewal_has_what_the_old_application_has_and_a_number_of_its_own,
            renewals: of_two_renewals_at_once_there_is_one,
            renewals: a_renewal_of_what_changed_or_without_a_number_is_none,
            renewals: a_renewal_that_does_not_go_on_is_followed_by_another,
            renewals: a_proven_request_names_the_certificate_that_vouched,
            renewals: a_proof_of_what_changed_since_prepares_nothing,
            renewals: of_a_proof_and_a_revocation_at_once_the_second_sees_the_first,
            renewals: a_job_tells_whether_the_certificate_was_revoked_that_vouched,
            renewals: a_job_tells_whether_the_key_was_blocked_that_vouched,
            issuances: a_confirmed_request_is_leased_by_one_at_a_time,
            issuances: two_claims_at_once_lease_one_request_once,
            issuances: the_oldest_ripe_request_is_leased_first,
            issuances: a_job_tells_whether_its_key_was_blocked_meanwhile,
            issuances: a_serial_is_committed_once,
            issuances: a_lost_lease_changes_nothing,
            issuances: a_released_lease_rests_until_its_time,
            issuances: a_completed_issuance_is_in_the_registry,
            issuances: an_installation_is_noted,
            issuances: an_end_is_noted_once,
            revocations: a_certificate_is_revoked_once_of_two_at_once,
            revocations: a_revocation_by_its_holder_uses_a_password,
            revocations: a_compromised_key_is_blocked_and_another_is_not,
            revocations: a_status_is_known_to_its_issuer_alone,
            publication: a_list_is_published_over_the_one_before,
            publication: what_is_revoked_after_a_list_was_asked_for_leaves_it_stale,
            publication: a_list_ends_with_its_last_certificate,
            publication: a_certificate_of_the_authority_is_committed_and_completed_once,
            operators: an_operator_is_known_by_the_tokens_hash_until_removed,
            operators: a_renewed_token_has_the_one_before_beside_it_until_that_ends,
            operators: a_page_begins_after_the_one_before,
            operators: what_an_application_is_found_by_changes_with_it,
            operators: a_request_needs_as_many_approvals_as_are_asked_for,
            operators: two_approvals_at_once_are_two,
            operators: the_audit_is_read_from_any_place,
            operators: a_report_is_open_until_it_is_answered,
            operators: an_applications_reports_are_told_the_latest_first_with_their_answers,
            operators: a_phone_is_changed_once_for_the_holders_applications,
            operators: a_cancelled_phone_change_changes_nothing,
            operators: an_unlocked_phone_begins_its_tries_anew,
            backlog: the_oldest_of_what_waits_is_told,
            backlog: the_database_says_what_time_it_is_or_when_something_happened_last,
            activations: a_code_activates_its_application_once_and_for_good,
            activations: wrong_codes_are_counted_and_a_new_code_begins_anew,
            activations: codes_that_are_tried_at_the_same_moment_are_all_counted,
            activations: a_code_that_is_tried_over_the_rate_takes_no_try,
            activations: a_code_is_made_for_what_takes_one_and_no_other,
            activations: another_phone_needs_another_code_unless_the_first_was_not_entered,
            publication: every_change_is_in_the_audit_and_the_audit_is_a_chain,
        );
    };
    ($module:ident, $open:path, $($topic:ident: $test:ident),* $(,)?) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let store = $open(directory.path()).await;
                $crate::store_suite::$topic::$test(&*store).await;
            })*
        }
    };
}
pub(crate) use suite;

async fn sqlite(directory: &Path) -> Arc<dyn Store> {
    let url = format!("sqlite:{}", directory.join("qcert.sqlite").display());
    Arc::new(SqliteStore::open(&url, keeper(None)).await.unwrap())
}

suite!(on_sqlite, super::sqlite);

/// A store on a database of its own.
struct OnPostgres {
    store: PostgresStore,
    _database: Database,
}

impl Deref for OnPostgres {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

async fn postgres(_: &Path) -> OnPostgres {
    let database = Database::new().unwrap();
    OnPostgres { store: PostgresStore::open(&database.url(), 4, keeper(None)).await.unwrap(), _database: database }
}

suite!(on_postgres, super::postgres);
