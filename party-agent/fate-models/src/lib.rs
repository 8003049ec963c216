//! FATE's model messages, each once: as protocol buffers and as the JSON that FATE's clients read. See README.md.
//!
//! ```
//! use fate_models::{ColumnScale, FeatureScale, ScaleMeta, ScaleParam, messages, view};
//!
//! let column = ColumnScale { column_upper: 2.0, column_lower: -1.0, mean: 0.5, std: 1.0 };
//! let meta = ScaleMeta { method: "standard_scale".into(), need_run: true, ..ScaleMeta::default() };
//! let param = ScaleParam {
//!     col_scale_param: [("x0".to_owned(), column)].into(),
//!     header: vec!["x0".to_owned()],
//! };
//! let view = view::<FeatureScale>(&meta, &param);
//! assert_eq!(view["param"]["colScaleParam"]["x0"]["columnUpper"], 2.0);
//! let stored = messages("FeatureScale", &view);
//! assert_eq!(stored[1].name, "ScaleParam");
//! ```
#![deny(missing_docs)]

mod int64;
mod kind;
mod linear;
mod model;
mod pipeline;
mod scale;
mod statistic;
mod transform;

pub use kind::{StoredMessage, messages, view};
pub use linear::{
    CipherPublicKey, CipherText, HeteroLinR, HeteroLr, LinRModelMeta, LinRModelParam, LrModelMeta,
    LrModelParam, OneVsRestResult, PredictParam, SingleModel,
};
pub use model::FateModel;
pub use pipeline::Pipeline;
pub use scale::{ColumnScale, FeatureScale, ScaleMeta, ScaleParam};
pub use statistic::{
    DataStatistics, OnePartyResult, SingleFeatureValue, StatisticMeta, StatisticParam,
};
pub use transform::{
    DataIo, DataTransform, DataTransformMeta, DataTransformParam, ImputerMeta, ImputerParam,
    OutlierMeta, OutlierParam,
};

#[cfg(test)]
mod tests;
