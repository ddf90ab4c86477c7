//! The offers of one matter: the latest ring of each lawyer, and never more than one winner.
use std::collections::BTreeMap;

use crate::{
    consultation::Ring,
    error::SessionError,
    ids::{LawyerId, OfferId},
    private::PersonName,
    time::{Instant, Now},
    words::{OfferState, RouteMode},
};

/// One ring of one lawyer.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) id: OfferId,
    /// The lawyer's name, for the asker, should this offer win.
    pub(crate) name: PersonName,
    pub(crate) state: OfferState,
    pub(crate) made: Now,
    pub(crate) expires: Now,
    /// How often this lawyer was rung for this matter, from 1.
    pub(crate) round: u32,
    /// How many desks had been rung for this matter before, plus one.
    pub(crate) rank: u32,
    pub(crate) mode: RouteMode,
    /// The lawyer has had it before the eyes.
    pub(crate) seen: bool,
}

impl Offer {
    /// Whether the desk rings.
    pub(crate) const fn rings(&self) -> bool {
        match self.state {
            OfferState::Pending | OfferState::Delivered => true,
            OfferState::Accepted
            | OfferState::Declined
            | OfferState::Expired
            | OfferState::Revoked
            | OfferState::Cancelled => false,
        }
    }

    /// Milliseconds since it was made.
    pub(crate) fn age_ms(&self, now: Now) -> u64 {
        u64::try_from((now.mono - self.made.mono).as_millis()).unwrap_or(u64::MAX)
    }
}

/// The latest offer of each lawyer; bounded by the lawyers of the county.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    latest: BTreeMap<LawyerId, Offer>,
    winner: Option<LawyerId>,
    /// How many were made.
    made: u32,
}

impl Offers {
    /// Rings a desk; refused while it rings already.
    pub(crate) fn make(&mut self, ring: Ring, made: Now, expires: Now) -> Result<&Offer, SessionError> {
        let Ring { offer: id, lawyer, name, mode, .. } = ring;
        let before = self.latest.get(&lawyer);
        if before.is_some_and(Offer::rings) {
            return Err(SessionError::Unexpected);
        }
        let round = before.map_or(1, |before| before.round + 1);
        self.made += 1;
        let (state, rank) = (OfferState::Pending, self.made);
        let made = Offer { id, name, state, made, expires, round, rank, mode, seen: false };
        Ok(self.latest.entry(lawyer).insert_entry(made).into_mut())
    }

    /// The lawyer's latest offer.
    pub(crate) fn of(&self, lawyer: LawyerId) -> Option<&Offer> {
        self.latest.get(&lawyer)
    }

    /// This very offer of this very lawyer: an earlier one is over, a stranger's does not exist.
    pub(crate) fn find(&mut self, lawyer: LawyerId, offer: OfferId) -> Result<&mut Offer, SessionError> {
        let latest = self.latest.get_mut(&lawyer).ok_or(SessionError::NotFound)?;
        if latest.id == offer { Ok(latest) } else { Err(SessionError::OfferOver) }
    }

    /// The one compare-and-set: nobody has won, so this lawyer has. The matter has one owner, so comparing and setting
    /// cannot be torn apart; the event's version makes the same true in the store.
    pub(crate) fn claim(&mut self, lawyer: LawyerId, offer: OfferId) -> Result<&Offer, SessionError> {
        if self.winner.is_some() {
            return Err(SessionError::Taken);
        }
        let won = self.latest.get_mut(&lawyer).ok_or(SessionError::NotFound)?;
        if won.id != offer || !won.rings() {
            return Err(SessionError::OfferOver);
        }
        won.state = OfferState::Accepted;
        self.winner = Some(lawyer);
        Ok(won)
    }

