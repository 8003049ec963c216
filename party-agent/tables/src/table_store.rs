//! The table store: tables under names, on disk. A write is seen whole or not at all; a table that is being read stays as it
//! was although a newer one takes its place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vocabulary::time::{Clock, SystemClock};
use vocabulary::{Receipt, Stop, TableRef, TableSummary};

use crate::error::{Result, TableError};
use crate::gathered::files;
use crate::import::import_to;
use crate::import_options::ImportOptions;
use crate::manifest::{BoundTo, Manifest, Origin, Part, TableInfo, UNFINISHED, sync_folder};
use crate::names::{folder_name, nearest, text_of_folder};
use crate::reshape::check_partitions;
use crate::schema::Schema;
use crate::spill::{PartWriter, SpillFolder, part_name};
use crate::table::{Parts, Table, Waiting};
use crate::versions::{Versions, clean_up, current, name_version, point_to, point_to_nothing};

/// What a write left on the table store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Which table.
    pub table: TableRef,
    /// What it is.
    pub info: TableInfo,
    /// Bytes of its partitions on disk.
    pub bytes: u64,
}

impl Stored {
    /// The table as it may be told to others; `data_name` is the output's name in the job's document.
    pub fn summary(&self, data_name: Option<&str>) -> TableSummary {
        self.info.summary(&self.table, data_name)
    }
}

struct Inner {
    root: PathBuf,
    versions: Mutex<Versions>,
    /// Held shared while the table store is open; who gets it alone may clean up.
    _lock: File,
}

/// A folder of tables. Cheap to clone; usable from many threads. Calls block on the disk.
#[derive(Clone)]
pub struct TableStore(Arc<Inner>);

/// The folders in a folder; a folder that does not exist has none.
fn folders_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(TableError::Unreadable {
                what: "the table store",
                source: error,
            });
        }
    };
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(TableError::reading("the table store"))?;
    // What begins with a point is no table's: rows of unfinished work.
    let is_hidden = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with('.'))
    };
    paths.retain(|path| path.is_dir() && !is_hidden(path));
    paths.sort();
    Ok(paths)
}

