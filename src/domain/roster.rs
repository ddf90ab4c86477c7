//! The duty roster: who is planned when, in the bureau's local time, and who was not there.
use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    time::Timestamp,
    words::{Pool, Presence},
};

use super::calendar::ZONE;

/// Longest shift.
pub const MAX_SHIFT_MS: i64 = 24 * 3600 * 1000;
/// How far ahead a shift is planned.
pub const MAX_AHEAD_MS: i64 = 366 * 24 * 3600 * 1000;

/// Whom a shift is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnShift {
    /// One lawyer.
    Lawyer(LawyerId),
    /// The pool as a whole: some of it are to be there.
    Pool(Pool),
}

/// One planned shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Whose.
    pub who: OnShift,
    /// For which county, town or village; the whole bureau's when none is named.
    pub area: Option<AreaCode>,
    /// From.
    pub from: Timestamp,
    /// To, not included.
    pub to: Timestamp,
}

/// Why a shift cannot be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShiftFault {
    /// The end is not after the beginning, or more than a day later.
    #[error("a shift ends after it begins, at most 24 hours later")]
    Length,
    /// It is over, or more than a year ahead.
    #[error("a shift is not over, and begins within a year")]
    OutOfReach,
}

impl Shift {
    /// Whether it can be planned now.
    ///
    /// # Errors
    /// Says what is wrong with its times.
    pub const fn check(&self, now: Timestamp) -> Result<(), ShiftFault> {
        let length = self.to.0.saturating_sub(self.from.0);
        if length <= 0 || length > MAX_SHIFT_MS {
            return Err(ShiftFault::Length);
        }
        if self.to.0 <= now.0 || self.from.0 > now.0.saturating_add(MAX_AHEAD_MS) {
            return Err(ShiftFault::OutOfReach);
        }
        Ok(())
    }

    /// Whether the two are of the same person and overlap. A pool may be planned twice: for two villages, for one.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = matches!(self.who, OnShift::Lawyer(_)) && self.who == other.who;
        same && self.from < other.to && other.from < self.to
    }
}

/// Whether somebody with this presence is at the place the roster says, or at a visit. A pause is none: nobody can be reached.
pub const fn is_there(presence: Presence) -> bool {
    match presence {
        Presence::Available | Presence::Ringing | Presence::Busy | Presence::WrapUp | Presence::OnSite => true,
        Presence::Offline | Presence::Online | Presence::Break => false,
    }
}

/// What was seen of a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// Not begun.
    Planned,
    /// Runs, and the lawyer has been there.
    Present,
    /// Runs, and the lawyer has not been there yet.
    Awaited,
    /// Over, and the lawyer was there.
    Kept,
    /// Over, and the lawyer never was there.
    NoShow,
    /// Over, and the server looked at less than half of it: nobody is blamed for what nobody saw.
    Unknown,
}

impl Attendance {
    /// Of a shift of which so many minutes were observed, in so many of which its lawyer was there.
    pub const fn of(shift: &Shift, observed_min: u32, present_min: u32, now: Timestamp) -> Self {
        let minutes = (shift.to.0 - shift.from.0) / 60_000;
        if now.0 < shift.from.0 {
            return Self::Planned;
        }
        match (now.0 < shift.to.0, present_min > 0) {
            (true, true) => Self::Present,
            (true, false) => Self::Awaited,
            (false, true) => Self::Kept,
            (false, false) if observed_min as i64 * 2 >= minutes => Self::NoShow,
            (false, false) => Self::Unknown,
        }
    }

    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "PLANNED",
            Self::Present => "PRESENT",
            Self::Awaited => "AWAITED",
            Self::Kept => "KEPT",
            Self::NoShow => "NO_SHOW",
            Self::Unknown => "UNKNOWN",
        }
    }
}

fn zone() -> TimeZone {
    TimeZone::get(ZONE).expect("the zone data is compiled in")
}

/// A local time (`2026-11-23 09:00`, also with `T` or `/`) as a moment. A time that summer time left out or repeated, as in
/// 1986 to 1991, is none.
pub fn local(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace('/', "-").replacen(' ', "T", 1);
    // A date alone would be midnight.
    let time: DateTime = text.contains('T').then(|| text.parse().ok()).flatten()?;
    if time.second() != 0 || time.subsec_nanosecond() != 0 {
        return None;
    }
    let moment = zone().to_ambiguous_zoned(time);
    match moment.offset() {
        AmbiguousOffset::Unambiguous { .. } => Some(Timestamp(moment.unambiguous().ok()?.timestamp().as_millisecond())),
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => None,
    }
}

