//! What it means afterwards: evidence, service records, ratings, the calendar, the audit log; pure values, no IO.
pub mod abandoned;
pub mod audit;
pub mod calendar;
pub mod evidence;
mod fold;
pub mod people;
pub mod rating;
pub mod service_record;
#[cfg(test)]
pub(crate) mod testing;
