//! Hints between the parts and, later, the nodes: a hint may be lost, the truth is in the database.
mod in_process;

use std::{fmt::Debug, sync::Arc};

use futures_util::future::BoxFuture;

pub use in_process::InProcess;

use crate::domain::people::Subject;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Tokens of this account were revoked: its sockets are to be closed.
    SignedOut(Subject),
}

/// Tells hints to whoever listens, on every node.
pub trait Bus: Debug + Send + Sync {
    /// Tells everybody who listens now; does not wait.
    fn publish(&self, hint: Hint);

    /// Listens from now on.
    fn listen(&self) -> Box<dyn Listener>;
}

/// One listener's ear.
pub trait Listener: Send {
    /// The next hint; `None` when nobody can tell any more.
    fn hear(&mut self) -> BoxFuture<'_, Option<Hint>>;
}

/// The bus that all parts share.
pub type SharedBus = Arc<dyn Bus>;
