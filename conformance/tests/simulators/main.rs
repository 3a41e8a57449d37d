//! The simulated registrars refuse what the vendors refuse.

mod cloudflare;
mod dynadot;
mod godaddy;
mod namecheap;
mod ovh;
