//! Runs a person's program with a documented environment, a timeout and a bounded memory of what it said.
//!
//! Used for deploy hooks and DNS hooks alike. What the program writes goes to the debug log, since our standard output carries data; if it
//! fails, its last lines stand in the error. Kills the whole process group on timeout.

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{error::Elapsed, timeout},
};

/// No more of a hook's words than this are kept.
const LONGEST_MESSAGE: usize = 4096;
/// No more of its lines than this are shown.
const LAST_LINES: usize = 10;
/// A hook's background children may hold its pipes open; they are given this long.
const DRAIN: Duration = Duration::from_secs(1);

/// One call of a hook.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables added to our own environment.
    pub environment: Vec<(&'static str, String)>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why a hook did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HookFailure {
    /// It could not be started.
    #[error("cannot start hook {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with another code than 0, or by a signal.
    #[error("hook ended with {status}{}", said(words))]
    Status {
        /// The exit status.
        status: std::process::ExitStatus,
        /// Its last words.
        words: String,
    },
    /// It took too long and was killed.
    #[error("hook took longer than {} and was killed{}", humantime::format_duration(*after), said(words))]
    Timeout {
        /// The time it had.
        after: Duration,
        /// Its last words.
        words: String,
    },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(", saying: {words}") }
}

/// The last lines of its standard error or, as not every program complains there, of its standard output.
fn last_words(stderr: &str, stdout: &str) -> String {
    let said = if stderr.trim().is_empty() { stdout } else { stderr };
    let lines: Vec<&str> = said.trim().lines().collect();
    lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
}

/// Runs a hook to its end.
pub async fn run_hook(call: &HookCall) -> Result<(), HookFailure> {
    let start = |source| HookFailure::Start { program: call.program.clone(), source };
    let mut child = Command::new(&call.program)
        .args(&call.arguments)
        .envs(call.environment.iter().map(|(name, value)| (name, value)))
        // What the service manager asked of us is not asked of them.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("WATCHDOG_PID")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    // Whoever gives this run up, as the agent does when it is told to stop, must not leave the hook's children behind.
    let mut group = Group(child.id());
    let stdout = child.stdout.take().map(|pipe| tokio::spawn(keep_end(pipe)));
    let stderr = child.stderr.take().map(|pipe| tokio::spawn(keep_end(pipe)));
    let ended: Result<_, Elapsed> = timeout(call.timeout, child.wait()).await;
    if ended.is_err() {
        kill_group(&mut child).await;
    }
    // It has ended: its number may soon be somebody else's.
    group.0 = None;
    let stderr = collect(stderr).await;
    let stdout = collect(stdout).await;
    tracing::debug!(hook = %call.program.display(), stdout = %stdout.trim(), stderr = %stderr.trim(), "hook ended");
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(HookFailure::Status { status, words: last_words(&stderr, &stdout) }),
        Ok(Err(source)) => Err(start(source)),
        Err(Elapsed { .. }) => {
            Err(HookFailure::Timeout { after: call.timeout, words: last_words(&stderr, &stdout) })
        }
    }
}

/// A hook's process group, killed when this is dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        kill(self.0);
    }
}

fn kill(leader: Option<u32>) {
    if let Some(group) = leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // The group may be gone already; then there is nothing to kill.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

async fn kill_group(child: &mut Child) {
    kill(child.id());
    let _ = child.wait().await;
}

/// Reads to the end but remembers only the last [`LONGEST_MESSAGE`] bytes.
async fn keep_end(mut pipe: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut chunk = vec![0; LONGEST_MESSAGE];
    while let Ok(read) = pipe.read(&mut chunk).await {
        let Some(new) = chunk.get(..read).filter(|new| !new.is_empty()) else { break };
        kept.extend_from_slice(new);
        let surplus = kept.len().saturating_sub(LONGEST_MESSAGE);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

async fn collect(reader: Option<tokio::task::JoinHandle<String>>) -> String {
    match reader {
        Some(mut reader) => match timeout(DRAIN, &mut reader).await {
            Ok(text) => text.unwrap_or_default(),
            Err(Elapsed { .. }) => {
                reader.abort();
                String::new()
            }
        },
        None => String::new(),
    }
}
