//! Matters over the days: stars, complaints, follow-ups that the rated lawyer cannot touch, appeals that two decide.
use sha2::Digest as _;
use yunfa_signaling::{
    ids::{CitizenId, LawyerId},
    milestone::Event,
    private::PersonName,
    time::Timestamp,
    words::{Channel, ConsultationState, EndReason, Grade, IdentityMode, Outcome, Role},
};

use crate::{
    domain::{
        appeal::{AppealState, Refused as NoVote},
        audit::leaf_hash,
        calendar::Calendar,
        follow_up::{ComplaintCause, FollowUpAct, FollowUpCause, FollowUpResult, FollowUpState, Hand, Refused, Said},
        grading::{EscalationAct, EscalationState, GradeBy},
        matter::{MatterState, Return, SETTLES_MS},
        rating::Stars,
        service_record::{ClosedBy, Closing},
        testing::{Script, id},
    },
    jobs::{grade, settle},
    storage::{
        Entry, Lease, SealOrder, StorageError, Store,
        appeals::NotHeard,
        follow_ups::{Complained, NotTaken, Step},
        grades::NewGrade,
        keys::hex,
        matters::{MatterFilter, MatterRow},
        people::NewCitizen,
        testing::{Fixture, NOW, on_both_engines},
    },
};

const TEXT: &str = "态度不好，没有回答我的问题";

async fn county(fixture: Fixture) -> (Fixture, Lease, LawyerId) {
    let fixture = fixture.with_county().await;
    let lease = fixture.store.take_lease("node-1", NOW).await.expect("a lease");
    let lawyer = fixture.store.lawyers().await.expect("lawyers")[0].id;
    (fixture, lease, lawyer)
}

/// A text consultation that was answered.
async fn answered(store: &Store, lease: &Lease, number: u8, lawyer: LawyerId) -> Script {
    let citizen = CitizenId::new(id(number, 8));
    let new = NewCitizen {
        id: citizen,
        alias: PersonName::new("访客"),
        identity_mode: IdentityMode::Guest,
        consent_version: "2026-01".to_owned(),
        entry_source: None,
    };
    store.add_citizen(&new, NOW).await.expect("added");
    let mut script = Script::new(number, citizen, lawyer, NOW);
    script.opened(Channel::Text).rung().accepted().active().ended(EndReason::CitizenHungUp);
    script.outcome(Outcome::AdviceGiven);
    write(store, lease, &script, 0).await;
    script
}

async fn write(store: &Store, lease: &Lease, script: &Script, from: usize) {
    let entries: Vec<_> = script.events[from..].iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
    store.write_down(lease, &entries, script.now).await.expect("written");
}

/// Rates, and closes as the machine would.
async fn rated(store: &Store, lease: &Lease, script: &mut Script, stars: u8) {
    let from = script.events.len();
    script.say(Event::Rated { stars }).to(ConsultationState::Closed);
    write(store, lease, script, from).await;
}

async fn matter(store: &Store, script: &Script) -> MatterRow {
    store.matter(script.consultation).await.expect("asked").expect("there")
}

fn hand(name: &str) -> Hand {
    Hand { role: Role::Supervisor, name: name.to_owned(), beside: None }
}

async fn step(
    store: &Store,
    follow_up: (&str, i64),
    (act, result): (FollowUpAct, Option<FollowUpResult>),
    hand: &Hand,
) -> Result<FollowUpState, NotTaken> {
    let said = Said { act, result, note: "已电话回访" };
    let step = Step { id: follow_up.0, version: follow_up.1, said, hand, actor: "staff-1" };
    store.step_follow_up(step, NOW).await.expect("asked")
}

