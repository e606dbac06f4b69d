//! Port 53 of an address in 127.0.0.0/8, passed on to a name server on another port.
//!
//! BIND listens only on addresses that an interface has, and of 127.0.0.0/8 that is 127.0.0.1 alone; so it listens there, on a port of its own, and each
//! test has a port 53 for itself. Ends when dropped.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the relay looks whether it is to end, and how long an answer may take.
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    stop: Arc<AtomicBool>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Relay {
    /// Listens on port 53 of an address of its own; `None` where that is not allowed or none is free.
    ///
    /// # Errors
    /// If a socket cannot be set up.
    pub fn start(server: SocketAddr) -> io::Result<Option<Self>> {
        for _ in 0..16 {
            let mut octets = [0; 3];
            aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("no entropy"))?;
            let [a, b, c] = octets;
            let address = SocketAddr::from((Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254)), 53));
            if let (Ok(udp), Ok(tcp)) = (UdpSocket::bind(address), TcpListener::bind(address)) {
                let stop = Arc::new(AtomicBool::new(false));
                udp.set_read_timeout(Some(LOOK))?;
                tcp.set_nonblocking(true)?;
                let (one, other) = (Arc::clone(&stop), Arc::clone(&stop));
                std::thread::spawn(move || datagrams(&udp, server, &one));
                std::thread::spawn(move || connections(&tcp, server, &other));
                return Ok(Some(Self { stop, address }));
            }
        }
        Ok(None)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn datagrams(udp: &UdpSocket, server: SocketAddr, stop: &AtomicBool) {
    let mut question = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, client)) = udp.recv_from(&mut question) else { continue };
        let (Ok(back), question) = (udp.try_clone(), question.get(..length).unwrap_or_default().to_vec())
        else {
            continue;
        };
        std::thread::spawn(move || {
            // An answer that is lost is what a client of UDP must bear with.
            let _ = answer(&question, server).and_then(|answer| back.send_to(&answer, client));
        });
    }
}

fn answer(question: &[u8], server: SocketAddr) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(question)?;
    let mut answer = vec![0; 65_536];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn connections(tcp: &TcpListener, server: SocketAddr, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match tcp.accept() {
            Ok((client, _)) => {
                // A connection that breaks is its client's to notice.
                std::thread::spawn(move || pass_on(&client, server));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect(server)?;
    let (back_from, back_to) = (server.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || copy(&back_from, &back_to));
    copy(client, &server);
    // The thread ends with its connection; it has no result.
    let _ = back.join();
    Ok(())
}

/// Copies until the end, and passes the end on.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut octets = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut octets) {
        if to.write_all(octets.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
