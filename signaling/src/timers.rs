//! How long everything may take: each number with its reason.
use std::time::Duration;

use crate::words::{Channel, RouteMode};

/// The clocks of a consultation. The defaults are the county's; tests turn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// How long one desk rings. Twice the 15 s in which GB/T 33358 wants a call answered, so that a lawyer can put
    /// down a pen, and two rings fill [`Self::give_up_call`].
    pub ring: Duration,
    /// How long one desk rings for a text question, which a lawyer may read before taking it.
    pub ring_text: Duration,
    /// How long the lawyer of the asker's choice, or the village's adviser, rings alone before others are rung.
    pub alone: Duration,
    /// The same for a text question.
    pub alone_text: Duration,
    /// How long the first few desks of a tier ring before all of it do.
    pub batch: Duration,
    /// The same for a text question.
    pub batch_text: Duration,
    /// After so long all lawyers of the county are rung, whatever their field: the 15 s in which GB/T 33358 wants an answer.
    pub local_any: Duration,
    /// The same for a text question.
    pub local_any_text: Duration,
    /// After so long the national pool is rung too.
    pub national: Duration,
    /// The same for a text question.
    pub national_text: Duration,
    /// A ring cut short before this is no missed ring: nobody had a fair chance.
    pub fair_ring: Duration,
    /// How long desks ring, or nobody is there, before a voice or video caller is told that nobody can be reached.
    pub give_up_call: Duration,
    /// The same for a text question: the ten minutes in which the first answer is promised.
    pub give_up_text: Duration,
    /// How long a caller waits at most while every lawyer is busy with others; longer, and another day is better.
    pub wait_call: Duration,
    /// The same for a text question.
    pub wait_text: Duration,
    /// How long an asker whom nobody answered may choose: wait on, be called back, or ask in writing. Long enough to fetch
    /// somebody who can read the page out.
    pub choice: Duration,
    /// How long somebody who wants to be called back is kept in the queue: until the same time tomorrow.
    pub call_back: Duration,
    /// How long it rings at somebody who is called back.
    pub answer: Duration,
    /// Who did not answer is not called again before this time, unless the page is opened.
    pub call_back_pause: Duration,
    /// How long too few, or enough again, must be on duty before the alarm comes or goes: a reload is no alarm.
    pub floor: Duration,
    /// From the acceptance to both legs being there. Warm transports need one keyframe, a cold one on a rural link 8 s.
    pub connect: Duration,
    /// How long the seat of a missing leg, or the place of an absent asker, is kept: a lift, a tunnel, a locked phone.
    pub grace: Duration,
    /// Longest session: a forgotten call does not block a lawyer for a day, and no advice takes half a workday.
    pub longest_session: Duration,
    /// From the end of the session to `MISSING`: a lawyer may write the outcome after the day's last call.
    pub outcome: Duration,
    /// From the end of the session to `CLOSED` without a rating: three days of silence is an answer.
    pub close: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            ring: Duration::from_secs(30),
            ring_text: Duration::from_secs(60),
            alone: Duration::from_secs(20),
            alone_text: Duration::from_secs(60),
            batch: Duration::from_secs(5),
            batch_text: Duration::from_secs(60),
            local_any: Duration::from_secs(15),
            local_any_text: Duration::from_secs(180),
            national: Duration::from_secs(30),
            national_text: Duration::from_secs(360),
            fair_ring: Duration::from_secs(10),
            give_up_call: Duration::from_secs(60),
            give_up_text: Duration::from_secs(600),
            wait_call: Duration::from_secs(600),
            wait_text: Duration::from_secs(24 * HOUR),
            choice: Duration::from_secs(600),
            call_back: Duration::from_secs(24 * HOUR),
            answer: Duration::from_secs(45),
            call_back_pause: Duration::from_secs(600),
            floor: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            grace: Duration::from_secs(60),
            longest_session: Duration::from_secs(4 * HOUR),
            outcome: Duration::from_secs(24 * HOUR),
            close: Duration::from_secs(72 * HOUR),
        }
    }
}

impl Timers {
    /// How long a desk rings for this channel, alone or beside others.
    pub const fn ring_for(&self, channel: Channel, mode: RouteMode) -> Duration {
        match (channel, mode) {
            (Channel::Text, RouteMode::Direct | RouteMode::AutoVillage) => self.alone_text,
            (Channel::Voice | Channel::Video, RouteMode::Direct | RouteMode::AutoVillage) => self.alone,
            (Channel::Text, RouteMode::Broadcast | RouteMode::Appointment) => self.ring_text,
            (Channel::Voice | Channel::Video, RouteMode::Broadcast | RouteMode::Appointment) => self.ring,
        }
    }

    /// How long the first few desks of a tier ring before all of it do.
    pub const fn batch_for(&self, channel: Channel) -> Duration {
        match channel {
            Channel::Text => self.batch_text,
            Channel::Voice | Channel::Video => self.batch,
        }
    }

    /// What is left at least for somebody who waits on: one whole ring.
    pub const fn least_for(&self, channel: Channel) -> Duration {
        self.ring_for(channel, RouteMode::Broadcast)
    }

    /// When the second and the third tier are opened.
    pub const fn tiers_for(&self, channel: Channel) -> (Duration, Duration) {
        match channel {
            Channel::Text => (self.local_any_text, self.national_text),
            Channel::Voice | Channel::Video => (self.local_any, self.national),
        }
    }

    /// How long the server rings, or finds nobody, before it gives up.
    pub const fn give_up_for(&self, channel: Channel) -> Duration {
        match channel {
            Channel::Text => self.give_up_text,
            Channel::Voice | Channel::Video => self.give_up_call,
        }
    }

    /// How long an asker waits at most.
    pub const fn wait_for(&self, channel: Channel) -> Duration {
        match channel {
            Channel::Text => self.wait_text,
            Channel::Voice | Channel::Video => self.wait_call,
        }
    }
}
