//! One component's block of spin.toml, checked setting by setting; opens no component.

use super::Build;
use super::Function;
use super::Isolation;
use super::Limits;
use super::Reader;
use crate::grants::Access;
use crate::grants::Grants;
use crate::grants::Written;
use crate::variables::Declared;
use crate::variables::Templates;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
pub(super) struct Component {
    source: PathBuf,
    #[serde(default)]
    build: Option<Build>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Deserialize, Default)]
struct Tool {
    #[serde(default)]
    trm: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    cache: Vec<String>,
    documents: BTreeMap<String, Access>,
    metrics: bool,
    counters: Vec<String>,
    timeout_ms: u64,
    memory_mb: usize,
    concurrency: usize,
    max_body_kb: usize,
    isolation: Isolation,
    schedule: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: Vec::new(),
            documents: BTreeMap::new(),
            metrics: false,
            counters: Vec::new(),
            timeout_ms: 5_000,
            memory_mb: 64,
            concurrency: 256,
            max_body_kb: 1_024,
            isolation: Isolation::default(),
            schedule: None,
        }
    }
}

impl Reader<'_> {
    /// The function of a block; none where something in it is at fault.
    pub(super) fn function(
        &mut self,
        name: String,
        routes: Vec<String>,
        component: Component,
        folder: &Path,
        declared: &Arc<Declared>,
    ) -> Option<Function> {
        let before = self.faults.len();
        let settings = component.tool.trm;
        let limits = self.limits(&name, &settings);
        let schedule = settings.schedule.as_deref().map(period).transpose();
        let schedule = schedule.unwrap_or_else(|fault| {
            self.setting(&name, "schedule", &fault);
            None
        });
        let block = ["component", &name];
        let hosts = component.allowed_outbound_hosts.iter().enumerate();
        let hosts = hosts.map(|(at, host)| (format!("host{at}"), host.clone()));
        let outbound = Templates::read(hosts.collect(), declared).unwrap_or_else(|fault| {
            let text = format!("[component.{name}] allowed_outbound_hosts: {fault}");
            self.fault(&[&block[..], &["allowed_outbound_hosts"]].concat(), text);
            Templates::default()
        });
        let variables = Templates::read(component.variables, declared).unwrap_or_else(|fault| {
            let text = format!("[component.{name}.variables] {fault}");
            self.fault(&[&block[..], &["variables"]].concat(), text);
            Templates::default()
        });
        let grants = self.grants(
            &name,
            Written {
                cache: settings.cache,
                documents: settings.documents,
                metrics: settings.metrics,
                counters: settings.counters,
                key_value_stores: component.key_value_stores,
                outbound: component.allowed_outbound_hosts,
            },
        );
        (self.faults.len() == before).then(|| Function {
            source: folder.join(component.source),
            build: component.build,
            name,
            routes,
            grants,
            limits,
            schedule,
            variables,
            outbound,
        })
    }

    /// A fault of one setting under `tool.trm`.
    fn setting(&mut self, name: &str, setting: &str, fault: &str) {
        let text = format!("[component.{name}.tool.trm] {fault}");
        self.fault(&["component", name, "tool", "trm", setting], text);
    }

    fn limits(&mut self, name: &str, settings: &Settings) -> Limits {
        let Settings {
            timeout_ms,
            memory_mb,
            concurrency,
            max_body_kb,
            ..
        } = *settings;
        for (setting, value, least, most) in [
            ("timeout_ms", timeout_ms, 1, 600_000),
            ("memory_mb", memory_mb as u64, 1, 4_096),
            ("concurrency", concurrency as u64, 1, 4_096),
            ("max_body_kb", max_body_kb as u64, 0, 1_048_576),
        ] {
            if !(least..=most).contains(&value) {
                let fault = format!("{setting} = {value}: it must be from {least} to {most}");
                self.setting(name, setting, &fault);
            }
        }
        Limits {
            timeout: Duration::from_millis(timeout_ms),
            memory_mb,
            concurrency,
            max_body: max_body_kb.saturating_mul(1_024),
            isolation: settings.isolation,
        }
    }

    /// Each grant is checked by itself, so that all that are at fault are named.
    fn grants(&mut self, name: &str, written: Written) -> Grants {
        let alone = Written::default;
        let cache = written.cache.iter().map(|one| Written {
            cache: vec![one.clone()],
            ..alone()
        });
        let counters = written.counters.iter().map(|one| Written {
            counters: vec![one.clone()],
            ..alone()
        });
        let documents = written.documents.iter().map(|(one, access)| Written {
            documents: BTreeMap::from([(one.clone(), *access)]),
            ..alone()
        });
        let settings = cache
            .map(|one| ("cache", one))
            .chain(counters.map(|one| ("counters", one)))
            .chain(documents.map(|one| ("documents", one)));
        for (setting, one) in settings {
            if let Err(fault) = Grants::new(one) {
                self.setting(name, setting, &fault);
            }
        }
        for label in &written.key_value_stores {
            let one = Written {
                key_value_stores: vec![label.clone()],
                ..alone()
            };
            if let Err(fault) = Grants::new(one) {
                let place = ["component", name, "key_value_stores"];
                self.fault(&place, format!("[component.{name}] {fault}"));
            }
        }
        // A fault of the whole has been named part by part.
        Grants::new(written).unwrap_or_default()
    }
}

/// `every 5s`, `every 10m`.
fn period(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_prefix("every ").and_then(|every| {
        let (count, unit) = every.split_at_checked(every.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        count
            .parse::<u32>()
            .ok()
            .map(|count| u64::from(count) * unit)
    });
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "schedule = \"{text}\": it must be like \"every 5s\" or \"every 10m\", at most a day"
        )),
    }
}
