//! The firewall: rules, matching, redaction and what a stream must hold back.
