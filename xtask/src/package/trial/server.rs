//! The server's package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::machine::Machine;
use super::{empty, later, same, tried};
use crate::package::{server, version};
use crate::repository::{program, root};
use crate::run::{run, run_quietly};
use crate::setup::Toolbox;

/// What `systemd-analyze security` may say of the service at most, in tenths.
const EXPOSURE: &str = "20";

/// Tries a package of the unoptimised server in target/debug: makes it, and what is handed in to a machine.
pub fn prepare(tools: &Toolbox, directory: &Path) -> Result<()> {
    empty(directory)?;
    let package = twice_the_same(tools, directory)?;
    run(tools.command("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&package))?;
    exposure(tools)?;
    let files = directory.join("files");
    fs::create_dir_all(&files).with_context(|| format!("make {}", files.display()))?;
    fs::copy(&package, files.join("first.deb")).context("hand the package in")?;
    later(tools, &package, &directory.join("later"), "etc/qcert/qcert.toml", &files.join("later.deb"))
}

/// Installs, uses, upgrades and purges it.
pub fn install(directory: &Path) -> Result<()> {
    let machine = Machine::boot(directory, &directory.join("files"), BEFORE_BOOT)?;
    installed(&machine)?;
    configured(&machine)?;
    served(&machine)?;
    upgraded(&machine)?;
    purged(&machine)
}

/// Packs the same program at two places and compares.
fn twice_the_same(tools: &Toolbox, directory: &Path) -> Result<PathBuf> {
    let (program, version) = (program("qcert-server"), version());
    let server = server::server(&program, &version, false);
    let packed = ["one", "other"].map(|place| {
        let out = directory.join(place);
        fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
        server.pack(tools, &out.join("stage"), &out, |_| Ok(()))
    });
    let [one, other] = packed;
    let (one, other) = (one?, other?);
    run_quietly(tools.command("cmp").args([&one, &other])).context("the same program was packed into other bytes")?;
    tried("packed twice, the same bytes");
    Ok(one)
}

fn exposure(tools: &Toolbox) -> Result<()> {
    for unit in ["qcert-server.service", "qcert-server-backup.service"] {
        let mut analyze = tools.command("systemd-analyze");
        analyze.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
        let said = run_quietly(analyze.arg(root().join("server/package").join(unit)))?.stdout;
        let said = String::from_utf8_lossy(&said);
        tried(said.lines().last().unwrap_or_default().trim_start_matches("→ "));
    }
    Ok(())
}

/// As an image is made: nobody answers, and no systemd runs. A package that this machine has itself goes first.
const BEFORE_BOOT: &str = "
    dpkg --purge qcert-server >/dev/null 2>&1 || true
    rm -rf /etc/qcert /var/lib/qcert /var/backups/qcert
    find /etc /lib /usr /var -xdev -name '*qcert*' | sort > /srv/trial/before
    dpkg --install /srv/trial/first.deb </dev/null";

fn installed(machine: &Machine) -> Result<()> {
    let state = machine.run("systemctl is-enabled qcert-server; systemctl is-active qcert-server || true")?;
    same("a new service", &state, "enabled\ninactive")?;
    let modes = machine.run("stat --format '%U:%G %a %n' /etc/qcert /etc/qcert/* /var/lib/qcert /var/backups/qcert")?;
    same(
        "owners and modes",
        &modes,
        "root:root 755 /etc/qcert\nroot:qcert 640 /etc/qcert/qcert.toml\n\
         qcert:qcert 700 /var/lib/qcert\nqcert:qcert 700 /var/backups/qcert",
    )?;
    let faults = machine.run(
        "systemd-analyze verify qcert-server.service qcert-server-backup.service qcert-server-backup.timer 2>&1",
    )?;
    same("what systemd finds wrong with the units", &faults, "")?;
    for drop_in in ["credentials", "hsm-usb", "low-port"] {
        let faults = machine.run(&format!(
            "mkdir -p /run/systemd/system/qcert-server.service.d
             cp /usr/share/doc/qcert-server/examples/{drop_in}.conf /run/systemd/system/qcert-server.service.d
             systemd-analyze verify qcert-server.service 2>&1
             rm -r /run/systemd/system/qcert-server.service.d"
        ))?;
        same("what systemd finds wrong with a drop-in", &faults, "")?;
    }
    tried("installed without a running systemd: enabled, not started");
    let refused = machine.fails("systemctl start qcert-server")?;
    let said = machine.run("systemctl stop qcert-server; journalctl --unit qcert-server --output cat")?;
    for missing in ["server.origin", "authority.ogrn", "ca.sign_tool", "sms.first.address"] {
        ensure!(said.contains(missing), "the server was to say that {missing} is missing:\n{refused}\n{said}");
    }
    tried("refuses to start before it is configured, and says what is missing");
    Ok(())
}

/// What an administrator does, and the authority that is made then.
fn configured(machine: &Machine) -> Result<()> {
    machine.run(
        "cd /etc/qcert
         fill() { sed --in-place \"s|^$1 = \\\"\\\"|$1 = \\\"$2\\\"|\" qcert.toml; }
         fill origin https://qcert.example
         for tool in subject_sign_tool sign_tool ca_tool sign_tool_certificate ca_tool_certificate; do fill $tool Проба; done
         for part in name root_name organization locality street; do fill $part Проба; done
         fill region '66 Свердловская область'; fill ogrn 1026600000019; fill inn 6673000012
         fill phone 8-800-500-05-08; fill address 127.0.0.1:2775; fill system_id qcert; fill source Qcert
         for secret in ca-passphrase sms-secret; do
             install --mode 600 --owner qcert --group qcert /dev/null $secret
             head --bytes 6 /dev/urandom | base64 > $secret
         done
         runuser -u qcert -- qcert-server --config /etc/qcert/qcert.toml ca init",
    )?;
    let keys = machine
        .run("stat --format '%U %a' /var/lib/qcert/ca/*.key && head --lines 1 --quiet /var/lib/qcert/ca/*.key")?;
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    same("keys", &keys, &format!("qcert 600\nqcert 600\n{encrypted}\n{encrypted}"))?;
    tried("configured: the authority's keys are encrypted, and its user's alone");
    Ok(())
}

fn served(machine: &Machine) -> Result<()> {
    machine.run("systemctl start qcert-server")?;
    healthy(machine)?;
    let process = machine.run(
        "grep --extended-regexp '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$(systemctl show --property MainPID --value qcert-server)/status",
    )?;
    let none = "0000000000000000";
    same(
        "what the process may do",
        &process,
        &format!("CapEff:\t{none}\nCapBnd:\t{none}\nNoNewPrivs:\t1\nSeccomp:\t2"),
    )?;
    machine
        .run(
            "runuser -u qcert -- qcert-server --config /etc/qcert/qcert.toml audit export |
         grep 'server started' | grep --quiet \"\\\"node\\\":\\\"$(hostname)\\\"\"",
        )
        .context("the audit was to name this machine")?;
    tried("serves under its hardening, and told systemd that it is ready");
    machine.run("systemctl start qcert-server-backup.service")?;
    let copies = machine.run("cd /var/backups/qcert && stat --format '%U %a' *.sqlite")?;
    same("the copy of the database", &copies, "qcert 600")?;
    machine.run(
        "systemctl stop qcert-server
         cp --preserve /var/backups/qcert/*.sqlite /var/lib/qcert/copy
         runuser -u qcert -- qcert-server --config /etc/qcert/qcert.toml restore --replace /var/lib/qcert/copy
         systemctl start qcert-server",
    )?;
    healthy(machine)?;
    tried("copied its database, and serves what was restored from the copy");
    Ok(())
}

fn upgraded(machine: &Machine) -> Result<()> {
    let process = || machine.run("systemctl show --property MainPID --value qcert-server");
    let (before, settings) = (process()?, machine.run("sha256sum /etc/qcert/qcert.toml")?);
    machine.run("dpkg --force-confold --install /srv/trial/later.deb </dev/null")?;
    same("the administrator's settings", &machine.run("sha256sum /etc/qcert/qcert.toml")?, &settings)?;
    same("their owner", &machine.run("stat --format '%U:%G %a' /etc/qcert/qcert.toml")?, "root:qcert 640")?;
    machine.run("grep --quiet 'later version' /etc/qcert/qcert.toml.dpkg-dist")?;
    ensure!(process()? != before, "a server that runs was not started anew by the upgrade");
    healthy(machine)?;
    machine.run("systemctl stop qcert-server && dpkg --install /srv/trial/later.deb </dev/null")?;
    same("a server that was stopped", &machine.run("systemctl is-active qcert-server || true")?, "inactive")?;
    tried("upgraded: settings kept, a server that runs was started anew, a stopped one was not");
    Ok(())
}

/// docs/production.md says what stays.
fn purged(machine: &Machine) -> Result<()> {
    machine.run("systemctl start qcert-server && dpkg --remove qcert-server")?;
    same("a removed server", &machine.run("systemctl is-active qcert-server || true")?, "inactive")?;
    machine.run("test ! -e /usr/sbin/qcert-server && test -e /etc/qcert/qcert.toml")?;
    let ours = "find /var/lib/qcert /var/backups/qcert -type f -exec sha256sum {} + | sort";
    let before = machine.run(ours)?;
    ensure!(before.contains("/ca/root.key") && before.contains("qcert.sqlite"), "not what a server leaves:\n{before}");
    let said = machine.run("dpkg --purge qcert-server 2>&1")?;
    ensure!(said.contains("kept /var/lib/qcert;"), "purging was to say what it keeps:\n{said}");
    same("keys, registry and copies after a purge", &machine.run(ours)?, &before)?;
    let left = machine.run(
        "find /etc /lib /usr /var -xdev -path /var/log -prune -o -path /var/cache -prune -o \\( -name '*qcert*' -o -user qcert \\) -print | sort > /srv/trial/after
         comm -13 /srv/trial/before /srv/trial/after | grep --invert-match --extended-regexp '^/var/(lib|backups)/qcert/'",
    )?;
    same(
        "what a purge leaves",
        &left,
        "/etc/qcert\n/etc/qcert/ca-passphrase\n/etc/qcert/sms-secret\n/var/backups/qcert\n/var/lib/qcert",
    )?;
    machine.run("getent passwd qcert")?;
    tried("purged: keys, registry, copies, their user and what the administrator added are kept, nothing else");
    Ok(())
}

fn healthy(machine: &Machine) -> Result<()> {
    let answer = machine.run(
        "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080
         printf \"GET /healthz HTTP/1.1\\r\\nHost: qcert.example\\r\\nConnection: close\\r\\n\\r\\n\" >&3; head --lines 1 <&3'",
    )?;
    same("the answer of /healthz", answer.trim_end(), "HTTP/1.1 200 OK")
}
