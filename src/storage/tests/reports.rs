//! Reports on both engines: once each, decided once, with blocks by telephone and device, warnings, and an order that pages may go by.
use yunfa_signaling::{
    ids::{CitizenId, LawyerId, WarningId},
    private::PersonName,
    time::Timestamp,
    words::{IdentityMode, ReportCause, Role},
};

use crate::{
    domain::{
        people::{Qualification, Subject},
        report::{About, Refused, ReportState, ends},
        testing::id,
    },
    storage::{
        Store,
        people::NewCitizen,
        qualifications::Decision,
        reports::{DecidedReport, NewReport, NotDecided, ReportDecision, Reported},
        testing::{Fixture, NOW, on_both_engines},
    },
};

async fn citizen(store: &Store, number: u8) -> CitizenId {
    let citizen = CitizenId::new(id(number, 8));
    let new = NewCitizen {
        id: citizen,
        alias: PersonName::new("访客"),
        identity_mode: IdentityMode::Guest,
        consent_version: "2026-11".to_owned(),
        entry_source: None,
    };
    store.add_citizen(&new, NOW).await.expect("added");
    citizen
}

async fn county(fixture: Fixture) -> (Fixture, LawyerId) {
    let fixture = fixture.with_county().await;
    let lawyer = fixture.store.lawyers().await.expect("lawyers")[0].id;
    (fixture, lawyer)
}

fn new(number: u8, about: About, citizen: CitizenId, lawyer: LawyerId) -> NewReport {
    NewReport {
        id: id(number, 40).to_string(),
        about,
        consultation: yunfa_signaling::ids::ConsultationId::new(id(number, 41)),
        source: id(number, 42).to_string(),
        citizen,
        lawyer,
        cause: ReportCause::Insult,
        text: "骂人".to_owned(),
    }
}

fn decision<'a>(report: &'a NewReport, version: i64, to: ReportState, role: Role) -> ReportDecision<'a> {
    ReportDecision {
        id: &report.id,
        version,
        to,
        reason: "已核对",
        until: ends(NOW, 30),
        warning: WarningId::new(id(1, 43)),
        actor: "staff-1",
        role,
    }
}

async fn decide(store: &Store, decision: ReportDecision<'_>) -> Result<DecidedReport, NotDecided> {
    store.decide_report(decision, NOW).await.expect("asked")
}

#[tokio::test]
async fn a_report_is_kept_once_sealed_and_decided_once() {
    on_both_engines(|fixture| async move {
        let (fixture, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let asker = citizen(store, 1).await;
        let report = new(1, About::Citizen, asker, lawyer);

        assert_eq!(store.report(&report, NOW).await.expect("asked"), Reported::Kept);
        let again = NewReport { id: id(2, 40).to_string(), ..report.clone() };
        assert_eq!(store.report(&again, NOW).await.expect("asked"), Reported::Already);
        let other_way = NewReport { id: id(3, 40).to_string(), about: About::Lawyer, ..report.clone() };
        assert_eq!(store.report(&other_way, Timestamp(NOW.0 + 1)).await.expect("asked"), Reported::Kept);
        assert_eq!(store.report_text(&report.id).await.expect("asked").as_deref(), Some("骂人"));
        let found = fixture.shell("UPDATE reports SET cause = cause WHERE text_sealed IS NOT NULL").await;
        assert_eq!(found.expect("sealed texts"), 2);
        assert!(fixture.shell("DELETE FROM reports").await.is_err(), "evidence");

        let (one, other) = tokio::join!(
            decide(store, decision(&report, 1, ReportState::Dismissed, Role::Supervisor)),
            decide(store, decision(&report, 1, ReportState::Blocked, Role::Supervisor)),
        );
        let outcomes = [one.map(drop), other.map(drop)];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.contains(&Err(NotDecided::Stale)), "{outcomes:?}");
        assert!(fixture.shell("UPDATE report_steps SET actor = 'x'").await.is_err(), "evidence");

        let page = store.reports((None, false), None, 10).await.expect("listed");
        let ids: Vec<_> = page.items.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, [other_way.id.as_str(), report.id.as_str()], "what is open comes first");
        let first = store.reports((None, false), None, 1).await.expect("listed");
        let second = store.reports((None, false), first.next.as_deref(), 1).await.expect("listed");
        assert_eq!((second.items[0].id.as_str(), second.next), (report.id.as_str(), None));
        assert_eq!(store.reports((Some(ReportState::Open), false), None, 9).await.expect("listed").items.len(), 1);
        assert!(store.reports((None, true), None, 9).await.expect("listed").items.is_empty());
        store.verify_audit().await.expect("the store").expect("a whole log");
    })
    .await;
}

