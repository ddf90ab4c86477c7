//! Log lines: who hears them, and how.
//!
//! Personal data is never logged. Types that hold it (`signaling::private`, ids) print their length or tail only,
//! addresses are printed by nobody, and libraries that would print them are held down here.
use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::Log;

/// Libraries that talk of every packet, address or statement, and the level above which they may.
/// What the operator says about them in `log.level` comes later and wins.
const HELD_DOWN: &str = "rtc=error,rtc_dtls=error,rtc_shared=error,rtc_stun=error,rtc_srtp=error,rtc_sdp=error,\
                         sqlx=warn,hyper=error,hyper_util=error,h2=error,rustls=error,tungstenite=error,\
                         tokio_tungstenite=error,reqwest=warn,tower_http=warn";

/// Sends log lines of this process to standard error. Does nothing when somebody listens already (tests do).
pub fn start(log: &Log) {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter(&log.level));
    let started = if log.json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(std::io::stderr().is_terminal()).with_target(false)).try_init()
    };
    if started.is_err() {
        tracing::debug!("log lines are listened to already");
    }
}

/// The operator's level over what is held down.
pub fn filter(level: &str) -> EnvFilter {
    EnvFilter::builder().parse_lossy(format!("{HELD_DOWN},{level}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_stay_held_down_unless_the_operator_names_them() {
        assert!(filter("debug").to_string().contains("rtc_dtls=error"));
        assert!(filter("info,rtc_dtls=trace").to_string().contains("rtc_dtls=trace"));
    }
}
