//! The duty book: who rings for whom, and when.
use std::time::Duration;

use super::*;
use crate::{
    message::tests::uuid,
    output::{RingOver, Seek},
    time::Timestamp,
    words::{Channel, Grade},
};

const START: Now = Now { mono: Instant::START, wall: Timestamp(0) };
const LABOUR: PracticeArea = PracticeArea::Labour;
const FAMILY: PracticeArea = PracticeArea::Family;
const VILLAGE: &str = "370521001001";

fn at(seconds: u64) -> Now {
    START.after(Duration::from_secs(seconds))
}

fn lawyer(n: u128) -> LawyerId {
    LawyerId::new(uuid(n))
}

fn matter(n: u128) -> ConsultationId {
    ConsultationId::new(uuid(1000 + n))
}

fn village() -> AreaCode {
    VILLAGE.parse().expect("twelve digits")
}

fn local(areas: &[PracticeArea]) -> Profile {
    Profile {
        name: PersonName::new("律师"),
        areas: areas.iter().copied().collect(),
        pool: Pool::Local,
        county: None,
        villages: vec![],
        may_serve: true,
    }
}

fn national(areas: &[PracticeArea]) -> Profile {
    Profile { pool: Pool::National, ..local(areas) }
}

fn adviser(areas: &[PracticeArea]) -> Profile {
    Profile { villages: vec![village()], ..local(areas) }
}

/// A book in which lawyer `n` is on duty with the `n`th profile; who comes first has rested longest.
fn on_duty(profiles: impl IntoIterator<Item = Profile>) -> Duty {
    let mut duty = Duty::new(Timers::default());
    for (n, profile) in (0..).zip(profiles) {
        let lawyer = lawyer(n);
        duty.handle(Input::DeskOpened { lawyer, tab: Tab(0), profile }, START).expect("there is room for a tab");
        duty.handle(Input::PresenceSet { lawyer, wish: Wish::OnDuty }, START).expect("the desk is open");
    }
    while duty.poll_output().is_some() {}
    duty
}

fn wants(area: PracticeArea, asked: Now, lawyer: Option<LawyerId>) -> Seek {
    let channel = Channel::Voice;
    Seek {
        search: 1,
        practice_area: area,
        place: village(),
        channel,
        lawyer,
        asked: asked.mono,
        grade: Grade::Normal,
        away: false,
        barred: BTreeSet::new(),
    }
}

fn seek(duty: &mut Duty, n: u128, area: PracticeArea, now: Now) {
    hear(duty, n, Hint::Seek(wants(area, now, None)), now);
}

fn hear(duty: &mut Duty, n: u128, hint: Hint, now: Now) {
    duty.handle(Input::Heard { consultation: matter(n), hint }, now).expect("the book knows the matter");
}

fn wake(duty: &mut Duty, now: Now) {
    let here: Vec<LawyerId> = duty.desks.keys().copied().collect();
    for lawyer in here {
        duty.handle(Input::DeskSeen { lawyer, tab: Tab(0) }, now).expect("the tab is open");
    }
    duty.handle(Input::Timeout, now).expect("a timeout is never refused");
}

/// Seconds pass, and desks give their signs of life.
fn pass(duty: &mut Duty, seconds: std::ops::Range<u64>) {
    seconds.step_by(15).for_each(|second| wake(duty, at(second)));
}

/// Rings and ways since the last look, in words.
fn orders(duty: &mut Duty) -> Vec<String> {
    let matter = |id| (1..99).find(|n| matter(*n) == id).unwrap_or_default();
    let lawyer = |id| (0..99).find(|n| lawyer(*n) == id).unwrap_or_default();
    std::iter::from_fn(|| duty.poll_output())
        .filter_map(|output| match output {
            Output::Ring { consultation, lawyer: rung, mode, tier, .. } => {
                Some(format!("{} rings at {}, {mode} {tier}", matter(consultation), lawyer(rung)))
            }
            Output::Routed { consultation, mode } => Some(format!("{} goes by {mode}", matter(consultation))),
            Output::StopRing { consultation, lawyer: whose } => {
                Some(format!("{} is withdrawn from {}", matter(consultation), lawyer(whose)))
            }
            Output::Place { .. } | Output::Floor { .. } | Output::ToLawyer(..) => None,
        })
        .collect()
}

