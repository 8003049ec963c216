//! Frames as parquet files. Columns are stored under their position (`c0`, `c1`, …): names may be anything and may
//! change without touching the rows. Behind it stands how numbers stand for texts (`c1:f2`, see `written.rs`).

use std::fs::File;
use std::io::{self, Cursor, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use polars::prelude::{
    ArrayRef, ArrowField, ArrowSchema, PlSmallStr, PolarsError, PolarsResult, Series,
};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, PageReader, column_iter_to_arrays, infer_schema, read_metadata,
};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding,
    FallibleStreamingIterator, FileWriter, ParquetType, StatisticsOptions, Version, WriteOptions,
    ZstdLevel, array_to_columns, compress, get_dtype_encoding,
};
use rayon::prelude::*;
use vocabulary::Stop;

use crate::error::{Result, TableError};
use crate::frame::{ColumnData, Frame, engine};
use crate::written::Form;

/// Passes writes on and remembers the first failure: the engine keeps only its text.
struct Witness<W> {
    inner: W,
    failure: Option<io::Error>,
    bytes: u64,
}

impl<W> Witness<W> {
    fn observe<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let copy = error.raw_os_error().map_or_else(
                || io::Error::from(error.kind()),
                io::Error::from_raw_os_error,
            );
            // The first failure is the cause; those after it only follow from it.
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

/// Bytes of the largest page that is read; it is far beyond what is written.
const LARGEST_PAGE: usize = 1 << 31;

/// How partitions are written. Whole partitions are read, whatever their values: nobody would look at statistics.
const LAYOUT: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: false,
        max_value: false,
        distinct_count: false,
        null_count: false,
        binary_statistics_truncate_length: None,
    },
    version: Version::V1,
    compression: CompressionOptions::Zstd(None),
    data_page_size: None,
};

/// The first array of a series; there are no others once it was made one.
fn array_of(series: &Series) -> PolarsResult<&ArrayRef> {
    let no_array = || PolarsError::NoData("a column without an array".into());
    series.chunks().first().ok_or_else(no_array)
}

/// Cells that are made pages at once: no more of them wait to be written.
const CELLS_AT_ONCE: usize = 1 << 18;

/// The pages of a column on their way into the file.
struct Pages {
    now: Option<CompressedPage>,
    others: std::vec::IntoIter<CompressedPage>,
}

impl FallibleStreamingIterator for Pages {
    type Item = CompressedPage;
    type Error = PolarsError;

    fn advance(&mut self) -> PolarsResult<()> {
        self.now = self.others.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.now.as_ref()
    }
}

/// Rows up to which a column is written plainly: looking for repeated values, and setting up a compressor, would cost far more than
/// the values take. Tables of many columns have many such columns.
const FEW_ROWS: usize = 128;

/// Whether floating-point numbers leave nothing to a compressor: of a sample none comes twice, and nearly all use all their bits.
fn is_packed(series: &Series) -> bool {
    const SAMPLE: usize = 64;
    /// Bits at the end of a number that are mostly 0 where it has few digits in base two.
    const LAST: u64 = 0xff;
    let Ok(numbers) = series.f64() else {
        return false;
    };
    // Spread over the column: a sorted one has its repeated values side by side.
    let step = (numbers.len() / SAMPLE).max(1);
    let mut sample: Vec<u64> = numbers
        .iter()
        .step_by(step)
        .take(SAMPLE)
        .flatten()
        .map(f64::to_bits)
        .collect();
    let full = sample.iter().filter(|bits| *bits & LAST != 0).count();
    let taken = sample.len();
    sample.sort_unstable();
    sample.dedup();
    taken == SAMPLE && sample.len() == taken && full * 10 >= taken * 9
}

/// The pages of one column, compressed.
fn pages_of(
    column: &ColumnData,
    shape: &ParquetType,
    stop: &Stop,
) -> PolarsResult<Vec<CompressedPage>> {
    stop.go_on()
        .map_err(|stopped| PolarsError::ComputeError(stopped.to_string().into()))?;
    let series = column.series.rechunk();
    let array = array_of(&series)?;
    // The fastest level: what is written is read once or twice, and numbers hardly get smaller by more.
    let fastest = CompressionOptions::Zstd(Some(ZstdLevel::try_new(1)?));
    let (mut encodings, mut compression) = (get_dtype_encoding(array.dtype()), fastest);
    if array.len() <= FEW_ROWS || is_packed(&series) {
        encodings.fill(Encoding::Plain);
        compression = CompressionOptions::Uncompressed;
    } else if matches!(column.form, Form::Fixed(_)) {
        // Only the bits that differ are written, which leaves nothing to a compressor.
        encodings.fill(Encoding::DeltaBinaryPacked);
        compression = CompressionOptions::Uncompressed;
    }
    let leaves = array_to_columns(
        array,
        shape.clone(),
        WriteOptions {
            compression,
            ..LAYOUT
        },
        &encodings,
    )?;
    leaves
        .into_iter()
        .flatten()
        .map(|page| Ok(compress(page?, vec![], compression)?))
        .collect()
}

