//! Identifiers: one newtype per thing, UUID v7 as text on the wire and in the store.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was minted elsewhere (`src/clock.rs`, a client, the store).
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        /// Shows only the tail: enough to follow one thing through a log, too little to look it up.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = self.0.simple().to_string();
                write!(f, "{}(…{})", stringify!($name), &text[26..])
            }
        }

        /// The whole id, for the wire, the store and paths; never for logs.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// One asker, known by a keyed reference; never a name or number.
    CitizenId;
    /// One provider of advice (律师): the account that answers.
    LawyerId;
    /// One member of the bureau's office: dispatcher, supervisor, finance reviewer.
    StaffId;
    /// One invitation of a third party into a session, and the leg that it promises.
    InvitationId;
    /// One matter (一事): the unit of record, file and rating. Minted by the asker's client, so that asking twice is one matter.
    ConsultationId;
    /// One ring of one lawyer for one consultation.
    OfferId;
    /// One live call inside a consultation.
    SessionId;
    /// One participant's connection in a session.
    LegId;
    /// One chat line, minted by its sender's client, so that sending twice is one line.
    MessageId;
    /// One lawyer's answer to a text question, minted by the lawyer's client.
    AnswerId;
    /// One request of a client; the same id again is the same request.
    RequestId;
    /// One sealed service record.
    RecordId;
    /// One warning of the office.
    WarningId;
}

/// An official division code: 12 digits, county, town or village (GB/T 2260 and GB/T 10114 widened to 12 by the statistics bureau).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct AreaCode(String);

impl AreaCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not 12 ASCII digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an area code has exactly 12 digits")]
pub struct NotAnAreaCode;

impl FromStr for AreaCode {
    type Err = NotAnAreaCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAreaCode)
        }
    }
}

impl<'de> Deserialize<'de> for AreaCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_a_log_shows_only_its_tail() {
        let id: SessionId = "0192f3c4-5678-7abc-8def-0123456789ab".parse().expect("a uuid");

        assert_eq!(format!("{id:?}"), "SessionId(…6789ab)");
    }

    #[test]
    fn an_area_code_is_twelve_digits_and_nothing_else() {
        assert!("370521001001".parse::<AreaCode>().is_ok());
        for wrong in ["", "37052100100", "3705210010011", "37052100100a", "３70521001001"] {
            assert_eq!(wrong.parse::<AreaCode>(), Err(NotAnAreaCode), "{wrong}");
        }
    }
}
