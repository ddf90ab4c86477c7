//! How two talk: down at a word of one, up when both want it.
use super::{Session, State, ascent::Answered};
use crate::{
    consultation::Party,
    error::SessionError,
    milestone::Event,
    output::{MediaOrder, Outbox, Output},
    time::Now,
    timers::Timers,
    words::Channel,
};

impl Session {
    /// Goes on by a lesser channel, never by a higher one; `false` when it is the one already.
    pub(crate) fn fall_back(
        &mut self,
        channel: Channel,
        timers: &Timers,
        now: Now,
        out: &mut Outbox,
    ) -> Result<bool, SessionError> {
        if channel > self.channel {
            return Err(SessionError::NotAllowed);
        }
        let lesser = channel < self.channel;
        // Whoever has no microphone after all stays with text.
        let gives_up = self.ascent.coming().is_some();
        if lesser || gives_up {
            self.stay(out);
        }
        if lesser {
            self.change_channel(channel, timers, now, out);
        }
        Ok(lesser || gives_up)
    }

    /// One side wants a greater channel; both may see each other in an instant when the transports stand already.
    pub(crate) fn propose(
        &mut self,
        party: Party,
        channel: Channel,
        timers: &Timers,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        let by = self.leg(party).map(|leg| leg.id).ok_or(SessionError::NotFound)?;
        if channel <= self.channel {
            return Err(SessionError::NotAllowed);
        }
        if self.state != State::Active {
            return Err(SessionError::Unexpected);
        }
        if let Answered::Agreed(channel) = self.ascent.propose(by, channel, now)? {
            self.ascend(channel, timers, now, out);
        }
        Ok(())
    }

    /// The other side answers, or the one that proposed takes it back.
    pub(crate) fn answer(
        &mut self,
        party: Party,
        channel: Channel,
        accept: bool,
        timers: &Timers,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        let by = self.leg(party).map(|leg| leg.id).ok_or(SessionError::NotFound)?;
        if let Answered::Agreed(channel) = self.ascent.answer(by, channel, accept)? {
            self.ascend(channel, timers, now, out);
        }
        Ok(())
    }

    /// Both want it. With transports there is nothing to wait for; from text they are set up first.
    fn ascend(&mut self, channel: Channel, timers: &Timers, now: Now, out: &mut Outbox) {
        if self.channel == Channel::Text {
            // What was seen of transports that were taken down since is no news.
            for leg in [&mut self.citizen, &mut self.desk].into_iter().chain(self.thirds.legs_mut()) {
                leg.seat.media = false;
            }
            self.ascent.begin(now.after(timers.connect));
            out.push(Output::Media(MediaOrder::ConnectLegs {
                session: self.ids.session,
                citizen: self.ids.citizen,
                lawyer: self.lawyer,
                lawyer_leg: self.ids.lawyer,
            }));
            self.connect_thirds(out);
            return;
        }
        self.ascent.clear();
        self.channel = channel;
        out.event(Event::ChannelChanged { session: self.ids.session, to: channel }, now);
    }

    /// The wish lapsed: what was set up for it is taken down, and the two go on as they were.
    pub(super) fn stay(&mut self, out: &mut Outbox) {
        if self.ascent.coming().is_some() {
            let (session, lawyer) = (self.ids.session, self.lawyer);
            out.push(Output::Media(MediaOrder::ReleaseLegs { session, lawyer, asker_waits: false }));
            self.release_thirds(out);
        }
        self.ascent.clear();
    }

    /// Whether transports are in use or being set up.
    pub(crate) fn has_media(&self) -> bool {
        self.channel != Channel::Text || self.ascent.coming().is_some()
    }

    pub(super) fn change_channel(&mut self, channel: Channel, timers: &Timers, now: Now, out: &mut Outbox) {
        self.channel = channel;
        out.event(Event::ChannelChanged { session: self.ids.session, to: channel }, now);
        for leg in [&mut self.citizen, &mut self.desk].into_iter().chain(self.thirds.legs_mut()) {
            leg.seat.keep_devices_of(channel);
        }
        if channel == Channel::Text {
            let (session, lawyer) = (self.ids.session, self.lawyer);
            out.push(Output::Media(MediaOrder::ReleaseLegs { session, lawyer, asker_waits: false }));
            self.release_thirds(out);
        }
        self.settle(timers, now, out);
    }
}
