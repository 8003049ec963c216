//! Archives as streams: a tar.gz made of named members, and one made of the members of several archives.
//!
//! Members are regular files with plain relative paths; links, devices and paths that climb are dropped, because a
//! reader unpacks what another machine packed.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::proxy::{BodyStream, whole};

mod tar_stream;

use tar_stream::{Gunzip, Splitter, TarWriter};

/// A file to be packed.
pub struct Member {
    /// Relative path with `/`.
    pub path: String,
    /// Exact length of the content in bytes.
    pub size: u64,
    /// The content.
    pub content: BodyStream,
}

impl Member {
    /// A file whose content is in memory.
    pub fn new(path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            path: path.into(),
            size: content.len() as u64,
            content: whole(content),
        }
    }
}

/// An archive whose members are to be taken over.
pub struct Part {
    /// The tar.gz.
    pub archive: BodyStream,
    /// Which members (by path) are taken.
    pub keep: Box<dyn Fn(&str) -> bool + Send>,
}

/// Packs the members in their order. The stream fails when a content is not as long as its size says or a path cannot be
/// written (longer than 255 bytes, absolute, climbing).
pub fn pack(members: impl IntoIterator<Item = Member>) -> BodyStream {
    pack_and_splice(members, Vec::new())
}

/// Packs the members, then those of the archives, as one tar.gz. The stream fails when one of the archives is torn.
pub fn pack_and_splice(members: impl IntoIterator<Item = Member>, parts: Vec<Part>) -> BodyStream {
    let state = Packing {
        writer: TarWriter::new(),
        members: members.into_iter().collect(),
        open: None,
        parts: parts.into(),
        reading: None,
        finished: false,
    };
    stream::try_unfold(state, |mut state| async move {
        while !state.finished {
            state.step().await?;
            let bytes = state.writer.take();
            if !bytes.is_empty() {
                return Ok(Some((Bytes::from(bytes), state)));
            }
        }
        Ok(None)
    })
    .boxed()
}

struct Packing {
    writer: TarWriter,
    members: VecDeque<Member>,
    open: Option<(u64, Member)>,
    parts: VecDeque<Part>,
    reading: Option<(BodyStream, Gunzip, Splitter)>,
    finished: bool,
}

impl Packing {
    async fn step(&mut self) -> io::Result<()> {
        if let Some((left, member)) = self.open.take() {
            return self.copy_piece(left, member).await;
        }
        if let Some(member) = self.members.pop_front() {
            self.writer.start(&member.path, member.size)?;
            self.open = Some((member.size, member));
            return Ok(());
        }
        if let Some((archive, unzip, splitter)) = self.reading.take() {
            return self.splice_piece(archive, unzip, splitter).await;
        }
        if let Some(part) = self.parts.pop_front() {
            self.reading = Some((part.archive, Gunzip::default(), Splitter::new(part.keep)));
            return Ok(());
        }
        self.finished = true;
        self.writer.finish()
    }

    async fn copy_piece(&mut self, left: u64, mut member: Member) -> io::Result<()> {
        match member.content.next().await.transpose()? {
            Some(piece) if piece.len() as u64 <= left => {
                self.writer.write(&piece)?;
                self.open = Some((left - piece.len() as u64, member));
                Ok(())
            }
            None if left == 0 => self.writer.pad(member.size),
            _ => Err(io::Error::other("a member is not as long as its size says")),
        }
    }

