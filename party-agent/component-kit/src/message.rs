//! Typed message declarations: the table of constants in `<component>/messages.rs` is the protocol.

use std::marker::PhantomData;

use vocabulary::{Disclosure, MessageLine, Role};

/// A declared message with the type of its payload.
pub struct Message<T> {
    line: MessageLine,
    payload: PhantomData<fn() -> T>,
}

impl<T> Message<T> {
    /// Declares a message: its name, who sends it, who may receive it, what it gives away.
    pub const fn new(
        name: &'static str,
        from: Role,
        to: &'static [Role],
        disclosure: Disclosure,
    ) -> Self {
        Self {
            line: MessageLine {
                name,
                from,
                to,
                disclosure,
            },
            payload: PhantomData,
        }
    }

    /// The declaration without the type.
    pub const fn line(&self) -> MessageLine {
        self.line
    }

    /// The message's name.
    pub const fn name(&self) -> &'static str {
        self.line.name
    }
}