#[tokio::test]
async fn a_matter_follows_its_consultation_and_good_stars_archive_it() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut script = answered(store, &lease, 1, lawyer).await;
        let before = matter(store, &script).await;
        assert_eq!((before.state, before.lawyer.map(|lawyer| lawyer.id)), (MatterState::Answered, Some(lawyer)));

        rated(store, &lease, &mut script, 4).await;

        let after = matter(store, &script).await;
        assert_eq!((after.state, after.follow_up), (MatterState::Archived, None));
        assert_eq!(after.rating.map(|rating| u8::from(rating.stars)), Some(4));
        let own = MatterFilter { citizen: Some(script.citizen), ..MatterFilter::default() };
        let other = MatterFilter { citizen: Some(CitizenId::new(id(9, 8))), ..MatterFilter::default() };
        let of_lawyer = MatterFilter { lawyer: Some(lawyer), ..MatterFilter::default() };
        for (filter, count) in [(own, 1), (other, 0), (of_lawyer, 1), (MatterFilter::default(), 1)] {
            assert_eq!(store.matters(&filter, None, 10).await.expect("listed").items.len(), count, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn two_stars_owe_a_follow_up_that_neither_the_lawyer_nor_a_namesake_can_touch() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut script = answered(store, &lease, 1, lawyer).await;
        rated(store, &lease, &mut script, 2).await;

        let owed = store.follow_ups(false).await.expect("listed");
        let [row] = owed.as_slice() else { panic!("one is owed") };
        let id = row.id.as_str();
        assert_eq!(
            (row.cause, row.state, row.matter),
            (FollowUpCause::Stars, FollowUpState::Open, script.consultation)
        );
        assert_eq!(matter(store, &script).await.state, MatterState::FollowUp);

        let own = Hand { role: Role::Lawyer, ..hand("沈如松") };
        let same = Hand { beside: Some(lawyer), ..hand("沈如松") };
        let namesake = hand(&row.lawyer.as_ref().expect("about somebody").name);
        let take = (FollowUpAct::Take, None);
        assert_eq!(step(store, (id, 1), take, &own).await, Err(NotTaken::Refused(Refused::NotByRole)));
        for hand in [same, namesake] {
            assert_eq!(step(store, (id, 1), take, &hand).await, Err(NotTaken::Refused(Refused::SamePerson)));
        }

        let shen = hand("沈如松");
        assert_eq!(step(store, (id, 1), take, &shen).await, Ok(FollowUpState::Assigned));
        assert_eq!(step(store, (id, 1), take, &shen).await, Err(NotTaken::Stale), "the page was old");
        assert_eq!(step(store, (id, 2), (FollowUpAct::NoAnswer, None), &shen).await, Ok(FollowUpState::Assigned));
        assert_eq!(step(store, (id, 3), (FollowUpAct::Reached, None), &shen).await, Ok(FollowUpState::Contacted));
        assert_eq!(step(store, (id, 4), (FollowUpAct::Resolve, None), &shen).await, Ok(FollowUpState::Resolved));
        let five = Stars::try_from(5).expect("stars");
        let by = script.citizen.to_string();
        assert!(store.amend_rating(script.consultation, five, &by, NOW).await.expect("asked"));
        assert!(!store.amend_rating(script.consultation, five, &by, NOW).await.expect("asked"), "once");
        let close = (FollowUpAct::Close, Some(FollowUpResult::Satisfied));
        assert_eq!(step(store, (id, 5), close, &shen).await, Ok(FollowUpState::Closed));

        let after = matter(store, &script).await;
        assert_eq!(after.state, MatterState::Archived);
        let rating = after.rating.expect("rated");
        assert_eq!((u8::from(rating.stars), rating.amended_stars), (2, Some(five)));
        let steps = store.follow_up_steps(id).await.expect("read");
        assert_eq!((steps.len(), steps[4].note.as_str()), (5, "已电话回访"));
        assert!(fixture.shell("UPDATE follow_up_steps SET act = 'TAKE'").await.is_err(), "a step stays");
        assert!(store.follow_ups(false).await.expect("listed").is_empty());
        assert_eq!(store.follow_ups(true).await.expect("listed").len(), 1);
        store.verify_audit().await.expect("read").expect("intact");
    })
    .await;
}

