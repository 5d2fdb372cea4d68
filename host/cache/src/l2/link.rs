//! The connections to the one Redis server that is followed, made together and given up together; keeps no entry.

use super::Event;
use super::address::Address;
use super::redis::{L2Error, unexpected};
use super::scripts;
use crate::barriers::Scope;
use crate::barriers::Stamp;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, Client, FromRedisValue, PushInfo, PushKind, Script, Value};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc;

/// How long all of them together may take to be made.
const CONNECT: Duration = Duration::from_secs(2);
/// What arrives and is not looked at yet; more than so much, and the link is given up.
const MAX_EVENTS: usize = 65_536;

/// The connections.
pub struct Link {
    client: Client,
    response: Duration,
    /// What the link was made with; it stands in for those that are not made yet.
    first: MultiplexedConnection,
    /// One for each place that asks: an answer that another core waits for would wake two threads.
    commands: Vec<Command>,
    events: MultiplexedConnection,
    adopt: Script,
    /// Who the server is: its run id.
    pub server: String,
    /// Signalled when a command shows that the server is not the right one any more.
    pub lost: Arc<Notify>,
}

/// The connection of one place, made once that has asked for the first time.
#[derive(Default)]
struct Command {
    asked: AtomicBool,
    made: OnceLock<MultiplexedConnection>,
}

/// What a link is made for.
pub struct Names<'a> {
    /// The hash of clock and barriers.
    pub barriers: &'a str,
    /// Where invalidations are told.
    pub channel: &'a str,
    /// How the keys of entries begin.
    pub entries: &'a str,
    /// The most barriers.
    pub most: u32,
}

impl Link {
    /// Finds the server, connects, takes it over where another one wrote last, and follows it.
    pub async fn make(
        address: &Address,
        names: &Names<'_>,
        latest: Stamp,
        response: Duration,
    ) -> Result<(Self, mpsc::Receiver<Event>), L2Error> {
        match tokio::time::timeout(CONNECT, Self::connect(address, names, latest, response)).await {
            Ok(made) => made.map_err(L2Error::Failed),
            Err(_) => Err(L2Error::TimedOut),
        }
    }

    async fn connect(
        address: &Address,
        names: &Names<'_>,
        latest: Stamp,
        response: Duration,
    ) -> Result<(Self, mpsc::Receiver<Event>), redis::RedisError> {
        let client = address.resolve(names.barriers).await?;
        let lost = Arc::new(Notify::new());
        let (sender, receiver) = mpsc::channel(MAX_EVENTS);
        let config = config(response);
        let signal = lost.clone();
        let push = move |info: PushInfo| tell(&sender, &signal, info);
        let mut events = client
            .get_multiplexed_async_connection_with_config(&config.clone().set_push_sender(push))
            .await?;
        let first = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        events.subscribe(names.channel).await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST");
        track.arg("PREFIX").arg(names.entries);
        track.query_async::<()>(&mut events).await?;
        let mut link = Self {
            client,
            response,
            first,
            commands: (0..=trm_cores::available()?.get())
                .map(|_| Command::default())
                .collect(),
            events,
            adopt: Script::new(&[scripts::BEGIN, scripts::ADOPT].concat()),
            server: String::new(),
            lost,
        };
        link.server = link.adopt(names, latest).await?;
        Ok((link, receiver))
    }

    /// The server behind every connection, which must be one and the same. Also the heartbeat: a server
    /// that was restarted, or is no master any more, is not the one that the link was made for.
    pub async fn adopt(
        &self,
        names: &Names<'_>,
        latest: Stamp,
    ) -> Result<String, redis::RedisError> {
        let mut call = self.adopt.key(names.barriers);
        call.arg(latest).arg(names.most);
        let mut server = None;
        let made = self.commands.iter().filter_map(|one| one.made.get());
        for connection in made.chain([&self.first, &self.events]) {
            let mut connection = connection.clone();
            let (found, _): (String, String) = call.invoke_async(&mut connection).await?;
            if *server.get_or_insert_with(|| found.clone()) != found {
                return Err(unexpected("the connections lead to different servers"));
            }
        }
        Ok(server.unwrap_or_default())
    }

    /// A connection for one command.
    pub fn command(self: &Arc<Self>) -> MultiplexedConnection {
        let command = self.here();
        if let Some(made) = command.made.get() {
            return made.clone();
        }
        if trm_cores::here() != trm_cores::BESIDE && !command.asked.swap(true, Relaxed) {
            // No request waits for that, and none is refused where it fails.
            tokio::spawn(self.clone().own());
        }
        self.first.clone()
    }

    fn here(&self) -> &Command {
        &self.commands[trm_cores::here() % self.commands.len()]
    }

    /// Makes a connection of this place's own, which must lead to the same server.
    async fn own(self: Arc<Self>) {
        let made = async {
            let config = config(self.response);
            let made = self
                .client
                .get_multiplexed_async_connection_with_config(&config);
            let mut made = made.await?;
            let mut info = redis::cmd("INFO");
            let server: String = info.arg("server").query_async(&mut made).await?;
            Ok::<_, redis::RedisError>((made, server))
        };
        match made.await {
            Ok((made, server)) if server.contains(&format!("run_id:{}", self.server)) => {
                self.here().made.get_or_init(|| made);
            }
            Ok(_) => self.lost.notify_one(),
            Err(error) => tracing::warn!("a core has no connection to Redis of its own: {error}"),
        }
    }
}

fn config(response: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_response_timeout(Some(response))
        .set_connection_timeout(Some(CONNECT))
}

/// Hands on one push. It must not wait: where there is no room, the link is given up.
fn tell(sender: &mpsc::Sender<Event>, lost: &Notify, info: PushInfo) -> Result<(), SendError> {
    let events = match info.kind {
        PushKind::Message => match read_message(&info.data) {
            Some((stamp, scope)) => vec![Event::Barrier(stamp, scope)],
            None => {
                tracing::warn!("a message of Redis is not an invalidation");
                vec![]
            }
        },
        PushKind::Invalidate => read_touched(&info.data),
        PushKind::Disconnection => {
            lost.notify_one();
            vec![]
        }
        _ => vec![],
    };
    for event in events {
        if sender.try_send(event).is_err() {
            lost.notify_one();
            return Err(SendError);
        }
    }
    Ok(())
}

/// One message of the channel: the stamp and the scope of a barrier.
fn read_message(data: &[Value]) -> Option<(Stamp, Scope)> {
    let text = String::from_redis_value_ref(data.last()?).ok()?;
    let (stamp, scope) = text.split_once(' ')?;
    Some((stamp.parse().ok()?, Scope::read(scope)?))
}

/// The keys of an invalidation; none at all stands for every key.
fn read_touched(data: &[Value]) -> Vec<Event> {
    match data.last() {
        Some(Value::Array(keys)) => keys
            .iter()
            .filter_map(|key| String::from_redis_value_ref(key).ok())
            .map(Event::Touched)
            .collect(),
        _ => vec![Event::Flushed],
    }
}
