//! Scenario `network`: what happens to a call when ways into the network are cut, a participant is gone without a word, or a
//! client changes to another network; a server of its own behind a router, everything in network namespaces.
mod call;
mod stories;
mod ways;

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::join_all;

pub use crate::promises::{Outcome, Row};
use crate::{
    handmade::Hand,
    host::Host,
    promises::told,
    space::{self, Space},
};
use call::Door;
use stories::{Away, Kind, Side, Stage};
use ways::{SERVER, Ways};

/// How long what still runs at the end may take.
const SETTLE: Duration = Duration::from_millis(500);

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's program.
    pub binary: PathBuf,
    /// Its data folder, which must be empty or not there.
    pub data: PathBuf,
    /// How much of everything.
    pub dose: Dose,
}

/// How much, and how strictly it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Dose {
    /// Sockets are also cut for almost as long as a stream may be resumed, on either side.
    pub almost_too_long: bool,
    /// Rounds of changes of the network; each has three, one for each way in which a client may go about it.
    pub rounds: u32,
    /// The ghost's seat is waited for.
    pub seat: bool,
    /// Judged as promised; else with room for a machine that does other things too.
    pub strict: bool,
}

impl Dose {
    /// What is promised, judged as promised.
    pub const FULL: Self = Self { almost_too_long: true, rounds: 5, seat: true, strict: true };
    /// Half a minute of it.
    pub const SMALL: Self = Self { almost_too_long: false, rounds: 1, seat: false, strict: false };

    /// A limit as promised, or one for a busy machine.
    const fn limit(self, promised: f64, busy: f64) -> f64 {
        if self.strict { promised } else { busy }
    }
}

/// How long sockets and links are cut.
const CUT: Duration = Duration::from_secs(10);
/// A second less than a stream may be resumed, and a seat is kept.
const ALMOST_TOO_LONG: Duration = Duration::from_secs(59);

/// One story, told to its end.
type Telling<'a> = Pin<Box<dyn Future<Output = Row> + Send + 'a>>;

/// Runs the plan. Blocks, and must not be called from a task.
///
/// # Errors
///
/// When no namespaces can be made or the server does not start.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let ways = Ways::lay(WAYS)?;
    let (people, plan): (Arc<Space>, Plan) = (Arc::clone(&ways.people), plan.clone());
    space::run(&people, SETTLE, async move { Box::pin(all(&plan, &ways)).await })?
}

/// Two for each story, one for each side, one more for who changes, and one for who only looks.
const WAYS: u8 = 2 * 8 + 2;

async fn all(plan: &Plan, ways: &Ways) -> anyhow::Result<Outcome> {
    let host = Host::start(&plan.binary, &plan.data, &ways.server, SERVER).await?;
    let (hand, door) = (Arc::new(Hand::new()?), Door::of(&host).await?);
    let stage = |number: u8| Stage { door: &door, ways, hand: &hand, number, dose: plan.dose };
    let away = |number, kind, side, time, what| -> Telling<'_> {
        let (stage, away) = (stage(number), Away { kind, side, time });
        Box::pin(async move { told(what, Box::pin(stories::away(stage, away)).await) })
    };
    let mut stories: Vec<Telling<'_>> = vec![
        away(0, Kind::Link, Side::Citizen, CUT, "the citizen's link is cut for 10 s"),
        away(1, Kind::Dropped, Side::Citizen, CUT, "the citizen's socket is dropped for 10 s"),
        away(2, Kind::Silent, Side::Lawyer, CUT, "the lawyer's socket is silent for 10 s"),
        Box::pin(async { told("a ghost", Box::pin(stories::ghost(stage(3))).await) }),
        Box::pin(async { told("another network", Box::pin(stories::change(stage(7))).await) }),
    ];
    if plan.dose.almost_too_long {
        let time = ALMOST_TOO_LONG;
        stories.push(away(4, Kind::Dropped, Side::Citizen, time, "the citizen's socket is dropped for 59 s"));
        stories.push(away(5, Kind::Dropped, Side::Lawyer, time, "the lawyer's socket is dropped for 59 s"));
        stories.push(away(6, Kind::Silent, Side::Citizen, time, "the citizen's socket is silent for 59 s"));
    }
    let rows = join_all(stories).await;
    host.stop().await?;
    Ok(Outcome { rows })
}
