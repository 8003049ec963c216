//! Compiles the messages of Kubeflow's API, without a compiler of the system's, and keeps their descriptors for reflection.

use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 3] = [
    "proto/backend/api/experiment.proto",
    "proto/backend/api/error.proto",
    "proto/backend/api/filter.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // Messages that cannot be read are the client's mistake: the codec says so.
    tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
