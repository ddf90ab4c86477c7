//! A PostgreSQL of one test's own, durable as a server in earnest insists, that may be stopped under it.
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// It is gone when this is dropped.
pub(crate) struct Cluster {
    script: Child,
    /// Where it is.
    pub(crate) url: String,
    control: String,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/with-postgres.sh"))
            .args(["--durable", "bash", "-c"])
            .arg("printf '%s\\n%s\\n' \"$YUNFA_TEST_POSTGRES\" \"$YUNFA_TEST_POSTGRES_CTL\"; read -r _ || true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/with-postgres.sh runs");
        let mut said = BufReader::new(script.stdout.take().expect("its output")).lines();
        let mut line = || said.next().expect("a PostgreSQL is there").expect("text");
        let (url, control) = (line(), line());
        Self { script, url, control }
    }

    /// Stops it at once, as a power cut would.
    pub(crate) fn stop(&self) {
        self.control("-m immediate stop");
    }

    pub(crate) fn start_again(&self) {
        self.control("start");
    }

    fn control(&self, words: &str) {
        let done = Command::new("bash").args(["-c", &format!("{} {words} >/dev/null", self.control)]).status();
        assert!(done.expect("bash runs").success(), "PostgreSQL: {words}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The script waits for a line, and then stops the cluster.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
