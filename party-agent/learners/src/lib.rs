//! What learners share, whatever they learn: FATE's parameter objects, rows, predictions, validations, checkpoints, linear models,
//! and vertical gradient descent with an arbiter, generic over a loss and an encryption.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod checkpoints;
pub mod classes;
pub mod columns;
pub mod inputs;
pub mod model;
pub mod params;
pub mod predictions;
pub mod rows;
pub mod validation;
pub mod vertical;
pub mod view;
pub mod weights;