    async fn splice_piece(
        &mut self,
        mut archive: BodyStream,
        mut unzip: Gunzip,
        mut splitter: Splitter,
    ) -> io::Result<()> {
        match archive.next().await.transpose()? {
            Some(piece) => {
                unzip.feed(&piece, |plain| splitter.feed(plain, &mut self.writer))?;
                self.reading = Some((archive, unzip, splitter));
                Ok(())
            }
            None => {
                unzip.finish(|plain| splitter.feed(plain, &mut self.writer))?;
                splitter.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use futures_util::TryStreamExt;

    use super::*;

    async fn bytes_of(body: BodyStream) -> io::Result<Vec<u8>> {
        body.try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
    }

    fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
        let entries = archive.entries().expect("tar");
        entries
            .map(|entry| {
                let mut entry = entry.expect("entry");
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("content");
                (entry.path().expect("path").display().to_string(), content)
            })
            .collect()
    }

    fn in_pieces(bytes: Vec<u8>, size: usize) -> BodyStream {
        let pieces: Vec<_> = bytes
            .chunks(size)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        stream::iter(pieces).boxed()
    }

    #[tokio::test]
    async fn packs_members_that_a_reader_unpacks() {
        let long = format!("guest/{}/{}/INFO.log", "p".repeat(64), "s".repeat(64));
        let streamed = Member {
            path: "b".into(),
            size: 1_000,
            content: in_pieces(vec![7; 1_000], 3),
        };
        let packed = pack([
            Member::new(long.clone(), "line\n"),
            streamed,
            Member::new("empty", ""),
        ]);
        let members = unpacked(&bytes_of(packed).await.expect("packed"));
        assert_eq!(
            members,
            vec![
                (long, b"line\n".to_vec()),
                ("b".into(), vec![7; 1_000]),
                ("empty".into(), vec![])
            ]
        );
    }

    #[tokio::test]
    async fn fails_on_a_content_that_is_not_as_long_as_announced() {
        for size in [3, 5] {
            let member = Member {
                path: "a".into(),
                size,
                content: whole("four"),
            };
            assert!(bytes_of(pack([member])).await.is_err(), "{size}");
        }
        assert!(bytes_of(pack([Member::new("../up", "x")])).await.is_err());
    }

    #[tokio::test]
    async fn takes_over_only_the_members_that_are_kept() {
        for size in [1, 100, 100_000] {
            let own = pack([
                Member::new("guest/1/INFO.log", vec![b'a'; 2_000]),
                Member::new("guest/2/INFO.log", "other"),
            ]);
            let archive = in_pieces(bytes_of(own).await.expect("packed"), size);
            let part = Part {
                archive,
                keep: Box::new(|path| path.starts_with("guest/1/")),
            };
            let empty = Part {
                archive: pack([]),
                keep: Box::new(|_| true),
            };
            let all = pack_and_splice([Member::new("first", "1")], vec![part, empty]);
            let members = unpacked(&bytes_of(all).await.expect("packed"));
            assert_eq!(
                members,
                vec![
                    ("first".into(), b"1".to_vec()),
                    ("guest/1/INFO.log".into(), vec![b'a'; 2_000])
                ]
            );
        }
    }

    #[tokio::test]
    async fn drops_links_and_climbing_paths_of_a_foreign_archive() {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        let mut link = tar::Header::new_ustar();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder
            .append_link(&mut link, "guest/1/link", "/etc/passwd")
            .expect("link");
        let mut climbing = tar::Header::new_old();
        climbing.as_old_mut().name[..8].copy_from_slice(b"../up.sh");
        climbing.set_size(3);
        climbing.set_cksum();
        builder.append(&climbing, &b"bad"[..]).expect("climbing");
        let mut good = tar::Header::new_ustar();
        good.set_size(4);
        builder
            .append_data(&mut good, "guest/1/INFO.log", &b"good"[..])
            .expect("good");
        let bytes = builder.into_inner().expect("tar").finish().expect("gzip");
        let part = Part {
            archive: in_pieces(bytes, 50),
            keep: Box::new(|_| true),
        };
        let members = unpacked(
            &bytes_of(pack_and_splice([], vec![part]))
                .await
                .expect("packed"),
        );
        assert_eq!(members, vec![("guest/1/INFO.log".into(), b"good".to_vec())]);
    }

    #[tokio::test]
    async fn fails_when_an_archive_is_torn() {
        let bytes = bytes_of(pack([Member::new("a", vec![1; 5_000])]))
            .await
            .expect("packed");
        let part = Part {
            archive: in_pieces(bytes[..bytes.len() / 2].to_vec(), 10),
            keep: Box::new(|_| true),
        };
        assert!(bytes_of(pack_and_splice([], vec![part])).await.is_err());
    }
}
