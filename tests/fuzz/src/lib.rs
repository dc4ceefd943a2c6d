//! Fuzz targets for every parser, with a smoke run on stable.
