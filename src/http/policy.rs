//! Who may do what to which object: one table, and what is not in it is refused.
use yunfa_signaling::words::Role;

use super::problem::Code;
use crate::domain::people::Subject;

/// How far a role's right goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    No,
    /// To its own things.
    Own,
    /// To everybody's.
    All,
}

/// What a refusal looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 403: that there is such a thing is no secret.
    Forbid,
    /// 404 with the body of a thing that does not exist.
    Hide,
}

/// The rights of one action.
#[derive(Debug)]
struct Row {
    action: Action,
    nobody: Reach,
    citizen: Reach,
    lawyer: Reach,
    dispatcher: Reach,
    finance: Reach,
    supervisor: Reach,
    firm_admin: Reach,
    refusal: Refusal,
}

macro_rules! table {
    ($(#[doc = $doc:literal] $action:ident: $nobody:ident $citizen:ident $lawyer:ident $dispatcher:ident $finance:ident $supervisor:ident $firm_admin:ident, $refusal:ident;)+) => {
        /// Everything that can be asked of the server over HTTP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = $doc] $action,)+
        }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];
        }

        const TABLE: &[Row] = &[$(Row {
            action: Action::$action,
            nobody: Reach::$nobody,
            citizen: Reach::$citizen,
            lawyer: Reach::$lawyer,
            dispatcher: Reach::$dispatcher,
            finance: Reach::$finance,
            supervisor: Reach::$supervisor,
            firm_admin: Reach::$firm_admin,
            refusal: Refusal::$refusal,
        }),+];
    };
}

