//! Up to a greater channel in a running session: one side proposes, the other agrees. From text it takes transports, and the
//! two go on writing until both are there.
use std::time::Duration;

use crate::{
    error::SessionError,
    ids::LegId,
    message::ProposalView,
    time::{Instant, Now},
    words::Channel,
};

/// How long a proposal stands: as long as a desk rings, for somebody who looks for the glasses.
pub(crate) const PROPOSAL: Duration = Duration::from_secs(30);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The other side has not answered yet.
    Proposed,
    /// Agreed; transports are being set up.
    Coming,
}

/// A greater channel that is wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    step: Step,
    by: LegId,
    channel: Channel,
    until: Now,
}

/// What came of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It stands, or has been taken back.
    Noted,
    /// Both want it.
    Agreed(Channel),
}

/// The way up, when somebody wants it.
#[derive(Debug, Default)]
pub(crate) struct Ascent(Option<Wanted>);

impl Ascent {
    /// One side wants this channel; when the other wanted it already, both do. A newer wish takes the place of an older.
    pub(crate) fn propose(&mut self, by: LegId, channel: Channel, now: Now) -> Result<Answered, SessionError> {
        match self.0 {
            Some(Wanted { step: Step::Coming, .. }) => Err(SessionError::Unexpected),
            Some(wanted) if wanted.by != by && wanted.channel == channel => Ok(Answered::Agreed(channel)),
            Some(_) | None => {
                self.0 = Some(Wanted { step: Step::Proposed, by, channel, until: now.after(PROPOSAL) });
                Ok(Answered::Noted)
            }
        }
    }

    /// The other side agrees or not; whoever proposed may take it back.
    pub(crate) fn answer(&mut self, by: LegId, channel: Channel, accept: bool) -> Result<Answered, SessionError> {
        match self.0 {
            Some(wanted) if wanted.step == Step::Proposed && wanted.channel == channel => {
                if accept && wanted.by == by {
                    return Err(SessionError::NotAllowed);
                }
                if accept {
                    return Ok(Answered::Agreed(channel));
                }
                self.0 = None;
                Ok(Answered::Noted)
            }
            Some(_) | None => Err(SessionError::Unexpected),
        }
    }

    /// Transports are being set up until then.
    pub(crate) const fn begin(&mut self, until: Now) {
        if let Some(wanted) = &mut self.0 {
            (wanted.step, wanted.until) = (Step::Coming, until);
        }
    }

    /// The channel whose transports are being set up.
    pub(crate) fn coming(&self) -> Option<Channel> {
        self.0.filter(|wanted| wanted.step == Step::Coming).map(|wanted| wanted.channel)
    }

    /// Nobody wants it any more.
    pub(crate) const fn clear(&mut self) {
        self.0 = None;
    }

    /// When it lapses.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.0.map(|wanted| wanted.until.mono)
    }

    /// As both sides see it.
    pub(crate) fn view(&self) -> Option<ProposalView> {
        self.0.map(|Wanted { step, by, channel, until }| ProposalView {
            by,
            channel,
            agreed: step == Step::Coming,
            until: until.wall,
        })
    }
}
