//! Which push services may be posted to: addresses come from browsers, and the server shall not ask whoever they name.

/// How desks are told while nobody looks at them.
#[derive(Clone, Debug)]
pub struct Push {
    /// Which push services may be posted to; none is off.
    pub services: PushServices,
    /// Whom a push service may turn to: `mailto:…` or `https://…`.
    pub contact: Option<String>,
}

/// Origins of push services; `https://*.example` stands for every host below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushServices(Vec<String>);

impl PushServices {
    /// Of origins in lower case without anything behind them.
    pub const fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `origin`, in its ASCII form (RFC 6454 section 6.2), is one of them.
    pub fn allows(&self, origin: &str) -> bool {
        let below = |pattern: &str| {
            let suffix = pattern.strip_prefix("https://*")?;
            origin.strip_prefix("https://")?.strip_suffix(suffix)
        };
        self.0.iter().any(|pattern| pattern == origin || below(pattern).is_some_and(|rest| !rest.is_empty()))
    }
}

/// Reads one of them.
pub(super) fn service(text: &str) -> Option<String> {
    match text.strip_prefix("https://*.") {
        Some(host) => super::origin(&format!("https://{host}")).map(|_| text.to_ascii_lowercase()),
        None => super::origin(text),
    }
}

/// Reads whom to turn to; empty is nobody.
pub(super) fn contact(text: &str) -> Option<Option<String>> {
    let known = text.starts_with("mailto:") || text.starts_with("https://");
    match text {
        "" => Some(None),
        _ => (known && text.len() <= 200 && !text.contains(char::is_whitespace)).then(|| Some(text.to_owned())),
    }
}
