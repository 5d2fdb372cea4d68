//! What the targets share: a fuzzer's bytes as choices, and a request and its answer as one text.
#![allow(missing_docs, reason = "the names of the choices say what is chosen")]

pub mod choices;
pub mod exchange;
