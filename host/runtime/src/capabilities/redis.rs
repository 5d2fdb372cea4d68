//! `spin:redis` for guests: granted addresses, over connections that all guests share; keeps no connection itself.

use super::CapabilitiesView;
use super::HasCapabilities;
use super::standard::redis_commands;
use super::standard::redis_commands::{Error, RedisParameter, RedisResult};
use std::time::Instant;
use trm_stores::servers::Reply;
use trm_stores::servers::Server;
use trm_stores::servers::SharedRedisError;
use wasmtime::component::{Accessor, Resource};

/// A guest's handle to a server.
#[derive(Clone)]
pub struct Connection(Server);

type Answer<A> = wasmtime::Result<Result<A, Error>>;

impl redis_commands::Host for CapabilitiesView<'_> {}

impl redis_commands::HostConnection for CapabilitiesView<'_> {
    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send + 'static> redis_commands::HostConnectionWithStore<T> for HasCapabilities {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        let call = super::begin(accessor);
        call.unkept("spin:redis");
        let capabilities = call.capabilities;
        let Ok(uri) = address.parse::<http::Uri>() else {
            return Ok(Err(Error::InvalidAddress));
        };
        if !capabilities.grants().reaches(&uri) {
            let (scheme, host) = (uri.scheme_str().unwrap_or("redis"), uri.host());
            return Ok(Err(Error::Other(format!(
                "the address is not granted; add \"{scheme}://{}:{}\" to allowed_outbound_hosts of [component.{}]",
                host.unwrap_or_default(),
                uri.port_u16().unwrap_or(6379),
                capabilities.function()
            ))));
        }
        match capabilities.shared_redis().server(&address) {
            Ok(server) => {
                accessor.with(|mut access| Ok(Ok(access.get().table.push(Connection(server))?)))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Answer<()> {
        let arguments = vec![channel.into_bytes(), payload];
        let reply = run(accessor, connection, "PUBLISH", arguments).await?;
        Ok(reply.map(drop))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        let replies = run(accessor, connection, "GET", vec![key.into_bytes()]).await?;
        Ok(
            replies.and_then(|replies| match replies.into_iter().next() {
                Some(Reply::Data(value)) => Ok(Some(value)),
                Some(Reply::Nil) => Ok(None),
                _ => Err(Error::TypeError),
            }),
        )
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        let reply = run(accessor, connection, "SET", vec![key.into_bytes(), value]).await?;
        Ok(reply.map(drop))
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<i64> {
        let replies = run(accessor, connection, "INCR", vec![key.into_bytes()]).await?;
        Ok(replies.and_then(number))
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Answer<u32> {
        count(accessor, connection, "DEL", keys).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let arguments = std::iter::once(key).chain(values).collect();
        count(accessor, connection, "SADD", arguments).await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Vec<String>> {
        let replies = run(accessor, connection, "SMEMBERS", vec![key.into_bytes()]).await?;
        Ok(replies.and_then(|replies| {
            let texts = replies.into_iter().map(|reply| match reply {
                Reply::Data(value) => String::from_utf8(value).map_err(|_| Error::TypeError),
                _ => Err(Error::TypeError),
            });
            texts.collect()
        }))
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let arguments = std::iter::once(key).chain(values).collect();
        count(accessor, connection, "SREM", arguments).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let arguments = arguments
            .into_iter()
            .map(|argument| match argument {
                RedisParameter::Int64(number) => number.to_string().into_bytes(),
                RedisParameter::Binary(bytes) => bytes,
            })
            .collect();
        let replies = run(accessor, connection, &command, arguments).await?;
        Ok(replies.map(|replies| replies.into_iter().map(RedisResult::from).collect()))
    }
}

async fn run<T: Send + 'static>(
    accessor: &Accessor<T, HasCapabilities>,
    connection: Resource<Connection>,
    command: &str,
    arguments: Vec<Vec<u8>>,
) -> Answer<Vec<Reply>> {
    let (server, deadline): (Server, Instant) = accessor.with(|mut access| {
        let view = access.get();
        let server = view.table.get(&connection)?.0.clone();
        wasmtime::error::Ok((server, view.left.until()))
    })?;
    let replies = server.run(command, &arguments, deadline).await;
    Ok(replies.map_err(Error::from))
}

async fn count<T: Send + 'static>(
    accessor: &Accessor<T, HasCapabilities>,
    connection: Resource<Connection>,
    command: &str,
    arguments: Vec<String>,
) -> Answer<u32> {
    let arguments = arguments.into_iter().map(String::into_bytes).collect();
    let replies = run(accessor, connection, command, arguments).await?;
    Ok(replies
        .and_then(number)
        .and_then(|count| u32::try_from(count).map_err(|_| Error::TypeError)))
}

fn number(replies: Vec<Reply>) -> Result<i64, Error> {
    match replies.as_slice() {
        [Reply::Number(number)] => Ok(*number),
        _ => Err(Error::TypeError),
    }
}

impl From<Reply> for RedisResult {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Nil => Self::Nil,
            Reply::Status(text) => Self::Status(text),
            Reply::Number(number) => Self::Int64(number),
            Reply::Data(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<SharedRedisError> for Error {
    fn from(error: SharedRedisError) -> Self {
        match error {
            SharedRedisError::InvalidAddress => Self::InvalidAddress,
            SharedRedisError::TooManyConnections => Self::TooManyConnections,
            SharedRedisError::Type => Self::TypeError,
            SharedRedisError::Other(why) => Self::Other(why),
        }
    }
}
