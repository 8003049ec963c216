//! What asks a host for more vectors of row values than those of the finished model: its policy is asked first.

use learning::validation::ValidationEpochs;

use super::params::Params;

/// Parameters that do, each with how many vectors of a table it asks for; none where that depends on the training.
pub(super) fn more_vectors(params: &Params) -> Vec<(&'static str, Option<u64>)> {
    let mut more = Vec::new();
    if let Some(validation) = params.validation() {
        let count = match &validation.epochs {
            ValidationEpochs::Every(every) => params.max_iter.div_ceil((*every).max(1)),
            ValidationEpochs::At(epochs) => epochs.len(),
        };
        let deprecated = params.validation_freqs.is_some();
        let parameter = if deprecated {
            "validation_freqs"
        } else {
            "callback_param.validation_freqs"
        };
        more.push((parameter, u64::try_from(count).ok()));
    }
    // Neither is built; whoever builds them needs the consent of those whose rows they give away.
    more.extend(
        params
            .cv_param
            .need_cv
            .then_some(("cv_param.need_cv", None)),
    );
    more.extend(
        params
            .stepwise_param
            .need_stepwise
            .then_some(("stepwise_param.need_stepwise", None)),
    );
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(params: serde_json::Value) -> Vec<(&'static str, Option<u64>)> {
        more_vectors(&serde_json::from_value(params).expect("parameters"))
    }

    #[test]
    fn validations_folds_and_selections_are_named_with_what_they_draw() {
        assert_eq!(of(json!({"max_iter": 20})), []);
        assert_eq!(
            of(json!({"max_iter": 20, "validation_freqs": 1})),
            [("validation_freqs", Some(20))]
        );
        assert_eq!(
            of(json!({"max_iter": 20, "validation_freqs": [3, 9]})),
            [("validation_freqs", Some(2))]
        );
        let callback = json!({"callbacks": ["PerformanceEvaluate"], "validation_freqs": 3});
        let named = [("callback_param.validation_freqs", Some(7))];
        assert_eq!(
            of(json!({"max_iter": 20, "callback_param": callback})),
            named
        );
        assert_eq!(
            of(json!({"cv_param": {"need_cv": true}})),
            [("cv_param.need_cv", None)]
        );
        assert_eq!(
            of(json!({"stepwise_param": {"need_stepwise": true}})),
            [("stepwise_param.need_stepwise", None)]
        );
    }
}
