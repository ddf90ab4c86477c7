//! Settings: their order of strength, their faults, and that the document tells the truth.
use super::{settings::SETTINGS, *};

fn load(environment: &[(&str, &str)], flags: &[(&str, &str)], file: Option<&str>) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let path = folder.path().join("yunfa.toml");
    std::fs::write(&path, file.unwrap_or_default()).expect("a file");
    Config::load(Sources { file: Some(path), environment: own(environment), flags: own(flags) })
}

fn faults(result: Result<Config, ConfigError>) -> Vec<String> {
    result.expect_err("wrong settings").0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_right_by_themselves() {
    let config = load(&[], &[], None).expect("defaults");

    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().ok());
    assert_eq!(config.database.url, "sqlite://data/yunfa.db");
    assert_eq!(config.identity.staff, Duration::from_secs(12 * 3600));
    assert!(matches!(config.sms, Sms::Off));
    assert!(config.media.workers >= 1);
}

#[test]
fn the_timers_of_a_consultation_are_those_of_the_machines() {
    assert_eq!(load(&[], &[], None).expect("defaults").timers, Timers::default());
}

#[test]
fn the_environment_overrules_the_file_and_a_flag_overrules_both() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nconnections = 7\nallowed_origins = [\"https://a.example\"]";
    let config = load(
        &[("YUNFA_HTTP_LISTEN", "127.0.0.1:2"), ("YUNFA_HTTP_CONNECTIONS_PER_ADDRESS", "3"), ("PATH", "x")],
        &[("http.listen", "127.0.0.1:3")],
        Some(file),
    )
    .expect("settings");

    assert_eq!(config.http.listen, "127.0.0.1:3".parse().ok());
    assert_eq!((config.http.connections, config.http.connections_per_address), (7, 3));
    assert_eq!(config.http.allowed_origins, ["https://a.example"]);
}

#[test]
fn a_wrong_setting_names_itself_its_origin_and_what_is_allowed() {
    let faults = faults(load(&[("YUNFA_LOG_FORMAT", "xml")], &[("media.workers", "65")], None));

    assert_eq!(
        faults,
        [
            "`media.workers` = `65` (the command line) is wrong; allowed: 0 to 64",
            "`log.format` = `xml` (the environment variable YUNFA_LOG_FORMAT) is wrong; allowed: `human` or `json`",
        ]
    );
}

#[test]
fn a_setting_nobody_knows_is_a_fault_and_says_what_there_is() {
    let unknown = faults(load(&[("YUNFA_LOG_FROMAT", "json")], &[], Some("[htttp]\nlisten = 1")));

    assert!(unknown[0].starts_with("there is no setting `htttp.listen` (the file "), "{}", unknown[0]);
    assert!(unknown[0].contains("sections are http, tls, media"), "{}", unknown[0]);
    assert!(unknown[1].contains("settings of this section are log.format, log.level"), "{}", unknown[1]);
}

#[test]
fn the_fixed_code_of_the_demonstration_is_refused_without_demo() {
    assert!(faults(load(&[], &[("sms.gateway", "demo")], None))[0].contains("`--demo` only"));
    assert!(matches!(load(&[], &[("demo.load", "true")], None).expect("demo").sms, Sms::Demo));
}

#[test]
fn a_secret_is_never_shown() {
    let faults =
        faults(load(&[("YUNFA_SMS_SECRET", "hunter2"), ("YUNFA_DATABASE_URL", "mysql://u:hunter2@h")], &[], None));

    assert_eq!(faults.len(), 2);
    assert!(!faults.concat().contains("hunter2"));
}

#[test]
fn half_a_pair_of_certificate_and_key_is_a_fault() {
    assert!(faults(load(&[], &[("tls.certificate", "c.pem")], None))[0].starts_with("`tls.key`"));
}

#[test]
fn a_word_that_is_no_level_is_not_taken_for_a_module() {
    assert_eq!(faults(load(&[], &[("log.level", "loud")], None)).len(), 1);
    assert!(load(&[], &[("log.level", "info,yunfa::http=debug")], None).is_ok());
}

#[test]
fn docs_operations_shows_every_setting_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let doc = std::fs::read_to_string(path).expect("docs/operations.md");
    let rows: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            let default =
                if setting.default.is_empty() { "empty".to_owned() } else { format!("`{}`", setting.default) };
            format!("| `{}` | {default} | {} | {} |", setting.key, setting.allowed, setting.says)
        })
        .collect();
    let shown: Vec<_> = doc
        .lines()
        .skip_while(|line| *line != "<!-- settings -->")
        .filter(|line| line.starts_with("| `"))
        .take_while(|line| line.starts_with("| `"))
        .collect();

    assert!(shown == rows, "the table of docs/operations.md should be:\n{}", rows.join("\n"));
}
