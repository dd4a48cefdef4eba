//! The host's package, and what is made with it for other machines.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::machine::Machine;
use super::{empty, later, same, tried};
use crate::package::extension_key::ExtensionKey;
use crate::package::version;
use crate::package::workstation::{Made, Order};
use crate::repository::{MODULE, program, root};
use crate::run::{run, run_quietly};
use crate::setup::Toolbox;

/// Where the journey's portal is, in a machine that nobody else uses.
const ORIGIN: &str = "http://localhost:8080";

/// What browsers read in order to start the host.
const MANIFESTS: &str = "/etc/chromium/native-messaging-hosts/ru.qcert.host.json \
     /etc/opt/chrome/native-messaging-hosts/ru.qcert.host.json /etc/opt/edge/native-messaging-hosts/ru.qcert.host.json \
     /usr/lib/mozilla/native-messaging-hosts/ru.qcert.host.json";

/// Tries what is made of the unoptimised host in target/debug: makes it, and what is handed in to a machine.
pub fn prepare(tools: &Toolbox, directory: &Path) -> Result<()> {
    empty(directory)?;
    let key = ExtensionKey::make(tools, &directory.join("key.pem"))?;
    let made = twice_the_same(tools, &key, directory)?;
    run(tools.command("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&made.package))?;
    lint(tools, &made)?;
    let files = directory.join("files");
    fs::create_dir_all(&files).with_context(|| format!("make {}", files.display()))?;
    fs::copy(&made.package, files.join("first.deb")).context("hand the package in")?;
    later(tools, &made.package, &directory.join("later"), "etc/qcert/host.toml", &files.join("later.deb"))
}

/// Makes everything at two places and compares.
fn twice_the_same(tools: &Toolbox, key: &ExtensionKey, directory: &Path) -> Result<Made> {
    let (host, module, version) = (program("qcert-host"), program(MODULE), version());
    let published = "https://qcert.example/extension";
    let (host, module, version) = (&host, &module, &version);
    let order = Order { origin: ORIGIN, key, store_ids: &[], published, host, module, version, thorough: false };
    let [one, other] = ["one", "other"].map(|place| {
        let out = directory.join(place);
        order.make(tools, &out.join("stage"), &out)
    });
    let (one, other) = (one?, other?);
    ensure!(one.files.len() == 8, "other files were made: {:?}", one.files);
    for (one, other) in one.files.iter().zip(&other.files) {
        let what = "the same sources were packed into other bytes";
        run_quietly(tools.command("cmp").args([one, other])).context(what)?;
    }
    tried("workstation: packed twice, the same bytes");
    Ok(one)
}

/// By Firefox's linter: the add-on without a word. Of Chromium's archive it says what a Firefox would miss, and nothing else.
fn lint(tools: &Toolbox, made: &Made) -> Result<()> {
    let archive = |ending: &str| made.files.iter().find(|file| file.extension().is_some_and(|it| it == ending));
    for (ending, expected) in [
        ("xpi", &[][..]),
        ("zip", &["ADDON_ID_REQUIRED", "BACKGROUND_SERVICE_WORKER_NOFALLBACK", "MISSING_DATA_COLLECTION_PERMISSIONS"]),
    ] {
        let mut npm = tools.command("npm");
        npm.current_dir(root().join("extension"));
        npm.args(["exec", "--silent", "--offline", "web-ext", "--", "lint", "--self-hosted", "--output", "json"]);
        npm.arg("--source-dir").arg(archive(ending).with_context(|| format!("no .{ending} was made"))?);
        let said = npm.output().context("start npm")?.stdout;
        let said: Value = serde_json::from_slice(&said).context("read what web-ext lint said")?;
        let lists = ["errors", "warnings", "notices"].map(|list| said[list].as_array().cloned().unwrap_or_default());
        let mut codes: Vec<_> = lists.iter().flatten().filter_map(|it| it["code"].as_str()).collect();
        codes.sort_unstable();
        same(&format!("what web-ext lint says of the .{ending}"), &codes.join(" "), &expected.join(" "))?;
    }
    tried("workstation: web-ext lint finds nothing in the packed extension");
    Ok(())
}

/// A package that this machine has itself goes first. Somebody administers the browsers already: forbids every other host,
/// and has them install another extension. (A driver may look into the window of an extension that a policy installed only
/// if developers' tools may.)
const BEFORE_BOOT: &str = r#"
    dpkg --purge qcert-host >/dev/null 2>&1 || true
    mkdir -p /etc/chromium/policies/managed /etc/opt/somebody-elses
    echo '{"ExtensionInstallForcelist": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;file:///srv/another/updates.xml"],
           "NativeMessagingBlocklist": ["*"], "DeveloperToolsAvailability": 1}' > /etc/chromium/policies/managed/the-administrator.json"#;

/// Every path that a package could have touched.
const PATHS: &str = "find /etc /lib /usr /opt /var/lib/dpkg -xdev | sort";

/// Installs, uses, upgrades and purges it.
pub fn install(tools: &Toolbox, directory: &Path) -> Result<()> {
    let machine = Machine::boot(directory, &directory.join("files"), BEFORE_BOOT)?;
    answers(&machine)?;
    registered_again(&machine)?;
    shows_stored_keys(&machine)?;
    used(tools, &machine)?;
    upgraded(&machine)?;
    purged(&machine)
}

fn answers(machine: &Machine) -> Result<()> {
    machine.run(&format!("{PATHS} > /srv/trial/before; dpkg --install /srv/trial/first.deb </dev/null"))?;
    machine
        .run(
            "export HOME=/tmp SOFTHSM2_CONF=/tmp/softhsm2.conf
             mkdir /tmp/tokens && echo directories.tokendir = /tmp/tokens > $SOFTHSM2_CONF
             softhsm2-util --init-token --free --label Token --so-pin 87654321 --pin 24681357
             qcert-host doctor",
        )
        .context("the doctor was to be content with an installed package and a token")?;
    machine
        .run(&format!(
            r#"for manifest in {MANIFESTS}; do
                 program=$(sed --quiet 's/.*"path": "\(.*\)".*/\1/p' $manifest)
                 case $manifest in
                   */mozilla/*) set -- $manifest $(sed --quiet 's/.*"\(portal@.*\)".*/\1/p' $manifest) ;;
                   *) set -- $(sed --quiet 's/.*"\(chrome-extension:.*\)".*/\1/p' $manifest) ;;
                 esac
                 HOME=/tmp "$program" "$@" </dev/null | grep --text --quiet '"hello"'
               done"#
        ))
        .context("the host was to say hello to each browser by its manifest")?;
    tried("workstation: installed; the doctor is content, and by each browser's manifest the host says hello");
    Ok(())
}

