//! L2: entries and barriers in Redis, one round trip a question; a failure is reported, never retried here.

use super::barriers::Scope;
use super::barriers::Stamp;
use super::barriers::prefixes;
use super::breaker::Breaker;
use bytes::Bytes;
use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSubStream};
use redis::{Client, FromRedisValue, Script, Value};
use sha2::{Digest, Sha256};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The version of everything that is kept: a change of form changes it.
const PREFIX: &str = "trm:1:";
/// The logical clock, which never goes back, whatever the server's clock does.
const CLOCK: &str = "trm:1:clock";
/// Where invalidations are told to every host.
const CHANNEL: &str = "trm:1:invalidate";
/// The longest an entry lives, and, with an hour to spare, how long a barrier stands.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 3_600);
const BARRIER_TTL: Duration = Duration::from_secs(25 * 3_600);
/// The longest that one command is waited for, whatever the request's deadline.
const COMMAND: Duration = Duration::from_millis(250);
const CONNECT: Duration = Duration::from_secs(1);
/// Longer keys are kept by their digest.
const MAX_KEY: usize = 200;
/// Multiplexed connections: more than one, so that a large value does not hold up every other answer.
const CONNECTIONS: usize = 2;

const CLOCK_LUA: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
";

const LOOKUP_LUA: &str = "
if last > now then now = last end
local e = redis.call('HMGET', KEYS[2], 'v', 's', 't')
local miss = {string.format('%.0f', now)}
if not e[1] then return miss end
local stamp = tonumber(e[2])
for i = 3, #KEYS do
  local barrier = redis.call('GET', KEYS[i])
  if barrier and tonumber(barrier) >= stamp then return miss end
end
for tag in string.gmatch(e[3], '[^\\n]+') do
  local barrier = redis.call('GET', ARGV[1] .. 't:' .. tag)
  if barrier and tonumber(barrier) >= stamp then return miss end
end
return {miss[1], e[1], e[2], e[3], redis.call('PTTL', KEYS[2])}
";

const STORE_LUA: &str = "
local kept = redis.call('HGET', KEYS[1], 's')
if kept and tonumber(kept) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 't', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

const RAISE_LUA: &str = "
if last >= now then now = last + 1 end
local stamp = string.format('%.0f', now)
redis.call('SET', KEYS[1], stamp)
redis.call('SET', KEYS[2], stamp, 'PX', ARGV[1])
if KEYS[3] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[2], stamp .. ' ' .. ARGV[3])
return stamp
";

/// Where Redis is, and what guards it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    url: String,
}

impl RedisSettings {
    /// A redis:// or rediss:// address.
    pub fn new(url: String) -> Self {
        Self { url }
    }
}

/// Redis did not answer, or the breaker knows that it would not.
#[derive(Debug, thiserror::Error)]
pub enum L2Error {
    /// The breaker is open.
    #[error("Redis is not asked: the breaker is open")]
    Open,
    /// The time was over.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// Redis or the connection failed.
    #[error("Redis failed: {0}")]
    Failed(#[from] redis::RedisError),
}

/// What Redis has of a key.
pub enum Found {
    /// A valid entry.
    Entry {
        /// The value.
        value: Bytes,
        /// When its fill began.
        stamp: Stamp,
        /// Its tags.
        tags: Vec<String>,
        /// How long it has left.
        ttl: Duration,
    },
    /// None, and the stamp that a fill which begins now carries.
    Nothing(Stamp),
}

/// The shared tier.
pub struct L2 {
    client: Client,
    connections: Vec<ConnectionManager>,
    next: AtomicU64,
    breaker: Breaker,
    lookup: Script,
    store: Script,
    raise: Script,
    /// Commands that failed or timed out.
    pub errors: AtomicU64,
}

impl L2 {
    /// Connects when first asked, so that a host starts without Redis.
    pub fn new(settings: &RedisSettings, breaker: Breaker) -> Result<Self, redis::RedisError> {
        let client = Client::open(settings.url.as_str())?;
        let config = || {
            ConnectionManagerConfig::new()
                .set_connection_timeout(Some(CONNECT))
                .set_response_timeout(Some(COMMAND))
                .set_number_of_retries(1)
                .set_max_delay(Duration::from_secs(2))
        };
        let connections = (0..CONNECTIONS)
            .map(|_| ConnectionManager::new_lazy_with_config(client.clone(), config()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            client,
            connections,
            next: AtomicU64::new(0),
            breaker,
            lookup: Script::new(&[CLOCK_LUA, LOOKUP_LUA].concat()),
            store: Script::new(STORE_LUA),
            raise: Script::new(&[CLOCK_LUA, RAISE_LUA].concat()),
            errors: AtomicU64::new(0),
        })
    }

    /// The breaker in front of it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The entry of a key, if no barrier stands before it.
    pub async fn lookup(&self, key: &str, deadline: Instant) -> Result<Found, L2Error> {
        let mut call = self.lookup.key(CLOCK);
        call.key(entry_key(key))
            .key(barrier_key(&Scope::Key(key.to_owned())))
            .arg(PREFIX);
        for prefix in prefixes(key) {
            call.key(barrier_key(&Scope::Prefix(prefix.to_owned())));
        }
        let answer: Vec<Value> = self
            .ask(deadline, async |mut connection| {
                call.invoke_async(&mut connection).await
            })
            .await?;
        Ok(read_lookup(answer)?)
    }

