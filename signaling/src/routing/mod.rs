//! Which desk rings for which matter, and who waits behind whom: indexes that answer without looking at everybody.
mod floor;
mod handling;
mod queue;
mod widen;

pub(crate) use self::{
    floor::{Count, Floor, Post},
    handling::Handling,
    queue::{Matter, Path, Queue, Standing, Want},
    widen::{Step, step},
};
