//! Everything that can happen in a county.
use proptest::prelude::*;
use yunfa_signaling::{
    duty::Wish,
    words::{Channel, Grade, Outcome, PracticeArea},
};

use crate::reference::LAWYERS;

/// Turns of the longest story.
const TURNS: usize = 100;

/// What somebody says to a matter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Accept,
    Decline,
    Delivered,
    Seen,
    Cancel,
    KeepWaiting,
    CallMeBack,
    TakeCall,
    FallBack(Channel),
    Propose(Channel),
    Answer(Channel, bool),
    Chat(u128),
    Type(u32),
    Read(u32),
    Devices,
    HangUp,
    Outcome(Outcome),
    Rate(u8),
}

/// What happens to a text question: the lawyer, and which one.
#[derive(Clone, Debug)]
pub(crate) enum Paper {
    Ask(PracticeArea),
    Claim(usize, usize),
    /// A lawyer who takes whatever there is.
    ClaimAll(usize),
    Release(usize, usize),
    Decline(usize, usize),
    Answer(usize, usize, u32),
    Amend(usize, usize),
    FollowUp(usize),
    Reply(usize, usize, u32),
    Close(usize),
}

/// One thing that happens in the county.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Pass(u64),
    /// Everybody goes home for so long.
    Night(u64),
    /// Every clock moves at once, and nobody notices in between.
    Jump(u64),
    SetWall(i64),
    /// What the tasks say to one another is under way until it is delivered, or time passes.
    Slow(bool),
    Deliver(usize),
    /// The process ends and another one takes up what it can.
    Restart,
    OpenTab(usize, u64),
    CloseTab(usize, u64),
    /// A tab that gives no sign of life any more.
    FallSilent(usize, u64),
    Want(usize, Wish),
    /// The bureau lets a lawyer serve, or no longer.
    Qualify(usize, bool),
    Ask {
        area: PracticeArea,
        channel: Channel,
        wish: Option<usize>,
        goes_on: Option<bool>,
    },
    /// A citizen who calls twice.
    AskAgain {
        asker: usize,
        another: bool,
    },
    /// Everybody who is rung for a matter accepts at once.
    Grab(usize),
    /// A lawyer at the ring of the desk.
    Ring(usize, Said),
    Asker(usize, Said),
    /// A lawyer in the session, or after it.
    Desk(usize, Said),
    /// A lawyer whom nobody has invited.
    Stranger(usize, usize, Said),
    Away(usize, bool),
    Media(usize, bool),
    DeskMedia(usize, bool),
    SupervisorEnds(usize),
    /// The office blocks an asker.
    Block(usize),
    /// Letters that come too late, or to the wrong door.
    Stray(usize, usize),
    /// More is known of a matter: this lawyer has a conflict in it, and how grave it is.
    Known(usize, usize, Grade),
    /// The task of a matter fails.
    Crash(usize),
    Stop(usize),
    Paper(Paper),
}

fn who() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0), 2 => 0..LAWYERS]
}

fn greater() -> impl Strategy<Value = Channel> {
    prop_oneof![Just(Channel::Voice), Just(Channel::Video)]
}

fn in_call() -> BoxedStrategy<Said> {
    let outcome = prop_oneof![Just(Outcome::AdviceGiven), Just(Outcome::Abuse), Just(Outcome::Missing)];
    prop_oneof![
        1 => prop_oneof![Just(Channel::Text), Just(Channel::Voice)].prop_map(Said::FallBack),
        2 => greater().prop_map(Said::Propose),
        2 => (greater(), any::<bool>()).prop_map(|(channel, accept)| Said::Answer(channel, accept)),
        3 => (0..4u128).prop_map(Said::Chat),
        1 => (0..12u32).prop_map(Said::Type),
        1 => (0..4u32).prop_map(Said::Read),
        1 => Just(Said::Devices),
        2 => Just(Said::HangUp),
        3 => outcome.prop_map(Said::Outcome),
    ]
    .boxed()
}

fn grade() -> impl Strategy<Value = Grade> {
    prop_oneof![
        2 => Just(Grade::Normal),
        1 => Just(Grade::Attention),
        1 => Just(Grade::Sensitive),
        1 => Just(Grade::Major)
    ]
}

