//! Work by partition: on as many at once as there are threads, in the order of the rows, so that memory is bounded by partitions and
//! not by the table. What a partition is here is a piece of at most two million cells, in however many a table stands for its party.

use rayon::prelude::*;

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::gathered::Gathered;
use crate::ids::ids_of;
use crate::table::Table;

impl Table {
    /// Makes a table partition by partition; what is made of a table on the table store goes to the disk, and not to memory. `each` gets a partition as a table in memory and the number of rows before it, and gives
    /// the rows that are made of it. They all need the same schema, and their ids are ids of the partition in the same order: rows
    /// may fall away, none comes to be.
    ///
    /// Partitions are worked on by the threads of the pool that this is called in. Once the work is stopped no further partition is
    /// begun; a long loop in `each` asks `part.stop()` itself.
    pub fn map_partitions<E: From<TableError> + Send>(
        &self,
        each: impl Fn(&Table, usize) -> std::result::Result<Table, E> + Sync,
    ) -> std::result::Result<Table, E> {
        let (mut schema, mut gathered) = (None, Gathered::beside(self));
        self.in_rounds(
            |part, before| {
                let made = each(part, before)?;
                stands_in_order(part, &made)?;
                Ok(made)
            },
            |made: Table| {
                let schema = schema.get_or_insert_with(|| made.schema().clone());
                // Compared, since partitions are made apart from each other: one of them may have
                // seen other values.
                if schema != made.schema() {
                    let reason = "partitions were made into tables of different columns";
                    return Err(E::from(TableError::SchemaMismatch {
                        reason: reason.to_owned(),
                    }));
                }
                for piece in 0..made.pieces() {
                    gathered.push(&made.load(piece, &made.everything())?)?;
                }
                Ok(())
            },
        )?;
        let schema = schema.unwrap_or_else(|| self.schema().clone());
        Ok(gathered.finish(schema, Some(self.partitions()))?)
    }

    /// Takes something of each partition and joins it in the order of the rows, whatever thread was first: what is not exact, as sums of
    /// numbers, comes out the same each time. `each` is called at least once, for a table without rows with no row.
    pub fn fold_partitions<A: Send, E: From<TableError> + Send>(
        &self,
        each: impl Fn(&Table, usize) -> std::result::Result<A, E> + Sync,
        mut join: impl FnMut(A, A) -> A,
    ) -> std::result::Result<A, E> {
        let mut all = None;
        self.in_rounds(each, |taken| {
            all = Some(match all.take() {
                Some(before) => join(before, taken),
                None => taken,
            });
            Ok(())
        })?;
        all.ok_or_else(|| E::from(no_partition()))
    }

    /// Calls `each` for a round of partitions at a time, and `take` for what came of them in order.
    fn in_rounds<A: Send, E: From<TableError> + Send>(
        &self,
        each: impl Fn(&Table, usize) -> std::result::Result<A, E> + Sync,
        mut take: impl FnMut(A) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let work = |(part, before): &(Option<usize>, usize)| {
            self.stop().go_on().map_err(TableError::from)?;
            let rows = match part {
                Some(part) => self.piece(*part)?,
                None => Table::of_frames(self.schema().clone(), vec![self.no_rows()])?
                    .watched(self.stop().clone()),
            };
            each(&rows, *before)
        };
        let mut parts = Vec::with_capacity(self.pieces());
        let mut before = 0;
        for part in 0..self.pieces() {
            parts.push((Some(part), before));
            before += self.rows_of(part);
        }
        // A table without rows is worked on as well, so that what is made of it has the right
        // columns.
        if parts.is_empty() {
            parts.push((None, 0));
        }
        // No more than a round is ever loaded: what is made of a partition is taken before others are begun.
        for round in parts.chunks(rayon::current_num_threads().max(1)) {
            let made: Vec<_> = round.par_iter().map(work).collect();
            made.into_iter().try_for_each(|made| take(made?))?;
        }
        Ok(())
    }
}

fn no_partition() -> TableError {
    TableError::Engine {
        reason: "a table has no partition".to_owned(),
    }
}

/// Refuses rows that are not rows of the partition, or in another order: ids are unique in the table because of this.
fn stands_in_order(part: &Table, made: &Table) -> Result<()> {
    let ids = |table: &Table| -> Result<Frame> { table.load_whole(&[0]) };
    let (own, made) = (ids(part)?, ids(made)?);
    let mut own = ids_of(&own)?;
    for (row, id) in ids_of(&made)?.enumerate() {
        if !own.any(|own| own == id) {
            return Err(TableError::RowMissing {
                row,
                rows: part.rows(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "partitions_tests.rs"]
mod tests;
