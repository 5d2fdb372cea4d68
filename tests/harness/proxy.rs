//! A TCP proxy that can cut, hold or delay what passes through it, or break off in the middle of an answer.

use crate::random::Random;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most bytes that are carried at one time.
const CHUNK: usize = 64 << 10;

/// A proxy in front of one server. Dropping it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    held: AtomicBool,
    refused: AtomicBool,
    ended: AtomicBool,
    /// Milliseconds that each part waits, in each direction.
    delay: AtomicU64,
    /// How many answers of a thousand are broken off in their middle.
    broken: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a free port of the loopback, and leads to `server`, `127.0.0.1:6379`.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, server) = (Arc::new(State::default()), server.to_owned());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if shared.ended.load(SeqCst) {
                    return;
                }
                // A connection that fails is one of the faults that this proxy is for.
                if let (Ok(client), false) = (client, shared.refused.load(SeqCst))
                    && let Ok(upstream) = TcpStream::connect(&server)
                {
                    shared.carry(client, upstream);
                }
            }
        });
        Self { port, state }
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends every connection now; new ones are taken.
    pub fn cut(&self) {
        for stream in self.state.open().drain(..) {
            // It may have ended by itself.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Ends every connection, and takes new ones only when told `false`.
    pub fn refuse(&self, refused: bool) {
        self.state.refused.store(refused, SeqCst);
        if refused {
            self.cut();
        }
    }

    /// Holds everything on its way, in both directions, until told `false`.
    pub fn hold(&self, held: bool) {
        self.state.held.store(held, SeqCst);
    }

    /// Delays everything by so much in each direction, and ends so many connections of a thousand in the middle of an answer.
    pub fn disturb(&self, delay: Duration, broken: u64) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.delay.store(delay, SeqCst);
        self.state.broken.store(broken, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, SeqCst);
        self.hold(false);
        self.cut();
        // Wakes the listener, so that it sees the end.
        drop(TcpStream::connect(self.address()));
    }
}

impl State {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            self.open().push(stream.try_clone().unwrap());
        }
        for (from, to, answers) in [
            (
                client.try_clone().unwrap(),
                server.try_clone().unwrap(),
                false,
            ),
            (server, client, true),
        ] {
            let state = self.clone();
            std::thread::spawn(move || state.pump(from, to, answers));
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, answers: bool) {
        let mut chunk = vec![0; CHUNK];
        // Each connection has a sequence of its own.
        let port = to.peer_addr().map_or(0, |address| address.port());
        let mut random = Random::new(port.into());
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            while self.held.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(self.delay.load(SeqCst)));
            let broken = answers && random.below(1_000) < self.broken.load(SeqCst);
            let passes = if broken { length / 2 } else { length };
            if to.write_all(&chunk[..passes]).is_err() || broken {
                break;
            }
        }
        for stream in [from, to] {
            // The other direction may have ended it.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
