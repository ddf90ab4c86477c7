//! What it means afterwards: evidence, service records, ratings, the calendar, the audit log; pure values, no IO.
pub mod evidence;
pub mod people;
