//! The bus of one node.
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Bus, Hint, Listener};

/// Hints that may wait for a slow listener; past that it misses the oldest.
const BACKLOG: usize = 1024;

/// Tells hints inside this process.
#[derive(Debug)]
pub struct InProcess(broadcast::Sender<Hint>);

impl Default for InProcess {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Bus for InProcess {
    fn publish(&self, hint: Hint) {
        // An error says that nobody listens.
        let _ = self.0.send(hint);
    }

    fn listen(&self) -> Box<dyn Listener> {
        Box::new(Ear(self.0.subscribe()))
    }
}

struct Ear(broadcast::Receiver<Hint>);

impl Listener for Ear {
    fn hear(&mut self) -> BoxFuture<'_, Option<Hint>> {
        async {
            loop {
                match self.0.recv().await {
                    Ok(hint) => return Some(hint),
                    Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} hints were missed"),
                    Err(RecvError::Closed) => return None,
                }
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use yunfa_signaling::ids::CitizenId;

    use super::*;
    use crate::domain::people::Subject;

    #[tokio::test]
    async fn everybody_who_listens_hears_what_is_told_afterwards() {
        let bus = InProcess::default();
        let hint = |n| Hint::SignedOut(Subject::Citizen(CitizenId::new(Uuid::from_u128(n))));
        bus.publish(hint(0));
        let (mut one, mut other) = (bus.listen(), bus.listen());

        bus.publish(hint(1));
        drop(bus);

        assert_eq!((one.hear().await, other.hear().await), (Some(hint(1)), Some(hint(1))));
        assert_eq!(one.hear().await, None);
    }
}
