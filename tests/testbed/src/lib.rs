//! A real Envoy with Tollgate in it, for the demo, the end-to-end tests and the benchmarks.
//!
//! Three things are needed to try a filter where it will live, and each is a type here: an [`Envoy`] to run, a [`Bootstrap`]
//! to run it with, and the [`Gateway`] that results. The bootstrap is always the reference one, `envoy/envoy.yaml`, with
//! structured edits: what is shown to work is the file that users mount. The gateway listens on ports that the kernel picks,
//! so any number may run at once, and it ends with the process that started it, however that process ends (see [`child`]).
//!
//! ```no_run
//! use tollgate_testbed::{Bootstrap, Envoy, Gateway, gateway, workspace};
//!
//! # fn main() -> tollgate_testbed::Result<()> {
//! let envoy = Envoy::find_or_install()?;
//! let bootstrap = Bootstrap::reference()?
//!     .module(&workspace::module(workspace::BUNDLE)?)?
//!     .upstream("openai", ([127, 0, 0, 1], 8081).into())?
//!     .upstream("local", ([127, 0, 0, 1], 8082).into())?;
//! let gateway = Gateway::start(&envoy, bootstrap, &gateway::Options::default())?;
//! println!("{} is up", gateway.url());
//! # Ok(())
//! # }
//! ```
//!
//! Everything blocks and nothing needs a runtime: the callers that have one are few, and this must compile quickly.

pub mod child;
mod error;
pub mod gateway;
pub mod http;
pub mod scratch;
pub mod workspace;

mod bootstrap;
mod envoy;

pub use bootstrap::Bootstrap;
pub use envoy::{Envoy, OLDEST, PINNED};
pub use error::{Context, Error, Result};
pub use gateway::Gateway;
