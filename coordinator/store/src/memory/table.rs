//! A table in memory that can take back what was done to it since the last commit.

use std::collections::BTreeMap;

pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What stood before each change, newest last.
    journal: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            journal: Vec::new(),
        }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(super) fn rows(&self) -> &BTreeMap<K, V> {
        &self.rows
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        let before = self.rows.insert(key.clone(), value);
        self.journal.push((key, before));
    }

    pub(super) fn remove(&mut self, key: &K) -> bool {
        let before = self.rows.remove(key);
        let was_there = before.is_some();
        if was_there {
            self.journal.push((key.clone(), before));
        }
        was_there
    }

    /// Changes a row; false when there is none.
    pub(super) fn change(&mut self, key: &K, what: impl FnOnce(&mut V)) -> bool {
        let Some(row) = self.rows.get_mut(key) else {
            return false;
        };
        self.journal.push((key.clone(), Some(row.clone())));
        what(row);
        true
    }

    /// Changes every row that fits.
    pub(super) fn change_where(&mut self, fits: impl Fn(&K, &V) -> bool, what: impl Fn(&mut V)) {
        for (key, row) in self.rows.iter_mut().filter(|(key, row)| fits(key, row)) {
            self.journal.push((key.clone(), Some(row.clone())));
            what(row);
        }
    }

    /// Removes every row that fits; says whether there was one.
    pub(super) fn remove_where(&mut self, fits: impl Fn(&K, &V) -> bool) -> bool {
        let keys: Vec<K> = self
            .rows
            .iter()
            .filter(|(key, row)| fits(key, row))
            .map(|(key, _)| key.clone())
            .collect();
        keys.iter().filter(|key| self.remove(key)).count() > 0
    }

    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    pub(super) fn roll_back(&mut self) {
        while let Some((key, before)) = self.journal.pop() {
            match before {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }
}
