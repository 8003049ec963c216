//! Who holds which key: the arbiter makes a pair for one task and hands out the public half. What each side keeps
//! also keeps its randomness, of which every use takes an independent fork.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_kit::{ComponentError, Message, Peer, Peers, Result, TaskContext};
use crypto::random::Random;
use vocabulary::Participant;

use crate::encrypted_algebra::{
    LinearScheme, Origin, PublicKeyBytes, SchemeResult, SumsBytes, SumsShape, VectorBytes,
};
use crate::key_limit::Limit;

/// A party that can encrypt.
pub struct Encryptor<S: LinearScheme> {
    key: Arc<S::PublicKey>,
    random: Random,
}

/// The arbiter: it can encrypt and decrypt.
pub struct KeyHolder<S: LinearScheme> {
    secret: Arc<S::SecretKey>,
    encryptor: Encryptor<S>,
    /// Values opened with this key, by who chose them.
    opened: BTreeMap<Participant, usize>,
    /// Most of them.
    most: Option<usize>,
}

/// Arbiter: makes a key pair and sends the public key.
pub async fn make_keys<S: LinearScheme>(
    task: &TaskContext,
    peers: &Peers,
    message: &Message<PublicKeyBytes>,
) -> Result<KeyHolder<S>> {
    let mut random = task.random()?;
    let mut fork = random.fork();
    let (secret, key) = task.encrypt(move || S::generate(&mut fork)).await?;
    peers.send(message, &PublicKeyBytes::of::<S>(&key)).await?;
    let encryptor = Encryptor {
        key: Arc::new(key),
        random,
    };
    Ok(KeyHolder {
        secret: Arc::new(secret),
        encryptor,
        opened: BTreeMap::new(),
        most: None,
    })
}

/// Everybody else: receives the public key.
pub async fn receive_key<S: LinearScheme>(
    task: &TaskContext,
    holder: &Peer,
    message: &Message<PublicKeyBytes>,
) -> Result<Encryptor<S>> {
    let bytes = holder.receive(message).await?;
    let key = task.encrypt(move || bytes.read::<S>()).await??;
    Ok(Encryptor {
        key: Arc::new(key),
        random: task.random()?,
    })
}

impl<S: LinearScheme> Encryptor<S> {
    /// Runs work that needs the key and randomness, off the async threads.
    pub async fn with<T: Send + 'static>(
        &mut self,
        task: &TaskContext,
        work: impl FnOnce(&S::PublicKey, &mut Random) -> T + Send + 'static,
    ) -> Result<T> {
        // A fork, because the work moves to another thread and the generator must stay here.
        let (key, mut random) = (self.key.clone(), self.random.fork());
        task.encrypt(move || work(&key, &mut random)).await
    }

    /// Encrypts a vector for the wire.
    pub async fn seal(&mut self, task: &TaskContext, values: Vec<i64>) -> Result<VectorBytes> {
        self.with(task, move |key, random| {
            VectorBytes::of::<S>(&S::encrypt(key, &values, random))
        })
        .await
    }

    /// Randomness for other uses of the same party.
    pub fn fork_random(&mut self) -> Random {
        self.random.fork()
    }
}

impl<S: LinearScheme> KeyHolder<S> {
    /// Opens no more values for any party than the limit says.
    pub fn limit(&mut self, limit: Limit) {
        self.most = limit.most;
    }

    /// Opens sums that one party chose; the only way to their values, so that each is counted. Sums of another shape than the
    /// plan has, and more than the key may open for this party, are a breach of the protocol.
    pub async fn open(
        &mut self,
        task: &TaskContext,
        by: &Participant,
        sums: SumsBytes,
        shape: SumsShape,
    ) -> Result<Vec<u64>> {
        // Before it is counted: a request that is refused for its shape opens nothing.
        if sums.columns() != shape.columns {
            let text = format!(
                "{by} asks to open {} sums where the plan has {}",
                sums.columns(),
                shape.columns
            );
            return Err(ComponentError::protocol(text));
        }
        let opened = self.opened.entry(by.clone()).or_default();
        // Counted before the values are opened: a call that fails later has used its allowance all
        // the same.
        *opened = opened.saturating_add(shape.columns);
        if let Some(most) = self.most.filter(|most| *opened > *most) {
            let text =
                format!("{by} asks for {opened} values by one key, which opens {most} for a party");
            return Err(ComponentError::protocol(text));
        }
        let open = move |secret: &S::SecretKey| -> SchemeResult<Vec<u64>> {
            Ok(S::open(secret, &sums.read::<S>(shape)?))
        };
        Ok(self.with(task, open).await??)
    }

    /// Runs work that needs the secret key, off the async threads.
    async fn with<T: Send + 'static>(
        &self,
        task: &TaskContext,
        work: impl FnOnce(&S::SecretKey) -> T + Send + 'static,
    ) -> Result<T> {
        let secret = self.secret.clone();
        task.encrypt(move || work(&secret)).await
    }

    /// Decrypts a masked vector of `length` values; the masks stay on.
    pub async fn open_masked(
        &self,
        task: &TaskContext,
        bytes: VectorBytes,
        length: usize,
    ) -> Result<Vec<i64>> {
        let open = move |secret: &S::SecretKey| -> SchemeResult<Vec<i64>> {
            Ok(S::decrypt(
                secret,
                &bytes.read::<S>(length, Origin::Masked)?,
            ))
        };
        Ok(self.with(task, open).await??)
    }

    /// The encrypting half.
    pub fn encryptor(&mut self) -> &mut Encryptor<S> {
        &mut self.encryptor
    }
}
