//! Keys to which relayed messages are sealed: made in memory, signed with the certificate's key, good for two hours, replaced every
//! hour, and erased soon after their end. Who records sealed messages and later steals an agent's certificate key, its disk or a backup can
//! read none of it. (Signed prekeys, as in X3DH, Marlinspike and Perrin 2016, without one-time keys.)

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::Random;
use crypto::seal::{POINT_BYTES, SecretScalar};
use pki::{Identity, Kind};
use vocabulary::{ErrorCode, Fault, PartyId, SignedBytes, Timestamp};
use wire::agent_link::{MESSAGE_KEY_CONTEXT, MessageKey};
use wire::frame::{decode, encode};

const MINUTE_MILLIS: i64 = 60_000;
/// How long a key may be used by senders.
const LIFE_MILLIS: i64 = 120 * MINUTE_MILLIS;
/// After this there is another one.
const REPLACED_MILLIS: i64 = 60 * MINUTE_MILLIS;
/// Messages are tried again for minutes, and clocks differ: a key is kept for so long after its end.
const KEPT_MILLIS: i64 = 15 * MINUTE_MILLIS;
/// A peer's key that lives longer than this is not short-lived, and refused.
const LONGEST_MILLIS: i64 = 24 * 60 * MINUTE_MILLIS;

struct OwnKey {
    secret: Arc<SecretScalar>,
    public: [u8; POINT_BYTES],
    made: Timestamp,
    until: Timestamp,
}

/// An agent's own keys, newest last. They exist in memory only.
#[derive(Default)]
pub(crate) struct MessageKeys {
    keys: Mutex<Vec<OwnKey>>,
}