    /// What an acceptance hears when nothing can be won any more: the winner said it twice, or came too late.
    pub(crate) fn too_late(&self, lawyer: LawyerId, offer: OfferId) -> Result<(), SessionError> {
        let latest = self.latest.get(&lawyer).ok_or(SessionError::NotFound)?;
        match latest.state {
            OfferState::Accepted if latest.id == offer && self.winner == Some(lawyer) => Ok(()),
            OfferState::Revoked if latest.id == offer => Err(SessionError::Taken),
            OfferState::Pending
            | OfferState::Delivered
            | OfferState::Accepted
            | OfferState::Declined
            | OfferState::Expired
            | OfferState::Revoked
            | OfferState::Cancelled => Err(SessionError::OfferOver),
        }
    }

    /// The winner's session never began: the matter can be won again.
    pub(crate) fn reopen(&mut self) {
        self.winner = None;
    }

    /// Ends the ring of one lawyer, if there is one.
    pub(crate) fn cut(&mut self, lawyer: LawyerId) -> Option<Offer> {
        let latest = self.latest.get_mut(&lawyer).filter(|offer| offer.rings())?;
        latest.state = OfferState::Cancelled;
        Some(latest.clone())
    }

    /// Takes every offer that rings and meets the condition into `state`; returns them in the order of lawyers.
    pub(crate) fn close(&mut self, state: OfferState, which: impl Fn(&Offer) -> bool) -> Vec<(LawyerId, Offer)> {
        let mut closed = Vec::new();
        for (lawyer, offer) in &mut self.latest {
            if offer.rings() && which(offer) {
                offer.state = state;
                closed.push((*lawyer, offer.clone()));
            }
        }
        closed
    }

    /// Desks that ring.
    pub(crate) fn ringing(&self) -> u32 {
        u32::try_from(self.latest.values().filter(|offer| offer.rings()).count()).unwrap_or(u32::MAX)
    }

    /// When the next ring ends by itself.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.latest.values().filter(|offer| offer.rings()).map(|offer| offer.expires.mono).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{message::tests::uuid, time::Timestamp, words::Tier};

    const ZHAO: u128 = 101;
    const QIAN: u128 = 102;

    fn lawyer(n: u128) -> LawyerId {
        LawyerId::new(uuid(n))
    }

    fn offer(n: u128) -> OfferId {
        OfferId::new(uuid(n))
    }

    fn ring(id: u128, n: u128) -> Ring {
        let name = PersonName::new("律师");
        Ring { offer: offer(id), lawyer: lawyer(n), name, mode: RouteMode::Broadcast, tier: Tier::LocalArea }
    }

    fn two_desks_ring() -> Offers {
        let now = Now { mono: Instant::default(), wall: Timestamp(0) };
        let mut offers = Offers::default();
        for (n, id) in [(ZHAO, 1), (QIAN, 2)] {
            offers.make(ring(id, n), now, now.after(Duration::from_secs(30))).expect("not rung before");
        }
        offers
    }

    #[test]
    fn the_first_who_claims_wins_and_the_second_hears_taken() {
        let mut offers = two_desks_ring();

        assert!(offers.claim(lawyer(QIAN), offer(2)).is_ok());
        assert_eq!(offers.claim(lawyer(ZHAO), offer(1)).map(|_| ()), Err(SessionError::Taken));

        assert_eq!(offers.close(OfferState::Revoked, |_| true).len(), 1);
        assert_eq!(offers.too_late(lawyer(ZHAO), offer(1)), Err(SessionError::Taken));
        assert_eq!(offers.too_late(lawyer(QIAN), offer(2)), Ok(()));
    }

    #[test]
    fn a_desk_that_rings_is_not_rung_again_and_the_next_ring_is_the_second_round() {
        let mut offers = two_desks_ring();
        let now = Now { mono: Instant::default(), wall: Timestamp(0) };
        let again = |offers: &mut Offers| offers.make(ring(3, ZHAO), now, now).map(|made| (made.round, made.rank));

        assert_eq!(again(&mut offers), Err(SessionError::Unexpected));
        offers.close(OfferState::Expired, |_| true);
        assert_eq!(again(&mut offers), Ok((2, 3)));
        assert_eq!(offers.find(lawyer(ZHAO), offer(1)).map(|_| ()), Err(SessionError::OfferOver));
        assert_eq!(offers.find(lawyer(9), offer(1)).map(|_| ()), Err(SessionError::NotFound));
    }
}
