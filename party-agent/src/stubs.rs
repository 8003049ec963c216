//! Tables of the rows that a prediction asks for. The policy judges each as the table from which its rows were taken.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vocabulary::{Offer, PartyId, TableRef};

/// Which table stands in for which, while predictions run.
#[derive(Default)]
pub(crate) struct Stubs(Mutex<BTreeMap<TableRef, TableRef>>);

impl Stubs {
    fn all(&self) -> MutexGuard<'_, BTreeMap<TableRef, TableRef>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, stub: TableRef, of: TableRef) {
        self.all().insert(stub, of);
    }

    pub(crate) fn remove(&self, stub: &TableRef) {
        self.all().remove(stub);
    }

    /// The offer as the policy is to judge it: with the tables whose rows this party would give. A party's own jobs only:
    /// nobody else is told the names.
    pub(crate) fn judged<'a>(&self, offer: &'a Offer, me: &PartyId) -> Cow<'a, Offer> {
        let all = self.all();
        let stands_in = |table: &TableRef| offer.initiator.party == *me && all.contains_key(table);
        if !offer
            .steps
            .iter()
            .flat_map(|step| &step.tables)
            .any(|(who, table)| who.party == *me && stands_in(table))
        {
            return Cow::Borrowed(offer);
        }
        let mut judged = offer.clone();
        for (who, table) in judged.steps.iter_mut().flat_map(|step| &mut step.tables) {
            if let Some(of) = all.get(table).filter(|_| who.party == *me) {
                *table = of.clone();
            }
        }
        Cow::Owned(judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{offer, party, script};

    #[test]
    fn shows_the_policy_the_table_behind_and_only_of_ones_own_jobs() {
        let stubs = Stubs::default();
        let (offered, behind) = (
            TableRef::new("experiment", "offered"),
            TableRef::new("private", "t"),
        );
        let offer = offer(&script("read"));
        let named = |offer: &Offer| {
            offer.steps[0]
                .tables
                .iter()
                .map(|(_, table)| table.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            named(&stubs.judged(&offer, &party("1"))),
            [offered.clone(), offered.clone()]
        );
        stubs.insert(offered.clone(), behind.clone());
        assert_eq!(
            named(&stubs.judged(&offer, &party("1"))),
            [behind, offered.clone()]
        );
        assert_eq!(
            named(&stubs.judged(&offer, &party("2"))),
            [offered.clone(), offered.clone()],
            "another's job"
        );
        stubs.remove(&offered);
        assert!(matches!(
            stubs.judged(&offer, &party("1")),
            Cow::Borrowed(_)
        ));
    }
}
