//! Frames as parquet files. Columns are stored under their position (`c0`, `c1`, …): names may be anything and may
//! change without touching the rows.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use polars::prelude::{
    DataFrame, IntoColumn, ParquetCompression, ParquetReader, ParquetWriter, PlSmallStr, SerReader, StatisticsOptions,
};

use crate::error::{Result, TableError};
use crate::frame::{Frame, engine};

/// Passes writes on and remembers the first failure: the engine keeps only its text.
struct Witness<W> {
    inner: W,
    failure: Option<io::Error>,
    bytes: u64,
}

impl<W> Witness<W> {
    fn observe<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let copy = error.raw_os_error().map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error);
            self.failure.get_or_insert(copy);
        })
    }
}

impl<W: Write> Write for Witness<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        let written = self.observe(result)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.observe(result)
    }
}

/// Writes a frame; gives the bytes written.
pub(crate) fn write_frame(frame: &Frame, out: impl Write) -> Result<u64> {
    let named = |(at, series): (usize, &polars::prelude::Series)| {
        let name = PlSmallStr::from_string(format!("c{at}"));
        series.rechunk().with_name(name).into_column()
    };
    let columns = frame.series().iter().enumerate().map(named).collect();
    let mut data = DataFrame::new(frame.rows(), columns).map_err(engine)?;
    let compression = ParquetCompression::Zstd(None);
    let mut witness = Witness { inner: out, failure: None, bytes: 0 };
    // Whole partitions are read, whatever their values: nobody would look at statistics.
    let writer = ParquetWriter::new(&mut witness).with_compression(compression);
    let outcome = writer.with_statistics(StatisticsOptions::empty()).finish(&mut data);
    let flushed = witness.flush();
    match (witness.failure, outcome, flushed) {
        (Some(failure), _, _) | (None, Ok(_), Err(failure)) => Err(TableError::writing("a partition")(failure)),
        (None, Err(error), _) => Err(engine(error)),
        (None, Ok(_), Ok(())) => Ok(witness.bytes),
    }
}

/// What a partition's file must be like.
pub(crate) struct PartFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
}

/// Reads some columns of a file, in the order asked for; refuses a file that is not as it was written.
pub(crate) fn read_frame(part: &PartFile<'_>, wanted: &[usize]) -> Result<Frame> {
    let file = File::open(part.path).map_err(TableError::reading("a partition"))?;
    let length = file.metadata().map_err(TableError::reading("a partition"))?.len();
    if length != part.bytes {
        return Err(TableError::Damaged {
            reason: format!("a partition has {length} bytes, {} were written", part.bytes),
        });
    }
    let damaged = |error: polars::prelude::PolarsError| TableError::Damaged { reason: error.to_string() };
    let names: Vec<String> = wanted.iter().map(|at| format!("c{at}")).collect();
    let data = ParquetReader::new(file).with_columns(Some(names.clone())).finish().map_err(damaged)?;
    let picked: std::result::Result<Vec<_>, _> =
        names.iter().map(|name| data.column(name).map(|column| column.as_materialized_series().clone())).collect();
    let columns = picked.map_err(damaged)?;
    Frame::from_series(part.rows, columns).map_err(|_| TableError::Damaged {
        reason: format!("a partition does not have the {} rows that were written", part.rows),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Values;

    struct FullDisk(usize);

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 < bytes.len() {
                return Err(io::Error::from_raw_os_error(28));
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame() -> Frame {
        let texts = (0..500).map(|at| (at % 7 != 0).then(|| format!("text {at}"))).collect();
        Frame::from_values(500, vec![Values::Text(texts), Values::Integer((0..500).collect())]).expect("frame")
    }

    #[test]
    fn names_a_full_disk_wherever_it_strikes() {
        for room in [0, 4, 100, 1000] {
            let outcome = write_frame(&frame(), FullDisk(room));
            assert!(
                matches!(outcome, Err(TableError::StorageFull { .. })),
                "{room} bytes of room gave {:?}",
                outcome.err()
            );
        }
    }

    #[test]
    fn reads_columns_in_the_order_asked_for() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("part");
        let bytes = write_frame(&frame(), File::create(&path).expect("create")).expect("write");
        let back = read_frame(&PartFile { path: &path, rows: 500, bytes }, &[1, 0]).expect("read");
        let first: Vec<_> =
            back.cells(0).expect("cells").texts().take(2).map(|text| text.map(|text| text.into_owned())).collect();
        assert_eq!(first, [Some("0".to_owned()), Some("1".to_owned())]);
        assert_eq!(back.cells(1).expect("cells").texts().next().expect("row"), None);
    }

    #[test]
    fn refuses_a_file_that_was_cut_or_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("part");
        let bytes = write_frame(&frame(), File::create(&path).expect("create")).expect("write");
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() / 2]).expect("cut");
        assert!(matches!(
            read_frame(&PartFile { path: &path, rows: 500, bytes }, &[0]),
            Err(TableError::Damaged { .. })
        ));
        std::fs::write(&path, vec![7; whole.len()]).expect("overwrite");
        assert!(matches!(
            read_frame(&PartFile { path: &path, rows: 500, bytes }, &[0]),
            Err(TableError::Damaged { .. })
        ));
    }
}
