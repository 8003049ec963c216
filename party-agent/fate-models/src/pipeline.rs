//! The documents of a model version.

use prost::Message;

/// The documents of a model version. Fields of bytes hold JSON.
#[derive(Clone, PartialEq, Message)]
pub struct Pipeline {
    /// The DSL to predict with.
    #[prost(bytes = "vec", tag = "1")]
    pub inference_dsl: Vec<u8>,
    /// The DSL of the training.
    #[prost(bytes = "vec", tag = "2")]
    pub train_dsl: Vec<u8>,
    /// The conf of the training.
    #[prost(bytes = "vec", tag = "3")]
    pub train_runtime_conf: Vec<u8>,
    /// The version of the server.
    #[prost(string, tag = "4")]
    pub fate_version: String,
    /// The model.
    #[prost(string, tag = "5")]
    pub model_id: String,
    /// Its version.
    #[prost(string, tag = "6")]
    pub model_version: String,
    /// Whether it comes from training, not from a deployment.
    #[prost(bool, tag = "7")]
    pub parent: bool,
    /// How often it was loaded.
    #[prost(int32, tag = "8")]
    pub loaded_times: i32,
    /// The parties of each role.
    #[prost(bytes = "vec", tag = "9")]
    pub roles: Vec<u8>,
    /// No longer used.
    #[prost(int32, tag = "10")]
    pub work_mode: i32,
    /// The initiator's role.
    #[prost(string, tag = "11")]
    pub initiator_role: String,
    /// The initiator's party; 0 when its id is no number of 32 bits.
    #[prost(int32, tag = "12")]
    pub initiator_party_id: i32,
    /// The conf as this party has it.
    #[prost(bytes = "vec", tag = "13")]
    pub runtime_conf_on_party: Vec<u8>,
    /// The version that it was deployed from.
    #[prost(bytes = "vec", tag = "14")]
    pub parent_info: Vec<u8>,
}
