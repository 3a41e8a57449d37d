//! The listener for clients of the system this one replaces.
