//! FATE's parameter objects that learners share, with its names and default values, and what they come to.

mod callbacks;
mod linear;
mod parts;

pub use callbacks::{CallbackParam, Callbacks, Frequency, Validation};
pub use linear::{LinearParams, Training, batch_size, in_order, penalty};
pub use parts::{
    CvParam, EncryptParam, EncryptedModeParam, InitParam, PredictParam, SqnParam, StepwiseParam,
};