/// Who rings, in order.
fn rung(duty: &mut Duty) -> Vec<u128> {
    std::iter::from_fn(|| duty.poll_output())
        .filter_map(|output| match output {
            Output::Ring { lawyer: rung, .. } => (0..99).find(|n| lawyer(*n) == rung),
            Output::Routed { .. }
            | Output::StopRing { .. }
            | Output::Place { .. }
            | Output::Floor { .. }
            | Output::ToLawyer(..) => None,
        })
        .collect()
}

fn places(duty: &mut Duty) -> Vec<(u128, u32, u32, u32, Option<u32>)> {
    std::iter::from_fn(|| duty.poll_output())
        .filter_map(|output| match output {
            Output::Place { consultation, place, on_duty, occupied, expected_s } => {
                let n = (1..99).find(|n| matter(*n) == consultation)?;
                Some((n, place, on_duty, occupied, expected_s))
            }
            Output::Ring { .. }
            | Output::Routed { .. }
            | Output::StopRing { .. }
            | Output::Floor { .. }
            | Output::ToLawyer(..) => None,
        })
        .collect()
}

fn missed(duty: &mut Duty, n: u128, whose: u128, now: Now) {
    hear(duty, n, Hint::RingOver { lawyer: lawyer(whose), how: RingOver::Missed }, now);
}

fn declined(duty: &mut Duty, n: u128, whose: u128, now: Now) {
    hear(duty, n, Hint::RingOver { lawyer: lawyer(whose), how: RingOver::Declined }, now);
}

#[test]
fn the_search_widens_from_a_few_of_the_field_to_the_nation() {
    let mut duty = on_duty(
        [
            vec![local(&[LABOUR]); 7],
            vec![local(&[FAMILY]); 7],
            vec![national(&[LABOUR]); 7],
            vec![national(&[FAMILY]); 1],
        ]
        .concat(),
    );

    seek(&mut duty, 1, LABOUR, START);
    assert_eq!(rung(&mut duty), [0, 1, 2, 3, 4], "a few, longest idle first");
    wake(&mut duty, at(5));
    assert_eq!(rung(&mut duty), [5, 6], "then all of the field");
    wake(&mut duty, at(15));
    assert_eq!(rung(&mut duty), [7, 8, 9, 10, 11]);
    wake(&mut duty, at(20));
    assert_eq!(rung(&mut duty), [12, 13]);
    wake(&mut duty, at(30));
    assert_eq!(rung(&mut duty), [14, 15, 16, 17, 18]);
    wake(&mut duty, at(35));
    assert_eq!(rung(&mut duty), [19, 20], "of the nation only those who know the field");
}

#[test]
fn a_tier_that_nobody_serves_is_not_waited_for() {
    let mut duty = on_duty([national(&[FAMILY])]);

    seek(&mut duty, 1, LABOUR, START);

    assert_eq!(orders(&mut duty), ["1 goes by BROADCAST", "1 rings at 0, BROADCAST NATIONAL"]);
}

#[test]
fn a_tier_whose_lawyers_are_all_occupied_is_waited_for() {
    let mut duty = on_duty([local(&[LABOUR]), national(&[LABOUR])]);
    seek(&mut duty, 1, LABOUR, START);
    hear(&mut duty, 1, Hint::Engaged { lawyer: lawyer(0) }, START);
    rung(&mut duty);

    seek(&mut duty, 2, LABOUR, at(1));
    assert_eq!(rung(&mut duty), []);
    wake(&mut duty, at(16));
    wake(&mut duty, at(31));

    assert_eq!(rung(&mut duty), [1], "after 30 s it is the nation's turn");
}

#[test]
fn the_lawyer_of_the_askers_choice_rings_alone_and_then_others_do() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[FAMILY]), adviser(&[LABOUR])]);

    hear(&mut duty, 1, Hint::Seek(wants(LABOUR, START, Some(lawyer(1)))), START);
    assert_eq!(orders(&mut duty), ["1 goes by DIRECT", "1 rings at 1, DIRECT LOCAL_AREA"]);
    wake(&mut duty, at(19));
    assert_eq!(orders(&mut duty), [""; 0], "nobody else is rung meanwhile");

    missed(&mut duty, 1, 1, at(20));
    assert_eq!(
        orders(&mut duty),
        ["1 goes by BROADCAST", "1 rings at 0, BROADCAST LOCAL_AREA", "1 rings at 2, BROADCAST LOCAL_AREA"]
    );
    wake(&mut duty, at(35));
    assert_eq!(orders(&mut duty), ["1 rings at 1, BROADCAST LOCAL_ANY"], "tiers are counted from here");
}

