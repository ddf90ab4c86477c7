//! Hints between the parts and, later, the nodes: a hint may be lost, the truth is in the database.
