//! Tags in memory.

use async_trait::async_trait;
use service::Tag;
use service::ports::{Stored, Tags};
use vocabulary::Timestamp;

use super::{MemoryTransaction, page};

#[async_trait]
impl Tags for MemoryTransaction {
    async fn insert_tag(&mut self, tag: &Tag) -> Stored<bool> {
        if self.tables.tags.get(&tag.name).is_some() {
            return Ok(false);
        }
        self.tables.tags.put(tag.name.clone(), tag.clone());
        Ok(true)
    }

    async fn tag(&mut self, name: &str) -> Stored<Option<Tag>> {
        Ok(self.tables.tags.get(&name.to_owned()).cloned())
    }

    async fn find_tags(&mut self, containing: &str, limit: Option<u32>) -> Stored<Vec<(Tag, u64)>> {
        let wanted = containing.to_lowercase();
        let rows = self.tables.tags.rows().values();
        let mut found: Vec<&Tag> = rows
            .filter(|tag| tag.name.to_lowercase().contains(&wanted))
            .collect();
        found.sort_by_key(|tag| tag.created);
        let bound = |tag: &Tag| {
            self.tables
                .bound
                .rows()
                .keys()
                .filter(|(_, name)| *name == tag.name)
                .count() as u64
        };
        Ok(page(found, limit, 0)
            .into_iter()
            .map(|tag| (tag.clone(), bound(tag)))
            .collect())
    }

    async fn change_tag(&mut self, name: &str, new: &Tag) -> Stored<bool> {
        let is_taken = name != new.name && self.tables.tags.get(&new.name).is_some();
        if is_taken || !self.tables.tags.remove(&name.to_owned()) {
            return Ok(false);
        }
        self.tables.tags.put(new.name.clone(), new.clone());
        let rows = self.tables.bound.rows().iter();
        let bound: Vec<(String, Timestamp)> = rows
            .filter(|((_, tag), _)| tag == name)
            .map(|((version, _), at)| (version.clone(), *at))
            .collect();
        for (version, at) in bound {
            self.tables
                .bound
                .remove(&(version.clone(), name.to_owned()));
            self.tables.bound.put((version, new.name.clone()), at);
        }
        Ok(true)
    }

    async fn remove_tag(&mut self, name: &str) -> Stored<bool> {
        self.tables.bound.remove_where(|(_, tag), _| tag == name);
        Ok(self.tables.tags.remove(&name.to_owned()))
    }

    async fn bind_tag(&mut self, version: &str, tag: &str, now: Timestamp) -> Stored<bool> {
        let key = (version.to_owned(), tag.to_owned());
        if self.tables.bound.get(&key).is_some() {
            return Ok(false);
        }
        self.tables.bound.put(key, now);
        Ok(true)
    }

    async fn unbind_tag(&mut self, version: &str, tag: &str) -> Stored<bool> {
        Ok(self
            .tables
            .bound
            .remove(&(version.to_owned(), tag.to_owned())))
    }

    async fn tags_of(&mut self, version: &str) -> Stored<Vec<Tag>> {
        let rows = self
            .tables
            .bound
            .rows()
            .iter()
            .filter(|((of, _), _)| of == version);
        let mut bound: Vec<(&Timestamp, &String)> = rows.map(|((_, tag), at)| (at, tag)).collect();
        bound.sort();
        Ok(bound
            .into_iter()
            .filter_map(|(_, tag)| self.tables.tags.get(tag).cloned())
            .collect())
    }

    async fn tagged(&mut self, tag: &str) -> Stored<Vec<String>> {
        let rows = self
            .tables
            .bound
            .rows()
            .iter()
            .filter(|((_, name), _)| name == tag);
        let mut bound: Vec<(Timestamp, String)> = rows
            .map(|((version, _), at)| (*at, version.clone()))
            .collect();
        bound.sort();
        Ok(bound.into_iter().map(|(_, version)| version).collect())
    }
}