#[test]
fn a_choice_that_is_not_free_is_not_waited_for() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[LABOUR])]);
    duty.handle(Input::PresenceSet { lawyer: lawyer(1), wish: Wish::Break }, START).expect("the desk is open");
    orders(&mut duty);

    hear(&mut duty, 1, Hint::Seek(wants(LABOUR, START, Some(lawyer(1)))), START);

    assert_eq!(orders(&mut duty), ["1 goes by BROADCAST", "1 rings at 0, BROADCAST LOCAL_AREA"]);
}

#[test]
fn the_villages_adviser_who_knows_the_field_rings_first() {
    let mut duty = on_duty([local(&[LABOUR]), adviser(&[FAMILY]), adviser(&[LABOUR])]);

    seek(&mut duty, 1, LABOUR, START);
    assert_eq!(orders(&mut duty), ["1 goes by AUTO_VILLAGE", "1 rings at 2, AUTO_VILLAGE LOCAL_AREA"]);

    declined(&mut duty, 1, 2, at(4));
    assert_eq!(orders(&mut duty), ["1 goes by BROADCAST", "1 rings at 0, BROADCAST LOCAL_AREA"]);
}

#[test]
fn a_desk_that_becomes_free_goes_to_the_oldest_matter_for_which_nobody_rings() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[LABOUR])]);
    for n in 1..=4 {
        seek(&mut duty, n, LABOUR, at(n as u64));
    }
    assert_eq!(rung(&mut duty), [0, 1], "the first matter has both");

    hear(&mut duty, 1, Hint::Engaged { lawyer: lawyer(0) }, at(6));
    pass(&mut duty, 6..60);
    hear(&mut duty, 1, Hint::Released { lawyer: lawyer(0) }, at(60));
    hear(&mut duty, 1, Hint::WrittenUp { lawyer: lawyer(0) }, at(60));
    assert_eq!(
        orders(&mut duty),
        ["2 rings at 1, BROADCAST LOCAL_AREA", "3 rings at 0, BROADCAST LOCAL_AREA"],
        "one each, though the second would take both"
    );
}

#[test]
fn nobody_gets_a_third_offer_of_one_area_while_others_are_idle() {
    let mut duty = on_duty(vec![local(&[LABOUR]); 6]);
    for n in 1..=2 {
        seek(&mut duty, n, LABOUR, at(n as u64));
        assert_eq!(rung(&mut duty), [0, 1, 2, 3, 4]);
        hear(&mut duty, n, Hint::Leave, at(n as u64));
    }

    seek(&mut duty, 3, LABOUR, at(3));
    assert_eq!(rung(&mut duty), [5, 0, 1, 2, 3], "the idle one first, then as many as it takes");
    hear(&mut duty, 3, Hint::Leave, at(3));

    pass(&mut duty, 3..400);
    seek(&mut duty, 4, LABOUR, at(400));
    assert_eq!(rung(&mut duty), [0, 1, 2, 3, 4], "after five minutes it is no bunch");
}

#[test]
fn who_is_suspended_loses_the_ring_at_once_and_hears_of_nothing_new() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[LABOUR])]);
    seek(&mut duty, 1, LABOUR, START);
    orders(&mut duty);

    let suspended = Profile { may_serve: false, ..local(&[LABOUR]) };
    let change = |profile| Input::ProfileChanged { lawyer: lawyer(0), profile };
    duty.handle(change(suspended), START).expect("never refused");
    assert_eq!(orders(&mut duty), ["1 is withdrawn from 0"]);
    hear(&mut duty, 1, Hint::RingOver { lawyer: lawyer(0), how: RingOver::Cut }, START);
    pass(&mut duty, 0..60);
    assert_eq!(rung(&mut duty), []);
    let again = Input::PresenceSet { lawyer: lawyer(0), wish: Wish::OnDuty };
    assert_eq!(duty.handle(again, at(60)), Err(SessionError::NotAllowed));

    duty.handle(change(local(&[LABOUR])), at(61)).expect("never refused");
    assert_eq!(duty.presence(lawyer(0)), Presence::Online, "whoever is reinstated goes on duty by hand");
    duty.handle(Input::PresenceSet { lawyer: lawyer(0), wish: Wish::OnDuty }, at(61)).expect("allowed again");
    assert_eq!(rung(&mut duty), [0], "and is wanted by who waits");
}

