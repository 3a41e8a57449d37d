//! The servers of this crate do what their documentation says, seen with the real programs.

mod common;
mod fault_proxy;
mod postgres;
mod powerdns;
mod resolver;
mod tcp_proxy;
