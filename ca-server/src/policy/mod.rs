//! May it be issued: gathers the facts, evaluates profile and Cedar rules, re-checks CAA, and gives an `Approval`.
