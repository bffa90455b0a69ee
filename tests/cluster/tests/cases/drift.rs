//! What others delete or change is restored, and what is not the stack's own is left alone.

mod broker;
mod objects;
mod ownership;
