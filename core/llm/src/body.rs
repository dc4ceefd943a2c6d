//! Bodies that are not plain JSON: compressed bodies, forms, the headers of images, and responses of any size.

pub(crate) mod condenser;
pub mod content_encoding;
pub(crate) mod data;
pub(crate) mod document;
pub mod image;
pub mod multipart;
pub(crate) mod text_scanner;
