//! Policies for the real agents, as text.

/// What `fedflow up` writes: all parties belong to one owner; minima of 1, no caps, no tickets.
pub const ALL_MINE: &str = include_str!("../../../cli/src/up/local-policy.toml");

/// The policy of a party that says nothing: everything foreign is refused, and jobs in its own name need its ticket.
pub const STRICT: &str = "";

/// Rules for intersections of a party whose tables are small.
pub const SMALL_TABLES: &str = "[intersection]\nfewest_ids = 1\nfewest_common = 1\n";

/// What a careful party among others writes: it works with `peers` on `tables` (`namespace.name`, `namespace.*`), by any
/// component; messages may give away whatever components declare. Its tables are small, and it says so; everything else is as strict
/// as by default.
pub fn careful(peers: &[&str], tables: &[&str]) -> String {
    format!(
        "[admission]\ninitiators = {peers:?}\npeers = {peers:?}\ncomponents = [\"*\"]\ntables = {tables:?}\n\
         [release]\ndisclosures = [\"control\", \"public_key\", \"ciphertext\", \"masked\", \"share\", \"blinded_ids\", \
         \"row_positions\", \"aggregate\", \"model\", \"row_values\"]\n{SMALL_TABLES}"
    )
}
