//! Rules for single peers, which stand in the place of the general ones.

use vocabulary::{PartyId, TableRef, Timestamp};

use crate::admission::{MadeOf, names_table};
use crate::cap::Cap;
use crate::limits::Hours;
use crate::rules::{Columns, OnePeer, Policy, names};

impl Policy {
    fn own(&self, peer: &PartyId) -> Option<&OnePeer> {
        self.rules.peer.get(peer)
    }

    /// Components that are run with a peer.
    pub(crate) fn components_with(&self, peer: &PartyId) -> (&'static str, &[String]) {
        match self.own(peer).and_then(|own| own.components.as_ref()) {
            Some(own) => ("peer.components", own),
            None => ("admission.components", &self.rules.admission.components),
        }
    }

    /// Tables that are read in jobs with a peer.
    pub(crate) fn tables_with(&self, peer: &PartyId) -> (&'static str, &[String]) {
        match self.own(peer).and_then(|own| own.tables.as_ref()) {
            Some(own) => ("peer.tables", own),
            None => ("admission.tables", &self.rules.admission.tables),
        }
    }

    /// Versions of models that are applied with a peer.
    pub(crate) fn versions_with(&self, peer: &PartyId) -> (&'static str, &[String]) {
        match self.own(peer).and_then(|own| own.models.as_ref()) {
            Some(own) => ("peer.models", own),
            None => ("models.versions", &self.rules.models.versions),
        }
    }

    /// The first of a table's columns that is not for a peer, with the rule that says so.
    fn kept_column<'a>(
        &self,
        peer: &PartyId,
        table: &TableRef,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Option<(&'static str, &'a str)> {
        let (rule, all) = self.columns_with(peer);
        let lists: Vec<&Vec<String>> = all
            .iter()
            .filter(|(name, _)| names_table(std::slice::from_ref(name), table))
            .map(|(_, list)| list)
            .collect();
        // Where several entries name a table each of them must name the column.
        let kept = |column: &&str| lists.iter().any(|list| !names(list, column));
        columns.into_iter().find(kept).map(|column| (rule, column))
    }

    /// The same for a table of which it is known what it was made of: what stands for a column in the tables of its line stands
    /// for it here, whatever the table is called. Where that is not known any rule for columns keeps the whole table.
    pub fn kept_of<'a>(
        &self,
        peer: &PartyId,
        (table, made_of): (&TableRef, &MadeOf),
        columns: &[&'a str],
    ) -> Option<(&'static str, &'a str)> {
        let kept = |table| self.kept_column(peer, table, columns.iter().copied());
        match made_of {
            MadeOf::Itself => kept(table),
            // By its own name first, then by those it came from: a copy under a new name is no way
            // around.
            MadeOf::Tables(sources) => kept(table).or_else(|| sources.iter().find_map(kept)),
            MadeOf::Unknown => {
                let (rule, all) = self.columns_with(peer);
                // A table of unknown making may have any column under any name: fail closed.
                (!all.is_empty()).then(|| (rule, columns.first().copied().unwrap_or_default()))
            }
        }
    }

    fn columns_with(&self, peer: &PartyId) -> (&'static str, &Columns) {
        match self.own(peer).and_then(|own| own.columns.as_ref()) {
            Some(own) => ("peer.columns", own),
            None => ("admission.columns", &self.rules.admission.columns),
        }
    }

    /// Why there is nothing with a peer at this moment: the rule, and in words.
    pub(crate) fn closed_to(
        &self,
        peer: &PartyId,
        now: Timestamp,
    ) -> Option<(&'static str, String)> {
        let own = self.own(peer);
        let until = own.and_then(|own| own.until);
        let (rule, last) = until.map_or(("limits.until", self.rules.limits.until), |own| {
            ("peer.until", own)
        });
        if last.is_over(now) {
            return Some((rule, format!("work with party {peer} after {last}")));
        }
        let hours = own.and_then(|own| own.hours.as_ref());
        let (rule, hours) = hours.map_or(("limits.hours", &self.rules.limits.hours), |own| {
            ("peer.hours", own)
        });
        if hours.iter().any(|hours| hours.has(now)) {
            return None;
        }
        let said: Vec<String> = hours.iter().map(Hours::to_string).collect();
        Some((
            rule,
            format!(
                "work with party {peer} outside of {} (UTC)",
                said.join(", ")
            ),
        ))
    }

    /// How many jobs of a party are accepted in a day.
    pub fn jobs_per_day(&self, asker: Option<&PartyId>) -> Cap {
        let own = asker
            .and_then(|peer| self.own(peer))
            .and_then(|own| own.jobs_per_day);
        own.unwrap_or(self.rules.limits.jobs_per_day)
    }

    /// How many trainings of a party are accepted in a day.
    pub fn trainings_per_day(&self, asker: Option<&PartyId>) -> Cap {
        let own = asker
            .and_then(|peer| self.own(peer))
            .and_then(|own| own.trainings_per_day);
        own.unwrap_or(self.rules.limits.trainings_per_day)
    }

    /// How many ids a party may have predicted online in a day.
    pub fn online_ids_per_day(&self, asker: &PartyId) -> Cap {
        self.own(asker)
            .and_then(|own| own.online_ids_per_day)
            .unwrap_or(self.rules.limits.online_ids_per_day)
    }

    /// How often a version of a model is applied in a day in jobs of a party.
    pub fn model_uses_per_day(&self, asker: Option<&PartyId>) -> Cap {
        let own = asker
            .and_then(|peer| self.own(peer))
            .and_then(|own| own.model_uses_per_day);
        own.unwrap_or(self.rules.models.uses_per_day)
    }
}