#[test]
fn who_is_suspended_in_a_call_finishes_it_and_is_not_rung_again() {
    let mut duty = on_duty([local(&[LABOUR])]);
    seek(&mut duty, 1, LABOUR, START);
    hear(&mut duty, 1, Hint::Engaged { lawyer: lawyer(0) }, START);
    orders(&mut duty);

    let suspended = Profile { may_serve: false, ..local(&[LABOUR]) };
    duty.handle(Input::ProfileChanged { lawyer: lawyer(0), profile: suspended }, START).expect("never refused");
    assert_eq!(duty.presence(lawyer(0)), Presence::Busy);
    hear(&mut duty, 1, Hint::Released { lawyer: lawyer(0) }, START);
    hear(&mut duty, 1, Hint::WrittenUp { lawyer: lawyer(0) }, START);
    seek(&mut duty, 2, LABOUR, START);

    assert_eq!((duty.presence(lawyer(0)), rung(&mut duty)), (Presence::Online, vec![]));
}

#[test]
fn a_tab_that_was_let_in_before_the_change_does_not_bring_the_old_profile_back() {
    let mut duty = Duty::new(Timers::default());
    let change = |profile| Input::ProfileChanged { lawyer: lawyer(0), profile };
    let open = |tab| Input::DeskOpened { lawyer: lawyer(0), tab: Tab(tab), profile: local(&[LABOUR]) };
    let wish = Input::PresenceSet { lawyer: lawyer(0), wish: Wish::OnDuty };
    duty.handle(change(Profile { may_serve: false, ..local(&[LABOUR]) }), START).expect("never refused");

    duty.handle(open(0), START).expect("there is room for a tab");
    assert_eq!(duty.handle(wish.clone(), START), Err(SessionError::NotAllowed));

    let later = START.after(PROFILE_KEPT);
    let other = Input::ProfileChanged { lawyer: lawyer(1), profile: local(&[]) };
    duty.handle(other, later).expect("never refused");
    duty.handle(open(1), later).expect("there is room for a tab");
    assert_eq!(duty.handle(wish, later), Ok(()), "what is older than a greeting is forgotten");
}

#[test]
fn new_practice_areas_count_from_the_next_matter_on() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[FAMILY])]);

    let changed = local(&[PracticeArea::Criminal]);
    duty.handle(Input::ProfileChanged { lawyer: lawyer(0), profile: changed }, START).expect("never refused");
    seek(&mut duty, 1, PracticeArea::Criminal, START);

    assert_eq!(orders(&mut duty)[1], "1 rings at 0, BROADCAST LOCAL_AREA");
}

#[test]
fn who_waits_hears_the_place_and_what_to_expect_once_a_second() {
    let mut duty = on_duty([local(&[LABOUR])]);
    pass(&mut duty, 0..600);
    for n in 1..=3 {
        seek(&mut duty, n, LABOUR, at(n as u64 * 600));
        let began = n as u64 * 600;
        hear(&mut duty, n, Hint::Engaged { lawyer: lawyer(0) }, at(began));
        pass(&mut duty, began..began + 600);
        hear(&mut duty, n, Hint::Released { lawyer: lawyer(0) }, at(began + 600));
        hear(&mut duty, n, Hint::WrittenUp { lawyer: lawyer(0) }, at(began + 600));
    }
    for n in 4..=6 {
        seek(&mut duty, n, LABOUR, at(2404));
    }
    places(&mut duty);

    wake(&mut duty, at(2405));
    assert_eq!(places(&mut duty), [(5, 2, 1, 1, Some(1200)), (6, 3, 1, 1, Some(1800))]);

    hear(&mut duty, 4, Hint::Engaged { lawyer: lawyer(0) }, at(2408));
    assert_eq!(places(&mut duty), [(5, 1, 1, 1, Some(600)), (6, 2, 1, 1, Some(1200))]);
    hear(&mut duty, 6, Hint::Hold { away: true }, at(2408));
    seek(&mut duty, 7, LABOUR, at(2408));
    assert_eq!(places(&mut duty), [], "not twice in a second");
    wake(&mut duty, at(2409));
    assert_eq!(places(&mut duty), [(7, 2, 1, 1, Some(1200))], "who is away is in nobody's way");
}

