//! A DNS server in this process: authoritative for the zones it is given, and a resolver that knows nothing else.
//!
//! It listens on one loopback port over UDP and TCP. Records are visible at once, RFC 2136 updates (with TSIG) work, zones can be signed, and
//! [`Fault`]s make it slow, silent or dishonest. It logs every question. For tests and demonstrations only: it checks nothing about who asks.
#![expect(clippy::expect_used, reason = "a harness whose own set-up is wrong must stop at once")]

mod answer;
mod faults;
mod serve;
mod signed;
mod update;
mod zones;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::rdata::{CAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, RecordType, TSigner};
use parking_lot::Mutex;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

pub use faults::Fault;
use faults::Faults;
use zones::Zones;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name, lower case, without the dot at the end.
    pub name: String,
    /// The type, as `TXT`.
    pub kind: String,
    /// How it came.
    pub transport: Transport,
}

/// What all connections share.
pub(crate) struct State {
    zones: Mutex<Zones>,
    faults: Mutex<Faults>,
    keys: Mutex<Vec<TSigner>>,
    log: Mutex<Vec<Asked>>,
}

/// The server; it stops when this is dropped.
pub struct FakeDns {
    state: Arc<State>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl FakeDns {
    /// Starts a server without zones on a free loopback port.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start() -> Self {
        // A port that is free for UDP may be taken for TCP; then another one is tried.
        for _ in 0..20 {
            let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a loopback UDP port is free");
            let address = udp.local_addr().expect("a bound socket has an address");
            if let Ok(tcp) = TcpListener::bind(address).await {
                return Self::on(udp, tcp, address);
            }
        }
        panic_without_port()
    }

    fn on(udp: UdpSocket, tcp: TcpListener, address: SocketAddr) -> Self {
        let state = Arc::new(State {
            zones: Mutex::new(Zones::default()),
            faults: Mutex::new(Faults::default()),
            keys: Mutex::new(Vec::new()),
            log: Mutex::new(Vec::new()),
        });
        let tasks = vec![
            tokio::spawn(serve::udp(state.clone(), Arc::new(udp))),
            tokio::spawn(serve::tcp(state.clone(), tcp)),
        ];
        Self { state, address, tasks }
    }

    /// Where it listens, for UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the server authoritative for `zone`.
    pub fn add_zone(&self, zone: &str) {
        self.state.zones.lock().add_zone(name(zone));
    }

    /// Time to live of all answers from now on, also of "nothing there". 0 at first, so that nobody remembers anything.
    pub fn set_ttl(&self, seconds: u32) {
        self.state.zones.lock().ttl = seconds;
    }

    /// Replaces the TXT records at `at`; none removes them. Values longer than 255 octets become several strings.
    pub fn set_txt(&self, at: &str, values: &[&str]) {
        let records = values.iter().map(|value| txt(value)).collect();
        self.state.zones.lock().set(name(at), RecordType::TXT, records);
    }

    /// Adds a TXT record.
    pub fn add_txt(&self, at: &str, value: &str) {
        self.state.zones.lock().add(name(at), txt(value));
    }

    /// Removes a TXT record.
    pub fn remove_txt(&self, at: &str, value: &str) {
        self.state.zones.lock().remove(&name(at), &txt(value));
    }

    /// The TXT records at `at`, strings joined.
    #[must_use]
    pub fn txt(&self, at: &str) -> Vec<String> {
        let joined = |data: &RData| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        self.state.zones.lock().records(&name(at), RecordType::TXT).iter().filter_map(joined).collect()
    }

    /// Replaces the CAA records at `at`, each given as flags, tag and value: `(0, "issue", "ca.example")`.
    pub fn set_caa(&self, at: &str, records: &[(u8, &str, &str)]) {
        let caa = |(flags, tag, value): &(u8, &str, &str)| {
            let mut caa = CAA::new_issue(flags & 128 != 0, None, Vec::new());
            caa.reserved_flags = flags & 127;
            caa.tag = (*tag).to_owned();
            caa.value = value.as_bytes().to_vec();
            RData::CAA(caa)
        };
        self.state.zones.lock().set(name(at), RecordType::CAA, records.iter().map(caa).collect());
    }

    /// Makes `at` an alias of `target`.
    pub fn set_cname(&self, at: &str, target: &str) {
        let alias = RData::CNAME(CNAME(name(target)));
        self.state.zones.lock().set(name(at), RecordType::CNAME, vec![alias]);
    }

    /// Accepts updates signed with this key. While no key is known, unsigned updates are accepted.
    pub fn add_tsig_key(&self, key_name: &str, secret: &[u8], algorithm: TsigAlgorithm) {
        let signer = TSigner::new(secret.to_vec(), algorithm, name(key_name), 300)
            .expect("the algorithm is one that hickory supports");
        self.state.keys.lock().push(signer);
    }

    /// Signs `zone` from now on, with one key for everything. Returns its trust anchor in zone-file form.
    pub fn sign(&self, zone: &str) -> String {
        self.state.zones.lock().sign(&name(zone), false)
    }

    /// Signs `zone` from now on: one key signs the keys, another one the records. Returns the former as trust anchor.
    pub fn sign_with_two_keys(&self, zone: &str) -> String {
        self.state.zones.lock().sign(&name(zone), true)
    }

    /// Every question meets `fault` until [`honest`](Self::honest).
    pub fn fault(&self, fault: Fault) {
        self.state.faults.lock().arm(fault, None, None);
    }

    /// The next `times` questions meet `fault`.
    pub fn fault_times(&self, times: u32, fault: Fault) {
        self.state.faults.lock().arm(fault, None, Some(times));
    }

    /// Every question about `at` meets `fault` until [`honest`](Self::honest).
    pub fn fault_at(&self, at: &str, fault: Fault) {
        self.state.faults.lock().arm(fault, Some(name(at)), None);
    }

    /// Ends all faults.
    pub fn honest(&self) {
        *self.state.faults.lock() = Faults::default();
    }

    /// All questions so far, in the order of their arrival.
    #[must_use]
    pub fn queries(&self) -> Vec<Asked> {
        self.state.log.lock().clone()
    }

    /// Forgets the questions so far.
    pub fn clear_queries(&self) {
        self.state.log.lock().clear();
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[expect(clippy::panic, reason = "nothing can be tested without a port")]
fn panic_without_port() -> ! {
    panic!("no port is free for both UDP and TCP")
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("the test gave a DNS name").to_lowercase();
    name.set_fqdn(true);
    name
}

fn txt(value: &str) -> RData {
    let strings = value.as_bytes().chunks(255).collect::<Vec<_>>();
    let strings = if strings.is_empty() { vec![&b""[..]] } else { strings };
    RData::TXT(TXT::from_bytes(strings))
}

/// Present time in seconds since 1970, for signatures only.
fn unix_now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| Duration::as_secs(&since))
}
