//! Coming back after the socket was lost, by the rules that pages keep: a random wait before every try, and the server's word
//! on when there is room.
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::RngExt as _;
use tokio::time::{sleep, timeout};
use yunfa_signaling::private::Token;

use crate::{
    api::{Problem, Server},
    socket::{Refused, Socket},
};

/// A try waits between nothing and this, doubled with each try in vain.
const BASE: Duration = Duration::from_millis(600);
/// No try waits for longer.
const CAP: Duration = Duration::from_secs(12);
/// Who was told when to come back does so within this time after that.
const TOLD_SPREAD: Duration = Duration::from_secs(1);

/// How somebody came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// The stream goes on; else it began anew with `welcome`.
    pub resumed: bool,
    /// From the loss to the answer of the greeting.
    pub after: Duration,
    /// Tries, the last one included.
    pub tries: u32,
    /// Of these, those to which the server said when to come back.
    pub told: u32,
    /// The longest such time.
    pub told_at_most: Duration,
}

/// Tries until the server answers a greeting.
///
/// # Errors
///
/// When it does not in time.
pub async fn come_back(socket: &mut Socket, server: &Server, token: &Token, within: Duration) -> anyhow::Result<Back> {
    socket.cut();
    let lost = Instant::now();
    let mut back = Back { resumed: false, after: Duration::ZERO, tries: 0, told: 0, told_at_most: Duration::ZERO };
    let trying = async {
        let mut wait = random(BASE);
        let mut in_vain = 0;
        loop {
            sleep(wait).await;
            back.tries += 1;
            match socket.try_again(server, token).await {
                Ok(welcome) => {
                    back.resumed = welcome.is_none();
                    return;
                }
                Err(error) => match told(&error) {
                    Some(after) => {
                        back.told += 1;
                        back.told_at_most = back.told_at_most.max(after);
                        wait = after + random(TOLD_SPREAD);
                    }
                    None => {
                        in_vain += 1;
                        wait = random((BASE * (1 << in_vain.min(10))).min(CAP));
                    }
                },
            }
        }
    };
    let trying = timeout(within, trying).await;
    trying.with_context(|| format!("not back within {within:?}: {} tries, {} told", back.tries, back.told))?;
    back.after = lost.elapsed();
    Ok(back)
}

/// When the server said to come back.
pub(crate) fn told(error: &anyhow::Error) -> Option<Duration> {
    let by_socket = error.downcast_ref::<Refused>().and_then(|refused| refused.retry_after);
    by_socket.or_else(|| error.downcast_ref::<Problem>().and_then(|problem| problem.retry_after))
}

fn random(at_most: Duration) -> Duration {
    at_most.mul_f64(rand::rng().random_range(0.0..1.0))
}
