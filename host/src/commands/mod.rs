//! The commands of `trm`, one file each, and what they share; never handles a request.

use crate::config::Config;
use crate::config::Mode;
use tracing_subscriber::EnvFilter;

mod build;
mod dev;
mod reload;
mod sample;
mod serve;

pub use build::build;
pub use dev::dev;
pub use sample::sample;
pub use serve::serve;

/// The checked environment, with the log started as it says.
fn configure(mode: Mode) -> anyhow::Result<Config> {
    let config = Config::from_env(mode, |name| std::env::var(name).ok())?;
    let filter = EnvFilter::new(format!("warn,trm_host={0},guest={0}", config.log_level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if config.log_json {
        log.json().flatten_event(true).init();
    } else {
        log.compact().init();
    }
    Ok(config)
}
