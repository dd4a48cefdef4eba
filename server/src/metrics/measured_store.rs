//! A store whose calls are measured.

use std::sync::Arc;

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::StoreMetrics;
use crate::{
    audit::{Actor, Note},
    clock::Clock,
    store::*,
};

/// Passes every call on, and notes how long it took and whether it failed.
pub struct MeasuredStore {
    inner: Arc<dyn Store>,
    metrics: StoreMetrics,
    clock: Arc<dyn Clock>,
}

impl MeasuredStore {
    /// In front of a store.
    pub fn new(inner: Arc<dyn Store>, metrics: StoreMetrics, clock: Arc<dyn Clock>) -> Self {
        Self { inner, metrics, clock }
    }

    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn for_operators(&self) -> &dyn OperatorStore {
        self.inner.operator_store()
    }
}

/// Makes methods that pass on; a family is a name in the metrics.
macro_rules! measured {
    (
        $store:ident as $inner:expr;
        $(family $family:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* })*
        also { $($also:item)* }
    ) => {
        #[async_trait]
        impl $store for MeasuredStore {
            $($(async fn $name(&self, $($argument: $type),*) -> Stored<$answer> {
                let started = self.clock.ticking();
                let answer = $inner(self).$name($($argument),*).await;
                self.metrics.called(stringify!($family), &*self.clock, started, &answer);
                answer
            })*)*

            $($also)*
        }
    };
}

