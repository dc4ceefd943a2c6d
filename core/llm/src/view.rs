//! Views of requests and responses: spans over the body, and the edits that are applied to it.

pub(crate) mod delta_template;
pub(crate) mod edits;
pub(crate) mod event_parser;
mod event_shape;
mod form;
pub(crate) mod members;
mod model_only;
mod output_cap;
pub(crate) mod reference;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod rpc;
pub(crate) mod stream_state;
pub(crate) mod text_places;
pub(crate) mod token_prompt;
