//! The server as a process: started from `init`'s files, watched through `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A running `ca-server` of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its folder, as `init` made it.
    pub folder: PathBuf,
    /// Its base URL.
    pub url: String,
}

impl Server {
    /// Makes a new authority in `folder` for `domain`, that asks `resolver`; does not start it.
    ///
    /// # Errors
    /// If `init` fails or a file cannot be changed.
    pub fn init(program: &Path, folder: &Path, domain: &str, resolver: SocketAddr) -> io::Result<String> {
        Self::init_by(&mut Command::new(program), folder, domain, resolver)
    }

    /// The same with a command that may have an environment of its own, and more arguments after `init`.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn init_by(
        command: &mut Command,
        folder: &Path,
        domain: &str,
        resolver: SocketAddr,
    ) -> io::Result<String> {
        let more: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut init = Command::new(command.get_program());
        init.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let port = free_port()?;
        let url = format!("https://localhost:{port}");
        init.args(["init", "--dir"]).arg(folder);
        init.args(["--url", &url, "--domain", domain, "--listen", &format!("127.0.0.1:{port}")]).args(more);
        let output = init.output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let file = folder.join("ca.toml");
        let text = std::fs::read_to_string(&file)?
            .replace("\nresolvers = []", &format!("\nresolvers = [\"{resolver}\"]"))
            // A load is what the limit is there to stop.
            .replace("\n#orders_per_hour = 1000", "\norders_per_hour = 0");
        std::fs::write(&file, text)?;
        Ok(url)
    }

    /// Starts the server of `folder` and waits until it answers; says how long that took.
    ///
    /// # Errors
    /// If it does not start, or does not answer within a minute.
    pub fn start(program: &Path, folder: &Path, url: &str) -> io::Result<(Self, Duration)> {
        Self::start_by(Command::new(program), folder, url)
    }

    /// The same with a command that may have an environment of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_by(mut command: Command, folder: &Path, url: &str) -> io::Result<(Self, Duration)> {
        let began = Instant::now();
        let log = std::fs::File::options().create(true).append(true).open(folder.join("server.log"))?;
        let child = command
            .args(["serve", "--config"])
            .arg(folder.join("ca.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, folder: folder.to_owned(), url: url.to_owned() };
        let address = url.trim_start_matches("https://").to_owned();
        while std::net::TcpStream::connect(&address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                return Err(io::Error::other(format!("the server ended with {status}:\n{log}")));
            }
            if began.elapsed() > Duration::from_secs(60) {
                return Err(io::Error::other("the server does not answer"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok((server, began.elapsed()))
    }

    /// Kills it the hard way (SIGKILL), as a power cut would look to its clients.
    ///
    /// # Errors
    /// If the process cannot be killed or waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time it has used, in user and kernel.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.child.id().to_string())
    }

    /// CPU time it has used, to the nanosecond: of each thread that lives.
    #[must_use]
    pub fn cpu_of_threads(&self) -> Threads {
        Threads::of(self.child.id())
    }

    /// Its resident memory, in octets.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// Where the root certificate of an authority is.
    #[must_use]
    pub fn root(&self, authority: &str) -> PathBuf {
        self.folder.join(format!("roots/{authority}.pem"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of the threads of a process, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Threads(BTreeMap<String, u64>);

impl Threads {
    fn of(process: u32) -> Self {
        let folder = format!("/proc/{process}/task");
        let threads = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let used = threads.filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), nanoseconds))
        });
        Self(used.collect())
    }

    /// What was used since `before`; threads that ended in between are left out.
    #[must_use]
    pub fn since(&self, before: &Self) -> Duration {
        let of = |(thread, now): (&String, &u64)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        };
        Duration::from_nanos(self.0.iter().map(of).sum())
    }
}

/// CPU time that this process has used.
#[must_use]
pub fn own_cpu() -> Duration {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the command's closing bracket: state is field 3; utime and stime are 14 and 15, in ticks of 10 ms.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Where nothing is bound that did not ask for its port by number: below those that Linux gives to whoever asks for any.
const PORTS: std::ops::Range<u16> = 10_240..32_768;

/// A TCP port on loopback that nobody uses just now, and that nobody who asks for any port is given before it is bound again. In one process each is
/// given once, since whoever has it may not have bound it yet.
///
/// # Errors
/// If there is none.
pub fn free_port() -> io::Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..100 {
        let mut octets = [0; 2];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("no entropy"))?;
        let port = PORTS.start + u16::from_be_bytes(octets) % (PORTS.end - PORTS.start);
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) if GIVEN.lock().insert(port) => return Ok(port),
            Ok(_) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}
