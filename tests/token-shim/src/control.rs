//! What the test wants of the token now: the control file.

use std::{fs, path::PathBuf, time::Duration};

use cryptoki_sys::{CK_RV, CKR_GENERAL_ERROR};

/// When the token leaves the reader by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    BeforeGeneration,
    AfterGeneration,
    /// Not the token, but its user: as when another program resets the card.
    LogOutAfterGeneration,
    /// At this call on a session, counted from 1 since the process began; the call does nothing.
    BeforeCall(u32),
    /// As before, but the call has done its work, and its caller is not told.
    AfterCall(u32),
    /// Not the token leaves before or after this call, but the process ends.
    CrashBeforeCall(u32),
    CrashAfterCall(u32),
}

/// What a call does that a module should not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// C_GetSlotList does not return until the file says `hang end`.
    HangAtSlots,
    /// C_GetSlotList says that there are more slots than memory.
    NonsenseAtSlots,
    /// C_GetSlotList ends the process.
    CrashAtSlots,
    /// C_GenerateKeyPair ends the process before the pair is made.
    CrashBeforeGeneration,
    /// The same, after it.
    CrashAfterGeneration,
    /// C_Login does not return until the file says `hang end`.
    HangAtLogin,
}

/// What a token says of its mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanisms {
    /// It can do them.
    Right,
    /// It generates no keys, and says so.
    NoGeneration,
    /// It neither generates keys nor signs: it stores.
    None,
    /// It generates none, and says that it does.
    Lie,
}

/// The control file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub token: bool,
    pub reader: bool,
    pub pin_locked: bool,
    pub pin_low: bool,
    pub pin_final: bool,
    pub pin_to_be_changed: bool,
    pub pin_pad: bool,
    pub lock_after: Option<u32>,
    pub generation_delay: Duration,
    pub pull: Option<Pull>,
    pub empty_slots: bool,
    pub corrupt_objects: bool,
    /// So many calls of C_Sign, counted from 1 since the process began, do not return.
    pub hanging: u32,
    pub mischief: Option<Mischief>,
    /// Every C_GetSlotList writes to stdout and stderr.
    pub prints: bool,
    /// So many MiB are lost at every C_GetSlotList.
    pub leaks: usize,
    pub seed_refused: bool,
    /// What a person enters on the reader's own PIN pad.
    pub pad_entry: Option<String>,
    /// Keys that are made demand a login for each signature.
    pub login_always: bool,
    pub full: bool,
    /// So many objects fit, counted while the file says so.
    pub room: Option<u32>,
    pub mechanisms: Mechanisms,
    /// C_CreateObject takes no private keys.
    pub keys_refused: bool,
    /// Nothing is found on the token before a login.
    pub objects_hidden: bool,
    /// What the token says of its free memory, in bytes.
    pub memory: Option<u32>,
    /// Values of attributes are a byte shorter than they are.
    pub short_attributes: bool,
    /// Those that hang return now.
    pub hang_ends: bool,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            token: true,
            reader: true,
            pin_locked: false,
            pin_low: false,
            pin_final: false,
            pin_to_be_changed: false,
            pin_pad: false,
            lock_after: None,
            generation_delay: Duration::ZERO,
            pull: None,
            empty_slots: false,
            corrupt_objects: false,
            hanging: 0,
            mischief: None,
            prints: false,
            leaks: 0,
            seed_refused: false,
            pad_entry: None,
            login_always: false,
            full: false,
            room: None,
            mechanisms: Mechanisms::Right,
            keys_refused: false,
            objects_hidden: false,
            memory: None,
            short_attributes: false,
            hang_ends: false,
        }
    }
}

impl Control {
    /// Reads the file; without one the token is an ordinary one.
    pub fn read() -> Result<Self, CK_RV> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut control = Self::parse(&text).map_err(|line| {
            eprintln!("qcert-token-shim: {}: not a command: {line}", path.display());
            CKR_GENERAL_ERROR
        })?;
        if let Some(most) = control.lock_after {
            let wrong = wrong_pins();
            control.pin_low |= wrong > 0;
            control.pin_final |= wrong + 1 == most;
            control.pin_locked |= wrong >= most;
        }
        Ok(control)
    }

    /// Is there a token that can answer?
    pub fn present(&self) -> bool {
        self.reader && self.token
    }

    fn parse(text: &str) -> Result<Self, &str> {
        let mut control = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ').ok_or(line)? {
                ("token", "out") => control.token = false,
                ("reader", "out") => control.reader = false,
                ("pin", "locked") => control.pin_locked = true,
                ("pin", "low") => control.pin_low = true,
                ("pin", "final") => control.pin_final = true,
                ("pin", "to-be-changed") => control.pin_to_be_changed = true,
                ("pin", "pad") => control.pin_pad = true,
                ("lock-after", n) => control.lock_after = Some(n.parse().map_err(|_| line)?),
                ("generation-delay", ms) => {
                    control.generation_delay = Duration::from_millis(ms.parse().map_err(|_| line)?);
                }
                ("pull", "before-generation") => control.pull = Some(Pull::BeforeGeneration),
                ("pull", "after-generation") => control.pull = Some(Pull::AfterGeneration),
                ("logout", "after-generation") => control.pull = Some(Pull::LogOutAfterGeneration),
                ("pull", at) => control.pull = Some(pull_at_call(at).ok_or(line)?),
                ("hang", "slots") => control.mischief = Some(Mischief::HangAtSlots),
                ("hang", "login") => control.mischief = Some(Mischief::HangAtLogin),
                ("nonsense", "slots") => control.mischief = Some(Mischief::NonsenseAtSlots),
                ("crash", "slots") => control.mischief = Some(Mischief::CrashAtSlots),
                ("crash", "before-generation") => control.mischief = Some(Mischief::CrashBeforeGeneration),
                ("crash", "after-generation") => control.mischief = Some(Mischief::CrashAfterGeneration),
                ("crash", at) => control.pull = Some(crash_at_call(at).ok_or(line)?),
                ("print", "always") => control.prints = true,
                ("leak", mebibytes) => control.leaks = mebibytes.parse().map_err(|_| line)?,
                ("seed", "refused") => control.seed_refused = true,
                ("pad-entry", pin) => control.pad_entry = Some(pin.to_owned()),
                ("login", "always") => control.login_always = true,
                ("token", "full") => control.full = true,
                ("mechanisms", "no-generation") => control.mechanisms = Mechanisms::NoGeneration,
                ("mechanisms", "none") => control.mechanisms = Mechanisms::None,
                ("keys", "refused") => control.keys_refused = true,
                ("room", objects) => control.room = Some(objects.parse().map_err(|_| line)?),
                ("objects", "hidden") => control.objects_hidden = true,
                ("memory", bytes) => control.memory = Some(bytes.parse().map_err(|_| line)?),
                ("mechanisms", "lie") => control.mechanisms = Mechanisms::Lie,
                ("short", "attributes") => control.short_attributes = true,
                ("hang", "end") => control.hang_ends = true,
                ("hang", at) => {
                    control.hanging = at.strip_prefix("sign ").and_then(|n| n.parse().ok()).ok_or(line)?;
                }
                ("corrupt", "objects") => control.corrupt_objects = true,
                ("show", "empty-slots") => control.empty_slots = true,
                _ => return Err(line),
            }
        }
        Ok(control)
    }
}

