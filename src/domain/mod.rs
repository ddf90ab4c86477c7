//! What it means afterwards: evidence, service records, ratings, matters over the days, the calendar, the audit log; pure values, no IO.
pub mod abandoned;
pub mod answer;
pub mod appeal;
pub mod archive;
pub mod attachment;
pub mod audit;
pub mod calendar;
pub mod evidence;
mod fold;
pub mod follow_up;
pub mod grading;
pub mod import;
pub mod matter;
pub mod names;
pub mod people;
pub mod qualification;
pub mod rating;
pub mod report;
pub mod roster;
pub mod service_record;
#[cfg(test)]
pub(crate) mod testing;
