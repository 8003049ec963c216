//! The parameters of local_learner: what is learned, and what is done with it.

use component_kit::params;

params! {
    /// Parameters of `local_learner`.
    pub struct Params {
        /// What is learned: KMeans, Recommendation, LogisticRegression, LinearRegression, RidgeRegression, NaiveBayes,
        /// DecisionTreeRegression, DecisionTreeClassification, RandomForestRegression, RandomForestClassification, Word2Vec,
        /// FPGrowth. An unknown word is told when the step runs. Default LinearRegression.
        model_type: String = "LinearRegression";
        /// How lines are laid out: csv (label first), libsvm or text. Default csv.
        format: String = "csv", in ["csv", "libsvm", "text"];
        /// The learner's own parameters as a dict of Python (or JSON): `{'numIterations': 100}`. Default empty, none.
        learner: String = "";
        /// When it is applied: whether rows are compared with their labels in place of being predicted. Default false.
        evaluate: bool = false;
        /// When it is applied: whether predictions are printed into the summary, too. Default false.
        print: bool = false;
    }
}