#[tokio::test]
async fn a_complaint_opens_one_follow_up_and_is_sealed() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let script = answered(store, &lease, 1, lawyer).await;
        let by = script.citizen.to_string();
        let complain = async |n: u8| {
            let id = id(n, 7).to_string();
            let said = (ComplaintCause::Attitude, TEXT);
            store.complain(&id, script.consultation, said, &by, NOW).await.expect("asked")
        };

        let Complained::Kept(first) = complain(1).await else { panic!("kept") };
        for n in 2..=5 {
            assert_eq!(complain(n).await, Complained::Kept(first.clone()), "one follow-up");
        }
        assert_eq!(complain(6).await, Complained::TooMany);

        let kept = store.complaints(script.consultation).await.expect("read");
        assert_eq!((kept.len(), kept[0].text.as_str()), (5, TEXT));
        assert_eq!(store.follow_ups(false).await.expect("listed").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn stars_are_taken_back_by_two_of_one_mind() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut script = answered(store, &lease, 1, lawyer).await;
        rated(store, &lease, &mut script, 1).await;
        let of = script.consultation;
        let other = LawyerId::new(id(9, 9));
        assert_eq!(store.appeal(of, other, "不实", NOW, NOW).await.expect("asked"), Err(NotHeard::NotNow));
        let appeal = store.appeal(of, lawyer, "恶意差评", NOW, NOW).await.expect("asked").expect("filed");
        assert_eq!(store.appeal(of, lawyer, "再来", NOW, NOW).await.expect("asked"), Err(NotHeard::NotNow), "once");

        let vote = async |actor: &str, uphold, hand: Hand| {
            store.vote(&appeal, (actor, uphold, "查过记录"), &hand, NOW).await.expect("asked")
        };
        assert_eq!(vote("a", true, hand("沈如松")).await, Ok(AppealState::Heard));
        assert_eq!(vote("a", true, hand("沈如松")).await, Err(NotHeard::Refused(NoVote::Twice)));
        assert_eq!(vote("b", false, hand("许知秋")).await, Ok(AppealState::Split));
        let seen = store.appeals(false, "a").await.expect("listed");
        assert_eq!((seen.len(), seen[0].votes, seen[0].mine, seen[0].reason.as_str()), (1, 2, true, "恶意差评"));
        let third = Hand { role: Role::Dispatcher, ..hand("钱小满") };
        assert_eq!(vote("c", true, third).await, Ok(AppealState::Upheld));
        assert_eq!(vote("d", false, hand("丁")).await, Err(NotHeard::Refused(NoVote::Decided)));

        let rating = matter(store, &script).await.rating.expect("rated");
        assert_eq!(rating.voided_at, Some(NOW));
        assert!(store.appeals(false, "a").await.expect("listed").is_empty());
        assert_eq!(store.appeals(true, "a").await.expect("listed").len(), 1);
        assert_eq!(store.follow_ups(false).await.expect("listed").len(), 1, "the asker is still owed an answer");
    })
    .await;
}

#[tokio::test]
async fn what_was_closed_in_silence_is_archived_after_a_week() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut script = answered(store, &lease, 1, lawyer).await;
        let from = script.events.len();
        script.after(72 * 3_600_000).to(ConsultationState::Closed);
        write(store, &lease, &script, from).await;
        let closed = matter(store, &script).await;
        assert_eq!((closed.state, closed.settled_at), (MatterState::Closed, Some(script.now)));
        let later = |ms| Timestamp(script.now.0 + SETTLES_MS + ms);

        assert_eq!(settle(store, later(0)).await.expect("settled"), 0);
        assert_eq!(settle(store, later(1)).await.expect("settled"), 1);
        assert_eq!(settle(store, later(1)).await.expect("settled"), 0, "a second run finds nothing");

        let archived = matter(store, &script).await;
        assert_eq!((archived.state, archived.settled_at), (MatterState::Archived, Some(script.now)));
    })
    .await;
}

