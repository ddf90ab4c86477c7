//! Business time: Asia/Shanghai, office hours, holidays and make-up workdays (调休).
use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::Serialize;
use yunfa_signaling::time::Timestamp;

use super::people::words;

/// Where all business dates are read.
pub(super) const ZONE: &str = "Asia/Shanghai";
/// First hour of a workday.
const OPENS: i8 = 9;
/// First hour after a workday (eight hours: 劳动法 Art. 36).
const CLOSES: i8 = 17;
/// Days looked at for a workday at most.
const LONGEST_SEARCH_DAYS: u32 = 3660;

/// Longest name of a day.
pub const MAX_NAME_CHARS: usize = 40;

words! {
    /// What the table makes of a day.
    DayKind {
        /// 放假: a day off, whatever weekday it is.
        Holiday = "HOLIDAY",
        /// 上班: a Saturday or Sunday on which people work.
        Workday = "WORKDAY",
    }
}

/// One day of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// What it is.
    pub kind: DayKind,
    /// Why, such as the holiday's name.
    pub name: String,
}

impl Day {
    /// Only a weekend day can be made a workday: others are.
    pub fn makes_sense(&self) -> bool {
        self.kind == DayKind::Holiday || is_weekend(self.date)
    }
}

/// The yearly table of the State Council: holidays on weekdays, and weekends on which work is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// Days off, whatever weekday they are.
    pub holidays: BTreeSet<Date>,
    /// Saturdays and Sundays on which people work.
    pub make_up_workdays: BTreeSet<Date>,
}

impl Days {
    /// The table of these days.
    pub fn of(all: impl IntoIterator<Item = Day>) -> Self {
        let mut days = Self::default();
        for day in all {
            match day.kind {
                DayKind::Holiday => days.holidays.insert(day.date),
                DayKind::Workday => days.make_up_workdays.insert(day.date),
            };
        }
        days
    }

    /// Whether people work on this date.
    fn is_workday(&self, date: Date) -> bool {
        self.make_up_workdays.contains(&date) || !(is_weekend(date) || self.holidays.contains(&date))
    }
}

/// The table that is in force. Cheap to clone; all clones are one, so that a change counts everywhere at once.
#[derive(Clone, Debug, Default)]
pub struct Calendar(Arc<RwLock<Days>>);

/// What a moment is in business time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessTime {
    /// The local date.
    pub date: Date,
    /// The local month, `2026-03`: the period in which a service that starts now is paid.
    pub period: String,
    /// Not within [09:00, 17:00) of a workday.
    pub off_hours: bool,
    /// A day off by the table.
    pub holiday: bool,
    /// A weekend day on which people work, by the table.
    pub make_up_workday: bool,
}

impl Calendar {
    /// The calendar with this table.
    pub fn new(days: Days) -> Self {
        Self(Arc::new(RwLock::new(days)))
    }

