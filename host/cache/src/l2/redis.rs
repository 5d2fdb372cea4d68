//! L2: entries and barriers in Redis, one round trip a question; a failure is reported, never retried here.

use super::address::Address;
use super::link::{Link, Names};
use super::{Event, Found, Kept, entry, scripts};
use crate::barriers::{Scope, Stamp, prefixes};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Script, ScriptInvocation, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::sync::mpsc;
use trm_resilience::breaker::Breaker;
use trm_resilience::chaos;
use trm_resilience::chaos::Struck;
use trm_telemetry::upstream;

/// Barriers kept in Redis at one time. Beyond that all are forgotten, and every entry with them.
const MAX_BARRIERS: u32 = 200_000;
/// The longest that one command is waited for: this, or a quarter of what the request has left.
const COMMAND: Duration = Duration::from_millis(250);
/// A wait at least so long without an answer says something about Redis.
const TELLING: Duration = Duration::from_millis(20);
/// Longer keys are kept by their digest.
const MAX_KEY: usize = 200;
/// Where Redis is, and what guards it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    url: String,
    namespace: String,
    compress_above: usize,
}

impl RedisSettings {
    /// An address as `REDIS_URL` spells it: one server, sentinels or a cluster. Hosts of one namespace share their entries: those whose
    /// origin is one database. Others on the same Redis are apart.
    pub fn new(url: String, namespace: &str) -> Self {
        let digest = format!("{:x}", Sha256::digest(namespace));
        Self {
            url,
            namespace: digest[..12].to_owned(),
            compress_above: usize::MAX,
        }
    }

    /// Values of more bytes are kept compressed, where that saves an eighth at least.
    pub fn compress_above(self, bytes: usize) -> Self {
        Self {
            compress_above: bytes,
            ..self
        }
    }
}

/// Redis did not answer, or the breaker knows that it would not.
#[derive(Debug, thiserror::Error)]
pub enum L2Error {
    /// There is no connection now.
    #[error("Redis is away")]
    Away,
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

/// A connection that is followed.
pub struct Connected {
    link: Arc<Link>,
    /// The run id of the server.
    pub server: String,
    /// What the server tells.
    pub events: mpsc::Receiver<Event>,
    /// Signalled when the server is not the right one any more.
    pub lost: Arc<Notify>,
}

/// The shared tier. It is asked only while its invalidations are followed.
pub struct L2 {
    /// `{trm:4:<namespace>}:`, the version of everything that is kept and whose it is. The braces keep
    /// it in one slot of a cluster, since an entry is judged by the barriers beside it.
    prefix: String,
    /// The hash of the clock and of every barrier.
    barriers: String,
    /// Where invalidations are told to every host.
    channel: String,
    /// How the keys of entries begin.
    entries: String,
    address: Address,
    link: RwLock<Option<Arc<Link>>>,
    breaker: Breaker,
    lookup: Script,
    store: Script,
    unlock: Script,
    compress_above: usize,
    raise: Script,
    tick: Script,
    /// Commands that failed or timed out.
    pub errors: AtomicU64,
}

impl L2 {
    /// Without a connection yet, so that a host starts without Redis.
    pub fn new(settings: &RedisSettings, breaker: Breaker) -> Result<Self, String> {
        let prefix = format!("{{trm:4:{}}}:", settings.namespace);
        Ok(Self {
            barriers: format!("{prefix}barriers"),
            channel: format!("{prefix}invalidate"),
            entries: format!("{prefix}e"),
            prefix,
            address: Address::read(&settings.url)?,
            link: RwLock::default(),
            breaker,
            lookup: Script::new(&[scripts::BEGIN, scripts::LOOKUP].concat()),
            store: Script::new(scripts::STORE),
            unlock: Script::new(scripts::UNLOCK),
            compress_above: settings.compress_above,
            raise: Script::new(&[scripts::BEGIN, scripts::RAISE].concat()),
            tick: Script::new(&[scripts::BEGIN, scripts::TICK].concat()),
            errors: AtomicU64::new(0),
        })
    }

    fn names(&self) -> Names<'_> {
        Names {
            barriers: &self.barriers,
            channel: &self.channel,
            entries: &self.entries,
            most: MAX_BARRIERS,
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.clone()
    }

    /// Connects and follows, without being asked yet; what the server tells, its run id, and the signal
    /// that it is lost.
    pub async fn connect(&self, latest: Stamp) -> Result<Connected, L2Error> {
        let made = Link::make(&self.address, &self.names(), latest, COMMAND).await;
        match made {
            Ok((link, events)) => {
                self.breaker.close();
                Ok(Connected {
                    server: link.server.clone(),
                    lost: link.lost.clone(),
                    link: Arc::new(link),
                    events,
                })
            }
            Err(error) => {
                self.errors.fetch_add(1, Relaxed);
                if let Ok(permit) = self.breaker.admit() {
                    permit.failure();
                }
                Err(error)
            }
        }
    }

    /// From here on it is asked through this connection.
    pub fn open(&self, connected: &Connected) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(connected.link.clone());
    }

    /// From here on it is not asked.
    pub fn close(&self) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the server is the same, is there, and is no replica.
    pub async fn alive(&self, connected: &Connected, latest: Stamp, within: Duration) -> bool {
        let names = self.names();
        let asked = connected.link.adopt(&names, latest);
        match tokio::time::timeout(within, asked).await {
            Ok(Ok(server)) => server == connected.server,
            Ok(Err(error)) => {
                tracing::debug!("Redis is not what it was: {error}");
                false
            }
            Err(_) => false,
        }
    }

