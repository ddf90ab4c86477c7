//! Who takes part: subjects of tokens, lawyers with what they cover, citizens as a lawyer may see them.
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, LawyerId, StaffId},
    private::PersonName,
    words::{IdentityMode, PracticeArea, Role},
};

/// Whose token, whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An asker.
    Citizen(CitizenId),
    /// A provider of advice.
    Lawyer(LawyerId),
    /// A member of the office with the role that the bureau gave.
    Staff(StaffId, Role),
}

impl Subject {
    /// The role that the policy table knows.
    pub const fn role(self) -> Role {
        match self {
            Self::Citizen(_) => Role::Citizen,
            Self::Lawyer(_) => Role::Lawyer,
            Self::Staff(_, role) => role,
        }
    }

    /// The id as it stands in the store.
    pub fn id(self) -> String {
        match self {
            Self::Citizen(id) => id.to_string(),
            Self::Lawyer(id) => id.to_string(),
            Self::Staff(id, _) => id.to_string(),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// The word as it stands in JSON and SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(format!("`{other}` is no {}", stringify!($name))),
                }
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// Which pool a lawyer belongs to (法律顾问团).
    Pool {
        /// The county's own.
        Local = "LOCAL",
        /// The nation-wide back-up.
        National = "NATIONAL",
    }

    /// What kind of provider answers.
    ProviderType {
        /// 律师.
        Lawyer = "LAWYER",
        /// 基层法律服务工作者.
        GrassrootsLegalWorker = "GRASSROOTS_LEGAL_WORKER",
        /// 公证员.
        Notary = "NOTARY",
        /// 调解员.
        Mediator = "MEDIATOR",
        /// 志愿者.
        Volunteer = "VOLUNTEER",
    }

    /// Where a lawyer's qualification stands.
    Qualification {
        /// Asked for, not looked at.
        Applied = "APPLIED",
        /// Looked at, not begun.
        Verified = "VERIFIED",
        /// May answer.
        Active = "ACTIVE",
        /// May answer, was warned.
        Warned = "WARNED",
        /// May not answer for now (veto).
        Suspended = "SUSPENDED",
        /// May answer again.
        Reinstated = "REINSTATED",
        /// Gone.
        Removed = "REMOVED",
    }

    /// A level of the area tree.
    AreaLevel {
        /// 县.
        County = "county",
        /// 镇.
        Town = "town",
        /// 村.
        Village = "village",
    }
}

/// A node of the area tree (区划).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    /// 12 digits.
    pub code: AreaCode,
    /// The node above; a county has none.
    pub parent: Option<AreaCode>,
    /// County, town or village.
    pub level: AreaLevel,
    /// In Chinese.
    pub name: String,
}

/// A lawyer as routing needs to know one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lawyer {
    /// Who.
    pub id: LawyerId,
    /// The name citizens see.
    pub name: PersonName,
    /// Local or national.
    pub pool: Pool,
    /// What the lawyer answers; in the order of the list of practice areas.
    pub practice_areas: Vec<PracticeArea>,
    /// Where the lawyer is at home, when known.
    pub area: Option<AreaCode>,
}

/// A citizen as routing and the desk may know one: never a name or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citizen {
    /// Who.
    pub id: CitizenId,
    /// The alias lawyers see.
    pub alias: PersonName,
    /// How the citizen is known.
    pub identity_mode: IdentityMode,
    /// The consent text that was shown.
    pub consent_version: String,
    /// The QR or campaign code of the first entry.
    pub entry_source: Option<String>,
}
