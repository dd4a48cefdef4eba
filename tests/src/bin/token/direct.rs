//! The same PKCS#11 calls without a host, one after the other as its worker makes them: in a process that does nothing else, for a module is configured by the environment.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute as T, AttributeType as A, CertificateType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use qcert_journeys::{
    stopwatch::timed,
    token::{PIN, SOFTHSM},
};

use super::host::Computer;

/// What this program is started with to make the calls.
pub const ARGUMENT: &str = "direct-calls";

/// P-256 as CKA_EC_PARAMS (RFC 5480 §2.1.1.1).
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// The process that makes the calls.
pub struct Direct {
    child: Child,
    pipe: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Direct {
    /// Starts it; each round writes this certificate beside its key.
    pub fn start(computer: &Computer, certificate: &Path) -> Result<Self> {
        let mut command = computer.command(std::env::current_exe().context("ask for the path of this program")?);
        command.arg(ARGUMENT).arg(certificate).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the direct calls")?;
        let pipe = child.stdin.take().context("it has no stdin")?;
        let told = BufReader::new(child.stdout.take().context("it has no stdout")?);
        Ok(Self { child, pipe, told })
    }

    /// Milliseconds of one round.
    pub fn round(&mut self) -> Result<f64> {
        self.pipe.write_all(b"\n").context("ask for a round")?;
        let mut line = String::new();
        self.told.read_line(&mut line).context("hear of a round")?;
        line.trim().parse().with_context(|| format!("a round took {line:?}"))
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a round for each line of stdin, and prints its milliseconds.
pub fn serve(certificate: &Path) -> Result<()> {
    let certificate = fs::read(certificate).context("read the certificate")?;
    let pkcs11 = Pkcs11::new(SOFTHSM).context("load the module")?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).context("initialise the module")?;
    let slot = pkcs11.get_slots_with_initialized_token().context("list the tokens")?[0];
    for line in std::io::stdin().lines() {
        line.context("read stdin")?;
        let (done, took) = timed(|| round(&pkcs11, slot, &certificate));
        done?;
        println!("{}", took.as_secs_f64() * 1000.0);
    }
    Ok(())
}

fn round(pkcs11: &Pkcs11, slot: Slot, certificate: &[u8]) -> Result<()> {
    look(pkcs11)?;
    pkcs11.get_mechanism_list(slot).context("list the mechanisms")?;
    let id = with_login(pkcs11, slot, request)?;
    look(pkcs11)?;
    find_public(&pkcs11.open_ro_session(slot).context("open a session")?, &id)?;
    look(pkcs11)?;
    with_login(pkcs11, slot, |session| install(session, &id, certificate))
}

/// Whether the token is still there.
fn look(pkcs11: &Pkcs11) -> Result<()> {
    for slot in pkcs11.get_all_slots().context("list the slots")? {
        pkcs11.get_slot_info(slot).context("look at a slot")?;
        pkcs11.get_token_info(slot).context("look at a token")?;
    }
    Ok(())
}

fn with_login<T>(pkcs11: &Pkcs11, slot: Slot, work: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
    let session = pkcs11.open_rw_session(slot).context("open a session")?;
    session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).context("log in")?;
    let done = work(&session)?;
    session.logout().context("log out")?;
    Ok(done)
}

/// A pair, its name, and the signature of a request. The name is as long as the one that is computed from a key.
fn request(session: &Session) -> Result<Vec<u8>> {
    session.seed_random(&[0x5a; 64]).context("seed")?;
    let both = [T::Token(true), T::Label("container".into()), T::Id(vec![0; 20])];
    let public = [T::EcParams(P256.into()), T::Private(false), T::Verify(true)];
    let private = [T::Private(true), T::Sensitive(true), T::Extractable(false), T::Sign(true)];
    let (public, private) = session
        .generate_key_pair(&Mechanism::EccKeyPairGen, &[&both[..], &public].concat(), &[&both[..], &private].concat())
        .context("generate a pair")?;
    let point = read_public(session, public)?;
    let id = point[point.len() - 20..].to_vec();
    for half in [private, public] {
        session.update_attributes(half, &[T::Id(id.clone())]).context("name a key")?;
    }
    read(session, private, &[A::Id])?;
    read(session, private, &[A::Sensitive, A::Extractable, A::AlwaysSensitive, A::NeverExtractable])?;
    session.sign(&Mechanism::Ecdsa, private, &[7; 32]).context("sign")?;
    Ok(id)
}

/// The pair is found and proved, and the certificate written beside it and read back.
fn install(session: &Session, id: &[u8], certificate: &[u8]) -> Result<()> {
    let public = find_public(session, id)?;
    read(session, public, &[A::Id])?;
    let private = find(session, ObjectClass::PRIVATE_KEY, id)?;
    session.sign(&Mechanism::Ecdsa, private, &[7; 32]).context("sign")?;
    read(session, private, &[A::Id])?;
    let name = vec![0x30, 0];
    let written = [
        T::Class(ObjectClass::CERTIFICATE),
        T::CertificateType(CertificateType::X_509),
        T::Token(true),
        T::Private(false),
        T::Label("container".into()),
        T::Id(id.to_vec()),
        T::Subject(name.clone()),
        T::Issuer(name),
        T::SerialNumber(id.to_vec()),
        T::Value(certificate.to_vec()),
    ];
    // Is it there already? In another round it was the same one, under another key.
    let same = [T::Class(ObjectClass::CERTIFICATE), T::Id(id.to_vec()), T::Value(certificate.to_vec())];
    session.find_objects(&same).context("look for the certificate")?;
    let object = session.create_object(&written).context("write the certificate")?;
    let found = read(session, object, &[A::Value, A::Id, A::Label, A::Subject, A::Issuer, A::SerialNumber])?;
    ensure!(found.iter().all(|attribute| written.contains(attribute)), "another certificate is read back");
    Ok(())
}

fn find_public(session: &Session, id: &[u8]) -> Result<ObjectHandle> {
    let key = find(session, ObjectClass::PUBLIC_KEY, id)?;
    read_public(session, key)?;
    Ok(key)
}

/// Its point.
fn read_public(session: &Session, key: ObjectHandle) -> Result<Vec<u8>> {
    read(session, key, &[A::KeyType])?;
    match read(session, key, &[A::EcParams, A::EcPoint])?.pop() {
        Some(T::EcPoint(point)) => Ok(point),
        _ => bail!("a public key has no point"),
    }
}

fn find(session: &Session, class: ObjectClass, id: &[u8]) -> Result<ObjectHandle> {
    let found = session.find_objects(&[T::Class(class), T::Token(true), T::Id(id.to_vec())]).context("find a key")?;
    found.into_iter().next().context("the key is gone")
}

fn read(session: &Session, object: ObjectHandle, kinds: &[A]) -> Result<Vec<T>> {
    session.get_attributes(object, kinds).context("read attributes")
}
