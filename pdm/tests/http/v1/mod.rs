mod admin;
mod claims;
mod operations;
mod pools;
