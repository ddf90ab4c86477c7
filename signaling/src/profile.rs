//! What the duty book knows of a lawyer besides presence: what the lawyer answers, where, and whether at all.
use std::collections::BTreeSet;

use crate::{
    ids::AreaCode,
    private::PersonName,
    words::{Pool, PracticeArea},
};

/// A lawyer as the bureau has them on its books. Given with every desk that opens, and again whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name askers see.
    pub name: PersonName,
    /// What the lawyer answers.
    pub areas: BTreeSet<PracticeArea>,
    /// The county's own, or the nation-wide back-up.
    pub pool: Pool,
    /// The county the lawyer is at home in, when known.
    pub county: Option<AreaCode>,
    /// The villages whose adviser the lawyer is.
    pub villages: Vec<AreaCode>,
    /// Whether the qualification lets the lawyer answer; without it no desk of theirs is rung.
    pub may_serve: bool,
}