/// A moment as the local time of the roster, `2026-11-23T09:00`.
pub fn in_local(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    let local = moment.to_zoned(zone()).datetime();
    format!("{:04}-{:02}-{:02}T{:02}:{:02}", local.year(), local.month(), local.day(), local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::id;

    fn shift(from: &str, to: &str) -> Shift {
        let time = |text| local(text).expect("a time");
        Shift { who: OnShift::Lawyer(LawyerId::new(id(1, 3))), area: None, from: time(from), to: time(to) }
    }

    #[test]
    fn a_time_is_the_bureaus_and_reads_back() {
        for text in ["2026-11-23 09:00", "2026/11/23 09:00", " 2026-11-23T09:00 ", "2026-11-23 09:00:00"] {
            assert_eq!(local(text).map(in_local).as_deref(), Some("2026-11-23T09:00"), "{text}");
        }
        let nine = local("2026-11-23 09:00").expect("a time");
        assert_eq!(nine.0, "2026-11-23T01:00:00Z".parse::<jiff::Timestamp>().expect("a moment").as_millisecond());
        for wrong in
            ["", "tomorrow", "2026-11-23", "2026-02-30 09:00", "09:00", "2026-11-23 25:00", "2026-11-23 09:00:30"]
        {
            assert_eq!(local(wrong), None, "{wrong}");
        }
        assert_eq!(local("1986-05-04 02:30"), None, "summer time left that out");
    }

    #[test]
    fn a_shift_has_an_end_and_lies_ahead() {
        let now = local("2026-11-22 12:00").expect("a time");
        assert_eq!(shift("2026-11-23 09:00", "2026-11-23 17:00").check(now), Ok(()));
        assert_eq!(shift("2026-11-23 22:00", "2026-11-24 06:00").check(now), Ok(()), "over midnight");
        assert_eq!(shift("2026-11-22 09:00", "2026-11-22 17:00").check(now), Ok(()), "it runs already");
        assert_eq!(shift("2026-11-23 09:00", "2026-11-23 09:00").check(now), Err(ShiftFault::Length));
        assert_eq!(shift("2026-11-23 09:00", "2026-11-24 09:01").check(now), Err(ShiftFault::Length));
        assert_eq!(shift("2026-11-21 09:00", "2026-11-22 09:00").check(now), Err(ShiftFault::OutOfReach));
        assert_eq!(shift("2028-11-21 09:00", "2028-11-21 10:00").check(now), Err(ShiftFault::OutOfReach));
    }

    #[test]
    fn shifts_of_one_person_overlap_when_they_share_a_minute() {
        let one = shift("2026-11-23 09:00", "2026-11-23 12:00");
        assert!(one.overlaps(&shift("2026-11-23 11:59", "2026-11-23 13:00")));
        assert!(!one.overlaps(&shift("2026-11-23 12:00", "2026-11-23 13:00")));
        let pool = Shift { who: OnShift::Pool(Pool::National), ..one.clone() };
        assert!(!pool.overlaps(&pool.clone()) && !pool.overlaps(&one));
    }

    #[test]
    fn only_what_was_looked_at_is_a_no_show() {
        let planned = shift("2026-11-23 09:00", "2026-11-23 10:00");
        let at =
            |text: &str, observed, present| Attendance::of(&planned, observed, present, local(text).expect("a time"));
        assert_eq!(at("2026-11-23 08:59", 0, 0), Attendance::Planned);
        assert_eq!(at("2026-11-23 09:00", 0, 0), Attendance::Awaited);
        assert_eq!(at("2026-11-23 09:59", 10, 1), Attendance::Present);
        assert_eq!(at("2026-11-23 10:00", 60, 1), Attendance::Kept);
        assert_eq!(at("2026-11-23 10:00", 30, 0), Attendance::NoShow);
        assert_eq!(at("2026-11-23 10:00", 29, 0), Attendance::Unknown);
    }
}