#[tokio::test]
async fn a_block_holds_for_telephone_and_device_until_it_ends_or_is_lifted() {
    on_both_engines(|fixture| async move {
        let (fixture, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let (asker, by_phone, by_device, other) =
            (citizen(store, 1).await, citizen(store, 2).await, citizen(store, 3).await, citizen(store, 4).await);
        for one in [asker, by_phone] {
            assert!(store.set_phone(one, "13800138000").await.expect("set"));
        }
        for one in [asker, by_device] {
            let sql = format!("UPDATE citizens SET device_ref = 'device-1' WHERE id = '{one}'");
            assert_eq!(fixture.shell(&sql).await.expect("set"), 1);
        }
        let report = new(1, About::Citizen, asker, lawyer);
        store.report(&report, NOW).await.expect("asked");
        let until = async |who| store.restraint(Subject::Citizen(who)).await.expect("asked").blocked(NOW);
        assert_eq!(until(asker).await, None);

        decide(store, decision(&report, 1, ReportState::Blocked, Role::Supervisor)).await.expect("blocked");

        for (who, blocked) in [(asker, true), (by_phone, true), (by_device, true), (other, false)] {
            assert_eq!(until(who).await, blocked.then_some(ends(NOW, 30)), "{who}");
        }
        let mut concerned = store.concerned(&report.id).await.expect("asked");
        concerned.sort();
        assert_eq!(concerned, [asker, by_phone, by_device]);
        let known = store.restraint(Subject::Citizen(asker)).await.expect("asked");
        assert_eq!(known.blocked(ends(NOW, 30)), None, "it ends by itself");

        decide(store, decision(&report, 2, ReportState::Lifted, Role::Supervisor)).await.expect("lifted");

        for who in [asker, by_phone, by_device] {
            assert_eq!(until(who).await, None);
        }
        let lifted = store.restraint(Subject::Citizen(asker)).await.expect("asked");
        assert!(lifted.version > known.version, "news in its order");
        assert!(fixture.shell("UPDATE blocks SET until_at = 1").await.is_err(), "evidence");
    })
    .await;
}

#[tokio::test]
async fn a_warning_waits_for_its_own_reader() {
    on_both_engines(|fixture| async move {
        let (fixture, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let (asker, other) = (citizen(store, 1).await, citizen(store, 2).await);
        let report = new(1, About::Citizen, asker, lawyer);
        store.report(&report, NOW).await.expect("asked");

        decide(store, decision(&report, 1, ReportState::Warned, Role::Supervisor)).await.expect("warned");

        let warned = store.restraint(Subject::Citizen(asker)).await.expect("asked");
        let warning = warned.warnings.first().expect("a warning").id.to_string();
        assert_eq!((warned.warnings.len(), warned.until), (1, None));
        assert!(!store.acknowledge(&warning, Subject::Citizen(other), NOW).await.expect("asked"));
        assert!(!store.acknowledge(&warning, Subject::Lawyer(lawyer), NOW).await.expect("asked"));
        for _ in 0..2 {
            assert!(store.acknowledge(&warning, Subject::Citizen(asker), NOW).await.expect("asked"));
        }
        let read = store.restraint(Subject::Citizen(asker)).await.expect("asked");
        assert!(read.warnings.is_empty() && read.version > warned.version);
    })
    .await;
}

#[tokio::test]
async fn a_decision_about_a_lawyer_is_a_step_of_the_qualification_or_none() {
    on_both_engines(|fixture| async move {
        let (fixture, lawyer) = county(fixture).await;
        let store = &fixture.store;
        let asker = citizen(store, 1).await;
        let report = new(1, About::Lawyer, asker, lawyer);
        store.report(&report, NOW).await.expect("asked");
        let stands = async || store.lawyer(lawyer).await.expect("asked").expect("there").qualification;

        let early = decide(store, decision(&report, 1, ReportState::Warned, Role::Dispatcher)).await;
        assert!(matches!(early, Err(NotDecided::NoSuch)), "not referred: {early:?}");
        decide(store, decision(&report, 1, ReportState::Referred, Role::Supervisor)).await.expect("referred");
        assert_eq!(store.reports((None, true), None, 9).await.expect("listed").items.len(), 1);
        let decided = decide(store, decision(&report, 2, ReportState::Warned, Role::Dispatcher)).await.expect("warned");

        assert_eq!(decided.lawyer.map(|lawyer| lawyer.qualification), Some(Qualification::Warned));
        assert_eq!(stands().await, Qualification::Warned);
        assert_eq!(store.restraint(Subject::Lawyer(lawyer)).await.expect("asked").warnings.len(), 1);
        let steps = store.report_steps(&report.id).await.expect("asked");
        assert_eq!(steps.iter().map(|step| step.to).collect::<Vec<_>>(), [ReportState::Referred, ReportState::Warned]);

        // Whoever is gone is not suspended: the report stays as it was, and can still be dismissed.
        let late = new(2, About::Lawyer, asker, lawyer);
        store.report(&late, NOW).await.expect("asked");
        let removed =
            Decision { to: Qualification::Removed, reason: "离职", actor: "staff-2", role: Role::Dispatcher };
        assert!(store.decide(&[lawyer], removed, NOW).await.expect("asked")[0].outcome.is_ok());
        let refused = decide(store, decision(&late, 1, ReportState::Suspended, Role::Supervisor)).await;
        assert!(matches!(refused, Err(NotDecided::Refused(Refused::NoSuchStep))), "{refused:?}");
        assert_eq!(store.one_report(&late.id).await.expect("asked").expect("there").state, ReportState::Open);
        decide(store, decision(&late, 1, ReportState::Dismissed, Role::Supervisor)).await.expect("dismissed");
        store.verify_audit().await.expect("the store").expect("a whole log");
    })
    .await;
}
