//! All filters in one module, chosen by root_id.
