//! Whose desk it is: desks are opened, and what is known of their lawyers changes.
use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    time::Duration,
};

use super::{Duty, MAX_TABS, Output, Tab};
use crate::{
    error::SessionError,
    ids::{AreaCode, LawyerId},
    presence::{Desk, Work},
    profile::Profile,
    time::{Instant, Now},
};

/// How long a changed profile is kept for tabs that were let in with the one before: longer than a greeting takes.
pub const PROFILE_KEPT: Duration = Duration::from_secs(60);

/// Profiles that changed a moment ago, by lawyer, and in the order of changing.
#[derive(Debug, Default)]
pub(super) struct Changes {
    newest: BTreeMap<LawyerId, (Instant, Profile)>,
    order: VecDeque<(Instant, LawyerId)>,
}

impl Changes {
    fn keep(&mut self, lawyer: LawyerId, profile: Profile, now: Now) {
        while let Some((at, earlier)) = self.order.front().copied()
            && at + PROFILE_KEPT <= now.mono
        {
            self.order.pop_front();
            if self.newest.get(&earlier).is_some_and(|(newest, _)| *newest == at) {
                self.newest.remove(&earlier);
            }
        }
        self.order.push_back((now.mono, lawyer));
        self.newest.insert(lawyer, (now.mono, profile));
    }

    /// The tab's own may have been read just before the change.
    fn newer(&self, lawyer: LawyerId, profile: Profile) -> Profile {
        self.newest.get(&lawyer).map_or(profile, |(_, newer)| newer.clone())
    }
}

impl Duty {
    pub(super) fn opened(
        &mut self,
        lawyer: LawyerId,
        tab: Tab,
        profile: Profile,
        now: Now,
    ) -> Result<(), SessionError> {
        if !self.desks.get(&lawyer).is_none_or(|desk| desk.has_room_for(tab, MAX_TABS)) {
            return Err(SessionError::TooMany("tabs"));
        }
        let profile = self.changes.newer(lawyer, profile);
        if let Entry::Vacant(place) = self.desks.entry(lawyer) {
            place.insert(Desk::new(profile.clone(), now));
            self.advise(lawyer, &profile.villages);
        }
        self.know(lawyer, profile);
        self.at_desk(lawyer, |desk| {
            desk.renew(tab, now);
            desk.greet();
        });
        Ok(())
    }

    /// Takes a changed profile, and keeps it for tabs that are still on their way with the old one.
    pub(super) fn profile_changed(&mut self, lawyer: LawyerId, profile: Profile, now: Now) {
        self.changes.keep(lawyer, profile.clone(), now);
        self.know(lawyer, profile);
    }

    /// A desk goes by this profile from now on; who may not serve any more stops ringing in this very step.
    fn know(&mut self, lawyer: LawyerId, profile: Profile) {
        let Some(desk) = self.desks.get(&lawyer).filter(|desk| desk.profile != profile) else { return };
        let (villages, rings_for) = (desk.profile.villages.clone(), desk.work);
        if villages != profile.villages {
            self.advise_no_longer(lawyer, &villages);
            self.advise(lawyer, &profile.villages);
        }
        let may_serve = profile.may_serve;
        self.at_desk(lawyer, |desk| desk.know(profile));
        if let Work::Rung(consultation) = rings_for
            && !may_serve
        {
            self.out.push_back(Output::StopRing { consultation, lawyer });
        }
    }

    fn advise(&mut self, lawyer: LawyerId, villages: &[AreaCode]) {
        for village in villages {
            self.advisers.entry(village.clone()).or_default().insert(lawyer);
        }
    }

    pub(super) fn advise_no_longer(&mut self, lawyer: LawyerId, villages: &[AreaCode]) {
        for village in villages {
            let Some(advisers) = self.advisers.get_mut(village) else { continue };
            advisers.remove(&lawyer);
            if advisers.is_empty() {
                self.advisers.remove(village);
            }
        }
    }
}
