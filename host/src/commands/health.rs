//! `trm health`: asks the host of this machine how it is, for images that hold no other client; changes nothing.

use super::read_config;
use crate::config::Mode;
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Less than the health check of the image waits.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Succeeds where `GET /api/health` answers 200.
pub fn health() -> anyhow::Result<()> {
    let port = read_config(Mode::Serve)?.listen.port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("nothing listens on port {port}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /api/health HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    println!("{body}");
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.contains(" 200 "), "it answers {status}");
    Ok(())
}
