//! What relying parties ask later: CRLs and renewal information (RFC 9773).
