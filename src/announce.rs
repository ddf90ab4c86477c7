//! What the server says about itself when it has started: its addresses, and the logins of a demonstration.
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::{IpAddr, SocketAddr},
    path::Path,
};

use serde::Serialize;
use yunfa_signaling::words::{PracticeArea, Role};

use crate::{config::machine, files, http::sms, storage::demo::DemoCounty};

/// Where the three pages are found, the best address first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<String>);

impl Addresses {
    /// Of what is listened to: plain HTTP first, because a self-made certificate makes a browser warn.
    pub fn of(http: Option<SocketAddr>, https: Option<SocketAddr>) -> Self {
        let machine = machine::addresses();
        let urls = |scheme: &str, listens: SocketAddr| -> Vec<String> {
            let hosts: Vec<IpAddr> = if listens.ip().is_unspecified() {
                let reachable = |address: &&IpAddr| listens.is_ipv6() || address.is_ipv4();
                std::iter::once(IpAddr::from([127, 0, 0, 1])).chain(machine.iter().filter(reachable).copied()).collect()
            } else {
                vec![listens.ip()]
            };
            hosts.into_iter().map(|host| format!("{scheme}://{}", SocketAddr::new(host, listens.port()))).collect()
        };
        let http = http.map(|listens| urls("http", listens)).unwrap_or_default();
        let https = https.map(|listens| urls("https", listens)).unwrap_or_default();
        Self(http.into_iter().chain(https).collect())
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.0.first().map_or("", String::as_str))
    }
}

/// The file `demo.json` in the data folder; docs/operations.md holds its schema.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DemoFile<'a> {
    citizen: String,
    lawyer: String,
    office: String,
    sms_code: &'static str,
    lawyers: Vec<DemoLawyer<'a>>,
    staff: Vec<DemoMember<'a>>,
}

#[derive(Serialize)]
struct DemoLawyer<'a> {
    user: &'a str,
    password: &'a str,
    name: &'a str,
    areas: &'a [PracticeArea],
}

#[derive(Serialize)]
struct DemoMember<'a> {
    user: &'a str,
    password: &'a str,
    name: &'a str,
    role: Role,
}

/// Writes `demo.json` (mode 0600) into the data folder.
///
/// # Errors
/// When the system refuses.
pub fn write_demo_file(data: &Path, addresses: &Addresses, county: &DemoCounty) -> io::Result<()> {
    let file = DemoFile {
        citizen: addresses.page("/"),
        lawyer: addresses.page("/lawyer/"),
        office: addresses.page("/office/"),
        sms_code: sms::DEMO_CODE,
        lawyers: county
            .lawyers
            .iter()
            .map(|login| DemoLawyer {
                user: login.user,
                password: &login.password,
                name: login.name,
                areas: login.areas,
            })
            .collect(),
        staff: county
            .staff
            .iter()
            .map(|login| DemoMember { user: login.user, password: &login.password, name: login.name, role: login.role })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(io::Error::other)?;
    files::write_private(&data.join(DEMO_FILE), &text)
}

/// The name of the file.
pub const DEMO_FILE: &str = "demo.json";

/// Removes a `demo.json` that an earlier start with `--demo` has left: without it nothing of the demonstration is shown.
pub fn remove_demo_file(data: &Path) {
    let _ = std::fs::remove_file(data.join(DEMO_FILE));
}

/// Says on standard output where the pages are and, in a demonstration, who may sign in.
pub fn say(addresses: &Addresses, demo: Option<&DemoCounty>) {
    let mut text = String::from("Yunfa is running. Ctrl-C stops it.\n\n");
    for (page, path) in [("citizen", "/"), ("lawyer", "/lawyer/"), ("office", "/office/")] {
        for (n, base) in addresses.0.iter().enumerate() {
            let _ = writeln!(text, "  {:<8} {base}{path}", if n == 0 { page } else { "" });
        }
    }
    if let Some(county) = demo {
        let _ = writeln!(text, "\n  Demonstration. Code for every phone: {}. Logins (user, password):", sms::DEMO_CODE);
        let lawyers = county.lawyers.iter().map(|login| (login.user, &login.password, login.name, "LAWYER"));
        let staff = county.staff.iter().map(|login| (login.user, &login.password, login.name, login.role.as_str()));
        for (user, password, name, role) in lawyers.chain(staff) {
            let _ = writeln!(text, "  {user:<12} {password:<18} {role:<11} {name}");
        }
    }
    // Nobody may be listening, as in a service without a terminal.
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_on_localhost_is_the_first_address() {
        let at = |text: &str| Some(text.parse().expect("an address"));

        let addresses = Addresses::of(at("127.0.0.1:8080"), at("[::]:8443"));

        assert_eq!(addresses.page("/lawyer/"), "http://127.0.0.1:8080/lawyer/");
        assert_eq!(addresses.0[1], "https://127.0.0.1:8443");
        assert_eq!(Addresses::of(None, at("[::1]:8443")).page("/"), "https://[::1]:8443/");
    }
}
