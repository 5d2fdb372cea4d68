//! Where Redis is: one server, behind sentinels, or in a cluster; finds the server, and keeps no connection.

use redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError, Value};
use std::time::Duration;

/// How long one sentinel or one node of a cluster may take to name the server.
const ASK: Duration = Duration::from_millis(500);

/// An address of Redis, checked.
#[derive(Clone, Debug)]
pub struct Address {
    /// The server itself, or those who know it.
    nodes: Vec<Node>,
    way: Way,
}

/// One `host:port` with what is said to it.
#[derive(Clone)]
struct Node {
    /// `redis://user:password@` before the host, and `/db` behind the port.
    before: String,
    host: String,
    after: String,
}

/// How the server is found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Sentinel { master: String },
    Cluster,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What stands before the host may be a password.
        f.write_str(&self.host)
    }
}

impl Address {
    /// `redis://host`, `redis+sentinel://host,host/master/db` or `redis+cluster://host,host`; `rediss`
    /// for TLS. The error names what is wrong, never the address.
    pub fn read(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        let (plain, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(plain, "redis" | "rediss") {
            return Err("its scheme is neither redis nor rediss".to_owned());
        }
        let (auth, rest) = match rest.rsplit_once('@') {
            Some((auth, rest)) => (format!("{auth}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (way, database, default_port) = match kind {
            "" => (Way::Direct, path, "6379"),
            "cluster" => (Way::Cluster, "", "6379"),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err("the master's name is missing after the sentinels".to_owned());
                }
                let master = master.to_owned();
                (Way::Sentinel { master }, database, "26379")
            }
            _ => return Err("after the + stands neither sentinel nor cluster".to_owned()),
        };
        let before = format!("{plain}://{auth}");
        let after = format!("/{database}");
        let nodes: Vec<Node> = hosts
            .split(',')
            .map(|host| Node {
                before: before.clone(),
                host: with_port(host, default_port),
                after: after.clone(),
            })
            .collect();
        if way == Way::Direct && nodes.len() > 1 {
            return Err("several hosts need +sentinel or +cluster".to_owned());
        }
        let address = Self { nodes, way };
        for node in &address.nodes {
            node.info().map_err(|error| error.to_string())?;
        }
        Ok(address)
    }

    /// A client of the server that holds `key` now.
    pub async fn resolve(&self, key: &str) -> Result<Client, RedisError> {
        let mut last = None;
        for node in &self.nodes {
            let found = match &self.way {
                Way::Direct => return Client::open(node.info()?),
                Way::Sentinel { master } => ask_sentinel(node, master).await,
                Way::Cluster => ask_cluster(node, key).await,
            };
            match found {
                Ok(host) => {
                    let server = Node {
                        host,
                        ..node.clone()
                    };
                    return Client::open(server.info()?);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| unexpected("there is no node to ask")))
    }
}

impl Node {
    fn info(&self) -> Result<ConnectionInfo, RedisError> {
        let url = format!("{}{}{}", self.before, self.host, self.after);
        let info = url.as_str().into_connection_info()?;
        // Invalidations arrive beside answers only in the third version of the protocol.
        let settings = info
            .redis_settings()
            .clone()
            .set_protocol(ProtocolVersion::RESP3);
        Ok(info.set_redis_settings(settings))
    }

    /// A sentinel is asked without the server's password and database.
    async fn ask(&self, command: &redis::Cmd, as_server: bool) -> Result<Value, RedisError> {
        let scheme = self.before.split("//").next().unwrap_or_default();
        let client = match as_server {
            true => Client::open(self.info()?)?,
            false => Client::open(format!("{scheme}//{}", self.host))?,
        };
        let asked = async {
            let mut connection = client.get_multiplexed_async_connection().await?;
            command.query_async(&mut connection).await
        };
        match tokio::time::timeout(ASK, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(unexpected("it did not answer in time")),
        }
    }
}

async fn ask_sentinel(node: &Node, master: &str) -> Result<String, RedisError> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let answer = node.ask(&command, false).await?;
    let (host, port): (String, u16) = redis::from_redis_value(answer)
        .map_err(|_| unexpected("the sentinel knows no such master"))?;
    Ok(join(&host, port))
}

async fn ask_cluster(node: &Node, key: &str) -> Result<String, RedisError> {
    let slot = node
        .ask(redis::cmd("CLUSTER").arg("KEYSLOT").arg(key), true)
        .await?;
    let slot: u64 = redis::from_redis_value(slot)?;
    let ranges = node.ask(redis::cmd("CLUSTER").arg("SLOTS"), true).await?;
    let ranges: Vec<Vec<Value>> = redis::from_redis_value(ranges)?;
    for range in ranges {
        let [first, last, server, ..] = &range[..] else {
            continue;
        };
        let first: u64 = redis::from_redis_value_ref(first)?;
        let last: u64 = redis::from_redis_value_ref(last)?;
        if !(first..=last).contains(&slot) {
            continue;
        }
        let server: Vec<Value> = redis::from_redis_value_ref(server)?;
        let [host, port, ..] = &server[..] else {
            continue;
        };
        let port: u16 = redis::from_redis_value_ref(port)?;
        let host: Option<String> = redis::from_redis_value_ref(host)?;
        // A node that does not know its own name is the one that was asked.
        return Ok(match host.filter(|host| !host.is_empty()) {
            Some(host) => join(&host, port),
            None => node.host.clone(),
        });
    }
    Err(unexpected("no node of the cluster has the slot"))
}

fn join(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn with_port(host: &str, port: &str) -> String {
    let name = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    match name.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:{port}"),
    }
}

fn unexpected(what: &'static str) -> RedisError {
    (redis::ErrorKind::UnexpectedReturnType, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_is_read() {
        let one = Address::read("redis://:secret@cache/2").unwrap();
        assert_eq!(
            (one.way, one.nodes[0].host.as_str()),
            (Way::Direct, "cache:6379")
        );
        assert_eq!(one.nodes[0].info().unwrap().redis_settings().db(), 2);
        let behind = Address::read("rediss+sentinel://:secret@a,b:7000/main/3").unwrap();
        assert_eq!(
            behind.way,
            Way::Sentinel {
                master: "main".into()
            }
        );
        let hosts: Vec<_> = behind.nodes.iter().map(|node| node.host.as_str()).collect();
        assert_eq!(hosts, ["a:26379", "b:7000"]);
        let cluster = Address::read("redis+cluster://[::1]:7000,b").unwrap();
        assert_eq!(
            (cluster.way, cluster.nodes[1].host.as_str()),
            (Way::Cluster, "b:6379")
        );
        assert!(!format!("{behind:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_an_address_is_refused_without_repeating_it() {
        for wrong in [
            "cache:6379",
            "http://cache",
            "redis://a,b",
            "redis+sentinel://a",
            "redis+x://a",
        ] {
            let said = Address::read(&wrong.replace("://", "://:secret@")).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
