//! What every request can reach: the assembled stages of one server.
