//! Everything the roles of hetero_linr say to each other: the table of vertical trainings, in the order they say it.

pub(super) use learners::vertical::messages::ALL;
