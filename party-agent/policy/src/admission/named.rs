//! What an offer names of this party beside stored tables: outputs of earlier jobs, models with their checkpoints, a file.

use std::collections::BTreeSet;

use vocabulary::{Cast, ModelInput, Offer, OfferedInput, OfferedStep, PartyId};

use crate::rules::{Policy, names};
use crate::verdict::Verdict;

/// A training of which this party keeps a part of the models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// The version under which the models stand: the training's job.
    pub version: String,
    /// Who took part.
    pub cast: Cast,
}

impl Policy {
    /// An output of an earlier job is read only through a step that the same offer takes over from that job: taking over is
    /// judged by what was agreed when the step was done. An earlier output that is named as a table is a table.
    pub(super) fn admit_inputs(&self, offer: &Offer) -> Option<Verdict> {
        let taken_over = |input: &OfferedInput| {
            let maker = offer.steps.iter().find(|step| step.step == input.made_by);
            maker.is_some_and(|maker| {
                // Both: the step must come from that very job, and this participant must have had
                // a part in it.
                maker.inherited == input.of_job && maker.participants.contains(&input.who)
            })
        };
        let inputs = offer
            .steps
            .iter()
            .flat_map(|step| step.inputs.iter().map(move |input| (step, input)));
        let mut mine = inputs.filter(|(_, input)| input.who.party == self.me);
        let (step, input) = mine.find(|(_, input)| !taken_over(input))?;
        let what = match &input.of_job {
            Some(job) => format!(
                "what step {} of job {job} left to step {}: the offer does not take that step over from that job",
                input.made_by, step.step
            ),
            None => format!(
                "step {} an input that no step of the offer leaves: {}",
                step.step, input.made_by
            ),
        };
        Some(Verdict::refused("admission.tables", what))
    }

    /// A model is for those with whom it was trained, unless the policy names it.
    pub(super) fn admit_models(&self, offer: &Offer, facts: &super::Facts) -> Option<Verdict> {
        let others: BTreeSet<PartyId> = offer
            .cast
            .parties()
            .into_iter()
            .filter(|party| *party != self.me)
            .collect();
        let models = offer
            .steps
            .iter()
            .flat_map(|step| step.models.iter().map(move |model| (step, model)));
        let mut mine = models.filter(|(_, input)| input.model.owner.party == self.me);
        if let Some(verdict) = mine
            .clone()
            .find_map(|(step, input)| self.keeps_version(offer, step, input))
        {
            return Some(verdict);
        }
        let (step, input) =
            mine.find(|(_, input)| !self.may_apply(offer, &others, input, &facts.trainings))?;
        let model = &input.model;
        let what = format!(
            "the model of step {} in version {} to step {}: it was not trained with these parties",
            model.step, model.version, step.step
        );
        Some(Verdict::refused("admission.models", what))
    }

    /// Refuses a version that is not for one of the parties, whoever trained it.
    fn keeps_version(
        &self,
        offer: &Offer,
        step: &OfferedStep,
        input: &ModelInput,
    ) -> Option<Verdict> {
        let model = &input.model;
        // The job trains it itself: there is no earlier version that a list could name.
        if model.version == offer.job.as_str() {
            return None;
        }
        let others = self.others(offer);
        let mut lists = others.iter().map(|peer| self.versions_with(peer));
        let (rule, _) = lists.find(|(_, list)| !names(list, &model.version))?;
        let what = format!(
            "the model of step {} in version {} to step {}",
            model.step, model.version, step.step
        );
        Some(Verdict::refused(rule, what))
    }

    fn may_apply(
        &self,
        offer: &Offer,
        others: &BTreeSet<PartyId>,
        input: &ModelInput,
        known: &[Training],
    ) -> bool {
        let model = &input.model;
        let same_job = model.version == offer.job.as_str()
            && offer
                .steps
                .iter()
                .any(|step| step.step == model.step && step.participants.contains(&model.owner));
        let trained_together = |training: &Training| {
            let parties = training.cast.parties();
            training.version == model.version
                // The model must be this party's part of that training, not just of the same
                // version.
                && training.cast.has(&model.owner)
                && others.iter().all(|party| parties.contains(party))
        };
        others.is_empty()
            || same_job
            || names(&self.rules.admission.models, &model.version)
            || known.iter().any(trained_together)
    }

    /// A file is written for the party's own users alone, and of what a step of the offer leaves.
    pub(super) fn admit_file(&self, offer: &Offer) -> Option<Verdict> {
        let keeps = offer.keeps.as_ref()?;
        let refused = |why: &str| {
            let what = format!(
                "to keep what step {} leaves as {:?}{why}",
                keeps.step, keeps.file
            );
            Some(Verdict::refused("admission.without_ticket", what))
        };
        if !offer
            .steps
            .iter()
            .any(|step| step.step == keeps.step && step.participants.contains(&keeps.who))
        {
            return refused(": the offer has no such step");
        }
        let for_others = keeps.who.party == self.me && offer.initiator.party != self.me;
        for_others
            .then(|| refused(" for another party's job"))
            .flatten()
    }
}
