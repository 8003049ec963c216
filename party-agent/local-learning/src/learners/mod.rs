//! The learners, one file each: from points to a model that predicts.

pub(crate) mod bayes;
pub(crate) mod factors;
pub(crate) mod itemsets;
pub(crate) mod means;
pub(crate) mod sgd;
pub(crate) mod trees;
pub(crate) mod words;
