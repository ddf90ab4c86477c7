//! Text that cannot be printed whole: names, chat lines, SDP, tokens.
use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! private_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// Wraps the text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself, for the one who may see it.
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// The text itself, by value.
            pub fn into_inner(self) -> String {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} chars)", stringify!($name), self.0.chars().count())
            }
        }
    )*};
}

private_text! {
    /// A person's name or alias, as the other side sees it.
    PersonName;
    /// One chat line.
    ChatText;
    /// A session description (RFC 8866): it holds addresses and keys' fingerprints.
    Sdp;
    /// A bearer, resume or ticket token.
    Token;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_text_prints_its_length_only() {
        assert_eq!(format!("{:?}", ChatText::new("工资没发")), "ChatText(4 chars)");
    }
}