/// The last lawyer has no conflict in anything: whoever waits is served in the end.
fn known() -> impl Strategy<Value = Turn> {
    (0..8usize, 0..LAWYERS - 1, grade()).prop_map(|(k, n, grade)| Turn::Known(k, n, grade))
}

fn at_ring() -> impl Strategy<Value = Said> {
    prop_oneof![8 => Just(Said::Accept), 2 => Just(Said::Decline), 1 => Just(Said::Delivered), 1 => Just(Said::Seen)]
}

fn as_asker() -> impl Strategy<Value = Said> {
    prop_oneof![
        2 => Just(Said::Cancel),
        3 => Just(Said::KeepWaiting),
        4 => Just(Said::CallMeBack),
        4 => Just(Said::TakeCall),
        3 => (0..=6u8).prop_map(Said::Rate),
        6 => in_call(),
    ]
}

fn area() -> impl Strategy<Value = PracticeArea> {
    prop_oneof![
        4 => Just(PracticeArea::Labour),
        1 => Just(PracticeArea::Family),
        1 => Just(PracticeArea::Traffic),
        1 => Just(PracticeArea::Other)
    ]
}

fn paper() -> impl Strategy<Value = Paper> {
    let which = || 0..4usize;
    prop_oneof![
        4 => area().prop_map(Paper::Ask),
        6 => (who(), which()).prop_map(|(n, q)| Paper::Claim(n, q)),
        2 => (0..2usize).prop_map(Paper::ClaimAll),
        1 => (who(), which()).prop_map(|(n, q)| Paper::Release(n, q)),
        1 => (who(), which()).prop_map(|(n, q)| Paper::Decline(n, q)),
        4 => (who(), which(), 10..60u32).prop_map(|(n, q, chars)| Paper::Answer(n, q, chars)),
        1 => (who(), which()).prop_map(|(n, q)| Paper::Amend(n, q)),
        2 => which().prop_map(Paper::FollowUp),
        2 => (who(), which(), 0..4u32).prop_map(|(n, q, number)| Paper::Reply(n, q, number)),
        1 => which().prop_map(Paper::Close),
    ]
}

/// Many who ask the same, and few who answer.
fn queue() -> impl Strategy<Value = Turn> {
    let (area, channel) = (PracticeArea::Labour, Channel::Text);
    let said = prop_oneof![3 => Just(Said::CallMeBack), 2 => Just(Said::KeepWaiting), 1 => Just(Said::TakeCall)];
    let written = || Said::Outcome(Outcome::AdviceGiven);
    prop_oneof![
        4 => Just(Turn::Ask { area, channel, wish: None, goes_on: None }),
        4 => (0..8usize, said).prop_map(|(k, said)| Turn::Asker(k, said)),
        3 => who().prop_map(|n| Turn::Ring(n, Said::Accept)),
        2 => who().prop_map(|n| Turn::Desk(n, Said::HangUp)),
        2 => who().prop_map(move |n| Turn::Desk(n, written())),
        2 => (0..20u64).prop_map(Turn::Pass),
        1 => who().prop_map(|n| Turn::Want(n, Wish::OnDuty)),
        1 => known(),
        1 => turn().boxed(),
    ]
}

/// What happens in a county: a morning on which some are on duty, then of everything, or most of it to text questions.
pub(crate) fn story() -> impl Strategy<Value = Vec<Turn>> {
    let papers = prop_oneof![3 => paper().prop_map(Turn::Paper).boxed(), 1 => turn().boxed()];
    let day = prop_oneof![
        1 => prop::collection::vec(queue(), 20..TURNS).boxed(),
        4 => prop::collection::vec(turn(), 20..TURNS).boxed(),
        1 => prop::collection::vec(papers, 20..TURNS).boxed(),
    ];
    let morning = prop::collection::vec(prop::bool::weighted(0.7), LAWYERS);
    (morning, day).prop_map(|(morning, day)| {
        let on_duty = (0..LAWYERS).filter(|n| morning[*n]).map(|n| Turn::Want(n, Wish::OnDuty));
        on_duty.chain(day).collect()
    })
}

