//! Everything that the audit tells of: one closed list.

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident $words:literal;)*) => {
        /// What was done, or was not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Event {$($(#[$doc])* $event,)*}

        impl Event {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$event),*];

            /// The words in the audit.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$event => $words,)*}
            }
        }
    };
}

events! {
    /// A holder began a session; the subject is the session.
    SignedIn "signed in";
    /// A session was ended by its holder.
    SignedOut "signed out";
    /// A one-time password for signing in was refused.
    SignInRefused "sign-in refused";
    /// A holder says that the data are wrong; the subject is the application.
    MistakeReported "mistake reported";
    /// A request was uploaded.
    RequestPrepared "request prepared";
    /// The key of the certificate that is renewed identified the holder of a request, which is the subject; the detail is
    /// the certificate's serial number.
    HolderIdentified "holder identified";
    /// A signature that should identify the holder of a request was refused; the subject is the application.
    IdentificationRefused "identification refused";
    /// A request was removed before it was confirmed.
    RequestRemoved "request removed";
    /// A request was confirmed; the detail is the digest that was.
    RequestConfirmed "request confirmed";
    /// A one-time password that should confirm a request was refused.
    ConfirmationRefused "confirmation refused";
    /// A confirmed request was taken back.
    RequestWithdrawn "request withdrawn";
    /// A request was taken out of the queue, to be issued.
    IssuanceBegun "issuance begun";
    /// An operator approved a request.
    IssuanceApproved "issuance approved";
    /// An operator's approval was refused.
    ApprovalRefused "approval refused";
    /// An operator rejected a request.
    IssuanceRejected "issuance rejected";
    /// The server refused to issue.
    IssuanceRefused "issuance refused";
    /// Before its signature: serial and bytes to be signed were committed.
    CertificateCommitted "certificate committed";
    /// After its signature: the certificate is in the registry.
    CertificateIssued "certificate issued";
    /// A certificate is on its token.
    CertificateInstalled "certificate installed";
    /// A certificate was revoked.
    CertificateRevoked "certificate revoked";
    /// A one-time password that should revoke a certificate was refused.
    RevocationRefused "revocation refused";
    /// Before its signature: a revocation list.
    RevocationListCommitted "revocation list committed";
    /// After its signature: a revocation list is published.
    RevocationListPublished "revocation list published";
    /// After its signature: another server was faster, and the list was thrown away.
    RevocationListDiscarded "revocation list discarded";
    /// Before its signature: a certificate of the authority's own.
    AuthorityCertificateCommitted "authority certificate committed";
    /// After its signature.
    AuthorityCertificateIssued "authority certificate issued";
    /// A key was put on the block list.
    KeyBlocked "key blocked";
    /// An application was imported, or entered.
    ApplicationImported "application imported";
    /// A holder began to renew a certificate; the subject is the new application, the detail its number.
    RenewalBegun "renewal begun";
    /// An application's data were corrected.
    ApplicationChanged "application changed";
    /// An operator searched applications.
    ApplicationsSearched "applications searched";
    /// An operator read an application.
    ApplicationRead "application read";
    /// An operator read a certificate.
    CertificateRead "certificate read";
    /// An operator read what people found wrong.
    MistakesRead "mistakes read";
    /// An operator made an application's activation code.
    ActivationCodeMade "activation code made";
    /// A holder entered a code that is not the application's; the detail says how many tries are left.
    ActivationCodeWrong "activation code wrong";
    /// A holder entered the application's code.
    ApplicationActivated "application activated";
    /// An operator answered what a person found wrong.
    MistakeAnswered "mistake answered";
    /// An operator read which new phones are proposed.
    PhoneChangesRead "phone changes read";
    /// A phone was given its tries back.
    PhoneUnlocked "phone unlocked";
    /// A person's new phone was proposed.
    PhoneChangeProposed "phone change proposed";
    /// A person's new phone was confirmed.
    PhoneChanged "phone changed";
    /// A proposal of a new phone was dropped.
    PhoneChangeCancelled "phone change cancelled";
    /// A confirmation of a new phone was refused.
    PhoneChangeRefused "phone change refused";
    /// An operator got a token.
    OperatorAdded "operator added";
    /// An operator got another token.
    OperatorRenewed "operator renewed";
    /// An operator's token was taken away.
    OperatorRemoved "operator removed";
    /// Whoever showed an operator's token was turned away: the token is none, or has not the role.
    OperatorRefused "operator refused";
    /// An operator read the audit.
    AuditRead "audit read";
    /// Refusals of the kinds above that were counted and have no event of their own.
    RefusalsCounted "refusals counted";
    /// A server was started; the detail has its version and the digest of its settings.
    ServerStarted "server started";
    /// A server was told to end, and ends.
    ServerStopped "server stopped";
    /// The chain does not have what a head says, and the administrator goes on with it.
    ChainAccepted "chain accepted";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_events_have_the_same_words() {
        let words: BTreeSet<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
        assert_eq!(words.len(), Event::ALL.len());
    }

    /// The first text in quotes after each INSERT of an event, in statements that name it themselves.
    fn in_statements(text: &str) -> BTreeSet<String> {
        let after = text.split("INSERT INTO audit_waiting").skip(1);
        let quoted = after.filter_map(|rest| {
            let end = rest.find([';', ')']).map_or(rest.len(), |end| (end + 160).min(rest.len()));
            let statement = rest.get(..end)?;
            statement.split('\'').nth(1).map(str::to_owned)
        });
        quoted.filter(|words| words.contains(' ')).collect()
    }

    #[test]
    fn whatever_postgresqls_statements_tell_is_in_the_list() {
        let known: BTreeSet<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
        let mut told = BTreeSet::new();
        for directory in ["migrations/postgres", "src/store/postgres"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
            for file in std::fs::read_dir(path).unwrap() {
                told.extend(in_statements(&std::fs::read_to_string(file.unwrap().path()).unwrap()));
            }
        }
        assert!(told.len() > 20, "{told:?}");
        assert!(told.iter().all(|words| known.contains(words.as_str())), "{told:?}");
    }
}
