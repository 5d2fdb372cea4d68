//! The commands of `trm`, one file each, and what they share; never handles a request.

use crate::config::Config;
use crate::config::Mode;
use crate::telemetry::log;

mod admin;
mod bench;
mod build;
mod check;
mod dev;
mod health;
mod indexes;
mod inspect;
mod new;
mod recording;
mod reload;
mod sample;
mod serve;
mod test;
mod trial;

pub use admin::admin;
pub use bench::bench;
pub use build::build;
pub use check::check;
pub use dev::dev;
pub use health::health;
pub use indexes::indexes;
pub use inspect::inspect;
pub use new::new;
pub use recording::record;
pub use recording::replay;
pub use sample::sample;
pub use serve::serve;
pub use test::test;
pub use trial::trial;

/// The checked environment, with the log started as it says.
fn configure(mode: Mode) -> anyhow::Result<Config> {
    let config = read_config(mode)?;
    log::init(&config);
    Ok(config)
}

/// The checked environment.
fn read_config(mode: Mode) -> anyhow::Result<Config> {
    Ok(Config::from_env(mode, |name| std::env::var(name).ok())?)
}
