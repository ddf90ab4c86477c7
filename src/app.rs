//! Wires every part of the server together, once, by name.