/// One thing that may happen.
fn turn() -> impl Strategy<Value = Turn> {
    let wish =
        prop_oneof![6 => Just(Wish::OnDuty), 1 => Just(Wish::Break), 1 => Just(Wish::OnSite), 2 => Just(Wish::OffDuty)];
    let channel = prop_oneof![2 => Just(Channel::Text), 2 => Just(Channel::Voice), 1 => Just(Channel::Video)];
    let span = prop_oneof![6 => 0..20u64, 2 => Just(30), 2 => Just(60), 2 => Just(120), 1 => Just(600)];
    let long = prop_oneof![8 => Just(4 * 3600), 3 => Just(25 * 3600), 1 => Just(73 * 3600)];
    let away = prop_oneof![Just(20u64), Just(46), Just(61), Just(3600), Just(86_400)];
    let asker = || 0..8usize;
    let wished = prop_oneof![4 => Just(None), 1 => (0..LAWYERS).prop_map(Some)];
    let goes_on = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let time = prop_oneof![
        16 => span.prop_map(Turn::Pass),
        1 => long.prop_map(Turn::Night),
        1 => away.prop_map(Turn::Jump),
        2 => (-90_000_000_i64..90_000_000).prop_map(Turn::SetWall),
        1 => Just(Turn::Restart),
    ];
    let shell = prop_oneof![
        2 => any::<bool>().prop_map(Turn::Slow),
        4 => (0..4usize).prop_map(Turn::Deliver),
        1 => (who(), asker()).prop_map(|(n, k)| Turn::Stray(n, k)),
        1 => asker().prop_map(|k| if k == 0 { Turn::Crash(k) } else { Turn::Deliver(k) }),
        1 => asker().prop_map(|k| if k == 1 { Turn::Stop(k) } else { Turn::Deliver(k) }),
        1 => asker().prop_map(|k| match k {
            0..4 => Turn::SupervisorEnds(k),
            4 => Turn::Block(k),
            _ => Turn::Deliver(k),
        }),
    ];
    let desks = prop_oneof![
        8 => (who(), wish).prop_map(|(n, wish)| Turn::Want(n, wish)),
        2 => (who(), 0..3u64).prop_map(|(n, tab)| Turn::OpenTab(n, tab)),
        2 => (who(), 0..3u64).prop_map(|(n, tab)| Turn::CloseTab(n, tab)),
        1 => (who(), 0..3u64).prop_map(|(n, tab)| Turn::FallSilent(n, tab)),
        3 => (who(), prop::bool::weighted(0.6)).prop_map(|(n, may)| Turn::Qualify(n, may)),
        2 => (who(), prop::bool::weighted(0.8)).prop_map(|(n, up)| Turn::DeskMedia(n, up)),
    ];
    let askers = prop_oneof![
        6 => (area(), channel, wished, goes_on)
            .prop_map(|(area, channel, wish, goes_on)| Turn::Ask { area, channel, wish, goes_on }),
        1 => (asker(), any::<bool>()).prop_map(|(asker, another)| Turn::AskAgain { asker, another }),
        8 => (asker(), as_asker()).prop_map(|(k, said)| Turn::Asker(k, said)),
        1 => known(),
        2 => (asker(), any::<bool>()).prop_map(|(k, lost)| Turn::Away(k, lost)),
        4 => (asker(), prop::bool::weighted(0.8)).prop_map(|(k, up)| Turn::Media(k, up)),
    ];
    let lawyers = prop_oneof![
        2 => asker().prop_map(Turn::Grab),
        6 => (who(), at_ring()).prop_map(|(n, said)| Turn::Ring(n, said)),
        5 => (who(), in_call()).prop_map(|(n, said)| Turn::Desk(n, said)),
        1 => (who(), asker(), prop_oneof![at_ring(), in_call(), as_asker()])
            .prop_map(|(n, k, said)| Turn::Stranger(n, k, said)),
    ];
    prop_oneof![
        5 => time.boxed(),
        3 => shell.boxed(),
        5 => desks.boxed(),
        7 => askers.boxed(),
        9 => lawyers.boxed(),
        5 => paper().prop_map(Turn::Paper).boxed(),
    ]
}