fn registered_again(machine: &Machine) -> Result<()> {
    let sums = || machine.run(&format!("sha256sum {MANIFESTS} /etc/qcert/host.toml"));
    let before = sums()?;
    machine.run(&format!("HOME=/tmp qcert-host register --system --browser all --portal {ORIGIN}"))?;
    same("manifests and settings after a second registration", &sums()?, &before)?;
    tried("workstation: registered as the host would do it itself");
    Ok(())
}

/// A token that only stores: the host finds the package's module for it, and OpenSC and NSS find the token by that.
fn shows_stored_keys(machine: &Machine) -> Result<()> {
    let shim = program("libqcert_token_shim.so");
    let seen = machine
        .run(&format!(
            r#"export HOME=/tmp/stored SOFTHSM2_CONF=/tmp/softhsm2.conf
               export QCERT_SHIM_CONTROL=$HOME/control QCERT_HOST_CONFIG=$HOME/host.toml
               mkdir $HOME
               echo 24681357 > $HOME/pin
               echo 'mechanisms none' > $QCERT_SHIM_CONTROL
               echo 'modules = ["{}"]' > $QCERT_HOST_CONFIG
               qcert-host register-module
               module=$(dpkg --listfiles qcert-host | grep '/pkcs11/qcert-pkcs11\.so$')
               pkcs11-tool --module $module -L
               certutil -L -d sql:$HOME/.pki/nssdb -h Token -f $HOME/pin
               qcert-host unregister-module
               find $HOME/.config"#,
            shim.display()
        ))
        .context("OpenSC and NSS were to see a token that only stores by the package's module")?;
    ensure!(seen.contains("token label        : Token"), "OpenSC does not see the token:\n{seen}");
    same(
        "what is left in the person's folder of settings",
        seen.lines().last().unwrap_or_default(),
        "/tmp/stored/.config",
    )?;
    tried("workstation: registered for a token that only stores, the package's module shows it to OpenSC and NSS");
    Ok(())
}

/// A whole journey in each browser, with the extension that its policy or its folder of add-ons brought.
fn used(tools: &Toolbox, machine: &Machine) -> Result<()> {
    let (path, journey) = (tools.path().to_string_lossy(), program("installed-journey"));
    for browser in ["chromium", "firefox"] {
        machine.run(&format!("PATH='{path}' timeout 170 '{}' {browser} 8080", journey.display()))?;
        tried(&format!("workstation: a certificate on a token, by the package's host and extension in {browser}"));
    }
    Ok(())
}

fn upgraded(machine: &Machine) -> Result<()> {
    let settings = || machine.run("sha256sum /etc/qcert/host.toml");
    machine.run("echo '# The administrator was here.' >> /etc/qcert/host.toml")?;
    let before = settings()?;
    machine.run("dpkg --force-confold --install /srv/trial/later.deb </dev/null")?;
    same("the administrator's settings", &settings()?, &before)?;
    machine.run("grep --quiet 'later version' /etc/qcert/host.toml.dpkg-dist && HOME=/tmp qcert-host --version")?;
    tried("workstation: upgraded, settings kept");
    Ok(())
}

fn purged(machine: &Machine) -> Result<()> {
    machine.run("dpkg --remove qcert-host")?;
    let left = machine.run(&format!("{PATHS} | comm -13 /srv/trial/before - | grep --invert-match ^/var/lib/dpkg/"))?;
    same("what a removal leaves", &left, "/etc/qcert\n/etc/qcert/host.toml\n/etc/qcert/host.toml.dpkg-dist")?;
    machine.run(&format!("dpkg --purge qcert-host; {PATHS} > /srv/trial/after"))?;
    let differences = machine.run("comm -3 /srv/trial/before /srv/trial/after")?;
    same("what a purge leaves", &differences, "")?;
    tried("workstation: removed, no browser knows of it; purged, the same files as before");
    Ok(())
}