table! {
    //                nobody citizen lawyer dispatcher finance supervisor firm_admin
    /// See that the server lives and which one it is.
    SeeHealth:        All All All All All All All, Forbid;
    /// See practice areas, areas and the consent version.
    SeeDirectory:     All All All All All All All, Forbid;
    /// Open a socket; who it is comes in its first message.
    OpenSocket:       All All All All All All All, Forbid;
    /// Become a guest in one tap.
    BecomeGuest:      All All All All All All All, Forbid;
    /// Sign in by name and password.
    SignIn:           All All All All All All All, Forbid;
    /// Sign out.
    SignOut:          No Own Own Own Own Own Own, Forbid;
    /// See who one is.
    SeeSelf:          No Own Own Own Own Own Own, Forbid;
    /// Get a ticket for a socket.
    TakeTicket:       No Own Own Own Own Own Own, Forbid;
    /// Confirm a telephone number.
    ConfirmPhone:     No Own No No No No No, Forbid;
    /// Set up a second factor, or switch it off.
    EnrolTotp:        No No Own Own Own Own Own, Forbid;
    /// Be told by the browser while nobody looks at the desk.
    UsePush:          No No Own No No No No, Forbid;
    /// See whom an invitation is for, and set name and password with it.
    Activate:         All All All All All All All, Forbid;
    /// List lawyers as the bureau keeps them.
    ListLawyers:      No No No All No All Own, Forbid;
    /// Read one lawyer's entry.
    ReadLawyer:       No No No All No All Own, Hide;
    /// Take on a lawyer.
    AddLawyer:        No No No All No No No, Forbid;
    /// Change a lawyer's entry; a firm its own people's practice areas and languages.
    EditLawyer:       No No No All No No Own, Hide;
    /// Hand out the code for a login.
    InviteLawyer:     No No No All No No No, Hide;
    /// Take a step of a qualification; a supervisor may suspend only.
    DecideQualification: No No No All No All No, Forbid;
    /// List firms.
    ListFirms:        No No No All No All Own, Forbid;
    /// Write down a firm that applies.
    AddFirm:          No No No All No No No, Forbid;
    /// Settle a firm.
    SettleFirm:       No No No All No No No, Hide;
    /// Bring in a firm's people, name its administrators.
    ManageFirm:       No No No All No No No, Hide;
    /// Close the login of a firm's administrator.
    CloseFirmAdmin:   No No No All No No No, Hide;
    /// See the duty roster.
    SeeRoster:        No No Own All No All Own, Forbid;
    /// Plan duty.
    PlanDuty:         No No No All No No No, Forbid;
    /// Move a shift.
    ChangeShift:      No No No All No No No, Hide;
    /// Drop a shift.
    DropShift:        No No No All No No No, Hide;
    /// See the yearly calendar.
    SeeCalendar:      No No No All All All No, Forbid;
    /// Set days of the yearly calendar.
    SetCalendar:      No No No All No No No, Forbid;
    /// See the duty floors and their alarms.
    SeeFloors:        No No No All No All No, Forbid;
    /// Say how many must be on duty at least.
    SetFloor:         No No No All No All No, Forbid;
    /// Ask a text question, ask on, go on with it as a call.
    AskQuestion:      No Own No No No No No, Hide;
    /// Attach something to a text of a question that one wrote.
    Attach:           No Own Own No No No No, Hide;
    /// Read what is attached to a text that one may read.
    ReadAttachment:   No Own Own No No No No, Hide;
    /// Close a text question, or take it back.
    CloseQuestion:    No Own No No No No No, Hide;
    /// List text questions: their own, those that they answered, or all without a word of them.
    ListQuestions:    No Own Own All No All No, Forbid;
    /// Read what was written in a text question.
    ReadQuestion:     No Own Own No No No No, Hide;
    /// See text questions that are open to a lawyer.
    SeeOpenQuestions: No No Own No No No No, Forbid;
    /// Claim a slot of a text question, or give it back.
    ClaimQuestion:    No No Own No No No No, Hide;
    /// Answer a text question, reply, or decline it.
    AnswerQuestion:   No No Own No No No No, Hide;
    /// List sessions, metadata only.
    ListSessions:     No No Own All No All No, Forbid;
    /// End a running session, with a reason.
    EndSession:       No No No No No All No, Hide;
    /// Report the other side of one's own session or text question.
    Report:           No Own Own No No No No, Hide;
    /// List reports; a dispatcher those that were referred, without who reported.
    ListReports:      No No No Own No All No, Forbid;
    /// Read one report; a dispatcher one that was referred, without what was written.
    ReadReport:       No No No Own No All No, Hide;
    /// Decide a report; a dispatcher one that was referred.
    DecideReport:     No No No Own No All No, Hide;
    /// Say that one has read a warning.
    AcknowledgeWarning: No Own Own No No No No, Hide;
    /// List sealed records, metadata only.
    ListRecords:      No No Own No No All No, Forbid;
    /// Read one sealed record in full, metadata only.
    ReadRecord:       No No Own No No All No, Hide;
    /// List matters over the days, metadata only.
    ListMatters:      No Own Own No No All No, Forbid;
    /// See one matter with its chain, metadata only.
    ReadMatter:       No Own Own No No All No, Hide;
    /// Get the file of a matter: what the reader may see of it.
    ExportMatter:     No Own Own No No All No, Hide;
    /// Say how grave a matter is; a lawyer only raises, and only what they answered.
    GradeMatter:      No No Own No No All No, Hide;
    /// See who graded a matter, and why.
    SeeGrades:        No No Own No No All No, Hide;
    /// Link a matter to an incident.
    LinkMatter:       No No Own No No All No, Hide;
    /// See the incidents.
    ListIncidents:    No No All No No All No, Forbid;
    /// Name an incident.
    NameIncident:     No No All No No All No, Forbid;
    /// Say how many people an incident concerns.
    CountIncident:    No No All No No All No, Hide;
    /// See who is kept out of an incident for a conflict of interest.
    SeeConflicts:     No No No No No All No, Hide;
    /// Keep a lawyer out of an incident.
    BarLawyer:        No No No No No All No, Hide;
    /// Let a lawyer in again who was kept out by mistake.
    LetLawyerIn:      No No No No No All No, Hide;
    /// See in how many incidents one is rung for nothing.
    CountConflicts:   No No Own No No No No, Forbid;
    /// See grave matters with their clocks.
    ListEscalations:  No No No No No All No, Forbid;
    /// Take a step of an escalation.
    StepEscalation:   No No No No No All No, Hide;
    /// Give stars to one's own matter, also after the page was closed.
    RateMatter:       No Own No No No No No, Hide;
    /// Come back with one's own matter.
    ReopenMatter:     No Own No No No No No, Hide;
    /// Complain of one's own matter.
    Complain:         No Own No No No No No, Hide;
    /// See what one complained of.
    SeeComplaints:    No Own No No No No No, Hide;
    /// Object to the stars of a matter that one answered.
    AppealRating:     No No Own No No No No, Hide;
    /// See what the office owes whoever was not content.
    ListFollowUps:    No No No No No All No, Forbid;
    /// See one follow-up with its notes and complaints.
    ReadFollowUp:     No No No No No All No, Hide;
    /// Take a step of a follow-up, never of one that is about oneself.
    StepFollowUp:     No No No No No All No, Hide;
    /// See the number of an asker who is to be called back.
    SeeAskersPhone:   No No No No No All No, Hide;
    /// See the objections to stars.
    ListAppeals:      No No No All No All No, Forbid;
    /// Vote on an objection to stars.
    VoteOnAppeal:     No No No All No All No, Hide;
}

