//! What strangers' bytes reach first, as functions that take any bytes: each panics only where something is wrong. The tests
//! of this crate run them on a corpus and its mutations; `fuzz/` runs the same functions guided by coverage.
#![deny(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a target says by a panic that something is wrong"
)]

pub mod archive;
pub mod certificates;
pub mod ciphertexts;
pub mod frames;
pub mod jobs;
pub mod messages;
pub mod mutate;
pub mod rest_bodies;
pub mod tables_text;

/// One thing to be tried with any bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder of seeds.
    pub name: &'static str,
    /// Does it; a panic is a finding.
    pub run: fn(&[u8]),
    /// Pieces of text or bytes that its format is made of.
    pub words: &'static [&'static [u8]],
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "frames",
        run: frames::run,
        words: &[
            b"\xdf\xff\xff\xff\xff",
            b"\xdd\x00\x00\xff\xff",
            b"\xc1",
            b"\x91\x91\x91\x91",
        ],
    },
    Target {
        name: "messages",
        run: messages::run,
        words: &[
            b"\xcb\x7f\xf8\0\0\0\0\0\0",
            b"\x81\xa1a",
            b"\xc6\xff\xff\xff\xff",
            b"\xff\xff\xff\xff",
        ],
    },
    Target {
        name: "jobs",
        run: jobs::run,
        words: &[
            b"\"components\"",
            b"\"module\"",
            b"\"input\"",
            b"\"output\"",
            b"\"data\"",
            b"\"role\"",
            b"\"guest\"",
            b"\"component_parameters\"",
            b"[]",
            b"{}",
            b"null",
            b"-1",
            b"1e999",
            b"\"reader_0.data\"",
        ],
    },
    Target {
        name: "ciphertexts",
        run: ciphertexts::run,
        words: &[b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\0\0\0"],
    },
    Target {
        name: "tables",
        run: tables_text::run,
        words: &[
            b"\"",
            b"\n",
            b"\r\n",
            b",",
            b":",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"nan",
            b"-0",
            b"1e308",
            b"x[0]",
            b"lambda x:",
            b"'func': 'map'",
            b"**",
            b"\\u0000",
        ],
    },
    Target {
        name: "archives",
        run: archive::run,
        words: &[
            b"PK\x05\x06",
            b"PK\x01\x02",
            b"PK\x03\x04",
            b"../",
            b"\"models\"",
            b"\"sha256\"",
            b"/",
        ],
    },
    Target {
        name: "rest_bodies",
        run: rest_bodies::run,
        words: &[
            b"--x\r\n",
            b"\r\n\r\n",
            b"--x--",
            b"Content-Disposition: form-data; name=\"file\"; filename=\"a\"",
            b"%2",
            b"%00",
            b"&",
            b"=",
            b"123456789012345678901",
            b"\"\\",
            b"null",
        ],
    },
    Target {
        name: "certificates",
        run: certificates::run,
        words: &[
            b"-----BEGIN CERTIFICATE-----\n",
            b"-----END X509 CRL-----",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff",
        ],
    },
];

/// The first byte chooses among so many ways; the rest is what they are given.
pub(crate) fn choose(bytes: &[u8], ways: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((first % ways, rest))
}

/// Runs a future that waits for nothing but what it is given.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