    /// Keeps an entry, unless a newer one is there.
    pub async fn store(
        &self,
        key: &str,
        value: &[u8],
        stamp: Stamp,
        tags: &[String],
        ttl: Duration,
        deadline: Instant,
    ) -> Result<(), L2Error> {
        let mut call = self.store.key(entry_key(key));
        call.arg(value)
            .arg(stamp)
            .arg(tags.join("\n"))
            .arg(ttl.as_millis() as u64);
        self.ask(deadline, async |mut connection| {
            call.invoke_async(&mut connection).await
        })
        .await
    }

    /// Raises a barrier for every host, and returns its stamp.
    pub async fn raise(&self, scope: &Scope, deadline: Instant) -> Result<Stamp, L2Error> {
        let mut call = self.raise.key(CLOCK);
        call.key(barrier_key(scope));
        if let Scope::Key(key) = scope {
            call.key(entry_key(key));
        }
        call.arg(BARRIER_TTL.as_millis() as u64)
            .arg(CHANNEL)
            .arg(scope.spell());
        let stamp: String = self
            .ask(deadline, async |mut connection| {
                call.invoke_async(&mut connection).await
            })
            .await?;
        stamp
            .parse()
            .map_err(|_| L2Error::Failed(unexpected("a stamp is not a number")))
    }

    /// The invalidations of all hosts, from now until the connection ends.
    pub async fn subscribe(&self) -> Result<PubSubStream, L2Error> {
        let subscribed = async {
            let mut connection = self.client.get_async_pubsub().await?;
            connection.subscribe(CHANNEL).await?;
            Ok(connection.into_on_message())
        };
        match tokio::time::timeout(CONNECT, subscribed).await {
            Ok(subscribed) => subscribed.map_err(L2Error::Failed),
            Err(_) => Err(L2Error::TimedOut),
        }
    }

    /// One command, through the breaker, within its time and the deadline.
    async fn ask<A>(
        &self,
        deadline: Instant,
        command: impl AsyncFnOnce(ConnectionManager) -> Result<A, redis::RedisError>,
    ) -> Result<A, L2Error> {
        let permit = self.breaker.admit().map_err(|_| L2Error::Open)?;
        let at = self.next.fetch_add(1, Relaxed) as usize % self.connections.len();
        let own = Instant::now() + COMMAND;
        let answer = tokio::time::timeout_at(
            own.min(deadline).into(),
            command(self.connections[at].clone()),
        );
        match answer.await {
            Ok(Ok(answer)) => {
                permit.success();
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.errors.fetch_add(1, Relaxed);
                permit.failure();
                Err(error.into())
            }
            // A request that was almost over when it came says nothing about Redis.
            Err(_) if deadline < own => Err(L2Error::TimedOut),
            Err(_) => {
                self.errors.fetch_add(1, Relaxed);
                permit.failure();
                Err(L2Error::TimedOut)
            }
        }
    }
}

/// One message of the channel: the stamp and the scope of a barrier.
pub fn read_message(message: &redis::Msg) -> Option<(Stamp, Scope)> {
    let text: String = message.get_payload().ok()?;
    let (stamp, scope) = text.split_once(' ')?;
    Some((stamp.parse().ok()?, Scope::read(scope)?))
}

/// The next barrier of a subscription; none when it has ended. Malformed messages are passed over.
pub async fn next_barrier(stream: &mut PubSubStream) -> Option<(Stamp, Scope)> {
    loop {
        let message = stream.next().await?;
        match read_message(&message) {
            Some(barrier) => return Some(barrier),
            None => tracing::warn!("a message on {CHANNEL} is not an invalidation"),
        }
    }
}

fn entry_key(key: &str) -> String {
    match key.len() {
        0..=MAX_KEY => format!("{PREFIX}e:{key}"),
        _ => format!("{PREFIX}e#{:x}", Sha256::digest(key)),
    }
}

fn barrier_key(scope: &Scope) -> String {
    format!("{PREFIX}{}", scope.spell())
}

fn read_lookup(answer: Vec<Value>) -> Result<Found, redis::RedisError> {
    let text = |value: &Value| String::from_redis_value_ref(value).map_err(redis::RedisError::from);
    let stamp = |value: &Value| {
        text(value)?
            .parse::<Stamp>()
            .map_err(|_| unexpected("a stamp is not a number"))
    };
    match answer.as_slice() {
        [now] => Ok(Found::Nothing(stamp(now)?)),
        [_, value, filled, tags, ttl] => {
            let value = Vec::<u8>::from_redis_value_ref(value).map_err(redis::RedisError::from)?;
            let ttl = i64::from_redis_value_ref(ttl).map_err(redis::RedisError::from)?;
            Ok(Found::Entry {
                value: value.into(),
                stamp: stamp(filled)?,
                tags: text(tags)?.lines().map(str::to_owned).collect(),
                ttl: Duration::from_millis(ttl.max(0) as u64),
            })
        }
        _ => Err(unexpected("a lookup answers one or five values")),
    }
}

fn unexpected(what: &'static str) -> redis::RedisError {
    (redis::ErrorKind::UnexpectedReturnType, what).into()
}
