//! The flags of a command, made from the table of settings.

use super::Settings;
use super::groups;
use super::table::{Fallback, SETTINGS, Setting};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The flags of the settings in `GROUPS`, a set of [`groups`].
pub(crate) struct Flags<const GROUPS: u32>(pub(crate) Settings);

impl<const GROUPS: u32> Args for Flags<GROUPS> {
    fn augment_args(command: Command) -> Command {
        with_flags(command, GROUPS)
    }

    fn augment_args_for_update(command: Command) -> Command {
        with_flags(command, GROUPS)
    }
}

impl<const GROUPS: u32> FromArgMatches for Flags<GROUPS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches, GROUPS)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = given(matches, GROUPS);
        Ok(())
    }
}

fn of(groups: u32) -> impl Iterator<Item = &'static Setting> {
    SETTINGS
        .iter()
        .filter(move |setting| setting.group & groups != 0)
}

fn with_flags(command: Command, groups: u32) -> Command {
    command.args(of(groups).map(|setting| flag(setting, groups)))
}

fn given(matches: &ArgMatches, groups: u32) -> Settings {
    let given = of(groups).filter_map(|setting| {
        let value = matches.get_one::<String>(setting.variable)?;
        Some((setting.variable, value.clone()))
    });
    Settings {
        flags: given.collect(),
    }
}

fn flag(setting: &'static Setting, groups: u32) -> Arg {
    let flag = Arg::new(setting.variable)
        .long(setting.flag())
        .value_name(setting.value)
        .help(help(setting, groups))
        .help_heading(groups::heading(setting.group));
    match (setting.allowed, setting.variable) {
        ([], "REDIS_HOST") => flag.conflicts_with("REDIS_URL"),
        ([], _) => flag,
        (allowed, _) => flag.value_parser(PossibleValuesParser::new(allowed.iter().copied())),
    }
}

/// What the setting is, its variable and its default. A value of the environment is not shown: it may be a secret.
fn help(setting: &Setting, groups: u32) -> String {
    let is_dev = groups & groups::DEV != 0;
    let default = match setting.fallback {
        Fallback::Value(value) | Fallback::Absent(value) => value,
        Fallback::OfMode { dev, .. } | Fallback::AbsentOfMode { dev, .. } if is_dev => dev,
        Fallback::OfMode { serve, .. } | Fallback::AbsentOfMode { serve, .. } => serve,
    };
    let (variable, help) = (setting.variable, setting.help);
    let other = match setting.other {
        Some(other) => format!(" or {other}"),
        None => String::new(),
    };
    let secret = match setting.secret {
        true => " (other users of the machine see the flag; prefer the variable)",
        false => "",
    };
    format!("{help}{secret} [env: {variable}{other}] [default: {default}]")
}
