//! Certificates in a database that knows the token's module by now: NSS takes such a copy, beside which there is no key,
//! for the one on the token, and then Firefox logs in nowhere.

use std::path::Path;

use qcert_pki::Certificate;
use qcert_protocol::{ContainerName, ErrorCode, KeyId};

use super::{certutil, output, run};

/// Removes what [`super::add_certificate`] has put there, of these keys. Before the database knows the module: afterwards
/// NSS would remove the certificates from the token as well.
pub fn remove(folder: &Path, keys: &[KeyId]) -> Result<(), ErrorCode> {
    if keys.is_empty() || !folder.join("cert9.db").exists() {
        return Ok(());
    }
    for name in names(&String::from_utf8_lossy(&output(certutil(folder, &["-L"]))?)) {
        let der = output(certutil(folder, &["-L", "-r", "-n", name]))?;
        if Certificate::parse(&der).is_ok_and(|it| keys.contains(&it.public_key().key_id())) {
            run(certutil(folder, &["-D", "-n", name]))?;
        }
    }
    Ok(())
}

/// Names in certutil's list that begin as a container's; each line ends with trust flags.
fn names(list: &str) -> Vec<&str> {
    let names = list.lines().filter_map(|line| Some(line.trim_end().rsplit_once(' ')?.0.trim_end()));
    names.filter(|name| ContainerName::parse(name).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_others_are_not_looked_at() {
        let list = "\nCertificate Nickname    Trust Attributes\n                        SSL,S/MIME,JAR/XPI\n\n\
                    67092365@2013-04-11-ООО «АвтоСпор»                           ,,\n\
                    67092365@2013-04-11-ООО «АвтоСпор» 0a1b2c3d                  ,,   \n\
                    My own                                                       u,u,u\n";
        let ours = ["67092365@2013-04-11-ООО «АвтоСпор»", "67092365@2013-04-11-ООО «АвтоСпор» 0a1b2c3d"];
        assert_eq!(names(list), ours);
    }
}
