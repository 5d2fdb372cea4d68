//! L2: entries and barriers in Redis, one round trip a question; a failure is reported, never retried here.

use super::barriers::Scope;
use super::barriers::Stamp;
use super::barriers::prefixes;
use super::breaker::Breaker;
use bytes::Bytes;
use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSubSink, PubSubStream};
use redis::{Client, FromRedisValue, Script, Value};
use sha2::{Digest, Sha256};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The longest an entry lives.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 3_600);
/// Barriers kept in Redis at one time. Beyond that all are forgotten, and every entry with them.
const MAX_BARRIERS: u32 = 200_000;
/// The longest that one command is waited for: this, or a quarter of what the request has left.
const COMMAND: Duration = Duration::from_millis(250);
/// A wait at least so long without an answer says something about Redis.
const TELLING: Duration = Duration::from_millis(20);
const CONNECT: Duration = Duration::from_secs(1);
/// Longer keys are kept by their digest.
const MAX_KEY: usize = 200;
/// Multiplexed connections: more than one, so that a large value does not hold up every other answer.
const CONNECTIONS: usize = 2;

/// Clock, barriers and their beginning are fields of one hash, so that they are lost together or not
/// at all. Where the hash is missing (flushed, evicted, a server begun empty) or full, it begins anew:
/// what was stamped before its `born` is neither served nor stored, since nobody knows any more what
/// was invalidated meanwhile. ARGV[1] is the latest stamp that the host knows, so that time never
/// goes back, whatever the server's clock does.
const BEGIN_LUA: &str = "
local function stamp(number) return string.format('%.0f', number) end
local t = redis.call('TIME')
local now = math.max(t[1] * 1000000 + t[2], tonumber(ARGV[1]))
local clock = tonumber(redis.call('HGET', KEYS[1], 'clock'))
if not clock or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then
  clock = math.max(clock or 0, now)
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'clock', stamp(clock), 'born', stamp(clock))
end
if now <= clock then now = clock + 1 end
";

const LOOKUP_LUA: &str = "
local function missed()
  redis.call('HSET', KEYS[1], 'clock', stamp(now))
  return {stamp(now)}
end
local e = redis.call('HMGET', KEYS[2], 'v', 's', 't')
if not e[1] then return missed() end
local scopes = {'born'}
for i = 3, #ARGV do scopes[#scopes + 1] = ARGV[i] end
for tag in string.gmatch(e[3], '[^\\n]+') do scopes[#scopes + 1] = 't:' .. tag end
for _, barrier in ipairs(redis.call('HMGET', KEYS[1], unpack(scopes))) do
  if barrier and tonumber(barrier) >= tonumber(e[2]) then return missed() end
end
return {stamp(now), e[1], e[2], e[3], redis.call('PTTL', KEYS[2])}
";

const STORE_LUA: &str = "
local born = redis.call('HGET', KEYS[1], 'born')
if not born or tonumber(born) >= tonumber(ARGV[2]) then return 0 end
local kept = redis.call('HGET', KEYS[2], 's')
if kept and tonumber(kept) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'v', ARGV[1], 's', ARGV[2], 't', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
";

const RAISE_LUA: &str = "
redis.call('HSET', KEYS[1], 'clock', stamp(now), ARGV[4], stamp(now))
if KEYS[2] then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', ARGV[3], stamp(now) .. ' ' .. ARGV[4])
return stamp(now)
";

/// Where Redis is, and what guards it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    url: String,
    namespace: String,
}

impl RedisSettings {
    /// A redis:// or rediss:// address. Hosts of one namespace share their entries: those whose
    /// origin is one database. Others on the same Redis are apart.
    pub fn new(url: String, namespace: &str) -> Self {
        let digest = format!("{:x}", Sha256::digest(namespace));
        Self {
            url,
            namespace: digest[..12].to_owned(),
        }
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
    /// `trm:2:<namespace>:`, the version of everything that is kept and whose it is.
    prefix: String,
    /// The hash of the clock and of every barrier.
    barriers: String,
    /// Where invalidations are told to every host.
    channel: String,
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
        let prefix = format!("trm:2:{}:", settings.namespace);
        Ok(Self {
            barriers: format!("{prefix}barriers"),
            channel: format!("{prefix}invalidate"),
            prefix,
            client,
            connections,
            next: AtomicU64::new(0),
            breaker,
            lookup: Script::new(&[BEGIN_LUA, LOOKUP_LUA].concat()),
            store: Script::new(STORE_LUA),
            raise: Script::new(&[BEGIN_LUA, RAISE_LUA].concat()),
            errors: AtomicU64::new(0),
        })
    }

    /// The breaker in front of it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The entry of a key, if no barrier stands before it. `latest` is the host's own clock.
    pub async fn lookup(
        &self,
        key: &str,
        latest: Stamp,
        deadline: Instant,
    ) -> Result<Found, L2Error> {
        let mut call = self.lookup.key(&self.barriers);
        call.key(self.entry_key(key)).arg(latest).arg(MAX_BARRIERS);
        call.arg(Scope::Key(key.to_owned()).spell());
        for prefix in prefixes(key) {
            call.arg(Scope::Prefix(prefix.to_owned()).spell());
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
        let mut call = self.store.key(&self.barriers);
        call.key(self.entry_key(key));
        call.arg(value)
            .arg(stamp)
            .arg(tags.join("\n"))
            .arg(ttl.as_millis() as u64);
        self.ask(deadline, async |mut connection| {
            call.invoke_async(&mut connection).await
        })
        .await
    }

    /// Raises a barrier for every host, and returns its stamp. `latest` is the host's own clock.
    pub async fn raise(
        &self,
        scope: &Scope,
        latest: Stamp,
        deadline: Instant,
    ) -> Result<Stamp, L2Error> {
        let mut call = self.raise.key(&self.barriers);
        if let Scope::Key(key) = scope {
            call.key(self.entry_key(key));
        }
        call.arg(latest)
            .arg(MAX_BARRIERS)
            .arg(&self.channel)
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

    /// The invalidations of all hosts from now on, and what asks whether the connection still lives.
    pub async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), L2Error> {
        let subscribed = async {
            let mut connection = self.client.get_async_pubsub().await?;
            connection.subscribe(&self.channel).await?;
            Ok(connection.split())
        };
        match tokio::time::timeout(CONNECT, subscribed).await {
            Ok(subscribed) => subscribed.map_err(L2Error::Failed),
            Err(_) => Err(L2Error::TimedOut),
        }
    }

    fn entry_key(&self, key: &str) -> String {
        match key.len() {
            0..=MAX_KEY => format!("{}e:{key}", self.prefix),
            _ => format!("{}e#{:x}", self.prefix, Sha256::digest(key)),
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
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = COMMAND.min(left / 4);
        let answer = tokio::time::timeout(wait, command(self.connections[at].clone()));
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
            Err(_) if wait < TELLING => Err(L2Error::TimedOut),
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
            None => tracing::warn!("a message of Redis is not an invalidation"),
        }
    }
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
