//! One program, so that it is linked once: what needs no server, then real servers, then what goes wrong on the way.

mod common;

mod data;
mod names;
mod refusals;

mod server;

mod faults;
mod strangers;