fn pull_at_call(text: &str) -> Option<Pull> {
    let (when, n) = text.split_once(' ')?;
    let n = n.parse().ok()?;
    match when {
        "before-call" => Some(Pull::BeforeCall(n)),
        "after-call" => Some(Pull::AfterCall(n)),
        _ => None,
    }
}

fn crash_at_call(text: &str) -> Option<Pull> {
    Some(match pull_at_call(text)? {
        Pull::BeforeCall(n) => Pull::CrashBeforeCall(n),
        Pull::AfterCall(n) => Pull::CrashAfterCall(n),
        _ => return None,
    })
}

/// Takes the token out of the reader until the test writes the control file again.
pub fn pull_token() {
    if let Some(path) = path() {
        write(path, "token out\n");
    }
}

/// Ends the process, as a fault in a module does; not again until the test writes the control file again.
pub fn crash() -> ! {
    if let Some(path) = path() {
        write(path, "");
    }
    std::process::abort()
}

/// Takes so many MiB and gives them to nobody; says whether it got them.
pub fn leak(mebibytes: usize) -> bool {
    let mut lost = Vec::<u8>::new();
    let got = lost.try_reserve_exact(mebibytes << 20).is_ok();
    // Not to be left out by the compiler.
    std::mem::forget(std::hint::black_box(lost));
    got
}

/// Does not return until the control file says so.
pub fn hang() {
    while !Control::read().is_ok_and(|control| control.hang_ends) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Counts one more wrong PIN.
pub fn count_wrong_pin() {
    if let Some(path) = wrong_pins_path() {
        write(path, &(wrong_pins() + 1).to_string());
    }
}

/// The right PIN gives all tries back.
pub fn forget_wrong_pins() {
    if let Some(path) = wrong_pins_path() {
        // An absent file is as good as a removed one.
        let _ = fs::remove_file(path);
    }
}

fn wrong_pins() -> u32 {
    let text = wrong_pins_path().and_then(|path| fs::read_to_string(path).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn write(path: PathBuf, text: &str) {
    if let Err(error) = fs::write(&path, text) {
        eprintln!("qcert-token-shim: {}: {error}", path.display());
    }
}

fn path() -> Option<PathBuf> {
    std::env::var_os("QCERT_SHIM_CONTROL").map(PathBuf::from)
}

/// Lets the test see that somebody waits for the next event: by a file beside the control file.
pub fn tell_of_waiting() {
    if let Some(path) = path() {
        let _ = fs::write(path.with_added_extension("waited-on"), "");
    }
}

fn wrong_pins_path() -> Option<PathBuf> {
    path().map(|path| path.with_added_extension("wrong-pins"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_an_ordinary_token() {
        assert_eq!(Control::parse("\n# nothing\n"), Ok(Control::default()));
        assert!(Control::default().present());
    }

    #[test]
    fn each_line_is_a_command() {
        let control = Control::parse("lock-after 3\ngeneration-delay 1500\npull after-generation").unwrap();
        assert_eq!(control.lock_after, Some(3));
        assert_eq!(control.generation_delay, Duration::from_millis(1500));
        assert_eq!(control.pull, Some(Pull::AfterGeneration));
        assert_eq!(Control::parse("pull before-call 7").unwrap().pull, Some(Pull::BeforeCall(7)));
        assert_eq!(Control::parse("crash after-call 8").unwrap().pull, Some(Pull::CrashAfterCall(8)));
        assert!(!Control::parse("reader out").unwrap().present());
        assert_eq!(Control::parse("pin pad\npad-entry 47 11").unwrap().pad_entry.unwrap(), "47 11");
        assert_eq!(Control::parse("crash slots").unwrap().mischief, Some(Mischief::CrashAtSlots));
    }

    #[test]
    fn a_line_that_is_no_command_is_named() {
        assert_eq!(Control::parse("token out\ntoken away"), Err("token away"));
        assert_eq!(Control::parse("hang forever"), Err("hang forever"));
        assert_eq!(Control::parse("lock-after soon"), Err("lock-after soon"));
        assert_eq!(Control::parse("pull after-call"), Err("pull after-call"));
    }
}