measured! {
    Store as MeasuredStore::inner;
    family applications {
        import(entries: &[NewApplication], rules: &ImportRules<'_>, now: OffsetDateTime) -> Import;
        phone_is_known(phone: &Phone) -> bool;
        applications_of(phone: &Phone) -> Vec<Overview>;
        application_of(phone: &Phone, id: Uuid) -> Option<Overview>;
        application_by_number(number: &str) -> Option<Overview>;
        applications() -> Vec<Overview>;
        renew(renewal: &NewRenewal) -> Renewed;
        add_mistake(id: Uuid, application: Uuid, text: &str, by: &Actor, now: OffsetDateTime) -> ();
        mistakes_of(application: Uuid, limit: u32) -> Vec<Mistake>;
        phone_of(application: Uuid) -> Option<Phone>;
        activate(attempt: &ActivationAttempt) -> ActivationAttempted;
    }
    family passwords {
        order_password(new: &NewPassword, sealed: &[u8], limits: &OrderLimits) -> PasswordOrder;
        passwords(scope: &PasswordScope) -> Vec<Password>;
        attempt(attempt: &Attempt, now: OffsetDateTime) -> Attempted;
        failures(phone: &Phone) -> Option<Failures>;
        count(rate: &Rate, now: OffsetDateTime) -> Option<OffsetDateTime>;
        forget(before: OffsetDateTime) -> ();
    }
    family sessions {
        sign_in(password: Uuid, session: &SessionRecord, before: Option<[u8; 32]>, by: &Actor) -> bool;
        session(token_hash: &[u8; 32]) -> Option<SessionRecord>;
        session_with(token_hash: &[u8; 32], wanted: Wanted) -> Option<(SessionRecord, Option<Overview>)>;
        touch_session(id: Uuid, now: OffsetDateTime) -> ();
        end_sessions(phone: &Phone, by: &Actor, now: OffsetDateTime) -> Vec<Uuid>;
        end_session(token_hash: &[u8; 32], by: &Actor, now: OffsetDateTime) -> ();
    }
    family messages {
        claim_messages(owner: Uuid, limit: u32, now: OffsetDateTime, until: OffsetDateTime) -> Vec<QueuedMessage>;
        begin_messages(owner: Uuid, ids: &[i64], gateway: &str, until: OffsetDateTime) -> Vec<i64>;
        settle_messages(owner: Uuid, settled: &[SettledMessage], now: OffsetDateTime) -> ();
        report_message(gateway: &str, reference: &str, state: MessageState, problem: Option<&str>, now: OffsetDateTime) -> ();
        messages(phone: Option<&Phone>, limit: u32) -> Vec<MessageRecord>;
        forget_messages(before: OffsetDateTime) -> ();
    }
    family requests {
        prepare_request(new: &Request, from: &[&str], by: &Actor) -> Prepared;
        prepare_proven_request(new: &Request, proof: &Proof, from: &[&str], by: &Actor) -> Prepared;
        request_of(phone: &Phone, id: Uuid) -> Option<Overview>;
        remove_request(id: Uuid, by: &Actor, now: OffsetDateTime) -> bool;
        confirm_request(confirmed: &ConfirmedRequest) -> ConfirmOutcome;
        approve_issuance(application: Uuid, by: &Actor, needed: u32, now: OffsetDateTime) -> Approved;
        reject_issuance(application: Uuid, reason: &str, by: &Actor, now: OffsetDateTime) -> bool;
        withdraw(application: Uuid, by: &Actor, now: OffsetDateTime) -> bool;
    }
    family issuances {
        claim_issuances(owner: Uuid, limit: u32, ripe: OffsetDateTime, now: OffsetDateTime, until: OffsetDateTime) -> Vec<Stored<Job>>;
        commit_to_be_signed(decided: &[(&Job, &Commitment)], now: OffsetDateTime) -> Vec<bool>;
        complete_issuances(issued: &[(&Job, &Certificate)]) -> Vec<bool>;
        refuse_issuance(job: &Job, reason: &str, now: OffsetDateTime) -> bool;
        release_issuance(job: &Job, until: OffsetDateTime) -> ();
    }
    family certificates {
        certificates() -> Vec<Certificate>;
        certificate(serial: &str) -> Option<(Application, Certificate)>;
        revoke(revocation: &NewRevocation) -> RevokeOutcome;
        statuses(issuer: &IssuerId, serials: &[String]) -> Vec<Option<Option<Revoked>>>;
        commit_authority_certificate(record: &AuthorityRecord) -> bool;
        complete_authority_certificate(serial: &str, der: &[u8], now: OffsetDateTime) -> bool;
        block_key(key_digest: &[u8; 32], by: &Actor, now: OffsetDateTime) -> bool;
        install(certificate: Uuid, in_store: bool, from: &[&str], by: &Actor, now: OffsetDateTime) -> bool;
        expire(from: &[&str], now: OffsetDateTime) -> Vec<(Uuid, Phone)>;
    }
    family revocation_lists {
        revoked(issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Vec<RevokedCertificate>;
        shards(now: OffsetDateTime) -> Vec<ShardState>;
        revocation_list(issuer: &IssuerId, shard: &str) -> Option<RevocationList>;
        publish_revocation_list(list: &RevocationList, before: i64) -> bool;
    }
    family audit {
        audit() -> Vec<AuditRow>;
    }
    family health {
        ping() -> ();
        backlog() -> Backlog;
    }
    also {
        fn connections_in_use(&self) -> Option<(usize, usize)> {
            self.inner.connections_in_use()
        }

        fn operator_store(&self) -> &dyn OperatorStore {
            self
        }

        fn announce(&self, change: Change) {
            self.inner.announce(change);
        }

        fn changes(&self) -> broadcast::Receiver<Change> {
            self.inner.changes()
        }
    }
}

measured! {
    OperatorStore as MeasuredStore::for_operators;
    family operators {
        add_operator(new: &NewOperator) -> bool;
        operator(token_hash: &[u8; 32]) -> Option<OperatorRecord>;
        operators() -> Vec<OperatorRecord>;
        renew_operator(renewed: &RenewedToken) -> Option<OperatorRecord>;
        remove_operator(name: &str, by: &Actor, now: OffsetDateTime) -> bool;
    }
    family applications {
        search(page: &Page, limit: u32) -> Vec<Overview>;
        application(id: Uuid) -> Option<Overview>;
        approvals(request: Uuid) -> Vec<String>;
        make_activation_codes(new: &NewActivationCodes<'_>) -> Vec<Uuid>;
        open_mistakes(after: Uuid, limit: u32) -> Vec<Mistake>;
        mistake(id: Uuid) -> Option<Mistake>;
        answer_mistake(id: Uuid, answer: &str, notice: &Notice, by: &Actor, now: OffsetDateTime) -> bool;
    }
    family phones {
        unlock_phone(phone: &Phone, by: &Actor, now: OffsetDateTime) -> bool;
        propose_phone_change(change: &PhoneChange, notice: &Notice, by: &Actor) -> ();
        phone_change(id: Uuid) -> Option<PhoneChange>;
        open_phone_changes(after: Uuid, limit: u32) -> Vec<PhoneChange>;
        confirm_phone_change(id: Uuid, snils: &str, by: &Actor, now: OffsetDateTime) -> Vec<Uuid>;
        cancel_phone_change(id: Uuid, by: &Actor, now: OffsetDateTime) -> bool;
    }
    family audit {
        note(note: &Note, now: OffsetDateTime) -> ();
        close_audit() -> ();
        audit_after(place: i64, limit: u32) -> Vec<AuditRow>;
    }
    also {}
}
