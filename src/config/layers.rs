//! Where settings come from: the file, over it the environment, over it the flags; and what is wrong with them.
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::settings::{self, SETTINGS, Setting};

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the default.
    Default,
    /// In a file.
    File(PathBuf),
    /// In a variable of the environment.
    Environment(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Flag => f.write_str("the command line"),
        }
    }
}

/// One thing that is wrong, in words an operator can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that is wrong with the settings; the server does not start (exit code 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Fault>);

/// A value as it was said.
#[derive(Clone, Debug)]
struct Said {
    items: Vec<String>,
    origin: Origin,
}

/// All values as they were said, the strongest on top, with the faults found so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    said: BTreeMap<&'static str, Said>,
    faults: Vec<Fault>,
}

impl Layers {
    /// Lays a TOML file over what is there.
    pub(super) fn file(&mut self, path: &Path) {
        let table = match std::fs::read_to_string(path) {
            Err(error) => return self.fault(format!("the settings file {} cannot be read: {error}", path.display())),
            Ok(text) => match text.parse::<toml::Table>() {
                Err(error) => return self.fault(format!("the settings file {} is no TOML: {error}", path.display())),
                Ok(table) => table,
            },
        };
        let origin = Origin::File(path.to_owned());
        for (section, inside) in table {
            let toml::Value::Table(inside) = inside else {
                self.unknown(&section, &origin);
                continue;
            };
            for (name, value) in inside {
                let key = format!("{section}.{name}");
                match plain(value) {
                    Some(items) => self.say(&key, items, origin.clone()),
                    None => self.fault(format!("`{key}` ({origin}) must be text, a number, true or false, or a list")),
                }
            }
        }
    }

    /// Lays the variables `YUNFA_SECTION_KEY` over what is there; `YUNFA_TEST_…` belongs to the tests.
    pub(super) fn environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix("YUNFA_") else { continue };
            if rest.starts_with("TEST_") {
                continue;
            }
            let key = rest.to_ascii_lowercase().replacen('_', ".", 1);
            self.say(&key, vec![value], Origin::Environment(name));
        }
    }

    /// Lays what the command line says over what is there.
    pub(super) fn flags(&mut self, flags: impl IntoIterator<Item = (String, String)>) {
        for (key, value) in flags {
            self.say(&key, vec![value], Origin::Flag);
        }
    }

    /// Replaces a default, where nobody said anything.
    pub(super) fn set_default(&mut self, key: &'static str, value: &str) {
        self.said.entry(key).or_insert_with(|| Said { items: vec![value.to_owned()], origin: Origin::Default });
    }

    /// Whether somebody said this.
    pub(super) fn was_said(&self, key: &str) -> bool {
        self.said.get(key).is_some_and(|said| said.origin != Origin::Default)
    }

    /// The value of `key`, read by `read`; a wrong one is a fault and gives `T::default()`.
    pub(super) fn one<T: Default>(&mut self, key: &'static str, read: impl Fn(&str) -> Option<T>) -> T {
        let (setting, said) = self.get(key);
        let text = said.items.join(",");
        read(text.trim()).unwrap_or_else(|| {
            self.wrong(setting, &text, &said.origin);
            T::default()
        })
    }

    /// The list of `key`, each item read by `read`. One text is split at its commas.
    pub(super) fn list<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let (setting, said) = self.get(key);
        let items = said.items.iter().flat_map(|item| item.split(',')).map(str::trim).filter(|item| !item.is_empty());
        let mut list = vec![];
        for item in items {
            match read(item) {
                Some(value) => list.push(value),
                None => self.wrong(setting, item, &said.origin),
            }
        }
        list
    }

    /// A whole number inside the bounds.
    pub(super) fn number<N>(&mut self, key: &'static str, min: N, max: N) -> N
    where
        N: std::str::FromStr + PartialOrd + Copy + Default,
    {
        self.one(key, |text| text.parse().ok().filter(|number| (min..=max).contains(number)))
    }

    /// Notes that `key` does not fit what else was said.
    pub(super) fn clash(&mut self, key: &'static str, why: &str) {
        let (setting, said) = self.get(key);
        self.fault(format!("`{key}` ({}): {why}; allowed: {}", said.origin, setting.allowed));
    }

    /// Ends the reading.
    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() { Ok(config) } else { Err(ConfigError(self.faults)) }
    }

    fn get(&self, key: &'static str) -> (&'static Setting, Said) {
        let setting =
            settings::find(key).expect("a section asks for settings of the table only; a test reads them all");
        let said = self.said.get(key).cloned();
        (setting, said.unwrap_or_else(|| Said { items: vec![setting.default.to_owned()], origin: Origin::Default }))
    }

    fn say(&mut self, key: &str, items: Vec<String>, origin: Origin) {
        match settings::find(key) {
            Some(setting) => {
                self.said.insert(setting.key, Said { items, origin });
            }
            None => self.unknown(key, &origin),
        }
    }

    fn unknown(&mut self, key: &str, origin: &Origin) {
        let section = key.split('.').next().unwrap_or_default();
        let inside = format!("{section}.");
        let near: Vec<_> = SETTINGS.iter().map(|setting| setting.key).filter(|key| key.starts_with(&inside)).collect();
        let known = if near.is_empty() {
            let mut sections: Vec<_> = SETTINGS.iter().filter_map(|setting| setting.key.split('.').next()).collect();
            sections.dedup();
            format!("sections are {}", sections.join(", "))
        } else {
            format!("settings of this section are {}", near.join(", "))
        };
        self.fault(format!("there is no setting `{key}` ({origin}); {known}"));
    }

    fn wrong(&mut self, setting: &Setting, value: &str, origin: &Origin) {
        let shown = if setting.is_secret() { "(not shown)".to_owned() } else { format!("`{value}`") };
        self.fault(format!("`{}` = {shown} ({origin}) is wrong; allowed: {}", setting.key, setting.allowed));
    }

    fn fault(&mut self, text: String) {
        self.faults.push(Fault(text));
    }
}

/// The value as text, one per item; nested tables and dates are no settings.
fn plain(value: toml::Value) -> Option<Vec<String>> {
    let scalar = |value: toml::Value| match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    };
    match value {
        toml::Value::Array(items) => items.into_iter().map(scalar).collect(),
        other => scalar(other).map(|text| vec![text]),
    }
}
