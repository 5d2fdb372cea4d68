//! The driver's clients, one for each place that asks, whose connections are waited for right there; asks nothing itself.
//!
//! A connection belongs to the runtime that opened it: an answer that another core waits for would wake two threads.

use super::MongoSettings;
use super::watch::Watch;
use bson::RawDocumentBuf;
use mongodb::error::Error;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

/// One for each core, which share the connections that the host may have, and one for what runs beside them; each
/// is made when it is first needed.
pub(super) struct Clients {
    options: ClientOptions,
    /// Connections that all cores keep open.
    kept_open: u32,
    name: String,
    beside: OnceLock<Here>,
    cores: Vec<OnceLock<Here>>,
}

/// A client, and the host's database through it.
pub(super) struct Here {
    pub(super) client: Client,
    pub(super) database: Database,
}

impl Here {
    pub(super) fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.collection(name)
    }
}

impl Clients {
    /// What a connection string and the settings ask for; connects to nothing yet.
    pub(super) async fn new(settings: &MongoSettings, watch: &Arc<Watch>) -> Result<Self, Error> {
        let mut options = ClientOptions::parse(&settings.uri).await?;
        options.app_name = Some("trm".to_owned());
        options.max_pool_size = Some(settings.max_pool_size);
        options.max_idle_time = Some(Duration::from_secs(30));
        options.server_selection_timeout = Some(settings.server_selection);
        options.heartbeat_freq = Some(Duration::from_secs(10));
        options.connect_timeout = Some(Duration::from_secs(5));
        options.retry_writes = Some(true);
        let majority = WriteConcern::builder().w(Acknowledgment::Majority).build();
        options.write_concern = Some(majority);
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(preference(
            &settings.read_preference,
        )));
        watch.listen(&mut options);
        let name = options
            .default_database
            .clone()
            .unwrap_or_else(|| "trm".to_owned());
        // No more of them than there may be connections.
        let cores = trm_cores::available()?
            .get()
            .min(settings.max_pool_size as usize);
        let clients = Self {
            options,
            name,
            kept_open: settings.min_pool_size,
            beside: OnceLock::new(),
            cores: (0..cores.max(1)).map(|_| OnceLock::new()).collect(),
        };
        // What is wrong with the options is told now.
        clients.here()?;
        Ok(clients)
    }

    /// The client of this place.
    pub(super) fn here(&self) -> Result<&Here, Error> {
        let cores = self.cores.len();
        let (place, part) = match trm_cores::here() {
            // Nothing asks from there while the host serves.
            trm_cores::BESIDE => (&self.beside, None),
            core => (&self.cores[core % cores], Some(cores as u32)),
        };
        if let Some(here) = place.get() {
            return Ok(here);
        }
        let mut options = self.options.clone();
        if let Some(part) = part {
            options.max_pool_size = options.max_pool_size.map(|all| all / part);
            options.min_pool_size = Some(self.kept_open / part);
        }
        let client = Client::with_options(options)?;
        let database = client.database(&self.name);
        Ok(place.get_or_init(|| Here { client, database }))
    }

    /// The same for every address of one database: by the replica set where it is named, else by the servers.
    pub(super) fn namespace(&self) -> String {
        let servers = self.options.repl_set_name.clone().unwrap_or_else(|| {
            let mut hosts: Vec<String> =
                self.options.hosts.iter().map(ToString::to_string).collect();
            hosts.sort();
            hosts.join(",")
        });
        format!("{servers}/{}", self.name)
    }
}

fn preference(mode: &str) -> ReadPreference {
    let options = None;
    match mode {
        "primary" => ReadPreference::Primary,
        "secondary" => ReadPreference::Secondary { options },
        "secondaryPreferred" => ReadPreference::SecondaryPreferred { options },
        "nearest" => ReadPreference::Nearest { options },
        _ => ReadPreference::PrimaryPreferred { options },
    }
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