#[test]
fn who_declined_is_not_counted() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[FAMILY])]);
    seek(&mut duty, 1, LABOUR, START);
    declined(&mut duty, 1, 0, START);
    assert_eq!(
        orders(&mut duty).last().map(String::as_str),
        Some("1 rings at 1, BROADCAST LOCAL_ANY"),
        "when all of the field have declined it is the county's turn at once"
    );
}

#[test]
fn a_task_that_is_gone_sets_its_lawyer_free() {
    let mut duty = on_duty([local(&[LABOUR])]);
    seek(&mut duty, 1, LABOUR, START);
    hear(&mut duty, 1, Hint::Engaged { lawyer: lawyer(0) }, START);
    assert_eq!(duty.presence(lawyer(0)), Presence::Busy);

    duty.handle(Input::ConsultationGone { consultation: matter(1) }, START).expect("never refused");

    assert_eq!((duty.presence(lawyer(0)), duty.waiting()), (Presence::Available, 0));
}

#[test]
fn who_is_on_site_is_there_but_not_rung() {
    let mut duty = on_duty([local(&[LABOUR])]);
    duty.handle(Input::PresenceSet { lawyer: lawyer(0), wish: Wish::OnSite }, START).expect("the desk is open");

    seek(&mut duty, 1, LABOUR, START);

    assert_eq!((duty.presence(lawyer(0)), rung(&mut duty)), (Presence::OnSite, vec![]));
}

#[test]
fn tabs_and_the_queue_are_bounded_and_a_stranger_is_refused() {
    let mut duty = on_duty([local(&[LABOUR])]);
    let open = |tab| Input::DeskOpened { lawyer: lawyer(0), tab: Tab(tab), profile: local(&[LABOUR]) };
    for n in 1..MAX_TABS as u64 {
        assert_eq!(duty.handle(open(n), START), Ok(()));
    }
    assert_eq!(duty.handle(open(99), START), Err(SessionError::TooMany("tabs")));

    let stranger = Input::PresenceSet { lawyer: lawyer(7), wish: Wish::OnDuty };
    assert_eq!(duty.handle(stranger, START), Err(SessionError::NotFound));
    let hint = Hint::Hold { away: true };
    let unknown = Input::Heard { consultation: matter(5), hint };
    assert_eq!(duty.handle(unknown, START), Err(SessionError::NotFound));
}

#[test]
fn ten_thousand_leases_that_lapse_at_once_leave_nobody_on_duty_and_every_matter_waiting() {
    let mut duty = Duty::new(Timers::default());
    for n in 0..10_000 {
        let (lawyer, profile) = (lawyer(n), local(&[LABOUR]));
        duty.handle(Input::DeskOpened { lawyer, tab: Tab(0), profile }, START).expect("there is room for a tab");
        duty.handle(Input::PresenceSet { lawyer, wish: Wish::OnDuty }, START).expect("the desk is open");
    }
    for n in 1..=50 {
        seek(&mut duty, 20_000 + n, LABOUR, START);
    }
    assert_eq!(duty.on_duty(Pool::Local, None), 10_000);

    while duty.poll_output().is_some() {}

    duty.handle(Input::Timeout, START.after(TAB_LEASE)).expect("a timeout is never refused");

    let rings = std::iter::from_fn(|| duty.poll_output()).filter(|output| matches!(output, Output::Ring { .. }));
    assert_eq!(rings.count(), 0, "of desks that lapse at once none is rung because another one did");
    assert_eq!((duty.on_duty(Pool::Local, None), duty.waiting()), (0, 50));
}

/// Alarms since the last look: how many are on duty, and since which second there is one.
fn alarms(duty: &mut Duty) -> Vec<(u32, Option<i64>)> {
    std::iter::from_fn(|| duty.poll_output())
        .filter_map(|output| match output {
            Output::Floor { state, .. } => Some((state.on_duty, state.alarm.map(|alarm| alarm.since.0 / 1000))),
            _ => None,
        })
        .collect()
}

