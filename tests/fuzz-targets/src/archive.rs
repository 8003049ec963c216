//! Archives of models, which came from somebody else: as bytes, and as a zip that is made right around any members.

use std::io::Cursor;

use archives::Archive;

use crate::choose;

/// What is read is written, and read as the same.
fn comes_back(bytes: &[u8]) {
    if let Ok(archive) = Archive::read(Cursor::new(bytes)) {
        let written = archive.to_bytes().expect("what was read can be written");
        let again = Archive::read(Cursor::new(written)).expect("what was written can be read");
        assert_eq!(again, archive);
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// A zip of stored members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut body, mut table) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let length = u32::try_from(content.len()).expect("small");
        let name_length = u16::try_from(name.len()).expect("small");
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc(content).to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(name_length.to_le_bytes());
        common.extend([0, 0]);
        let at = u32::try_from(body.len()).expect("small");
        table.extend(b"PK\x01\x02\x14\0");
        table.extend(&common);
        table.extend([0; 10]);
        table.extend(at.to_le_bytes());
        table.extend(name.as_bytes());
        body.extend(b"PK\x03\x04");
        body.extend(common);
        body.extend(name.as_bytes());
        body.extend(*content);
    }
    let (at, length) = (body.len() as u32, table.len() as u32);
    let count = (members.len() as u16).to_le_bytes();
    body.extend(table);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count, count].concat());
    body.extend(length.to_le_bytes());
    body.extend(at.to_le_bytes());
    body.extend([0, 0]);
    body
}

/// The target: a zip as it came, or members under the names of ours, each behind a line `name:`.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 2) else {
        return;
    };
    if way == 0 {
        return comes_back(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let members: Vec<(&str, &[u8])> = text
        .split("\n\n")
        .filter_map(|member| member.split_once(":\n"))
        .filter(|(name, _)| name.len() < 1000)
        .take(100)
        .map(|(name, content)| (name, content.as_bytes()))
        .collect();
    comes_back(&zip(&members));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_made_here_is_one() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        let refused = Archive::read(Cursor::new(zip(&[("manifest.json", b"{}")])));
        let text = refused.expect_err("no manifest").to_string();
        assert!(text.contains("manifest"), "{text}");
    }
}
