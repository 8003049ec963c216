//! How many values one key opens. Whoever makes up what is opened for it learns 64 bits of the key by each value; so many are
//! allowed for a party as leave the key its strength, if the guest's policy asks for it, and then there is another key. Every party
//! counts for itself by the plan, so that nobody need be told when a new key comes.

use component_kit::{Message, Result, TaskContext};

use crate::encrypted_algebra::{LinearScheme, PublicKeyBytes};
use crate::key_ceremony::{Encryptor, receive_key};
use crate::key_limit::Limit;

/// What the key in use has opened, and when the next one comes.
#[derive(Debug, Clone)]
pub struct KeyUse {
    limit: Limit,
    used: usize,
}

impl KeyUse {
    /// Of a key that opened nothing yet.
    pub fn new(limit: Limit) -> Self {
        Self { limit, used: 0 }
    }

    /// Counts so many values to come for the party that has most of them; true when they are for a new key.
    pub fn is_over(&mut self, values: usize) -> bool {
        let used = self.used.saturating_add(values);
        let is_over = self.limit.most.is_some_and(|most| used > most);
        // All parties count alike and without a message, so that they change keys in the same
        // batch.
        self.used = if is_over { values } else { used };
        is_over
    }

    /// Everybody but the arbiter: counts as [`KeyUse::is_over`] does, and receives the new key where there is one.
    pub async fn renew<S: LinearScheme>(
        &mut self,
        turn: &TaskContext,
        encryptor: &mut Encryptor<S>,
        message: &Message<PublicKeyBytes>,
        values: usize,
    ) -> Result<()> {
        if self.is_over(values) {
            *encryptor = receive_key::<S>(turn, &turn.arbiter()?, message).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use component_kit::MaliciousHosts;

    use super::*;
    use crate::RingLwe;

    #[test]
    fn a_key_opens_no_more_than_its_values() {
        let limit = Limit::of::<RingLwe>(MaliciousHosts::Rekey);
        let mut key = KeyUse::new(limit);
        let changes: Vec<bool> = [5, 5, 5, 7, 1, 12, 1]
            .into_iter()
            .map(|values| key.is_over(values))
            .collect();
        assert_eq!(changes, [false, false, true, false, true, true, true]);
        assert_eq!((limit.columns(0), limit.columns(1)), (12, 11));
        assert_eq!(
            (limit.keys(5, 7), limit.keys(12, 7), limit.keys(1, 3)),
            (4, 7, 1)
        );
    }

    #[test]
    fn one_key_serves_parties_that_are_trusted() {
        let limit = Limit::of::<RingLwe>(MaliciousHosts::Trust);
        let mut key = KeyUse::new(limit);
        assert!((0..1000).all(|_| !key.is_over(usize::MAX)));
        assert_eq!((limit.columns(1), limit.keys(100, 100)), (usize::MAX, 1));
        assert!(Limit::of::<RingLwe>(MaliciousHosts::Refuse).most.is_some());
    }
}
