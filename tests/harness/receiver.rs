//! A receiver of webhooks on a free port: keeps what it is sent and answers as it is told; verifies nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
    /// The status that it was answered with.
    pub status: u16,
}

/// A receiver that runs until the test ends.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its address, like `http://127.0.0.1:1234`.
    pub url: String,
    kept: Arc<Mutex<Vec<Received>>>,
    failing: Arc<AtomicUsize>,
}

impl Receiver {
    /// Listens; so many of the first requests are answered with 500, all others with 204.
    pub fn start(failing: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            kept: Arc::default(),
            failing: Arc::new(AtomicUsize::new(failing)),
        };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                // A request that breaks off is one that was not received.
                std::thread::spawn(move || drop(own.serve(&stream)));
            }
        });
        receiver
    }

    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream);
        let mut headers = BTreeMap::new();
        reader.read_line(&mut String::new())?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => drop(headers.insert(name.to_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok());
        let body = match length {
            Some(length) => {
                let mut body = vec![0; length];
                reader.read_exact(&mut body)?;
                body
            }
            None => chunks(&mut reader)?,
        };
        let take = |left: usize| left.checked_sub(1);
        let fails = self.failing.fetch_update(Relaxed, Relaxed, take).is_ok();
        let (status, reason) = if fails {
            (500, "Internal Server Error")
        } else {
            (204, "No Content")
        };
        self.kept.lock().unwrap().push(Received {
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            status,
        });
        write!(
            stream,
            "HTTP/1.1 {status} {reason}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    }

    /// What has arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.kept.lock().unwrap().clone()
    }
}

/// A body that is sent in chunks.
fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        if size == 0 {
            return Ok(body);
        }
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        body.extend_from_slice(&chunk[..size]);
    }
}
