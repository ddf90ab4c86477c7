//! The asker's stars (一事一评): one rating per matter, outside the sealed record.
use serde::{Deserialize, Serialize};
use yunfa_signaling::time::Timestamp;

/// Stars, from 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Stars(u8);

/// Not 1, 2, 3, 4 or 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rating is 1 to 5 stars")]
pub struct NotStars;

impl TryFrom<u8> for Stars {
    type Error = NotStars;

    fn try_from(stars: u8) -> Result<Self, NotStars> {
        if (1..=5).contains(&stars) { Ok(Self(stars)) } else { Err(NotStars) }
    }
}

impl From<Stars> for u8 {
    fn from(stars: Stars) -> Self {
        stars.0
    }
}

impl Stars {
    /// Whether the asker was satisfied, as the KPI counts it.
    pub const fn is_satisfied(self) -> bool {
        self.0 >= 3
    }

    /// Whether a follow-up is owed to the asker.
    pub const fn needs_follow_up(self) -> bool {
        self.0 <= 2
    }
}

/// One rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// How many.
    pub stars: Stars,
    /// When.
    pub rated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_five_ratings_and_each_is_satisfied_or_followed_up() {
        let all: Vec<_> = (0..=u8::MAX).filter_map(|stars| Stars::try_from(stars).ok()).collect();

        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|stars| stars.is_satisfied() != stars.needs_follow_up()));
        assert!(serde_json::from_str::<Stars>("6").is_err());
    }
}