impl TableStore {
    /// Opens the table store in a folder, making it if need be, and removes what a crash left; the latter only when no other
    /// process has the table store open.
    pub fn open(root: impl Into<PathBuf>) -> Result<TableStore> {
        let root = root.into();
        std::fs::create_dir_all(&root).map_err(TableError::writing("the table store"))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join(".lock"));
        let lock = lock.map_err(TableError::writing("the table store"))?;
        // Only who is alone may clean: what looks unfinished may be another process's work.
        let alone = lock.try_lock().is_ok();
        let table_store = TableStore(Arc::new(Inner {
            root,
            versions: Mutex::default(),
            _lock: lock,
        }));
        if alone {
            table_store.spill().clean_up();
            table_store.clean_up()?;
        }
        // Where the file system knows no locks, the table store works all the same; it is then never cleaned up.
        let _ = table_store.0._lock.lock_shared();
        Ok(table_store)
    }

    /// Reads a file (see [`crate::import`]). Its rows go beside the tables as they are read, so that a large file does not stand in
    /// memory; they become a table when they are stored, and go otherwise.
    pub fn import(
        &self,
        reader: impl Read + Send,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Table, Receipt)> {
        import_to(reader, options, progress, Some(self.spill()))
    }

    /// Stores a step's output; see `write_from`.
    pub fn write(&self, table: &TableRef, rows: &Table, partitions: u32) -> Result<Stored> {
        self.write_from(table, rows, partitions, Origin::Output)
    }

    /// Stores a table in so many partitions (1 to 1023) and puts it in the place of an older one of that name. On error
    /// the older one stands as before.
    pub fn write_from(
        &self,
        table: &TableRef,
        rows: &Table,
        partitions: u32,
        origin: Origin,
    ) -> Result<Stored> {
        self.store(table, rows, partitions, (origin, None))
    }

    /// The same for a table whose rows were bound in place.
    pub fn write_bound(
        &self,
        table: &TableRef,
        rows: &Table,
        partitions: u32,
        to: BoundTo,
    ) -> Result<Stored> {
        self.store(table, rows, partitions, (Origin::TableBind, Some(to)))
    }

    fn store(
        &self,
        table: &TableRef,
        rows: &Table,
        partitions: u32,
        (origin, bound_to): (Origin, Option<BoundTo>),
    ) -> Result<Stored> {
        check_partitions(partitions)?;
        let folder = self.folder(table);
        let building = self.begin(&folder)?;
        let created = SystemClock.now().0;
        let (parts, rows_hash) = match linked(building.path(), rows)? {
            Some(there) => there,
            None => write_parts(building.path(), rows, partitions)?,
        };
        let manifest = Manifest {
            format: Manifest::FORMAT,
            table: table.clone(),
            schema: rows.schema().clone(),
            parts,
            partitions: Some(partitions),
            rows_hash,
            created_micros: created,
            enabled: true,
            origin,
            bound_to,
        };
        // After the rows: a folder with a manifest has everything that the manifest names.
        manifest.save(building.path())?;
        let bytes = manifest.parts.iter().map(|part| part.bytes).sum();
        let info = manifest.info()?;
        // Rows were written without the lock, as that may take long; only the change of names is
        // under it.
        let mut versions = self.versions();
        let older = current(&folder)?;
        let version = name_version(&folder, building, created)?;
        if let Err(error) = point_to(&folder, &version) {
            // The pointer may have moved before its folder failed to sync: what it names stays.
            if current(&folder).is_ok_and(|named| named.as_ref() != Some(&version)) {
                versions.retire(&version);
            }
            return Err(error);
        }
        older.into_iter().for_each(|older| versions.retire(&older));
        Ok(Stored {
            table: table.clone(),
            info,
            bytes,
        })
    }

    /// The table of that name; its rows are loaded partition by partition when they are asked for. It stays readable
    /// after it is replaced or deleted by this process.
    pub fn read(&self, table: &TableRef) -> Result<Table> {
        let (version, hold) = {
            let mut versions = self.versions();
            let Some(version) = current(&self.folder(table))? else {
                drop(versions);
                return Err(self.missing(table));
            };
            let hold = versions.hold(&version);
            (version, hold)
        };
        let manifest = Manifest::load(&version)?;
        let (partitions, columns) = (manifest.partitions(), manifest.schema.columns.len());
        let parts = files(hold, &manifest.parts, columns, manifest.rows_hash);
        let table = Table::of_parts(manifest.schema, parts)?;
        Ok(table.set(Some(self.spill()), &Stop::NEVER, Some(partitions as usize)))
    }

    /// Where rows of unfinished work go.
    pub(crate) fn spill(&self) -> SpillFolder {
        SpillFolder::of(&self.0.root)
    }

    /// Whether a table of that name stands on the table store.
    pub fn exists(&self, table: &TableRef) -> bool {
        current(&self.folder(table)).is_ok_and(|version| version.is_some())
    }

    /// What is known of a table without reading its rows.
    pub fn info(&self, table: &TableRef) -> Result<TableInfo> {
        let versions = self.versions();
        match current(&self.folder(table))? {
            Some(version) => Manifest::load(&version)?.info(),
            None => {
                drop(versions);
                Err(self.missing(table))
            }
        }
    }

    /// Says whether jobs may read the table.
    pub fn set_enabled(&self, table: &TableRef, enabled: bool) -> Result<TableInfo> {
        self.change(table, |manifest| {
            manifest.enabled = enabled;
            Ok(())
        })
    }

    /// Gives the table another schema with the same kinds of columns; rows stay, the content hash changes.
    pub fn set_schema(&self, table: &TableRef, schema: Schema) -> Result<TableInfo> {
        schema.check()?;
        self.change(table, |manifest| {
            if schema.kinds() != manifest.schema.kinds() {
                return Err(TableError::SchemaMismatch {
                    reason: "the new schema keeps its columns otherwise".to_owned(),
                });
            }
            manifest.schema = schema;
            Ok(())
        })
    }

    /// Removes a table; tells whether there was one.
    pub fn delete(&self, table: &TableRef) -> Result<bool> {
        let folder = self.folder(table);
        let mut versions = self.versions();
        let Some(version) = current(&folder)? else {
            return Ok(false);
        };
        // The pointer first: a crash after it leaves rubbish, before it the whole table.
        point_to_nothing(&folder)?;
        versions.retire(&version);
        remove_if_empty(&folder);
        Ok(true)
    }

    /// The names of all tables, sorted.
    pub fn list(&self) -> Result<Vec<TableRef>> {
        let mut tables = Vec::new();
        for group in folders_in(&self.0.root)? {
            for folder in folders_in(&group)? {
                // A table that is damaged or deleted meanwhile is not a reason to list no other.
                let Ok(Some(version)) = current(&folder) else {
                    continue;
                };
                let named = folder_text(&group).zip(folder_text(&folder));
                match named {
                    Some((namespace, name)) => tables.push(TableRef { namespace, name }),
                    None => tables.extend(Manifest::load(&version).map(|manifest| manifest.table)),
                }
            }
        }
        tables.sort();
        Ok(tables)
    }

    fn clean_up(&self) -> Result<()> {
        for group in folders_in(&self.0.root)? {
            for folder in folders_in(&group)? {
                // A table that cannot be looked at keeps what it has, and says so when it is asked for; the others are cleaned.
                let _ = clean_up(&folder);
                remove_if_empty(&folder);
            }
        }
        Ok(())
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.0
            .versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, table: &TableRef) -> PathBuf {
        self.0
            .root
            .join(folder_name(&table.namespace))
            .join(folder_name(&table.name))
    }

    /// An unfinished folder beside the table's versions. Under the lock, so that no deletion takes the parent away.
    fn begin(&self, folder: &Path) -> Result<tempfile::TempDir> {
        let _versions = self.versions();
        std::fs::create_dir_all(folder).map_err(TableError::writing("the table's folder"))?;
        for level in folder.ancestors().skip(1).take(2) {
            sync_folder(level)?;
        }
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(folder)
            .map_err(TableError::writing("the table's folder"))
    }

    fn change(
        &self,
        table: &TableRef,
        change: impl FnOnce(&mut Manifest) -> Result<()>,
    ) -> Result<TableInfo> {
        let versions = self.versions();
        let Some(version) = current(&self.folder(table))? else {
            drop(versions);
            return Err(self.missing(table));
        };
        let mut manifest = Manifest::load(&version)?;
        change(&mut manifest)?;
        manifest.save(&version)?;
        manifest.info()
    }

    fn missing(&self, table: &TableRef) -> TableError {
        let existing = self.list().unwrap_or_default();
        // Nobody types the names of job outputs.
        let likely = existing.iter().filter(|candidate| !candidate.is_output());
        TableError::TableMissing {
            table: table.to_string(),
            nearest: nearest(table, likely),
        }
    }
}