impl MessageKeys {
    fn keys(&self) -> MutexGuard<'_, Vec<OwnKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key to publish, signed; another one where the last was made an hour ago.
    pub(crate) fn published(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<SignedBytes, Fault> {
        let key = {
            let mut keys = self.keys();
            forget_ended(&mut keys, now);
            let is_fresh =
                // A clock that was set back makes a key of the future, which is replaced rather
                // than kept too long.
                |key: &OwnKey| key.made <= now && now < key.made.plus_millis(REPLACED_MILLIS);
            if !keys.last().is_some_and(is_fresh) {
                keys.push(fresh(now)?);
            }
            let last = keys
                .last()
                .ok_or_else(|| internal("there is no key for messages"))?;
            MessageKey {
                party: identity.party().clone(),
                public: last.public.to_vec(),
                made: last.made,
                until: last.until,
            }
        };
        Ok(identity.sign(MESSAGE_KEY_CONTEXT, &encode(&key)?)?)
    }

    /// The keys that messages may still be sealed to, newest first.
    pub(crate) fn secrets(&self, now: Timestamp) -> Vec<Arc<SecretScalar>> {
        let mut keys = self.keys();
        forget_ended(&mut keys, now);
        keys.iter().rev().map(|key| key.secret.clone()).collect()
    }
}

/// Erases keys whose end, and the time for messages under way, is over.
fn forget_ended(keys: &mut Vec<OwnKey>, now: Timestamp) {
    keys.retain(|key| now <= key.until.plus_millis(KEPT_MILLIS));
}

fn fresh(now: Timestamp) -> Result<OwnKey, Fault> {
    let mut random = Random::from_os().map_err(|error| internal(&error.to_string()))?;
    // One in 2^32 scalars is out of range.
    for _ in 0..8 {
        let mut scalar = zeroize::Zeroizing::new([0; 32]);
        random.fill(&mut *scalar);
        let secret = SecretScalar::new(*scalar);
        if let Ok(public) = secret.public_sec1() {
            return Ok(OwnKey {
                secret: Arc::new(secret),
                public,
                made: now,
                until: now.plus_millis(LIFE_MILLIS),
            });
        }
    }
    Err(internal("no scalar was in range"))
}

fn internal(what: &str) -> Fault {
    Fault::new(
        ErrorCode::Internal,
        format!("no key for relayed messages: {what}"),
    )
}

/// The key of a peer's agent to seal to: signed by its certificate for this purpose, of that party, not over, and short-lived.
pub(crate) fn of_peer(
    signed: &SignedBytes,
    party: &PartyId,
    identity: &Identity,
    now: Timestamp,
) -> Result<[u8; POINT_BYTES], Fault> {
    let refused = |why: &str| {
        let text = format!("the directory's key for messages of party {party} is refused: {why}");
        Fault::new(ErrorCode::CertificateRefused, text).at(party)
    };
    let signer = pki::verify_signed(signed, MESSAGE_KEY_CONTEXT, identity, now)
        .map_err(|error| refused(&Fault::from(error).to_string()))?;
    let key: MessageKey = decode(&signed.bytes)?;
    // The coordinator hands the directory out: a genuine key of another party must not pass for
    // this one's.
    if signer.party != *party || signer.kind != Kind::Agent || key.party != *party {
        return Err(refused(&format!(
            "it is of {} {}",
            signer.kind, signer.party
        )));
    }
    if key.until < now {
        return Err(refused("its time is over"));
    }
    // A key that lives for years would undo that recorded messages stay closed.
    if key.until > now.plus_millis(LONGEST_MILLIS) {
        return Err(refused("it is not short-lived"));
    }
    key.public
        .as_slice()
        .try_into()
        .map_err(|_| refused("it is not a key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{Clock, SystemClock};

    fn identities() -> (tempfile::TempDir, Vec<Identity>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let mut authority = pki::Authority::init(&root, "mail", &pki::Profile::default()).unwrap();
        let mut issue = |name: &str, kind| {
            let home = folder.path().join(format!("{name}-{kind}"));
            authority
                .issue(
                    &PartyId::new(name).unwrap(),
                    kind,
                    &home,
                    &pki::IssueOptions::default(),
                )
                .unwrap();
            Identity::load(&home).unwrap()
        };
        let all = vec![
            issue("bob", Kind::Agent),
            issue("alice", Kind::Agent),
            issue("bob", Kind::Coordinator),
        ];
        (folder, all)
    }

    #[test]
    fn keys_change_every_hour_and_are_forgotten_after_their_end() {
        let (_folder, all) = identities();
        let (keys, start) = (MessageKeys::default(), SystemClock.now());
        let at = |minutes: i64| start.plus_millis(minutes * MINUTE_MILLIS);
        let public = |minutes: i64| {
            let signed = keys.published(&all[0], at(minutes)).unwrap();
            of_peer(&signed, all[0].party(), &all[1], at(minutes)).unwrap()
        };
        let first = public(0);
        assert_eq!(public(59), first);
        assert_ne!(public(60), first);
        assert_eq!(keys.secrets(at(61)).len(), 2);
        assert_eq!(
            keys.secrets(at(61))[1].public_sec1().unwrap(),
            first,
            "a message under way can still be read"
        );
        assert_eq!(keys.secrets(at(135)).len(), 2);
        assert_eq!(keys.secrets(at(136)).len(), 1, "the first is erased");
        assert_eq!(keys.secrets(at(60 + 136)).len(), 0);
        assert_ne!(public(0), first, "also when the clock is set back");
    }

    #[test]
    fn a_key_that_is_not_the_party_agents_own_short_lived_one_is_refused() {
        let (_folder, all) = identities();
        let now = SystemClock.now();
        let refusal = |signed: &SignedBytes, now| {
            of_peer(signed, all[0].party(), &all[1], now)
                .map_err(|fault| fault.to_string())
                .unwrap_err()
        };
        let good = MessageKeys::default().published(&all[0], now).unwrap();
        assert!(of_peer(&good, all[0].party(), &all[1], now).is_ok());
        assert!(refusal(&good, now.plus_millis(LIFE_MILLIS + 1)).contains("its time is over"));
        let theirs = MessageKeys::default().published(&all[1], now).unwrap();
        assert!(refusal(&theirs, now).contains("it is of agent alice"));
        let coordinators = MessageKeys::default().published(&all[2], now).unwrap();
        assert!(refusal(&coordinators, now).contains("it is of coordinator bob"));
        let mut changed = good.clone();
        let at = changed.bytes.len() - 1;
        changed.bytes[at] ^= 1;
        assert!(refusal(&changed, now).contains("FF404"));
        let sign =
            |key: &MessageKey, context: &str| all[0].sign(context, &encode(key).unwrap()).unwrap();
        let key: MessageKey = decode(&good.bytes).unwrap();
        assert!(
            refusal(&sign(&key, "fedflow mail v2"), now).contains("FF404"),
            "another purpose"
        );
        let long = MessageKey {
            until: now.plus_millis(LONGEST_MILLIS + 1),
            ..key.clone()
        };
        assert!(refusal(&sign(&long, MESSAGE_KEY_CONTEXT), now).contains("not short-lived"));
        let other = MessageKey {
            party: PartyId::new("carol").unwrap(),
            ..key.clone()
        };
        assert!(refusal(&sign(&other, MESSAGE_KEY_CONTEXT), now).contains("it is of"));
        let short = MessageKey {
            public: vec![4; 10],
            ..key
        };
        assert!(refusal(&sign(&short, MESSAGE_KEY_CONTEXT), now).contains("it is not a key"));
    }

    /// Who records a sealed message and steals everything that outlives the keys for messages reads nothing of it.
    #[tokio::test]
    async fn a_recorded_message_opens_with_its_own_key_only_and_with_none_after_its_end() {
        use crate::chunk::{Opening, Sealing};
        use crate::stream::Pieces;
        let (_folder, all) = identities();
        let (keys, now) = (MessageKeys::default(), SystemClock.now());
        let published = keys.published(&all[0], now).unwrap();
        let to = of_peer(&published, all[0].party(), &all[1], now).unwrap();
        let envelope = wire::contract::sample_envelope("guest", "host", "x", vec![7; 100]);
        let signed = all[1]
            .sign("fedflow mail v1", &encode(&("claim",)).unwrap())
            .unwrap();
        let (head, mut sealing) = Sealing::new(&envelope, &signed, to).unwrap();
        let sealed = sealing.next().await.unwrap().unwrap()[4..].to_vec();
        let open = async |secrets: Vec<Arc<SecretScalar>>| {
            Opening::new(&head, secrets).open(sealed.clone()).await
        };
        // The receiver, and the receiver after an hour.
        assert!(open(keys.secrets(now)).await.is_ok());
        keys.published(&all[0], now.plus_millis(REPLACED_MILLIS))
            .unwrap();
        assert!(
            open(keys.secrets(now.plus_millis(REPLACED_MILLIS)))
                .await
                .is_ok()
        );
        // The certificate's key, another run's keys, and the same run once the key is over.
        let stolen = SecretScalar::new(*all[0].secret_scalar().as_bytes());
        assert!(open(vec![Arc::new(stolen)]).await.is_err());
        let restarted = MessageKeys::default();
        restarted.published(&all[0], now).unwrap();
        assert!(open(restarted.secrets(now)).await.is_err());
        assert!(
            open(keys.secrets(now.plus_millis(LIFE_MILLIS + KEPT_MILLIS + 1)))
                .await
                .is_err()
        );
    }
}
