//! The store on both engines: every statement, every question, and what is refused.
mod after;
mod lawyers;
mod ledger;
mod opening;
mod people;
mod records;
mod reports;
mod statements;
