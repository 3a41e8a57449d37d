mod admin;
mod claims;
mod operations;
mod pools;
mod records;
mod registrars;
mod seen;
