//! Between a socket and its person: who came, what the page says, what it is told.
use tokio::sync::mpsc;
use yunfa_signaling::{
    duty,
    ids::{CitizenId, LawyerId},
    message::{ClientFrame, ErrorCode, ServerMessage},
    words::Role,
};

use crate::domain::people;

/// Messages that may wait for one page's stream, which takes them at once: one that has not taken these is stuck. The
/// welcome of a page that starts afresh, with its chat, fits.
pub(super) const INBOX: usize = 512;

/// Who holds a socket, as the ticket says.
#[derive(Clone, Debug)]
pub enum Holder {
    /// An asker.
    Citizen(people::Citizen),
    /// A provider of advice.
    Lawyer(people::Lawyer),
    /// A member of the office; there is nothing live for them yet.
    Staff(Role),
}

/// Whose tabs, transports and messages: one task each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Person {
    /// An asker.
    Citizen(CitizenId),
    /// A lawyer.
    Lawyer(LawyerId),
}

impl Holder {
    /// The person, when this role takes part in consultations.
    pub const fn person(&self) -> Option<Person> {
        match self {
            Self::Citizen(citizen) => Some(Person::Citizen(citizen.id)),
            Self::Lawyer(lawyer) => Some(Person::Lawyer(lawyer.id)),
            Self::Staff(_) => None,
        }
    }
}

/// What a page is told.
#[derive(Clone, Debug)]
pub enum ToTab {
    /// A message of the protocol.
    Say(Box<ServerMessage>),
    /// Another page of this person took over.
    Replaced,
    /// The account was signed out.
    Revoked,
}

/// What a page says to its person.
#[derive(Debug)]
pub struct FromTab {
    pub(super) tab: duty::Tab,
    pub(super) event: TabEvent,
}

#[derive(Debug)]
pub(super) enum TabEvent {
    Said(ClientFrame),
    SocketLost,
    SocketBack,
    Gone,
}

/// A page's way to its person.
#[derive(Debug)]
pub struct Tab {
    pub(super) id: duty::Tab,
    pub(super) person: mpsc::Sender<FromTab>,
}

impl Tab {
    /// A place in the person's mailbox; waits while it is full. Nothing when the person's task is gone.
    pub async fn reserve(&self) -> Option<mpsc::Permit<'_, FromTab>> {
        self.person.reserve().await.ok()
    }

    /// The page said something.
    pub fn said(&self, frame: ClientFrame) -> FromTab {
        self.event(TabEvent::Said(frame))
    }

    /// The page's socket broke; it may come back.
    pub fn socket_lost(&self) -> FromTab {
        self.event(TabEvent::SocketLost)
    }

    /// The page has a socket again.
    pub fn socket_back(&self) -> FromTab {
        self.event(TabEvent::SocketBack)
    }

    /// The page will not come back.
    pub fn gone(&self) -> FromTab {
        self.event(TabEvent::Gone)
    }

    const fn event(&self, event: TabEvent) -> FromTab {
        FromTab { tab: self.id, event }
    }
}

/// A page that was let in.
#[derive(Debug)]
pub struct Attached {
    /// The way to its person.
    pub tab: Tab,
    /// What it is told, `welcome` first. It ends when the person's task gave the page up.
    pub inbox: mpsc::Receiver<ToTab>,
}

/// Why a holder was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is nothing live for this role.
    Role,
    /// Something is stuck here.
    Stuck,
}

impl Refused {
    /// The code on the wire.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Role => ErrorCode::NotAllowed,
            Self::Stuck => ErrorCode::Internal,
        }
    }

    /// One sentence for a developer.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Role => "this role has nothing live",
            Self::Stuck => "the server could not take you in: try again",
        }
    }
}
