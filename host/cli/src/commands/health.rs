//! `trm health`: asks the host of this machine for its health, for images that hold no other client; changes nothing.

use crate::settings::{Flags, groups};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::io::{IsTerminal, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use trm_server::config::Mode;

/// Less than the health check of the image waits.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A longer answer is cut off.
const MAX_ANSWER: u64 = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct HealthArguments {
    /// Print the answer as it is; so it is as well where the output is no terminal
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::PORT }>,
}

/// Succeeds where `GET /api/health` answers 200.
pub(crate) fn run(arguments: HealthArguments) -> anyhow::Result<()> {
    let port = arguments.settings.0.config(Mode::Serve)?.listen.port();
    let address = super::client::local(port);
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("nothing listens on port {port}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /api/health HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match serde_json::from_str(body) {
        Ok(health) if !arguments.json && std::io::stdout().is_terminal() => {
            print!("{}", summary(&health));
        }
        _ => println!("{body}"),
    }
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.contains(" 200 "), "it answers {status}");
    Ok(())
}

/// The answer for a person.
fn summary(health: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let is = |value: &Value| match value.as_bool() {
        Some(true) => "connected",
        _ => "not connected",
    };
    let (origin, l2) = (&health["origin"], &health["cache"]["l2"]);
    format!(
        "{}, version {}, up {} s\norigin  {}, {}\nredis   {}, circuit breaker {}\nroutes  {}\n",
        text(&health["status"]),
        text(&health["version"]),
        health["uptimeSeconds"],
        text(&origin["kind"]),
        is(&origin["connected"]),
        is(&l2["connected"]),
        text(&l2["circuitBreaker"]),
        health["routes"].as_array().map_or(0, Vec::len),
    )
}

#[cfg(test)]
mod tests {
    use super::summary;
    use serde_json::json;

    #[test]
    fn a_person_reads_four_lines() {
        let health = json!({
            "status": "degraded", "version": "0.1.0", "uptimeSeconds": 7,
            "origin": {"kind": "mongodb", "connected": false},
            "cache": {"l2": {"connected": true, "circuitBreaker": "closed"}},
            "routes": [{"route": "/a"}, {"route": "/b"}],
        });
        assert_eq!(
            summary(&health),
            "degraded, version 0.1.0, up 7 s\norigin  mongodb, not connected\n\
             redis   connected, circuit breaker closed\nroutes  2\n"
        );
    }
}