fn write_columns(
    rows: usize,
    columns: &[ColumnData],
    out: impl Write,
    stop: &Stop,
) -> PolarsResult<()> {
    let field = |(at, column): (usize, &ColumnData)| {
        let name = PlSmallStr::from_string(format!("c{at}{}", column.form.mark()));
        let kind = array_of(&column.series)?.dtype().clone();
        Ok((name.clone(), ArrowField::new(name, kind, true)))
    };
    let fields: PolarsResult<Vec<_>> = columns.iter().enumerate().map(field).collect();
    let schema = ArrowSchema::from_iter(fields?);
    let mut writer = FileWriter::try_new(out, schema, LAYOUT)?;
    let shapes = writer.parquet_schema().fields().to_vec();
    let at_once = (CELLS_AT_ONCE / rows.max(1)).max(2 * rayon::current_num_threads());
    let batches = columns.chunks(at_once).zip(shapes.chunks(at_once));
    let pages = batches.flat_map(|(columns, shapes)| {
        let pages = columns.par_iter().zip(shapes);
        // Into one result: after the first failure, or a stop, no further column is begun.
        let batch: PolarsResult<Vec<Vec<CompressedPage>>> = pages
            .map(|(column, shape)| pages_of(column, shape, stop))
            .collect();
        match batch {
            Ok(batch) => batch.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    let columns = pages.map(|pages| {
        Ok(DynStreamingIterator::new(Pages {
            now: None,
            others: pages?.into_iter(),
        }))
    });
    writer.write(rows as u64, DynIter::new(columns))?;
    writer.end(None).map(|_| ())
}

/// Writes a frame, until the work is stopped; gives the bytes written.
pub(crate) fn write_frame(frame: &Frame, out: impl Write, stop: &Stop) -> Result<u64> {
    let mut witness = Witness {
        inner: out,
        failure: None,
        bytes: 0,
    };
    let outcome = write_columns(frame.rows(), frame.columns(), &mut witness, stop);
    let flushed = witness.flush();
    // Before the engine's error is looked at: after a stop that error says nothing.
    stop.go_on()?;
    match (witness.failure, outcome, flushed) {
        (Some(failure), _, _) | (None, Ok(()), Err(failure)) => {
            Err(TableError::writing("a partition")(failure))
        }
        (None, Err(error), _) => Err(engine(error)),
        (None, Ok(()), Ok(())) => Ok(witness.bytes),
    }
}

/// Where the columns of a file lie. Its size grows with the number of columns.
struct Directory {
    footer: FileMetadata,
    schema: ArrowSchema,
}

/// What is known of a file beside what it must be like: its directory, once some of its columns were read. Without it, whoever
/// reads column after column would pay for all columns each time.
#[derive(Default)]
pub(crate) struct FileIndex {
    directory: OnceLock<Arc<Directory>>,
    parsed: AtomicU64,
}

impl FileIndex {
    /// How often the file's directory was read.
    pub(crate) fn parsed(&self) -> u64 {
        self.parsed.load(Ordering::Relaxed)
    }

    /// The directory. It is kept unless all that is wanted comes at once, or nothing will be wanted soon: it is not small.
    fn directory(&self, file: &mut File, wanted: usize, keeps: bool) -> Result<Arc<Directory>> {
        /// Part of the columns up to which others are expected to be asked for later.
        const PART: usize = 4;
        if let Some(directory) = self.directory.get() {
            return Ok(Arc::clone(directory));
        }
        self.parsed.fetch_add(1, Ordering::Relaxed);
        let footer = read_metadata(file).map_err(damaged)?;
        let schema = infer_schema(&footer).map_err(damaged)?;
        let all = schema.len();
        let directory = Arc::new(Directory { footer, schema });
        // Whoever wants most columns at once does not come back for the others.
        if keeps && wanted * PART <= all {
            let _ = self.directory.set(Arc::clone(&directory));
        }
        Ok(directory)
    }
}

/// What a partition's file must be like.
pub(crate) struct PartFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    pub(crate) known: &'a FileIndex,
    /// Whether other columns are expected to be read soon.
    pub(crate) keeps: bool,
}

fn damaged(error: PolarsError) -> TableError {
    TableError::Damaged {
        reason: error.to_string(),
    }
}

/// Some bytes of a file. The place is judged before anything is allocated: it comes from the file itself.
fn bytes_at(file: &File, place: Range<u64>, length: u64) -> Result<Vec<u8>> {
    let outside = || TableError::Damaged {
        reason: "a column is said to lie outside its file".to_owned(),
    };
    // Before any memory is taken for it: a damaged footer may claim any size.
    if place.end > length {
        return Err(outside());
    }
    let size = place
        .end
        .checked_sub(place.start)
        .and_then(|size| usize::try_from(size).ok())
        .ok_or_else(outside)?;
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, place.start)
        .map_err(TableError::reading("a partition"))?;
    Ok(bytes)
}

/// One column of a file: an array for each row group.
fn read_column(
    file: &File,
    footer: &FileMetadata,
    field: &ArrowField,
    at: usize,
    length: u64,
) -> Result<Series> {
    let mut arrays = Vec::with_capacity(footer.row_groups.len());
    for group in &footer.row_groups {
        let column = group.parquet_columns().get(at);
        let column = column.ok_or_else(|| TableError::Damaged {
            reason: format!("a partition has no column {at}"),
        })?;
        let bytes = bytes_at(file, column.byte_range(), length)?;
        let pages = BasicDecompressor::new(
            PageReader::new(Cursor::new(bytes.into()), column, vec![], LARGEST_PAGE),
            vec![],
        );
        let kind = &column.descriptor().descriptor.primitive_type;
        let (read, _) =
            column_iter_to_arrays(vec![pages], vec![kind], field.clone(), None).map_err(damaged)?;
        arrays.extend(read);
    }
    Series::try_from((field.name.clone(), arrays)).map_err(damaged)
}

/// Reads some columns of a file, in the order asked for; refuses a file that is not as it was written.
pub(crate) fn read_frame(part: &PartFile<'_>, wanted: &[usize]) -> Result<Frame> {
    let mut file = File::open(part.path).map_err(TableError::reading("a partition"))?;
    let length = file
        .metadata()
        .map_err(TableError::reading("a partition"))?
        .len();
    // The cheapest sign of a torn file, seen before anything in it is believed.
    if length != part.bytes {
        return Err(TableError::Damaged {
            reason: format!(
                "a partition has {length} bytes, {} were written",
                part.bytes
            ),
        });
    }
    let directory = part.known.directory(&mut file, wanted.len(), part.keeps)?;
    let Directory { footer, schema } = &*directory;
    let column = |at: &usize| {
        let field = schema.get_at_index(*at).and_then(|(name, field)| {
            let mark = name.strip_prefix(format!("c{at}").as_str())?;
            Some((Form::of_mark(mark)?, field))
        });
        let (form, field) = field.ok_or_else(|| TableError::Damaged {
            reason: format!("a partition has no column {at}"),
        })?;
        let series = read_column(&file, footer, field, *at, length)?;
        Ok(ColumnData { series, form })
    };
    let columns: Result<Vec<_>> = wanted.par_iter().map(column).collect();
    Frame::from_data(part.rows, columns?).map_err(|_| TableError::Damaged {
        reason: format!(
            "a partition does not have the {} rows that were written",
            part.rows
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Values;

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
        let texts = (0..500)
            .map(|at| (at % 7 != 0).then(|| format!("text {at}")))
            .collect();
        Frame::from_values(
            500,
            vec![Values::Text(texts), Values::Integer((0..500).collect())],
        )
        .expect("frame")
    }

    #[test]
    fn names_a_full_disk_wherever_it_strikes() {
        for space in [0, 4, 100, 1000] {
            let outcome = write_frame(&frame(), FullDisk(space), &Stop::NEVER);
            assert!(
                matches!(outcome, Err(TableError::StorageFull { .. })),
                "{space} bytes of space gave {:?}",
                outcome.err()
            );
        }
    }

    #[test]
    fn reads_columns_in_the_order_asked_for() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("part");
        let bytes = write_frame(&frame(), File::create(&path).expect("create"), &Stop::NEVER)
            .expect("write");
        let back = read_frame(
            &PartFile {
                path: &path,
                rows: 500,
                bytes,
                known: &FileIndex::default(),
                keeps: true,
            },
            &[1, 0],
        )
        .expect("read");
        let first: Vec<_> = back
            .cells(0)
            .expect("cells")
            .texts()
            .take(2)
            .map(|text| text.map(|text| text.into_owned()))
            .collect();
        assert_eq!(first, [Some("0".to_owned()), Some("1".to_owned())]);
        assert_eq!(
            back.cells(1).expect("cells").texts().next().expect("row"),
            None
        );
    }

    #[test]
    fn refuses_a_file_that_was_cut_or_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("part");
        let bytes = write_frame(&frame(), File::create(&path).expect("create"), &Stop::NEVER)
            .expect("write");
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() / 2]).expect("cut");
        assert!(matches!(
            read_frame(
                &PartFile {
                    path: &path,
                    rows: 500,
                    bytes,
                    known: &FileIndex::default(),
                    keeps: true,
                },
                &[0]
            ),
            Err(TableError::Damaged { .. })
        ));
        std::fs::write(&path, vec![7; whole.len()]).expect("overwrite");
        assert!(matches!(
            read_frame(
                &PartFile {
                    path: &path,
                    rows: 500,
                    bytes,
                    known: &FileIndex::default(),
                    keeps: true,
                },
                &[0]
            ),
            Err(TableError::Damaged { .. })
        ));
    }
}