    /// The key of an entry whose key in Redis is this; none for those that are kept by their digest.
    pub fn key_of<'a>(&self, entry: &'a str) -> Option<&'a str> {
        entry.strip_prefix(self.entries.as_str())?.strip_prefix(':')
    }

    /// The stamps of entries as they stand in Redis now.
    pub async fn stamps(
        &self,
        keys: &[String],
        deadline: Instant,
    ) -> Result<Vec<Option<Stamp>>, L2Error> {
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.hget(self.entry_key(key), "s");
        }
        self.ask(deadline, async |mut connection| {
            pipeline.query_async(&mut connection).await
        })
        .await
    }

    /// The breaker in front of it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The entry of a key, if no barrier stands before it. `latest` is the host's own clock. With a lease, a
    /// miss takes the key's lock for so long, or says that another host has it.
    pub async fn lookup(
        &self,
        key: &str,
        latest: Stamp,
        lease: Option<Duration>,
        deadline: Instant,
    ) -> Result<Found, L2Error> {
        let mut call = self.lookup.key(&self.barriers);
        call.key(self.entry_key(key)).key(self.lock_key(key));
        call.arg(latest).arg(MAX_BARRIERS);
        call.arg(lease.map_or(0, |lease| lease.as_millis() as u64));
        call.arg(Scope::Key(key.to_owned()).spell());
        for prefix in prefixes(key) {
            call.arg(Scope::Prefix(prefix.to_owned()).spell());
        }
        let answer: Vec<Value> = self.run(&call, deadline).await?;
        Ok(entry::read(answer)?)
    }

    /// The stamp of a fill that begins now, whatever is kept.
    pub async fn tick(&self, latest: Stamp, deadline: Instant) -> Result<Stamp, L2Error> {
        let mut call = self.tick.key(&self.barriers);
        call.arg(latest).arg(MAX_BARRIERS);
        self.stamp(&call, deadline).await
    }

    /// Keeps an entry, unless a newer one is there, and gives its lock back.
    pub async fn store(
        &self,
        key: &str,
        kept: &Kept<'_>,
        deadline: Instant,
    ) -> Result<(), L2Error> {
        let mut call = self.store.key(&self.barriers);
        call.key(self.entry_key(key)).key(self.lock_key(key));
        let packed = entry::pack(kept.value, self.compress_above);
        call.arg(packed.as_deref().unwrap_or(kept.value))
            .arg(kept.stamp)
            .arg(kept.tags.join("\n"))
            .arg((kept.ttl + kept.stale).as_millis() as u64)
            .arg(kept.stale.as_millis() as u64)
            .arg(packed.as_ref().map_or(0, |_| kept.value.len()))
            .arg(kept.ahead.as_millis() as u64);
        self.run(&call, deadline).await
    }

    /// Gives a key's lock back, where it is still the one that was taken with this stamp.
    pub async fn unlock(&self, key: &str, stamp: Stamp, deadline: Instant) -> Result<(), L2Error> {
        let mut call = self.unlock.key(self.lock_key(key));
        call.arg(stamp);
        self.run(&call, deadline).await
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
        self.stamp(&call, deadline).await
    }

    fn entry_key(&self, key: &str) -> String {
        self.spell('e', key)
    }

    fn lock_key(&self, key: &str) -> String {
        self.spell('l', key)
    }

    fn spell(&self, kind: char, key: &str) -> String {
        match key.len() {
            0..=MAX_KEY => format!("{}{kind}:{key}", self.prefix),
            _ => format!("{}{kind}#{:x}", self.prefix, Sha256::digest(key)),
        }
    }

    /// Runs a script that answers with a stamp.
    async fn stamp(
        &self,
        call: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<Stamp, L2Error> {
        let stamp: String = self.run(call, deadline).await?;
        stamp
            .parse()
            .map_err(|_| L2Error::Failed(unexpected("a stamp is not a number")))
    }

    /// Runs a script, as one command.
    fn run<A: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> impl Future<Output = Result<A, L2Error>> {
        self.ask(deadline, async move |mut connection| {
            call.invoke_async(&mut connection).await
        })
    }

    /// One command, through the breaker, within its time and the deadline.
    async fn ask<A>(
        &self,
        deadline: Instant,
        command: impl AsyncFnOnce(MultiplexedConnection) -> Result<A, redis::RedisError>,
    ) -> Result<A, L2Error> {
        // What is struck on purpose tells the breaker nothing.
        if !chaos::spares(Struck::Redis, deadline).await {
            return Err(L2Error::Away);
        }
        let link = self.link().ok_or(L2Error::Away)?;
        let permit = self.breaker.admit().map_err(|_| L2Error::Open)?;
        let _call = upstream::call("redis");
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = COMMAND.min(left / 4);
        let answer = tokio::time::timeout(wait, command(link.command()));
        match answer.await {
            Ok(Ok(answer)) => {
                permit.success();
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.errors.fetch_add(1, Relaxed);
                permit.failure();
                // A replica, a moved slot, a broken connection: the server must be found anew.
                link.lost.notify_one();
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

pub(super) fn unexpected(what: &'static str) -> redis::RedisError {
    (redis::ErrorKind::UnexpectedReturnType, what).into()
}
