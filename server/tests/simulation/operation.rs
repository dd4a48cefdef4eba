//! What can happen, as data: a list of steps is all that a simulation is made of.

/// One of the two servers that share the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    First,
    Second,
}

/// Whose phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    Director,
    Accountant,
    /// Has no application, and a phone that the portal does not know.
    Nobody,
}

/// One of a person's two browsers. The left one is signed in when a list begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Browser {
    Left,
    Right,
}

/// One of a person's applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nth {
    One,
    Two,
}

/// What is typed as a one-time password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The latest that came for this purpose, request and session.
    Latest,
    /// The one before it.
    Earlier,
    /// The latest for the same request, ordered in the person's other browser.
    OfOtherBrowser,
    /// The latest that came for another purpose or another request.
    OfOtherPurpose,
    /// The latest that came to the other person.
    OfOtherPerson,
    /// One that nobody was sent.
    Wrong,
}

/// Which request is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One of a few good ones, that all people choose from.
    Good(u8),
    /// Its signature is not its key's.
    NotProven,
    /// Not DER.
    Garbage,
}

/// Why a holder revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Superseded,
    KeyCompromise,
}

/// What the operator's file changes in an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Nothing: the same entry again.
    Nothing,
    /// The address of the mailbox.
    Email(u8),
    /// The identification is taken back.
    NotIdentified,
    /// The identification is there.
    Identified,
    /// The application goes to the other person.
    OtherPhone,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    OrderSignIn(Person),
    SignIn(Person, Browser, Code),
    SignOut(Person, Browser),
    /// Ends all sessions of the person.
    SignOutEverywhere(Person, Browser),
    /// Reads the rows that the page shows.
    Look(Person, Browser),
    /// Asks for an application of the other person.
    Pry(Person, Browser, Nth),
    Upload(Person, Browser, Nth, Key),
    OrderConfirmation(Person, Browser, Nth),
    Confirm(Person, Browser, Nth, Code),
    Remove(Person, Browser, Nth),
    Withdraw(Person, Browser, Nth),
    /// Enters the activation code that was made last for an application, or one that nobody made.
    Activate(Person, Browser, Nth, bool),
    Install(Person, Browser, Nth),
    /// Begins to renew the certificate of an application.
    Renew(Person, Browser, Nth),
    /// Orders the password that revokes the certificate of an application.
    OrderRevocation(Person, Browser, Nth, Why),
    /// Revokes it.
    RevokeOwn(Person, Browser, Nth, Why, Code),
    /// The request that was sent last is delivered once more.
    Again,
    /// The operator imports an application's entry, changed.
    Import(Person, Nth, Correction),
    /// The operator makes the activation code of an application.
    MakeCode(Person, Nth),
    /// The operator lets a request that waits go on.
    Approve(Person, Nth),
    /// The operator refuses a request that waits.
    Reject(Person, Nth),
    /// The operator revokes the certificate of an application; its key is known to somebody else, or it is not.
    Revoke(Person, Nth, bool),
    /// The operator blocks one of the keys that people choose from.
    Block(u8),
    /// Somebody asks (OCSP) about an application's certificate and about one that was never issued; with a nonce, or
    /// without one.
    Ask(Person, Nth, bool),
    /// Publishes the revocation lists that are due.
    Publish,
    /// A step of the worker.
    Work,
    /// What the worker does now and then.
    Tidy,
    /// A step of the sender of text messages.
    SendMessages,
    /// The call that waits longest goes on.
    GoOn,
    /// The server ends, cutting off what it was doing, and starts again.
    Restart,
    /// Both servers end; the files are opened anew.
    RestartAll,
    /// Time passes; a little less than nothing is a clock that was set right.
    Seconds(i32),
    /// The server starts again and cannot sign, or can again: the disk of the signature journal is full.
    Signer(bool),
    /// There is a next issuing key, and the server starts again with it; the other one does not know of it yet.
    Rollover,
    /// The server starts again with another number of revocation lists.
    Shards(u8),
    /// The gateway of text messages goes away, or comes back.
    Gateway(bool),
}

/// A call of the store that a fault can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    Import,
    PhoneIsKnown,
    ApplicationsOf,
    ApplicationOf,
    Applications,
    ApplicationByNumber,
    Renew,
    AddMistake,
    MistakesOf,
    OrderPassword,
    Passwords,
    Attempt,
    Failures,
    Count,
    SignIn,
    Session,
    SessionWith,
    TouchSession,
    EndSession,
    EndSessions,
    Activate,
    ClaimMessages,
    BeginMessages,
    SettleMessages,
    ReportMessage,
    Messages,
    ForgetMessages,
    PrepareRequest,
    PrepareProvenRequest,
    RequestOf,
    RemoveRequest,
    ConfirmRequest,
    ApproveIssuance,
    RejectIssuance,
    Withdraw,
    ClaimIssuance,
    CommitToBeSigned,
    CompleteIssuance,
    RefuseIssuance,
    ReleaseIssuance,
    Certificates,
    Certificate,
    Revoke,
    Revoked,
    Statuses,
    Shards,
    RevocationList,
    PublishRevocationList,
    CommitAuthorityCertificate,
    CompleteAuthorityCertificate,
    BlockKey,
    Install,
    Expire,
    Forget,
    Audit,
    PhoneOf,
    Ping,
    Backlog,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The database does not answer, and nothing was done.
    Fails,
    /// It was done, and the connection broke before the answer came.
    LosesItsAnswer,
    /// The server dies before it.
    CrashesBefore,
    /// The server dies after it.
    CrashesAfter,
    /// It waits, until something lets it go on, before it reaches the database.
    WaitsBefore,
    /// It is done, and its answer waits.
    WaitsAfter,
}

/// What goes wrong during a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This call of the store, the first time that the step makes it.
    Of(Call, Effect),
    /// Every INSERT into this table.
    Insert(&'static str),
}

/// One thing that happens at one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Server,
    pub operation: Operation,
    pub fault: Option<Fault>,
}

impl Step {
    pub const fn new(at: Server, operation: Operation) -> Self {
        Self { at, operation, fault: None }
    }

    pub const fn failing(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}

impl Why {
    pub fn name(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::KeyCompromise => "keyCompromise",
        }
    }

    /// CRLReason, RFC 5280 §5.3.1.
    pub fn code(self) -> i64 {
        match self {
            Self::Superseded => 4,
            Self::KeyCompromise => 1,
        }
    }
}

impl Code {
    pub const ALL: [Self; 6] =
        [Self::Latest, Self::Earlier, Self::OfOtherBrowser, Self::OfOtherPurpose, Self::OfOtherPerson, Self::Wrong];
}

impl Person {
    pub const KNOWN: [Self; 2] = [Self::Director, Self::Accountant];

    pub fn phone(self) -> &'static str {
        match self {
            Self::Director => "+79222114545",
            Self::Accountant => "+79120000217",
            Self::Nobody => "+79990000000",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Director => Self::Accountant,
            _ => Self::Director,
        }
    }
}
