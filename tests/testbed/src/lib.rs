//! Finds Envoy, renders the reference bootstrap, starts and stops a gateway.
