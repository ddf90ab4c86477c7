//! Passwords: argon2id on blocking threads, so many at once as there are cores.
use std::{sync::LazyLock, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{sync::Semaphore, time::timeout};
use zeroize::Zeroizing;

use super::problem::{Code, Problem};
use crate::clock::Clock;

/// Shortest password that may be set.
pub const MIN_CHARS: usize = 8;
/// Longest password that is looked at: hashing a megabyte would be a way to keep us busy.
pub const MAX_CHARS: usize = 128;
/// How long a login waits for its turn; later, the caller is better told to try again.
const TURN: Duration = Duration::from_secs(5);
/// What is checked when there is no such account, with the parameters of a real one, so that both take equally long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_with_salt(b"nobody's password", &[7; 16]));

/// The queue before the processor.
#[derive(Debug)]
pub struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
    }
}

impl Passwords {
    /// Whether `password` is the one of `hash`; without a hash it takes as long and is wrong.
    ///
    /// # Errors
    /// 503 when too many are being checked already.
    pub async fn is_right(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let turn = timeout(TURN, self.0.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Problem::from(Code::Unavailable).retry_after(TURN));
        };
        let password = Zeroizing::new(password);
        let checked = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.or_else(|| NOBODY.clone()).unwrap_or_default();
            let right = PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            right && known
        });
        checked.await.map_err(|error| Problem::internal(&error))
    }

    /// The PHC string of a password to be kept, made in the same queue; nothing when it cannot be hashed.
    ///
    /// # Errors
    /// 503 when too many are being checked already.
    pub async fn hash(&self, password: String, clock: &Clock) -> Result<Option<String>, Problem> {
        let turn = timeout(TURN, self.0.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Problem::from(Code::Unavailable).retry_after(TURN));
        };
        let (password, salt) = (Zeroizing::new(password), clock.dice::<16>());
        let hashed = tokio::task::spawn_blocking(move || hash_with_salt(password.as_bytes(), &salt));
        hashed.await.map_err(|error| Problem::internal(&error))
    }
}

/// The PHC string of a password to be kept.
pub fn hash(password: &str, clock: &Clock) -> Option<String> {
    hash_with_salt(password.as_bytes(), &clock.dice::<16>())
}

fn hash_with_salt(password: &[u8], salt: &[u8]) -> Option<String> {
    Argon2::default().hash_password_with_salt(password, salt).ok().map(|hash: PasswordHash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right_and_nobody_has_one() {
        let passwords = Passwords::default();
        let kept = hash("correct horse", &Clock::machine());
        let is_right = async |password: &str, hash| passwords.is_right(password.to_owned(), hash).await;

        assert!(kept.as_deref().is_some_and(|kept| kept.starts_with("$argon2id$")));
        assert_eq!(is_right("correct horse", kept.clone()).await, Ok(true));
        assert_eq!(is_right("wrong horse", kept).await, Ok(false));
        assert_eq!(is_right("nobody's password", None).await, Ok(false));
    }
}