fn watch(duty: &mut Duty, minimums: &[(FloorKey, u32)], now: Now) {
    let minimums = minimums.iter().copied().collect();
    duty.handle(Input::FloorsSet { minimums, alarms: BTreeMap::new() }, now).expect("floors can always be set");
}

fn want(duty: &mut Duty, n: u128, wish: Wish, now: Now) {
    duty.handle(Input::PresenceSet { lawyer: lawyer(n), wish }, now).expect("the desk is open");
}

#[test]
fn an_alarm_comes_when_too_few_are_on_duty_for_a_minute_and_goes_when_enough_are() {
    let mut duty = on_duty([local(&[LABOUR]), local(&[LABOUR, FAMILY]), national(&[LABOUR])]);
    watch(&mut duty, &[((Pool::Local, Some(LABOUR)), 2), ((Pool::National, None), 0)], START);
    pass(&mut duty, 0..120);
    assert_eq!((alarms(&mut duty), duty.floors().count()), (vec![], 2));

    // Away for less than a minute is no alarm.
    want(&mut duty, 0, Wish::Break, at(120));
    pass(&mut duty, 135..165);
    want(&mut duty, 0, Wish::OnDuty, at(165));
    pass(&mut duty, 180..300);
    assert_eq!(alarms(&mut duty), []);

    want(&mut duty, 0, Wish::Break, at(300));
    pass(&mut duty, 315..346);
    assert!(duty.poll_timeout().is_some_and(|due| due <= at(360).mono), "the alarm is due");
    wake(&mut duty, at(360));
    assert_eq!(alarms(&mut duty), [(1, Some(360))]);
    // Back for less than a minute is no end of it.
    want(&mut duty, 0, Wish::OnDuty, at(370));
    pass(&mut duty, 385..401);
    want(&mut duty, 0, Wish::Break, at(401));
    pass(&mut duty, 415..500);
    assert_eq!(alarms(&mut duty), []);
    want(&mut duty, 0, Wish::OnDuty, at(500));
    pass(&mut duty, 515..561);
    assert_eq!(alarms(&mut duty), [(2, None)]);
}

#[test]
fn who_is_busy_is_on_duty_and_a_floor_that_is_raised_or_dropped_is_looked_at_anew() {
    let mut duty = on_duty([local(&[LABOUR])]);
    let floor = (Pool::Local, Some(LABOUR));
    watch(&mut duty, &[(floor, 1)], START);
    seek(&mut duty, 1, LABOUR, at(1));
    hear(&mut duty, 1, Hint::Engaged { lawyer: lawyer(0) }, at(2));
    pass(&mut duty, 15..120);
    assert_eq!(alarms(&mut duty), []);

    watch(&mut duty, &[(floor, 2)], at(120));
    pass(&mut duty, 135..181);
    assert_eq!(alarms(&mut duty), [(1, Some(180))]);
    let states: Vec<_> = duty.floors().map(|(_, state)| (state.minimum, state.on_duty, state.alarm)).collect();
    assert_eq!(states, [(2, 1, Some(Alarm { since: at(180).wall, least: 1 }))]);

    watch(&mut duty, &[], at(190));
    assert_eq!((alarms(&mut duty), duty.floors().count()), (vec![(1, None)], 0));
}

#[test]
fn an_alarm_knows_the_fewest_that_were_there_and_outlives_the_book() {
    let floor = (Pool::Local, None);
    let mut duty = on_duty([local(&[LABOUR]), local(&[LABOUR])]);
    watch(&mut duty, &[(floor, 3)], START);
    pass(&mut duty, 0..61);
    want(&mut duty, 0, Wish::Break, at(61));
    want(&mut duty, 0, Wish::OnDuty, at(62));
    let alarm = duty.floors().next().and_then(|(_, state)| state.alarm);
    assert_eq!(alarm.map(|alarm| alarm.least), Some(1));
    assert_eq!(alarms(&mut duty).len(), 2, "it came, and grew worse once");

    let minimums = BTreeMap::from([(floor, 2)]);
    let kept: BTreeMap<_, _> = alarm.into_iter().map(|alarm| (floor, alarm)).collect();
    let elsewhere = Alarm { since: START.wall, least: 0 };
    let kept = kept.into_iter().chain([((Pool::National, None), elsewhere)]).collect();
    let mut duty = on_duty([local(&[LABOUR]), local(&[FAMILY])]);
    pass(&mut duty, 0..100);
    duty.handle(Input::FloorsSet { minimums, alarms: kept }, at(100)).expect("floors can always be set");
    assert_eq!(alarms(&mut duty), [(0, None)], "nobody watches the national pool any more");
    assert_eq!(duty.floors().next().and_then(|(_, state)| state.alarm), alarm, "the same alarm");
    pass(&mut duty, 100..161);
    assert_eq!(alarms(&mut duty), [(2, None)]);
}

