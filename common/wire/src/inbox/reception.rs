//! A message that is just arriving: in memory while there is space, then in a file of the spill folder.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use vocabulary::{ErrorCode, Fault};

use super::shares::{Full, Kind, Owner};
use super::state::{OVERHEAD, StoredBody, full};
use super::{Delivery, Inbox, SPILL_SUFFIX, storage};
use crate::envelope::Address;
use crate::transport::TransportError;

/// Bytes of a body that go into its digest: hashing all would cost as much as receiving it.
const DIGESTED: u64 = 64 << 10;

/// A message on its way into an inbox; see [`Inbox::begin`].
pub struct Reception {
    inbox: Arc<Inbox>,
    address: Address,
    /// Tells a repeated message from a second message at the same address, by message, size and beginning; no defence,
    /// senders are authenticated.
    digest: DefaultHasher,
    size: u64,
    owner: Owner,
    reserved: u64,
    on_disk: u64,
    store: Store,
}

enum Store {
    /// Nothing yet.
    Empty,
    /// One piece, not copied.
    One(Bytes),
    /// Several pieces.
    Many(BytesMut),
    Disk(File, TempPath),
    /// The message came before: only its digest is of interest.
    Nowhere,
}

impl Reception {
    pub(super) fn new(inbox: Arc<Inbox>, address: Address, message: &str, known: bool) -> Self {
        let mut digest = DefaultHasher::new();
        digest.write(message.as_bytes());
        let store = if known { Store::Nowhere } else { Store::Empty };
        let owner = inbox.state().owner(&address);
        Self {
            inbox,
            address,
            digest,
            size: 0,
            owner,
            reserved: 0,
            on_disk: 0,
            store,
        }
    }

    /// Takes the next piece of the body.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), TransportError> {
        let beginning = DIGESTED.saturating_sub(self.size).min(piece.len() as u64) as usize;
        self.digest
            .write(piece.get(..beginning).unwrap_or_default());
        self.size += piece.len() as u64;
        let limit = self.inbox.options.per_attempt_limit_bytes;
        if self.size > limit {
            return Err(TransportError::TooLarge {
                to: self.address.to.clone(),
                size: self.size,
                limit,
            });
        }
        if matches!(self.store, Store::Nowhere) {
            return Ok(());
        }
        if !matches!(self.store, Store::Disk(..)) {
            let Err(full) = self.reserve(piece.len() as u64) else {
                self.keep(piece);
                return Ok(());
            };
            self.spill(full).await?;
        }
        self.append(&piece).await
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), Full> {
        self.inbox
            .state()
            .reserve(self.owner, Kind::Memory, bytes, &self.inbox.options)?;
        self.reserved += bytes;
        Ok(())
    }

    fn keep(&mut self, piece: Bytes) {
        self.store = match std::mem::replace(&mut self.store, Store::Empty) {
            Store::Empty => Store::One(piece),
            Store::One(first) => {
                let mut all = BytesMut::with_capacity((first.len() + piece.len()) * 2);
                all.extend_from_slice(&first);
                all.extend_from_slice(&piece);
                Store::Many(all)
            }
            Store::Many(mut all) => {
                all.extend_from_slice(&piece);
                Store::Many(all)
            }
            other @ (Store::Disk(..) | Store::Nowhere) => other,
        };
    }

    /// Moves to a file what is in memory, and gives the memory back.
    async fn spill(&mut self, full: Full) -> Result<(), TransportError> {
        let Some(folder) = self.inbox.options.spill_dir.clone() else {
            let Full { whose, most } = full;
            let size = self.size;
            let message = format!(
                "no memory for a message of {size} bytes or more: {most} bytes of {whose} may wait"
            );
            let fault = Fault::new(ErrorCode::StorageFull, message).at(&self.address.to.party);
            return Err(TransportError::Refused(
                fault.next("give the inbox a spill folder, or raise its memory limit"),
            ));
        };
        let create = move || {
            tempfile::Builder::new()
                .suffix(SPILL_SUFFIX)
                .tempfile_in(folder)
        };
        let made = tokio::task::spawn_blocking(create)
            .await
            .map_err(std::io::Error::other)
            .flatten();
        let (file, path) = made.map_err(|error| storage("make", &error))?.into_parts();
        let before = std::mem::replace(&mut self.store, Store::Disk(File::from_std(file), path));
        match before {
            Store::One(first) => self.append(&first).await?,
            Store::Many(all) => self.append(&all).await?,
            Store::Empty | Store::Nowhere | Store::Disk(..) => {}
        }
        self.unreserve();
        Ok(())
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), TransportError> {
        self.reserve_disk(piece.len() as u64)?;
        let Store::Disk(file, _) = &mut self.store else {
            return Ok(());
        };
        file.write_all(piece)
            .await
            .map_err(|error| storage("write", &error))
    }

    fn reserve_disk(&mut self, bytes: u64) -> Result<(), TransportError> {
        let reserved =
            self.inbox
                .state()
                .reserve(self.owner, Kind::Disk, bytes, &self.inbox.options);
        reserved.map_err(|reached| full(&self.address, reached, "bytes on disk"))?;
        self.on_disk += bytes;
        Ok(())
    }

    /// Sets aside what the message costs beside its body, by the same judgement: else messages without content would fill the
    /// memory of everybody. Where memory is full the message goes to disk, as any other.
    async fn reserve_overhead(&mut self) -> Result<(), TransportError> {
        if !matches!(self.store, Store::Disk(..)) {
            let Err(full) = self.reserve(OVERHEAD) else {
                return Ok(());
            };
            self.spill(full).await?;
        }
        self.reserve_disk(OVERHEAD)
    }

    /// Puts the whole message where its receiver finds it.
    pub async fn finish(mut self) -> Result<Delivery, TransportError> {
        // The size goes in, since the digest covers the beginning of a body only.
        self.digest.write_u64(self.size);
        let digest = self.digest.finish();
        if matches!(self.store, Store::Nowhere) {
            return self.inbox.state().repeated(&self.address, digest);
        }
        self.reserve_overhead().await?;
        if let Store::Disk(file, _) = &mut self.store {
            file.flush()
                .await
                .map_err(|error| storage("write", &error))?;
        }
        let held = match std::mem::replace(&mut self.store, Store::Nowhere) {
            Store::Empty | Store::Nowhere => StoredBody::Memory(Bytes::new(), self.owner),
            Store::One(body) => StoredBody::Memory(body, self.owner),
            Store::Many(body) => StoredBody::Memory(body.freeze(), self.owner),
            Store::Disk(_, path) => StoredBody::Disk {
                path: Arc::new(path),
                size: self.size,
                owner: self.owner,
            },
        };
        let delivery = self
            .inbox
            .state()
            .put(&self.address, held, digest, &self.inbox.options);
        if matches!(delivery, Ok(Delivery::Taken)) {
            // From here on the message, not the reception, accounts for its bytes.
            (self.reserved, self.on_disk) = (0, 0);
        }
        delivery
    }

    fn unreserve(&mut self) {
        let reserved = std::mem::take(&mut self.reserved);
        if reserved > 0 {
            self.inbox
                .state()
                .unreserve(self.owner, Kind::Memory, reserved);
        }
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        self.unreserve();
        if self.on_disk > 0 {
            self.inbox
                .state()
                .unreserve(self.owner, Kind::Disk, self.on_disk);
        }
    }
}
