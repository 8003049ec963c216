//! What is wrong with a job's documents: FATE's words for its clients, ours with the place and what to do about it.

use std::fmt;

use vocabulary::{ErrorCode, Fault};

/// The rules a job's documents must keep, in the order in which FATE looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The conf names an initiator and roles.
    ConfComplete,
    /// The conf has the shape that its version asks for.
    ConfShape,
    /// Party ids can be read, and none stands twice in a role.
    PartyIds,
    /// A predict job names its model.
    ModelNamed,
    /// That model is deployed.
    ModelDeployed,
    /// The parties of a predict job took part in the training.
    PredictRoles,
    /// The initiator has the role it claims.
    Initiator,
    /// Job parameters are of the right type and in bounds.
    JobParameters,
    /// There is a DSL.
    DslPresent,
    /// It has components.
    ComponentsPresent,
    /// Each names its module.
    ModulePresent,
    /// Component names use the characters allowed.
    ComponentName,
    /// An input is an object.
    InputShape,
    /// An output is an object.
    OutputShape,
    /// An output's aliases are a list of texts.
    OutputAliases,
    /// A data input is an object.
    DataShape,
    /// A data port reads a list of texts.
    DataList,
    /// The component that makes a table exists.
    DataUpstream,
    /// That component has the output.
    DataAlias,
    /// A model port reads a list of texts.
    ModelList,
    /// The component that makes a model exists.
    ModelUpstream,
    /// That component has the output.
    ModelAlias,
    /// No component waits for itself.
    NoLoop,
    /// What is to be deployed was trained.
    Deployable,
    /// Only components of the DSL are given providers.
    ProviderKnown,
    /// FATE's rule on party ids of arbitrated linear models.
    HeteroLrParties,
    /// A provider is written as name or name@version.
    ProviderText,
    /// Some party announces the module.
    ModuleKnown,
    /// The provider has the module, in the version asked for.
    ProviderHasModule,
    /// The parties belong to the federation.
    PartyKnown,
    /// Some party of the job can run the component.
    RoleKnown,
    /// The job has the parties that the component needs.
    CastFits,
    /// The component has the port.
    PortKnown,
    /// An input that the component needs is wired.
    InputNeeded,
    /// Parameters are known.
    ParameterKnown,
    /// Parameters are of the right type and in bounds.
    ParameterValue,
    /// Something reads what the documents say. Alone it refuses nothing.
    Read,
}

impl Rule {
    /// The name of the exception that FATE raises.
    pub const fn exception(self) -> &'static str {
        match self {
            Self::ConfComplete | Self::ModelNamed => "KeyError",
            Self::ConfShape | Self::JobParameters => "TypeError",
            Self::ModelDeployed | Self::Initiator | Self::HeteroLrParties => "Exception",
            Self::DslPresent => "DSLNotExistError",
            Self::ComponentsPresent => "ComponentFieldNotExistError",
            Self::ModulePresent => "ModuleFieldNotExistError",
            Self::ComponentName => "NamingFormatError",
            Self::InputShape => "ComponentInputTypeError",
            Self::OutputShape => "ComponentOutputTypeError",
            Self::OutputAliases => "ComponentOutputKeyTypeError",
            Self::DataShape => "ComponentInputDataTypeError",
            Self::DataList => "ComponentInputDataValueTypeError",
            Self::DataUpstream => "ComponentInputNotExistError",
            Self::DataAlias => "ComponentOutputDataNotExistError",
            Self::ModelList => "ComponentInputModelValueTypeError",
            Self::ModelUpstream => "ComponentInputModelNotExistError",
            Self::ModelAlias => "ComponentOutputModelNotExistError",
            Self::NoLoop => "LoopError",
            Self::Deployable => "DeployComponentNotExistError",
            _ => "ValueError",
        }
    }

    /// Our own code for a breach.
    const fn code(self) -> ErrorCode {
        match self {
            Self::ModuleKnown | Self::ProviderHasModule => ErrorCode::ComponentUnknown,
            Self::JobParameters | Self::ParameterKnown | Self::ParameterValue => {
                ErrorCode::ParameterInvalid
            }
            Self::PartyKnown => ErrorCode::PartyUnknown,
            Self::ModelDeployed => ErrorCode::ModelMissing,
            _ => ErrorCode::DocumentInvalid,
        }
    }

    /// Whether FATE finds the breach only when it makes the job at the parties: its reply then also says
    /// `create job failed`.
    pub const fn is_found_at_creation(self) -> bool {
        matches!(
            self,
            Self::ModuleKnown
                | Self::ProviderHasModule
                | Self::ProviderText
                | Self::ParameterKnown
                | Self::ParameterValue
        )
    }
}

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule.
    pub rule: Rule,
    /// The name of FATE's exception (`ValueError`).
    pub exception: String,
    /// FATE's text where it has one for the rule; it follows `exception: ` in FATE's replies.
    pub message: String,
    /// The same as a fault of ours: code, place in the documents, what to do next.
    pub fault: Fault,
}

impl Diagnostic {
    /// A breach of a rule at a place in the documents.
    pub fn new(rule: Rule, message: impl Into<String>, path: impl Into<String>) -> Self {
        let message = message.into();
        let fault = Fault::new(rule.code(), message.clone()).path(path);
        Self {
            rule,
            exception: rule.exception().to_owned(),
            message,
            fault,
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.fault = self.fault.next(next);
        self
    }

    /// Says it in our own words too, where FATE's text says little.
    #[must_use]
    pub(crate) fn meaning(mut self, message: impl Into<String>) -> Self {
        self.fault.message = message.into();
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.message)
    }
}

/// The warnings of a job as diagnostics that stand behind those for which it is refused: they often say why.
pub fn beside(warnings: &[String]) -> Vec<Diagnostic> {
    let each = warnings.iter().map(|warning| {
        let text = warning.strip_prefix("[WARN]").unwrap_or(warning);
        let path = text
            .split(' ')
            .next()
            .filter(|first| first.starts_with("job_"))
            .unwrap_or("job_runtime_conf");
        let next = text
            .rsplit_once("; ")
            .map_or("correct it or leave it out", |(_, next)| next);
        Diagnostic::new(Rule::Read, text, path).next(next)
    });
    each.collect()
}

/// Puts diagnostics in FATE's order; among equals the order of the documents stays. The same one is told once.
pub(crate) fn sorted(mut all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    all.sort_by_key(|diagnostic| diagnostic.rule);
    all.dedup();
    all
}