/// How far `role` may go with `action`; nobody is signed in when there is none.
///
/// # Errors
/// 401 when signing in could help, else 403, or 404 where the thing itself is hidden.
pub fn reach(role: Option<Role>, action: Action) -> Result<Reach, Code> {
    let Some(row) = TABLE.iter().find(|row| row.action == action) else { return Err(Code::NotAllowed) };
    let reach = match role {
        None => row.nobody,
        Some(Role::Citizen) => row.citizen,
        Some(Role::Lawyer) => row.lawyer,
        Some(Role::Dispatcher) => row.dispatcher,
        Some(Role::Finance) => row.finance,
        Some(Role::Supervisor) => row.supervisor,
        Some(Role::FirmAdmin) => row.firm_admin,
    };
    match (reach, role, row.refusal) {
        (Reach::Own | Reach::All, _, _) => Ok(reach),
        (Reach::No, None, _) => Err(Code::Unauthenticated),
        (Reach::No, Some(_), Refusal::Forbid) => Err(Code::NotAllowed),
        (Reach::No, Some(_), Refusal::Hide) => Err(Code::NotFound),
    }
}

/// Whether `actor` may do `action` to a thing of `owner`. Somebody else's thing is not there.
///
/// # Errors
/// As [`reach`]; 404 for a thing of somebody else that is out of reach.
pub fn may(actor: Subject, action: Action, owner: Subject) -> Result<(), Code> {
    match reach(Some(actor.role()), action)? {
        Reach::All => Ok(()),
        Reach::Own if actor == owner => Ok(()),
        Reach::Own | Reach::No => Err(Code::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use yunfa_signaling::ids::{LawyerId, StaffId};

    use super::*;

    #[test]
    fn every_action_has_exactly_one_row() {
        for action in Action::ALL {
            assert_eq!(TABLE.iter().filter(|row| row.action == *action).count(), 1, "{action:?}");
        }
    }

    #[test]
    fn nobody_may_do_what_needs_a_login() {
        for action in [Action::SignOut, Action::TakeTicket, Action::ListSessions, Action::ReadRecord] {
            assert_eq!(reach(None, action), Err(Code::Unauthenticated), "{action:?}");
        }
    }

    #[test]
    fn a_record_of_somebody_else_is_not_there() {
        let lawyer = |n| Subject::Lawyer(LawyerId::new(Uuid::from_u128(n)));
        let staff = |role| Subject::Staff(StaffId::new(Uuid::from_u128(9)), role);

        assert_eq!(may(lawyer(1), Action::ReadRecord, lawyer(1)), Ok(()));
        assert_eq!(may(lawyer(2), Action::ReadRecord, lawyer(1)), Err(Code::NotFound));
        assert_eq!(may(staff(Role::Supervisor), Action::ReadRecord, lawyer(1)), Ok(()));
        assert_eq!(may(staff(Role::Finance), Action::ReadRecord, lawyer(1)), Err(Code::NotFound));
        assert_eq!(may(staff(Role::Dispatcher), Action::ReadRecord, lawyer(1)), Err(Code::NotFound));
    }
}