#[tokio::test]
async fn who_comes_back_goes_on_with_the_matter_or_begins_one_that_points_to_it() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut first = answered(store, &lease, 1, lawyer).await;
        rated(store, &lease, &mut first, 4).await;
        let (of, asker) = (first.consultation, first.citizen);
        let come_back = async |number: u8, how: Return, days: i64| {
            let mut script = Script::new(number, asker, lawyer, Timestamp(NOW.0 + days * 24 * 3_600_000));
            assert!(store.intend_return(script.consultation, of, asker, how, script.now).await.expect("asked"));
            assert!(!store.intend_return(script.consultation, of, asker, how, script.now).await.expect("asked"));
            let continues = store.continuation(script.consultation, asker, script.now).await.expect("asked");
            script.opened(Channel::Text);
            write(store, &lease, &script, 0).await;
            (script, continues)
        };

        let (second, continues) = come_back(2, Return::SameMatter, 1).await;
        let continues = continues.expect("it goes on");
        assert_eq!((continues.matter, continues.services, continues.rated), (of, 1, true));
        let row = matter(store, &first).await;
        assert_eq!((row.state, row.latest), (MatterState::Reopened, second.consultation));
        assert!(store.matter(second.consultation).await.expect("asked").is_none(), "no matter of its own");
        let stranger = CitizenId::new(id(9, 8));
        assert_eq!(store.continuation(second.consultation, stranger, second.now).await.expect("asked"), None);

        // Nobody was found: it is over again, and later on there is a new one.
        let mut second = second;
        let from = second.events.len();
        second.to(ConsultationState::Unserved);
        write(store, &lease, &second, from).await;
        assert_eq!(matter(store, &first).await.state, MatterState::Archived);
        let (third, continues) = come_back(3, Return::LinkedMatter, 40).await;
        assert_eq!(continues, None);
        let row = matter(store, &third).await;
        assert_eq!((row.state, row.previous, row.rating), (MatterState::Open, Some(of), None));
        assert_eq!(store.purge_reopenings(Timestamp(third.now.0 + 1)).await.expect("purged"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_grave_matter_is_flagged_once_and_goes_its_way() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let script = answered(store, &lease, 1, lawyer).await;
        let of = script.consultation;
        let new = |from, to| NewGrade { from, to, by: GradeBy::Lawyer, reason: "群体讨薪", actor: "staff-1" };

        assert!(store.set_grade(of, new(Grade::Normal, Grade::Sensitive), NOW).await.expect("asked"));
        assert!(
            !store.set_grade(of, new(Grade::Normal, Grade::Major), NOW).await.expect("asked"),
            "it moved meanwhile"
        );
        assert!(store.set_grade(of, new(Grade::Sensitive, Grade::Major), NOW).await.expect("asked"));

        let steps = store.grade_steps(of).await.expect("read");
        assert_eq!(steps.iter().map(|step| step.to).collect::<Vec<_>>(), [Grade::Sensitive, Grade::Major]);
        assert_eq!(steps[0].reason, "群体讨薪");
        let open = store.escalations(false).await.expect("listed");
        let [one] = open.as_slice() else { panic!("flagged once") };
        assert_eq!((one.grade, one.state), (Grade::Major, EscalationState::Flagged));
        let step =
            async |version, act| store.step_escalation((&one.id, version), (act, "已核实"), "staff-1", NOW).await;
        let path = [
            (EscalationAct::Confirm, EscalationState::Graded),
            (EscalationAct::Push, EscalationState::Pushed),
            (EscalationAct::Push, EscalationState::Pushed),
            (EscalationAct::Ack, EscalationState::Acked),
            (EscalationAct::Handle, EscalationState::Handled),
            (EscalationAct::Close, EscalationState::Closed),
        ];
        for (version, (act, to)) in (1..).zip(path) {
            assert_eq!(step(version, act).await.expect("asked"), Ok(to));
            assert!(step(version, act).await.expect("asked").is_err(), "the page was old");
        }
        assert!(store.escalations(false).await.expect("listed").is_empty());
        assert_eq!(store.escalations(true).await.expect("listed").len(), 1);
        assert_eq!(store.escalation_steps(&one.id).await.expect("read").len(), 6);
        assert!(fixture.shell("UPDATE grade_steps SET to_grade = 'NORMAL'").await.is_err(), "a step stays");
        store.verify_audit().await.expect("read").expect("intact");
    })
    .await;
}

