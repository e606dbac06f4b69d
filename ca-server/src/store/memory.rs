//! The store in memory, for tests: the same promises except that nothing outlives the process.
