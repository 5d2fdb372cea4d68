//! A few multiplexed connections to each Redis, shared by many callers; refuses what would change them for the others.

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Servers that one host talks to on behalf of its guests.
const MAX_SERVERS: usize = 32;
/// Connections to each: more than one, so that a large answer does not hold up every other.
const CONNECTIONS: usize = 2;
const CONNECT: Duration = Duration::from_secs(1);
/// The most bytes of one answer.
const MAX_ANSWER: usize = 16 << 20;

/// Commands that would change a shared connection, or hold it up.
const NOT_SHARED: [&str; 33] = [
    "ASKING",
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
];

/// Why a command was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum SharedRedisError {
    /// The address is no redis:// address.
    InvalidAddress,
    /// Too many servers already.
    TooManyConnections,
    /// The key holds another type.
    Type,
    /// Anything else.
    Other(String),
}

/// One value of an answer; a list of values is several of them.
#[derive(Debug, PartialEq)]
pub enum Reply {
    /// No value.
    Nil,
    /// A status, like OK.
    Status(String),
    /// A whole number.
    Number(i64),
    /// Bytes.
    Data(Vec<u8>),
}

/// One server's connections.
#[derive(Clone)]
pub struct Server(Arc<Connections>);

struct Connections {
    all: Vec<ConnectionManager>,
    next: AtomicUsize,
}

impl Server {
    /// Connects when first asked.
    pub fn open(address: &str) -> Result<Self, RedisError> {
        let client = Client::open(address)?;
        let config = || {
            ConnectionManagerConfig::new()
                .set_connection_timeout(Some(CONNECT))
                .set_response_timeout(None)
                .set_number_of_retries(1)
                .set_max_delay(Duration::from_secs(2))
        };
        let all = (0..CONNECTIONS)
            .map(|_| ConnectionManager::new_lazy_with_config(client.clone(), config()))
            .collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Connections {
            all,
            next: AtomicUsize::new(0),
        })))
    }

    /// One of them, in turn.
    pub fn connection(&self) -> ConnectionManager {
        let at = self.0.next.fetch_add(1, Relaxed) % self.0.all.len();
        self.0.all[at].clone()
    }

    /// One command of a guest's.
    pub async fn run(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
        deadline: Instant,
    ) -> Result<Vec<Reply>, SharedRedisError> {
        let name = command.to_ascii_uppercase();
        let blocks = name.starts_with("XREAD")
            && arguments
                .iter()
                .any(|argument| argument.eq_ignore_ascii_case(b"BLOCK"));
        if blocks || NOT_SHARED.contains(&name.as_str()) {
            return Err(SharedRedisError::Other(format!(
                "{name} is not for a connection that many share"
            )));
        }
        let mut asked = redis::cmd(command);
        for argument in arguments {
            asked.arg(argument);
        }
        let mut connection = self.connection();
        let answer = asked.query_async::<Value>(&mut connection);
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(value)) if size(&value) > MAX_ANSWER => Err(SharedRedisError::Other(format!(
                "{name} answers more than {MAX_ANSWER} bytes"
            ))),
            Ok(Ok(value)) => {
                let mut replies = Vec::new();
                flatten(value, &mut replies)?;
                Ok(replies)
            }
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(SharedRedisError::Other(
                "Redis did not answer before the deadline".to_owned(),
            )),
        }
    }
}

/// The servers that guests have named.
#[derive(Default)]
pub struct SharedRedis(Mutex<BTreeMap<String, Server>>);

impl SharedRedis {
    /// The connections of an address.
    pub fn server(&self, address: &str) -> Result<Server, SharedRedisError> {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(address) {
            return Ok(server.clone());
        }
        if servers.len() >= MAX_SERVERS {
            return Err(SharedRedisError::TooManyConnections);
        }
        let server = Server::open(address).map_err(|_| SharedRedisError::InvalidAddress)?;
        servers.insert(address.to_owned(), server.clone());
        Ok(server)
    }

    /// How many servers are connected to.
    pub fn servers(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn explain(error: &RedisError) -> SharedRedisError {
    let text = error.to_string();
    if error.code() == Some("WRONGTYPE") || text.contains("not an integer") {
        return SharedRedisError::Type;
    }
    match error.kind() {
        ErrorKind::InvalidClientConfig => SharedRedisError::InvalidAddress,
        _ => SharedRedisError::Other(text),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::BulkString(bytes) => bytes.len(),
        Value::SimpleString(text) => text.len(),
        Value::Array(values) | Value::Set(values) => values.iter().map(size).sum(),
        _ => 8,
    }
}

fn flatten(value: Value, into: &mut Vec<Reply>) -> Result<(), SharedRedisError> {
    into.push(match value {
        Value::Nil => Reply::Nil,
        Value::Okay => Reply::Status("OK".to_owned()),
        Value::SimpleString(text) => Reply::Status(text),
        Value::Int(number) => Reply::Number(number),
        Value::BulkString(bytes) => Reply::Data(bytes),
        Value::Array(values) | Value::Set(values) => {
            return values
                .into_iter()
                .try_for_each(|value| flatten(value, into));
        }
        Value::ServerError(error) => return Err(explain(&error.into())),
        _ => {
            return Err(SharedRedisError::Other(
                "the answer has a type that guests cannot receive".to_owned(),
            ));
        }
    });
    Ok(())
}
