//! The names of FATE's runner classes, which stored predict DSLs carry as `CodePath`. They run nothing here; clients send
//! them back as they got them.

use serde_json::{Value, json};
use vocabulary::Role;

/// Modules whose runner has another name than the module: at the guest, at the host, elsewhere.
const RUNNERS: [(&str, &str, &str, &str); 24] = [
    (
        "Intersection",
        "IntersectGuest",
        "IntersectHost",
        "IntersectGuest",
    ),
    ("FederatedSample", "Sampler", "Sampler", "Sampler"),
    ("FeatureScale", "Scale", "Scale", "Scale"),
    (
        "LabelTransform",
        "LabelTransformer",
        "LabelTransformer",
        "LabelTransformer",
    ),
    (
        "HeteroFeatureBinning",
        "HeteroFeatureBinningGuest",
        "HeteroFeatureBinningHost",
        "HeteroFeatureBinningGuest",
    ),
    (
        "HeteroFeatureSelection",
        "BaseHeteroFeatureSelection",
        "BaseHeteroFeatureSelection",
        "BaseHeteroFeatureSelection",
    ),
    (
        "HeteroLR",
        "HeteroLRGuest",
        "HeteroLRHost",
        "HeteroLRArbiter",
    ),
    (
        "HeteroLinR",
        "HeteroLinRGuest",
        "HeteroLinRHost",
        "HeteroLinRArbiter",
    ),
    (
        "HeteroPoisson",
        "HeteroPoissonGuest",
        "HeteroPoissonHost",
        "HeteroPoissonArbiter",
    ),
    (
        "HeteroSSHELR",
        "HeteroLRGuest",
        "HeteroLRHost",
        "HeteroLRGuest",
    ),
    (
        "HeteroSSHELinR",
        "HeteroLinRGuest",
        "HeteroLinRHost",
        "HeteroLinRGuest",
    ),
    (
        "HeteroSecureBoost",
        "HeteroSecureBoostingTreeGuest",
        "HeteroSecureBoostingTreeHost",
        "HeteroSecureBoostingTreeGuest",
    ),
    (
        "HeteroFastSecureBoost",
        "HeteroSecureBoostingTreeGuest",
        "HeteroSecureBoostingTreeHost",
        "HeteroSecureBoostingTreeGuest",
    ),
    (
        "HeteroKmeans",
        "HeteroKmeansGuest",
        "HeteroKmeansHost",
        "HeteroKmeansArbiter",
    ),
    (
        "HeteroDataSplit",
        "HeteroDataSplitGuest",
        "HeteroDataSplitHost",
        "HeteroDataSplitGuest",
    ),
    (
        "HomoDataSplit",
        "HomoDataSplitGuest",
        "HomoDataSplitHost",
        "HomoDataSplitGuest",
    ),
    ("HomoLR", "HomoLRClient", "HomoLRClient", "HomoLRServer"),
    (
        "HomoSecureBoost",
        "HomoSecureBoostingTreeClient",
        "HomoSecureBoostingTreeClient",
        "HomoSecureBoostingTreeArbiter",
    ),
    (
        "HomoSecureboost",
        "HomoSecureBoostingTreeClient",
        "HomoSecureBoostingTreeClient",
        "HomoSecureBoostingTreeArbiter",
    ),
    (
        "HomoFeatureBinning",
        "HomoBinningClient",
        "HomoBinningClient",
        "HomoBinningArbiter",
    ),
    (
        "HomoOneHotEncoder",
        "HomoOneHotBase",
        "HomoOneHotBase",
        "HomoOneHotArbiter",
    ),
    ("HomoNN", "HomoNNClient", "HomoNNClient", "HomoNNServer"),
    ("FTL", "FTLGuest", "FTLHost", "FTLGuest"),
    (
        "SecureAddExample",
        "SecureAddGuest",
        "SecureAddHost",
        "SecureAddGuest",
    ),
];

/// A DSL with the `CodePath` of a role in every component that has none.
pub fn with_code_path(dsl: &Value, role: Role) -> Value {
    let mut dsl = dsl.clone();
    let components = dsl.get_mut("components").and_then(Value::as_object_mut);
    for body in components
        .into_iter()
        .flat_map(|components| components.values_mut())
    {
        let Some(body) = body.as_object_mut() else {
            continue;
        };
        let module = body
            .get("module")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let runner = runner_of(module, role).to_owned();
        body.entry("CodePath").or_insert_with(|| json!(runner));
    }
    dsl
}

fn runner_of(module: &str, role: Role) -> &str {
    let known = RUNNERS
        .iter()
        .find(|(name, ..)| name.eq_ignore_ascii_case(module));
    known.map_or(module, |(_, guest, host, other)| match role {
        Role::Guest => guest,
        Role::Host => host,
        Role::Arbiter | Role::Local => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_runner_of_each_role_and_keeps_what_is_there() {
        let dsl = json!({"components": {
            "lr_0": {"module": "HeteroLR"}, "reader_0": {"module": "Reader"}, "own_0": {"module": "HeteroLR", "CodePath": "x"}
        }});
        let of =
            |role, name: &str| with_code_path(&dsl, role)["components"][name]["CodePath"].clone();
        assert_eq!(of(Role::Guest, "lr_0"), "HeteroLRGuest");
        assert_eq!(of(Role::Arbiter, "lr_0"), "HeteroLRArbiter");
        assert_eq!(of(Role::Host, "reader_0"), "Reader");
        assert_eq!(of(Role::Host, "own_0"), "x");
    }
}
