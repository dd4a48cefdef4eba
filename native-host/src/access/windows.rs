//! Windows' own rights: a file has those of its folder, and a person's folders are that person's.

use std::{
    ffi::c_void,
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::windows::{
        fs::OpenOptionsExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    path::Path,
    ptr::null_mut,
};

use anyhow::{Context, Result, ensure};
use windows_sys::Win32::{
    Foundation::{GENERIC_READ, LocalFree},
    Security::{
        Authorization::{GetSecurityInfo, SE_FILE_OBJECT},
        EqualSid, GetTokenInformation, IsWellKnownSid, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        TOKEN_QUERY, TOKEN_USER, TokenUser, WinBuiltinAdministratorsSid, WinLocalSystemSid,
    },
    Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS,
    System::Threading::{GetCurrentProcess, OpenProcessToken},
};

/// What [`TokenUser`] is written to, with the SID (SECURITY_MAX_SID_SIZE bytes at most) behind it.
const TOKEN_USER_BYTES: usize = size_of::<TOKEN_USER>() + 68;

/// Opens a file to append to, and makes it and its folder. To be locked it must be readable, too.
///
/// # Errors
/// Those of the file system.
pub fn open_private(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().read(true).append(true).create(true).open(path);
    match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(path.parent().ok_or(error)?)?;
            open()
        }
        opened => opened,
    }
}

/// Nothing to do: a new file has the rights of its folder.
///
/// # Errors
/// None.
pub fn let_everybody_read(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Is there a program that can be started?
pub fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Everybody may make new folders and files in `%ProgramData%`, and what somebody made is his to change. So what is
/// there counts only if it belongs to the administrators, to the system, or to the very person who runs this.
///
/// # Errors
/// It is somebody else's, or nobody can tell whose.
pub fn check_system_owner(path: &Path) -> Result<()> {
    // With this flag a folder, too.
    let opened = OpenOptions::new().access_mode(GENERIC_READ).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path);
    let opened = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.with_context(|| format!("looking whose {} is", path.display()))?,
    };
    let trusted = owner_is_trusted(&opened).with_context(|| format!("looking whose {} is", path.display()))?;
    ensure!(trusted, "{} was not made by an administrator: look at it, and remove it", path.display());
    Ok(())
}

fn owner_is_trusted(opened: &File) -> io::Result<bool> {
    let (mut owner, mut descriptor): (PSID, PSECURITY_DESCRIPTOR) = (null_mut(), null_mut());
    // SAFETY: the handle is open; the two results are written to variables of their types, and the rest is not asked.
    let error = unsafe {
        GetSecurityInfo(
            opened.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &mut descriptor,
        )
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    let trusted = is_trusted(owner);
    // SAFETY: the system gave it, to be given back so; `owner` points into it and is used no more.
    unsafe { LocalFree(descriptor) };
    trusted
}

/// `owner` is a SID that the system gave.
fn is_trusted(owner: PSID) -> io::Result<bool> {
    // SAFETY: a SID that the system gave.
    let of_system = |kind| unsafe { IsWellKnownSid(owner, kind) } != 0;
    if of_system(WinBuiltinAdministratorsSid) || of_system(WinLocalSystemSid) {
        return Ok(true);
    }
    let mut token = null_mut();
    // SAFETY: the pseudo handle of this process needs no closing; the result is written to a variable of its type.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else's.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // As words, so that it is aligned as TOKEN_USER wants.
    let mut user = [0_u64; TOKEN_USER_BYTES.div_ceil(8)];
    let (place, mut written): (*mut c_void, u32) = (user.as_mut_ptr().cast(), 0);
    // SAFETY: the place is as long as is said, and aligned.
    let told = unsafe {
        GetTokenInformation(token.as_raw_handle(), TokenUser, place, size_of_val(&user) as u32, &mut written)
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system wrote a TOKEN_USER there, whose SID lies behind it in the same place.
    Ok(unsafe { EqualSid(owner, (*place.cast::<TOKEN_USER>()).User.Sid) } != 0)
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::Authorization::ConvertStringSidToSidW;

    use super::*;

    fn trusts(sid: &str) -> bool {
        let text: Vec<u16> = sid.encode_utf16().chain([0]).collect();
        let mut sid = null_mut();
        // SAFETY: a string that ends with zero, and a variable for the result, which is given back below.
        assert_ne!(unsafe { ConvertStringSidToSidW(text.as_ptr(), &mut sid) }, 0);
        let trusted = is_trusted(sid).unwrap();
        // SAFETY: the system gave it, to be given back so.
        unsafe { LocalFree(sid) };
        trusted
    }

    #[test]
    fn administrators_and_the_system_are_trusted_and_nobody_else() {
        assert!(trusts("S-1-5-32-544") && trusts("S-1-5-18"));
        // Everyone; the users; another person.
        for other in ["S-1-1-0", "S-1-5-32-545", "S-1-5-21-1-2-3-1001"] {
            assert!(!trusts(other), "{other}");
        }
    }

    #[test]
    fn what_this_person_made_and_what_is_not_there_is_no_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.toml");
        check_system_owner(&file).unwrap();
        std::fs::write(&file, "").unwrap();
        check_system_owner(&file).unwrap();
        check_system_owner(folder.path()).unwrap();
    }
}