#[tokio::test]
async fn rules_raise_a_wave_and_a_crowd_and_never_lower() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let mut scripts = vec![];
        for number in 1..=4 {
            scripts.push(answered(store, &lease, number, lawyer).await);
        }
        let raise = async || grade(store, &lease, NOW).await.expect("graded");
        assert_eq!(raise().await, 0, "four are no wave");

        // An incident of ten people; then a fifth matter of the place.
        store.add_tag("tag-1", ("某矿欠薪", 3), "staff-1", NOW).await.expect("named");
        let again = store.add_tag("tag-2", ("某矿欠薪", 3), "staff-1", NOW).await;
        assert!(matches!(again, Err(StorageError::Duplicate(_))), "{again:?}");
        assert!(store.set_tag(scripts[0].consultation, Some("tag-1"), "staff-1", NOW).await.expect("asked"));
        assert!(!store.set_tag(scripts[1].consultation, Some("no-tag"), "staff-1", NOW).await.expect("asked"));
        assert_eq!(raise().await, 0, "three people are no crowd");
        assert!(store.count_people("tag-1", 10, "staff-1", NOW).await.expect("asked"));
        assert_eq!((raise().await, raise().await), (1, 0), "a second run finds nothing");
        let row = matter(store, &scripts[0]).await;
        assert_eq!(
            (row.grade, row.incident.map(|incident| incident.name)),
            (Grade::Sensitive, Some("某矿欠薪".to_owned()))
        );
        let of_incident = MatterFilter { incident: Some("tag-1".to_owned()), ..MatterFilter::default() };
        assert_eq!(store.matters(&of_incident, None, 10).await.expect("listed").items.len(), 1);
        let tags = store.tags().await.expect("listed");
        assert_eq!((tags.len(), tags[0].people, tags[0].matters), (1, 10, 1));

        answered(store, &lease, 5, lawyer).await;
        assert_eq!((raise().await, raise().await), (4, 0));
        assert_eq!(store.grade_steps(scripts[1].consultation).await.expect("read")[0].by, GradeBy::Wave);
        assert_eq!(store.escalations(false).await.expect("listed").len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_chain_holds_what_was_sealed_byte_for_byte() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let script = answered(store, &lease, 1, lawyer).await;
        let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: script.now };
        let order = SealOrder { session: script.session, closing };
        let sealed = store.seal(&lease, order, &Calendar::default()).await.expect("sealed");

        let chain = store.chain(script.consultation).await.expect("read");

        let [record] = chain.records.as_slice() else { panic!("one record") };
        assert_eq!(
            (record.record, chain.sessions.len(), chain.session_ids()),
            (sealed.record, 1, vec![script.session])
        );
        let hash = sha2::Sha256::digest(record.body.as_bytes());
        assert_eq!(record.hash, hex(&hash));
        assert_eq!(record.leaf, hex(&leaf_hash(record.entry.as_bytes())));
        assert!(record.entry.contains(&record.hash), "the entry is of this record");
        let stranger = LawyerId::new(id(9, 9));
        let of_stranger = chain.clone().of_lawyer(stranger);
        assert!(of_stranger.sessions.is_empty() && of_stranger.records.is_empty());
        assert_eq!(chain.of_lawyer(lawyer).records.len(), 1);
    })
    .await;
}
