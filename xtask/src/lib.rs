//! The project's commands: setup, build, demo, test, bench.
