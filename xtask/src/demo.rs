//! `cargo xtask demo`: the product on this machine, with a software token and invented people.

mod browser;
mod children;
mod messages;
mod world;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::children::Child;
use self::messages::Messages;
use self::world::{PIN, PORTAL, World};
use crate::run::run;
use crate::setup::{self, Need, Toolbox};
use crate::{parts, repository, under_target};

/// The demo's first person (demo/applications.json).
const PHONE: &str = "+7 922 211 4545";

#[derive(Args)]
pub struct Options {
    /// Walks the whole journey by itself in a headless Chromium, prints each step's time, and leaves pictures and files.
    #[arg(long)]
    headless: bool,
    /// Where --headless leaves its files [default: target/demo/out]
    #[arg(long, value_name = "DIR", requires = "headless")]
    out: Option<PathBuf>,
    /// Forgets the people, keys and certificates of earlier runs.
    #[arg(long, conflicts_with = "headless")]
    fresh: bool,
}

pub fn run_demo(options: &Options) -> Result<()> {
    if options.headless {
        return walk_by_itself(&options.out.clone().unwrap_or_else(|| under_target("demo/out")));
    }
    if env::var_os("DISPLAY").is_none() && env::var_os("WAYLAND_DISPLAY").is_none() {
        bail!(
            "there is no display to open a browser on. This walks the same journey by itself, and leaves pictures of it:\n\n    \
             cargo xtask demo --headless --out target/demo/out\n"
        );
    }
    let tools = setup::prepare(&[Need::Browser, Need::TokenTools, Need::PageTools])?;
    world::require_free_port()?;
    parts::build_page(&tools)?;
    parts::build_programs(&tools)?;
    let world = World::prepare(&tools, options.fresh)?;
    show(&tools, &world)
}

fn walk_by_itself(out: &Path) -> Result<()> {
    // The walk is started in the clone's root; a relative directory is the person's, not the clone's.
    let out = env::current_dir().context("ask for the current directory")?.join(out);
    let tools = setup::prepare(&[Need::Browser, Need::TokenTools, Need::PageTools])?;
    parts::build_page(&tools)?;
    parts::build_programs(&tools)?;
    walk(&tools, &out)
}

/// The journey, walked by the harness of the tests; it prints the steps and leaves its files in `out`.
pub fn walk(tools: &Toolbox, out: &Path) -> Result<()> {
    run(tools.command(&repository::program("walk").to_string_lossy()).arg("--out").arg(out))
}

/// What ends or goes on with a running demo.
enum Signal {
    Stop,
    Enter,
}

fn show(tools: &Toolbox, world: &World) -> Result<()> {
    let signals = listen()?;
    let mut messages = Messages::from_now_on(world.messages())?;
    let log = world.log("server.log")?;
    let mut command = world.server(tools, &["serve"]);
    let mut server = Child::start(command.stdin(Stdio::null()).stderr(log.try_clone()?).stdout(log))?;
    world.wait_until_served(&mut server)?;
    let mut browser = Some(Child::start(&mut browser::command(tools, world)?)?);
    introduce(world);
    loop {
        match signals.recv_timeout(Duration::from_millis(200)) {
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Signal::Enter) if browser.is_none() => {
                browser = Some(Child::start(&mut browser::command(tools, world)?)?);
            }
            Ok(Signal::Enter) | Err(RecvTimeoutError::Timeout) => {}
        }
        messages.print_new()?;
        if let Some(status) = server.ended()? {
            bail!("the server ended: {status}; see {}", world.path("server.log").display());
        }
        if let Some(child) = &mut browser
            && child.ended()?.is_some()
        {
            println!("\nThe browser is closed. Enter opens it again (what was begun goes on); Ctrl-C ends the demo.");
            browser = None;
        }
    }
    println!("\nEnding. Another `cargo xtask demo` goes on from here; --fresh starts anew.");
    Ok(())
}

/// Ctrl-C, SIGTERM and the Enter key.
fn listen() -> Result<Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel();
    let keys = sender.clone();
    ctrlc::set_handler(move || drop(sender.send(Signal::Stop))).context("listen to Ctrl-C")?;
    thread::spawn(move || {
        for _ in io::stdin().lines().map_while(Result::ok) {
            if keys.send(Signal::Enter).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn introduce(world: &World) {
    println!(
        "\n\
         ────────────────────────────────────────────────────────────────────\n\
         The portal         {PORTAL}\n\
         Telephone to type  {PHONE}\n\
         Token's PIN        {PIN}\n\
         Text messages      appear below (file: {})\n\
         Logs and data      {}\n\
         Ctrl-C ends everything.\n\
         ────────────────────────────────────────────────────────────────────",
        world.messages().display(),
        fs::canonicalize(world.path("")).unwrap_or_default().display(),
    );
}
