//! Programs that run beside the demo and end with it.

use std::process::{self, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::run::succeeds;

/// How long a program may take to end when it is asked to: 50 × 100 ms.
const PATIENCE: u32 = 50;

/// A program with its own children in a process group of their own, so that all of them end together, and Ctrl-C in the
/// terminal reaches only the demo, which ends them in order.
pub struct Child(process::Child);

impl Child {
    pub fn start(command: &mut Command) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self(command.process_group(0).spawn().with_context(|| format!("start {program}"))?))
    }

    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().context("wait for a program")
    }

    fn signal_group(&self, signal: &str) -> bool {
        succeeds(Command::new("kill").args([signal, "--", &format!("-{}", self.0.id())]))
    }
}

/// Asks the whole group to end, waits, and ends what is left.
impl Drop for Child {
    fn drop(&mut self) {
        self.signal_group("-TERM");
        for _ in 0..PATIENCE {
            // Reaped first: a group that has nobody but the dead leader would otherwise still take signals.
            let ended = self.0.try_wait().is_ok_and(|status| status.is_some());
            if ended && !self.signal_group("-0") {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        self.signal_group("-KILL");
        // Nothing can be done about a process that survives this.
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::*;

    #[test]
    fn a_child_ends_together_with_what_it_started() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "(sleep 60; echo survived) & echo started; wait"]).stdout(writer);
        let child = Child::start(&mut command).unwrap();
        drop(command);
        let mut started = [0; 8];
        reader.read_exact(&mut started).unwrap();
        drop(child);
        // The end of the pipe is seen when the last process that could write to it is gone.
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}
