//! FATE documents, from submission to a graph that can run.

use domain::{Dialect, JobKind};
use serde_json::{Map, Value, json};

use crate::check::{Filling, check_arbitrated, check_providers};
use crate::complete::{complete, warning};
use crate::diagnostic::{Diagnostic, Rule, beside, sorted};
use crate::fate::{conf, dsl, v1};
use crate::model_id::model_id;
use crate::of_party::settings_of_parties;
use crate::predict;
use crate::resolve::resolve;
use crate::unused::{Submitted, warnings};
use crate::{ParseContext, Parsed, TrainedPipeline};

/// Reads a job from its documents.
pub(crate) fn parse(
    dsl: &Value,
    conf: &Value,
    context: &ParseContext<'_>,
) -> Result<Parsed, Vec<Diagnostic>> {
    let mut found = Vec::new();
    match Documents::read(dsl, conf, context, &mut found)
        .and_then(|documents| documents.into_job(context, &mut found))
    {
        Some(mut parsed) => {
            parsed.warnings.extend(unread(dsl, conf, &parsed, context));
            if found.is_empty() {
                return Ok(parsed);
            }
            // What is missing may stand where nothing reads it.
            found.extend(beside(&parsed.warnings));
            Err(sorted(found))
        }
        None => Err(sorted(found)),
    }
}

/// A warning for everything in the submitted documents that nothing reads.
fn unread(dsl: &Value, conf: &Value, parsed: &Parsed, context: &ParseContext<'_>) -> Vec<String> {
    let Some(conf) = conf.as_object() else {
        return Vec::new();
    };
    let trained = (parsed.kind == JobKind::Predict).then_some(&parsed.train_conf);
    warnings(&Submitted {
        dsl,
        conf,
        effective: &parsed.conf,
        dialect: parsed.dialect,
        trained,
        steps: &parsed.graph.steps,
        cast: &parsed.cast,
        catalogue: context.components,
    })
}

/// The documents in version 2.
struct Documents<'a> {
    dialect: Dialect,
    kind: JobKind,
    dsl: Value,
    conf: Map<String, Value>,
    /// What the user submitted says of removed parameters.
    warning: Option<String>,
    pipeline: Option<&'a TrainedPipeline>,
}

impl<'a> Documents<'a> {
    fn read(
        dsl: &Value,
        conf: &Value,
        context: &ParseContext<'a>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let fields = conf::object(conf, found)?;
        let dialect = conf::dialect(fields, found)?;
        let wanted = predict::predict_request(dsl, conf)
            .map_err(|own| found.extend(own))
            .ok()?;
        let Some(wanted) = wanted else {
            let (dsl, conf) = match dialect {
                Dialect::FateV2 => (dsl.clone(), fields.clone()),
                Dialect::FateV1 => {
                    let (dsl, readers) = v1::convert_dsl(dsl);
                    (dsl, v1::convert_conf(fields, &readers, found))
                }
            };
            let warning = warning(&conf);
            return Some(Self {
                dialect,
                kind: JobKind::Train,
                dsl,
                conf,
                warning,
                pipeline: None,
            });
        };
        let Some(pipeline) = context.predict else {
            let meaning = format!(
                "model {} version {} is not deployed",
                wanted.model_id, wanted.model_version
            );
            let path = "job_runtime_conf.job_parameters.common.model_version";
            let diagnostic =
                Diagnostic::new(Rule::ModelDeployed, "model has not been deployed yet", path);
            found.push(
                diagnostic
                    .meaning(meaning)
                    .next("deploy the model and name the version that the deployment made"),
            );
            return None;
        };
        let request = match dialect {
            Dialect::FateV2 => fields.clone(),
            Dialect::FateV1 => {
                let readers = v1::readers_of_deployed(&pipeline.inference_dsl, fields);
                v1::convert_conf(fields, &readers, found)
            }
        };
        let warning = warning(&request);
        let request = Value::Object(request);
        let conf = predict::effective_conf(&pipeline.conf_with_roles(), &request)
            .map_err(|own| found.extend(own))
            .ok()?;
        let Value::Object(conf) = conf else {
            return None;
        };
        let dsl = pipeline.inference_dsl.clone();
        Some(Self {
            dialect,
            kind: JobKind::Predict,
            dsl,
            conf,
            warning,
            pipeline: Some(pipeline),
        })
    }

    fn into_job(
        mut self,
        context: &ParseContext<'_>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Parsed> {
        let parties = conf::parties(&mut self.conf, found);
        // Diagnostics name the place in what the user wrote, not in what it was converted to.
        let prefix = if self.dialect == Dialect::FateV1 {
            "job_parameters"
        } else {
            "job_parameters.common"
        };
        let mut settings = complete(&mut self.conf, self.kind, prefix, found);
        if let Some(parties) = &parties {
            settings.of_parties = settings_of_parties(&self.conf, &parties.cast, found);
        }
        let components = dsl::read(&self.dsl, found);
        if !found.is_empty() {
            return None;
        }
        let mut graph = resolve(&components, self.pipeline, found)?;
        let parties = parties?;
        let id = self.model_id();
        let parameters = self
            .conf
            .get_mut("job_parameters")
            .and_then(|parameters| parameters.get_mut("common"));
        if let Some(common) = parameters.and_then(Value::as_object_mut) {
            common.insert("model_id".to_owned(), json!(id));
        }
        let conf = Value::Object(self.conf);
        check_providers(&self.dsl, &conf, &components, found);
        check_arbitrated(&components, &conf, &parties.cast, found);
        if let Some(known) = context.parties {
            conf::check_known(&parties.cast, known, found);
        }
        let (catalogue, predicts) = (context.components, self.kind == JobKind::Predict);
        let trained = self.pipeline.map(|pipeline| {
            pipeline
                .conf_with_roles()
                .get("role")
                .cloned()
                .unwrap_or_default()
        });
        let (dialect, cast, trained) = (self.dialect, &parties.cast, trained.as_ref());
        let filling = Filling {
            catalogue,
            conf: &conf,
            dialect,
            cast,
            predicts,
            trained,
            parameters_only: context.parameters_only,
        };
        filling.fill(&mut graph, found);
        Some(Parsed {
            dialect: self.dialect,
            kind: self.kind,
            dsl: self.dsl,
            train_conf: self
                .pipeline
                .map_or_else(|| json!({}), |pipeline| pipeline.train_conf.clone()),
            graph,
            cast: parties.cast,
            initiator: parties.initiator,
            settings,
            model_id: id,
            warnings: self.warning.into_iter().collect(),
            conf,
        })
    }

    /// The model id: that of the request for predict jobs, of the roles for training.
    fn model_id(&self) -> String {
        let said = self
            .conf
            .get("job_parameters")
            .and_then(|own| own.get("common")?.get("model_id")?.as_str());
        match (self.kind, said) {
            (JobKind::Predict, Some(said)) => said.to_owned(),
            _ => self
                .conf
                .get("role")
                .and_then(Value::as_object)
                .map(model_id)
                .unwrap_or_default(),
        }
    }
}
