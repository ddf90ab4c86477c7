//! One participant's connection: what is known of it, and where its leg stands.
use super::draft::Draft;
use crate::{
    ids::LegId,
    message::LegView,
    private::PersonName,
    time::{Instant, Now},
    words::{Channel, DeviceState, LegState, Role},
};

/// Whether microphone, camera and shared screen send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Devices {
    pub(crate) microphone: DeviceState,
    pub(crate) camera: DeviceState,
    pub(crate) screen: DeviceState,
}

impl Devices {
    /// What a channel asks for.
    const fn of(channel: Channel) -> Self {
        let (microphone, camera) = match channel {
            Channel::Text => (DeviceState::Absent, DeviceState::Absent),
            Channel::Voice => (DeviceState::On, DeviceState::Absent),
            Channel::Video => (DeviceState::On, DeviceState::On),
        };
        Self { microphone, camera, screen: DeviceState::Absent }
    }
}

/// What is known of a participant's socket, transport and devices; an asker has one before any session.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// When the socket was lost; `None` while there is one.
    pub(crate) away_since: Option<Instant>,
    /// Is called back and has not answered: whatever is up, nobody is there yet.
    pub(crate) is_called: bool,
    /// The transport is up and not silent.
    pub(crate) media: bool,
    pub(crate) devices: Devices,
}

impl Seat {
    /// Somebody whose socket is there and whose devices are what the channel asks for, until they say otherwise.
    pub(crate) const fn new(channel: Channel) -> Self {
        Self { away_since: None, is_called: false, media: false, devices: Devices::of(channel) }
    }

    /// Drops the devices for which a lesser channel has no use.
    pub(crate) const fn keep_devices_of(&mut self, channel: Channel) {
        match channel {
            Channel::Text => self.devices = Devices::of(Channel::Text),
            Channel::Voice => self.devices.camera = DeviceState::Absent,
            Channel::Video => {}
        }
    }

    /// Notes that the socket is gone; `false` when that was known.
    pub(crate) const fn lose_socket(&mut self, now: Now) -> bool {
        if self.away_since.is_some() {
            return false;
        }
        self.away_since = Some(now.mono);
        true
    }

    /// Notes that there is a socket again; `false` when that was known.
    pub(crate) const fn find_socket(&mut self) -> bool {
        self.away_since.take().is_some()
    }

    /// Notes a lost or found socket; `false` when that was known.
    pub(crate) const fn note_socket(&mut self, lost: bool, now: Now) -> bool {
        if lost { self.lose_socket(now) } else { self.find_socket() }
    }

    /// Whether nothing is missing for talking by this channel: a socket, and except for text a transport.
    pub(crate) const fn is_there(&self, channel: Channel) -> bool {
        let media = match channel {
            Channel::Text => true,
            Channel::Voice | Channel::Video => self.media,
        };
        self.away_since.is_none() && !self.is_called && media
    }
}

/// A leg of a session.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) role: Role,
    name: PersonName,
    pub(crate) seat: Seat,
    pub(crate) state: LegState,
    /// While interrupted: when the seat is given up.
    pub(crate) seat_until: Option<Now>,
    /// The number of the last chat line read.
    pub(crate) read: u32,
    /// What it is writing, when it shows that.
    pub(crate) draft: Draft,
}

impl Leg {
    pub(crate) fn new(id: LegId, role: Role, name: PersonName, seat: Seat) -> Self {
        Self { id, role, name, seat, state: LegState::Invited, seat_until: None, read: 0, draft: Draft::default() }
    }

    /// Where the leg stands by what is known of its seat; final states stay.
    pub(crate) const fn next_state(&self, channel: Channel) -> LegState {
        match self.state {
            LegState::Left | LegState::Kicked | LegState::TimedOut => self.state,
            LegState::Invited | LegState::Joining | LegState::Connected | LegState::Interrupted
                if self.seat.is_there(channel) =>
            {
                LegState::Connected
            }
            LegState::Connected | LegState::Interrupted => LegState::Interrupted,
            LegState::Invited | LegState::Joining if self.seat.away_since.is_none() => LegState::Joining,
            LegState::Invited | LegState::Joining => LegState::Invited,
        }
    }

    pub(crate) fn view(&self) -> LegView {
        LegView {
            leg: self.id,
            role: self.role,
            part: None,
            name: self.name.clone(),
            state: self.state,
            microphone: self.seat.devices.microphone,
            camera: self.seat.devices.camera,
            screen: self.seat.devices.screen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::tests::uuid, time::Timestamp};

    const NOW: Now = Now { mono: Instant::START, wall: Timestamp(0) };

    fn leg(channel: Channel) -> Leg {
        Leg::new(LegId::new(uuid(1)), Role::Citizen, PersonName::new("群众"), Seat::new(channel))
    }

    #[test]
    fn a_voice_leg_joins_connects_is_interrupted_and_comes_back() {
        let mut leg = leg(Channel::Voice);
        assert_eq!(leg.next_state(Channel::Voice), LegState::Joining);

        leg.seat.media = true;
        leg.state = leg.next_state(Channel::Voice);
        assert_eq!(leg.state, LegState::Connected);

        assert!(leg.seat.lose_socket(NOW));
        assert!(!leg.seat.lose_socket(NOW.after(std::time::Duration::from_secs(1))), "lost once is lost");
        leg.state = leg.next_state(Channel::Voice);
        assert_eq!(leg.state, LegState::Interrupted);

        assert!(leg.seat.find_socket());
        assert_eq!(leg.next_state(Channel::Voice), LegState::Connected);
    }

    #[test]
    fn a_text_leg_needs_no_media_and_a_leg_that_left_stays_away() {
        let mut leg = leg(Channel::Text);
        assert_eq!(leg.next_state(Channel::Text), LegState::Connected);

        leg.state = LegState::Left;
        assert_eq!(leg.next_state(Channel::Text), LegState::Left);
    }
}
