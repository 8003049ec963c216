//! Why a connection is closed, as a number on the wire.

use quinn::VarInt;

/// Close code: nothing is wrong, the connection alone ends.
pub(crate) const CLOSE_DONE: VarInt = VarInt::from_u32(0);
/// Close code: the certificate is not, or no longer, accepted.
pub(crate) const CLOSE_CERTIFICATE: VarInt = VarInt::from_u32(1);
/// Close code: the connection is not wanted for another reason.
pub(crate) const CLOSE_REFUSED: VarInt = VarInt::from_u32(2);
/// Close code: the daemon ends, and nothing that it worked on goes on.
pub(crate) const CLOSE_GOODBYE: VarInt = VarInt::from_u32(3);