    /// Goes by this table from now on.
    pub fn replace(&self, days: Days) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = days;
    }

    fn days(&self) -> RwLockReadGuard<'_, Days> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the `days`-th workday after the date of `at` ends; a table without workdays ends after ten years.
    pub fn end_of_workday(&self, at: Timestamp, days: u32) -> Timestamp {
        let zone = TimeZone::get(ZONE).expect("the zone data is compiled in");
        let (mut date, mut left) = (self.at(at).date, days);
        let table = self.days();
        for _ in 0..LONGEST_SEARCH_DAYS {
            if left == 0 {
                break;
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
            left -= u32::from(table.is_workday(date));
        }
        let end = date.at(CLOSES, 0, 0, 0).to_zoned(zone);
        end.map_or(Timestamp(i64::MAX), |end| Timestamp(end.timestamp().as_millisecond()))
    }

    /// What `at` is in business time; a moment outside the years 0 to 9999 is taken as the nearest one inside.
    pub fn at(&self, at: Timestamp) -> BusinessTime {
        let zone = TimeZone::get(ZONE).expect("the zone data is compiled in");
        let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        let local = moment.to_zoned(zone);
        let date = local.date();
        let table = self.days();
        let holiday = table.holidays.contains(&date);
        let make_up_workday = table.make_up_workdays.contains(&date);
        let workday = table.is_workday(date);
        BusinessTime {
            date,
            period: format!("{:04}-{:02}", date.year(), date.month()),
            off_hours: !(workday && (OPENS..CLOSES).contains(&local.hour())),
            holiday,
            make_up_workday,
        }
    }
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(utc: &str) -> Timestamp {
        Timestamp(utc.parse::<jiff::Timestamp>().expect("a moment").as_millisecond())
    }

    #[test]
    fn office_hours_begin_at_nine_and_end_before_five() {
        let calendar = Calendar::default();
        let cases = [
            ("2026-03-11T00:59:59.999Z", true),
            ("2026-03-11T01:00:00Z", false),
            ("2026-03-13T08:59:59.999Z", false),
            ("2026-03-13T09:00:00Z", true),
            ("2026-03-14T02:00:00Z", true),
            ("2026-03-15T02:00:00Z", true),
        ];

        for (utc, off_hours) in cases {
            assert_eq!(calendar.at(at(utc)).off_hours, off_hours, "{utc}");
        }
    }

    #[test]
    fn the_table_turns_a_saturday_into_a_workday_and_a_monday_into_a_holiday() {
        let calendar = Calendar::new(Days {
            holidays: [Date::constant(2026, 3, 16)].into(),
            make_up_workdays: [Date::constant(2026, 3, 14)].into(),
        });

        let saturday = calendar.at(at("2026-03-14T02:00:00Z"));
        let monday = calendar.at(at("2026-03-16T02:00:00Z"));

        assert!(saturday.make_up_workday && !saturday.off_hours && !saturday.holiday);
        assert!(monday.holiday && monday.off_hours && !monday.make_up_workday);
    }

    #[test]
    fn working_days_skip_weekends_and_holidays_and_count_make_up_days() {
        let calendar = Calendar::new(Days {
            holidays: [Date::constant(2026, 3, 16)].into(),
            make_up_workdays: [Date::constant(2026, 3, 14)].into(),
        });
        // A Friday; the Saturday after it is worked, the Monday is free.
        let friday = at("2026-03-13T01:00:00Z");

        assert_eq!(calendar.end_of_workday(friday, 0), at("2026-03-13T09:00:00Z"));
        assert_eq!(calendar.end_of_workday(friday, 1), at("2026-03-14T09:00:00Z"));
        assert_eq!(calendar.end_of_workday(friday, 2), at("2026-03-17T09:00:00Z"));
        for ms in [i64::MIN, i64::MAX] {
            let _ = calendar.end_of_workday(Timestamp(ms), 3);
        }
    }

    #[test]
    fn a_period_is_the_month_in_shanghai_not_in_utc() {
        let calendar = Calendar::default();

        assert_eq!(calendar.at(at("2026-02-28T15:59:59.999Z")).period, "2026-02");
        assert_eq!(calendar.at(at("2026-02-28T16:00:00Z")).period, "2026-03");
        assert_eq!(calendar.at(at("2026-02-28T16:00:00Z")).date, Date::constant(2026, 3, 1));
    }

    #[test]
    fn summer_time_of_1986_is_in_the_zone() {
        // 23:30 of 1 July at +09:00, which would be 22:30 at today's +08:00.
        assert_eq!(Calendar::default().at(at("1986-07-01T15:30:00Z")).date, Date::constant(1986, 7, 2));
    }

    #[test]
    fn a_moment_beyond_all_calendars_is_no_panic() {
        let calendar = Calendar::default();

        for ms in [i64::MIN, i64::MAX] {
            let _ = calendar.at(Timestamp(ms));
        }
    }
}
