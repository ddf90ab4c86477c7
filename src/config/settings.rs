//! Every setting there is: one row each, the same that docs/operations.md shows.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// `section.key`, as in the file; the environment says `YUNFA_SECTION_KEY`.
    pub key: &'static str,
    /// What holds when nobody says otherwise, as text; lists are separated by commas.
    pub default: &'static str,
    /// The values that are allowed, in words.
    pub allowed: &'static str,
    /// What it does.
    pub says: &'static str,
}

impl Setting {
    /// Whether its value must never be printed.
    pub fn is_secret(&self) -> bool {
        self.key.ends_with(".secret") || self.key == "database.url"
    }

    /// Its variable in the environment.
    pub fn variable(&self) -> String {
        format!("YUNFA_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }
}

const fn row(key: &'static str, default: &'static str, allowed: &'static str, says: &'static str) -> Setting {
    Setting { key, default, allowed, says }
}

/// The table, in the order of the document.
pub const SETTINGS: &[Setting] = &[
    row(
        "http.listen",
        "127.0.0.1:8080",
        "address:port, or `off`",
        "Plain HTTP; browsers give camera and microphone to it on localhost only",
    ),
    row(
        "http.connections",
        "10000",
        "1 to 1000000",
        "Connections in all, sockets included; the next one hears 503 and is closed",
    ),
    row(
        "http.connections_per_address",
        "64",
        "1 to 1000000",
        "Connections of one address (IPv6: one /64); raise it for an office behind one address",
    ),
    row(
        "http.allowed_origins",
        "",
        "list of `scheme://host[:port]`",
        "Other origins whose pages may call; the server's own is always allowed",
    ),
    row(
        "http.trusted_proxies",
        "",
        "list of IP addresses",
        "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
    ),
    row("tls.listen", "[::]:8443", "address:port, or `off`", "HTTPS, for phones on the LAN and for production"),
    row(
        "tls.certificate",
        "",
        "path of a PEM file, or empty",
        "Certificate chain; empty: one is made and kept in the data folder",
    ),
    row("tls.key", "", "path of a PEM file, or empty", "Private key of the certificate; both or none"),
    row("tls.names", "", "list of DNS names and IP addresses", "Further names of the certificate that is made"),
    row(
        "media.public_addresses",
        "",
        "list of IP addresses, or empty",
        "Addresses that clients send media to; empty: 127.0.0.1 and the addresses of this machine's interfaces",
    ),
    row("media.udp_port", "7880", "0 to 65535", "UDP port of the first media worker, the next ones follow; 0: any"),
    row("media.workers", "0", "0 to 64", "Media worker threads; 0: as many as cores"),
    row("media.peers_per_worker", "400", "2 to 10000", "People on one worker before the next one is filled"),
    row(
        "database.url",
        "",
        "`sqlite://…`, `postgres://…`, or empty",
        "The database; empty: `yunfa.db` (SQLite) in the data folder",
    ),
    row("database.connections", "8", "1 to 256", "Connections to PostgreSQL, or readers of SQLite"),
    row("data.folder", "data", "path of a folder", "What the server keeps besides the database; made when missing"),
    row(
        "data.keys",
        "",
        "path of a file, or empty",
        "Keys that seal personal columns; empty: `keys.json` in the data folder. Back it up apart from the database",
    ),
    row("bureau.name", "云法公共法律服务", "1 to 60 characters", "The bureau's name, as pages show it"),
    row("bureau.consent_version", "2026-11", "1 to 40 characters", "Version of the consent text that guests agree to"),
    row("identity.staff_hours", "12", "1 to 24", "Hours a login of lawyers and staff lasts"),
    row("identity.citizen_days", "30", "1 to 365", "Days without use after which a citizen's device is forgotten"),
    row("limits.login_per_account", "5", "1 to 1000", "Failed logins of one account in 15 minutes"),
    row("limits.login_per_address", "20", "1 to 100000", "Failed logins from one address in 15 minutes"),
    row("limits.guests_per_address", "300", "1 to 1000000", "New guests from one address in 15 minutes"),
    row("limits.sms_per_phone", "5", "1 to 100", "Codes sent to one phone in an hour"),
    row("limits.sms_per_address", "20", "1 to 100000", "Codes asked for from one address in an hour"),
    row(
        "limits.requests_per_second",
        "100",
        "1 to 100000",
        "API requests of one address per second, after a burst of four times as many",
    ),
    row(
        "limits.greetings_per_second",
        "100",
        "1 to 100000",
        "Sockets that may greet per second, after a burst of as many; the others are told when to come back",
    ),
    row("limits.reports_per_hour", "10", "1 to 1000", "Reports (举报) of one person in an hour"),
    row(
        "limits.block_days",
        "30",
        "1 to 365",
        "Days that a block of an asker lasts when the office does not say otherwise",
    ),
    row(
        "sms.gateway",
        "off",
        "`off`, `demo` or `http`",
        "Who sends codes; `demo` shows a fixed code and needs `--demo`, where it is the default",
    ),
    row("sms.url", "", "`https://…` or `http://…`", "Where the `http` gateway is posted to"),
    row("sms.secret", "", "at least 16 characters", "Key of the HMAC-SHA256 that signs posts to the gateway"),
    row(
        "push.services",
        "https://fcm.googleapis.com,https://updates.push.services.mozilla.com,https://*.notify.windows.com,https://*.push.apple.com",
        "list of `https://host`, `https://*.host`",
        "Push services of browsers that may be posted to when a desk is rung; empty: none",
    ),
    row(
        "push.contact",
        "",
        "`mailto:…`, `https://…`, or empty",
        "Whom a push service may turn to when something is wrong with this server's pushes; Apple's wants one",
    ),
    row("signaling.ring_seconds", "30", "5 to 600", "How long a desk rings for voice and video"),
    row("signaling.ring_text_seconds", "60", "5 to 3600", "How long a desk rings for a text question"),
    row(
        "signaling.alone_seconds",
        "20",
        "5 to 600",
        "How long the chosen lawyer, or the village's adviser, rings alone",
    ),
    row("signaling.alone_text_seconds", "60", "5 to 3600", "The same for a text question"),
    row("signaling.batch_seconds", "5", "0 to 600", "How long five desks of a tier ring before all of it do"),
    row("signaling.batch_text_seconds", "60", "0 to 3600", "The same for a text question"),
    row(
        "signaling.local_any_seconds",
        "15",
        "0 to 3600",
        "When all lawyers of the county are rung, whatever their field",
    ),
    row("signaling.local_any_text_seconds", "180", "0 to 86400", "The same for a text question"),
    row("signaling.national_seconds", "30", "0 to 3600", "When the national pool is rung too"),
    row("signaling.national_text_seconds", "360", "0 to 86400", "The same for a text question"),
    row("signaling.give_up_seconds", "60", "10 to 3600", "When a voice or video caller whom nobody answers is told so"),
    row("signaling.give_up_text_seconds", "600", "10 to 86400", "The same for a text question"),
    row("signaling.wait_seconds", "600", "10 to 14400", "How long a caller waits at most while every lawyer is busy"),
    row("signaling.wait_text_seconds", "86400", "10 to 259200", "The same for a text question"),
    row(
        "signaling.choice_seconds",
        "600",
        "10 to 86400",
        "How long a citizen whom nobody answered may choose what to do; as long a place is kept for who went away",
    ),
    row(
        "signaling.call_back_seconds",
        "86400",
        "60 to 604800",
        "How long a citizen who wants to be called back keeps the place in the queue",
    ),
    row("signaling.answer_seconds", "45", "5 to 300", "How long it rings at a citizen who is called back"),
    row(
        "signaling.call_back_pause_seconds",
        "600",
        "5 to 86400",
        "Before a citizen who did not answer is called again, unless the page is opened",
    ),
    row(
        "signaling.floor_seconds",
        "60",
        "1 to 3600",
        "How long too few lawyers, or enough again, are on duty before the alarm of a duty floor comes or goes",
    ),
    row("signaling.connect_seconds", "15", "5 to 120", "From the acceptance to both sides being connected"),
    row("signaling.grace_seconds", "60", "5 to 600", "How long the seat of somebody who vanished is kept"),
    row("signaling.longest_session_seconds", "14400", "60 to 86400", "Longest session"),
    row(
        "signaling.outcome_seconds",
        "86400",
        "60 to 604800",
        "How long a lawyer may take to write the outcome; then the record is sealed as `MISSING`",
    ),
    row("signaling.close_seconds", "259200", "60 to 2592000", "When a matter without a rating is closed"),
    row(
        "questions.claim_seconds",
        "120",
        "10 to 3600",
        "How long a lawyer who writes nothing holds a slot of a text question",
    ),
    row(
        "questions.longest_claim_seconds",
        "600",
        "10 to 86400",
        "How long a slot is held at most, however much is written",
    ),
    row("questions.held_per_lawyer", "3", "1 to 100", "Text questions that one lawyer may hold at once"),
    row("questions.first_answer_seconds", "600", "10 to 86400", "In which the first answer is promised"),
    row("questions.three_answers_seconds", "600", "10 to 86400", "In which three answers are promised"),
    row(
        "questions.remind_seconds",
        "300",
        "10 to 86400",
        "When lawyers are reminded of a question, the first two times",
    ),
    row("questions.remind_later_seconds", "3600", "60 to 86400", "Between the reminders after those"),
    row(
        "questions.give_up_seconds",
        "86400",
        "60 to 604800",
        "When a question takes no further answers, whatever there is",
    ),
    row(
        "questions.close_seconds",
        "259200",
        "60 to 2592000",
        "From the last word to the close of an answered question",
    ),
    row("questions.reopen_days", "30", "0 to 365", "Days after the close in which a follow-up opens it again"),
    row(
        "shutdown.calls_seconds",
        "3600",
        "0 to 86400",
        "How long running calls may go on after Ctrl-C; 5 with `--demo` when not said otherwise",
    ),
    row("demo.load", "false", "`true` or `false`", "Loads the demo county and its logins, as `--demo` does"),
    row("log.format", "human", "`human` or `json`", "How log lines look"),
    row(
        "log.level",
        "info",
        "`error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,yunfa::http=debug`",
        "How much is logged",
    ),
];

/// The row of a key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
