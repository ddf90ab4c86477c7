//! Milestones in, events appended, records sealed; loses none.
