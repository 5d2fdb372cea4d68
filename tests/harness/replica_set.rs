//! Makes a mongod a replica set of one node by MongoDB's own protocol (OP_MSG), so that no shell of MongoDB is needed.

use crate::wait_until;
use anyhow::{Context, Result, bail};
use bson::{Document, doc};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The kind of a message, and the bytes before its document: header, flags, and the kind of its only section.
const OP_MSG: i32 = 2013;
const HEAD: usize = 21;

/// Initiates the set on a port of 127.0.0.1, and waits until it takes writes. A set that was initiated already is only
/// waited for.
pub fn initiate(port: u16) -> Result<()> {
    let members = [doc! {"_id": 0, "host": format!("127.0.0.1:{port}")}];
    let set = doc! {"_id": "rs0", "members": members};
    let answer = ask(port, doc! {"replSetInitiate": set})?;
    let refused = answer.get_str("codeName").ok();
    if refused.is_some_and(|name| name != "AlreadyInitialized") {
        bail!("the mongod on port {port} is no replica set: {answer}");
    }
    wait_until("the mongod is a primary", Duration::from_secs(30), || {
        let answer = ask(port, doc! {"hello": 1})?;
        Ok(answer.get_bool("isWritablePrimary").unwrap_or_default())
    })
}

fn ask(port: u16, mut command: Document) -> Result<Document> {
    command.insert("$db", "admin");
    let document = command.to_vec()?;
    let length = i32::try_from(HEAD + document.len())?;
    let mut message = Vec::new();
    for number in [length, 1, 0, OP_MSG, 0] {
        message.extend(number.to_le_bytes());
    }
    message.push(0);
    message.extend(document);
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    server.write_all(&message)?;
    let mut size = [0; 4];
    server.read_exact(&mut size)?;
    let rest = u64::try_from(i32::from_le_bytes(size))?.saturating_sub(4);
    let mut answer = Vec::new();
    server.take(rest).read_to_end(&mut answer)?;
    let document = answer.get(HEAD - size.len()..).context("a short answer")?;
    Ok(Document::from_reader(document)?)
}
