//! Who takes part: subjects of tokens, lawyers with what they cover, citizens as a lawyer may see them.
use std::{fmt, str::FromStr};

pub use yunfa_signaling::words::Pool;
use yunfa_signaling::{
    ids::{AreaCode, CitizenId, LawyerId, StaffId},
    private::PersonName,
    profile::Profile,
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

            /// Every word, in the order in which it is written down.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
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

    /// Where a firm stands that joins as a whole.
    FirmState {
        /// Has asked; its people are being looked at.
        Applying = "APPLYING",
        /// Has joined.
        Settled = "SETTLED",
    }

    /// What a lawyer speaks: BCP 47, dialects of Mandarin as private subtags. A closed list, so that citizens can be
    /// shown a word and asked for one; a dialect that is missing is added here, until then its group is the answer.
    Language {
        /// 普通话.
        Mandarin = "zh-CN",
        /// 东北官话.
        Northeastern = "cmn-x-dongbei",
        /// 冀鲁官话.
        Jilu = "cmn-x-jilu",
        /// 胶辽官话.
        Jiaoliao = "cmn-x-jiaoliao",
        /// 中原官话.
        CentralPlains = "cmn-x-zhongyuan",
        /// 兰银官话.
        Lanyin = "cmn-x-lanyin",
        /// 江淮官话.
        LowerYangtze = "cmn-x-jianghuai",
        /// 西南官话.
        Southwestern = "cmn-x-xinan",
        /// 晋语.
        Jin = "cjy",
        /// 吴语.
        Wu = "wuu",
        /// 徽语.
        Hui = "czp",
        /// 赣语.
        Gan = "gan",
        /// 湘语.
        Xiang = "hsn",
        /// 客家话.
        Hakka = "hak",
        /// 闽南语.
        MinNan = "nan",
        /// 闽东语.
        MinDong = "cdo",
        /// 粤语.
        Cantonese = "yue",
        /// 蒙古语.
        Mongolian = "mn",
        /// 藏语.
        Tibetan = "bo",
        /// 维吾尔语.
        Uyghur = "ug",
        /// 哈萨克语.
        Kazakh = "kk",
        /// 朝鲜语.
        Korean = "ko",
        /// 壮语.
        Zhuang = "za",
        /// 彝语.
        Yi = "ii",
        /// 英语.
        English = "en",
        /// 中国手语.
        SignLanguage = "csl",
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

/// The number of a licence or of a provider's card (执业证号): the bureau's and the firm's business, nobody else's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct LicenceNo(String);

impl LicenceNo {
    /// The number itself, for the one who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LicenceNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenceNo(…)")
    }
}

/// The text is no licence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a licence number has 6 to 32 letters, digits or hyphens")]
pub struct NotALicence;

impl FromStr for LicenceNo {
    type Err = NotALicence;

    fn from_str(text: &str) -> Result<Self, NotALicence> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain && (6..=32).contains(&text.len()) && !text.starts_with('-') {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(NotALicence)
        }
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
    /// The villages whose adviser the lawyer is.
    pub villages: Vec<AreaCode>,
    /// Where the qualification stands.
    pub qualification: Qualification,
}

impl Lawyer {
    /// What the duty book goes by.
    pub fn profile(&self) -> Profile {
        Profile {
            name: self.name.clone(),
            areas: self.practice_areas.iter().copied().collect(),
            pool: self.pool,
            county: self.area.as_ref().map(county_of),
            villages: self.villages.clone(),
            may_serve: self.qualification.may_serve(),
        }
    }
}

/// The county of an area: the first six digits of its code (GB/T 2260).
pub fn county_of(area: &AreaCode) -> AreaCode {
    let county = format!("{}000000", &area.as_str()[..6]);
    county.parse().expect("six digits of a code and six zeros are twelve digits")
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
    /// A lawyer is signed in in the browser of this page: no stars are taken from it.
    pub beside_lawyer: bool,
}
