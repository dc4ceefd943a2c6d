//! Bodies that are not plain JSON: compressed bodies, forms, and the headers of images.

pub mod content_encoding;
pub mod image;
pub mod multipart;