fn folder_text(folder: &Path) -> Option<String> {
    folder
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(text_of_folder)
}

/// Removes a table's folder and its namespace's where nothing is left in them.
fn remove_if_empty(folder: &Path) {
    for level in folder.ancestors().take(2) {
        if std::fs::remove_dir(level).is_err() {
            return;
        }
    }
}

/// Writes the rows as files; gives what they are like and the hash of the rows.
fn write_parts(folder: &Path, rows: &Table, partitions: u32) -> Result<(Vec<Part>, String)> {
    let mut writer = PartWriter::new(folder, rows.everything().len(), rows.stop());
    rows.for_each_partition(partitions, &mut |frame| {
        if frame.rows() == 0 {
            return Ok(());
        }
        writer.push(&frame, true)
    })?;
    Ok(writer.finish())
}

/// Takes rows over that stand in files already, without reading them: each file gets a second name in the folder, and is there until
/// both are gone. Nothing is taken over of a table that is only a part of its files.
fn linked(folder: &Path, rows: &Table) -> Result<Option<(Vec<Part>, String)>> {
    let Parts::Files {
        files,
        rows_hash: Some(rows_hash),
        ..
    } = rows.parts()
    else {
        return Ok(None);
    };
    let mut parts = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        rows.stop().go_on()?;
        let Waiting {
            path, rows, bytes, ..
        } = file;
        let to = folder.join(part_name(at));
        // Not every file system knows second names; a copy is as good, and takes its space.
        if std::fs::hard_link(path, &to).is_err() {
            std::fs::copy(path, &to).map_err(TableError::writing("a partition"))?;
        }
        // Rows of unfinished work were not synced when they were written.
        let linked = File::open(&to).and_then(|file| {
            file.sync_all()?;
            Ok(file.metadata()?.len())
        });
        let found = linked.map_err(TableError::writing("a partition"))?;
        // A file that is linked was not read: its length is all that is checked of it here.
        if found != *bytes {
            return Err(TableError::Damaged {
                reason: format!("a partition has {found} bytes, {bytes} were written"),
            });
        }
        parts.push(Part {
            rows: *rows as u64,
            bytes: *bytes,
        });
    }
    Ok(Some((parts, rows_hash.to_string())))
}

#[cfg(test)]
#[path = "table_store_tests.rs"]
mod tests;