fn ranked(duty: &mut Duty, n: u128, grade: Grade, asked: Now, now: Now) {
    hear(duty, n, Hint::Seek(Seek { grade, ..wants(LABOUR, asked, None) }), now);
}

/// In which order a single lawyer is rung for what waits.
fn order(duty: &mut Duty, from: Now) -> Vec<u128> {
    let mut served = vec![];
    let mut now = from;
    want(duty, 0, Wish::OnDuty, now);
    while let Some(n) = rung_for(duty) {
        served.push(n);
        let lawyer = lawyer(0);
        for hint in [Hint::Engaged { lawyer }, Hint::Released { lawyer }, Hint::WrittenUp { lawyer }] {
            now = now.after(Duration::from_millis(100));
            hear(duty, n, hint, now);
        }
    }
    served
}

fn rung_for(duty: &mut Duty) -> Option<u128> {
    let all: Vec<Output> = std::iter::from_fn(|| duty.poll_output()).collect();
    all.into_iter().find_map(|output| match output {
        Output::Ring { consultation, .. } => (1..99).find(|n| matter(*n) == consultation),
        _ => None,
    })
}

#[test]
fn the_graver_goes_first_and_nobody_waits_for_ever_behind_it() {
    let mut duty = on_duty([local(&[LABOUR])]);
    want(&mut duty, 0, Wish::Break, at(0));
    // As who asked: 1 long ago, 2 and 3 together, 4 to 6 later and graver.
    ranked(&mut duty, 1, Grade::Normal, at(0), at(1));
    ranked(&mut duty, 2, Grade::Normal, at(1700), at(1));
    ranked(&mut duty, 3, Grade::Attention, at(1701), at(1));
    ranked(&mut duty, 4, Grade::Sensitive, at(1702), at(1));
    ranked(&mut duty, 5, Grade::Major, at(1703), at(1));
    ranked(&mut duty, 6, Grade::Major, at(1801), at(1));

    assert_eq!(order(&mut duty, at(2)), [5, 1, 6, 4, 3, 2], "30 minutes are as much as any grade goes ahead");
}

#[test]
fn what_turns_out_graver_while_it_waits_goes_ahead_and_is_rung_once() {
    let mut duty = on_duty([local(&[LABOUR])]);
    want(&mut duty, 0, Wish::Break, at(0));
    for (n, second) in [(1, 1), (2, 2), (3, 3)] {
        ranked(&mut duty, n, Grade::Normal, at(second), at(second));
    }
    ranked(&mut duty, 3, Grade::Attention, at(3), at(4));
    assert_eq!(duty.waiting(), 3, "it has one place, not two");
    assert_eq!(order(&mut duty, at(5)), [3, 1, 2]);
    assert_eq!(duty.waiting(), 0);
}

#[test]
fn who_is_barred_while_it_rings_is_free_again_and_not_rung_for_it() {
    let mut duty = on_duty([local(&[LABOUR])]);
    seek(&mut duty, 1, LABOUR, at(1));
    assert_eq!(rung(&mut duty), [0]);

    let barred = Seek { barred: [lawyer(0)].into(), ..wants(LABOUR, at(1), Some(lawyer(0))) };
    hear(&mut duty, 1, Hint::Seek(barred.clone()), at(2));
    assert_eq!((duty.presence(lawyer(0)), rung(&mut duty)), (Presence::Available, vec![]));
    pass(&mut duty, 15..600);
    assert_eq!(rung(&mut duty), [] as [u128; 0], "however long it waits");

    // Chosen by name: the search is open at once, and does not reach the one who is barred.
    hear(&mut duty, 2, Hint::Seek(barred), at(600));
    let told = orders(&mut duty);
    assert_eq!(told, ["2 goes by BROADCAST"]);
    seek(&mut duty, 3, LABOUR, at(601));
    assert_eq!(rung(&mut duty), [0], "for another matter as ever");
}
