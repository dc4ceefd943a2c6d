//! Runtimes for tests: the module in Tollgate's own host, or a real Envoy.

pub mod envoy;
pub mod wasm;

use crate::delivery::{CutPoints, Delivery};
use crate::file::BackendName;
use crate::observation::Observation;
use crate::plan::Case;

/// Runs the tests of one chain.
pub trait Backend: Send + Sync {
    /// Returns the name of this backend.
    fn name(&self) -> BackendName;

    /// Returns those deliveries of a test that this backend runs.
    fn deliveries(&self, case: &Case, all: Vec<Delivery>) -> Vec<Delivery>;

    /// Runs a test in one delivery, without state from earlier runs. Returns the observations in the order of the
    /// requests; there are fewer than requests if the backend cannot run the remaining ones, see
    /// [`RunOutput::stopped`].
    ///
    /// # Errors
    /// The reason why the test could not run. The text contains no secrets.
    fn run(&self, case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Result<RunOutput, String>;
}

/// Result of running a test in one delivery.
#[derive(Clone, Debug, Default)]
pub struct RunOutput {
    /// Observations, one per request that was sent.
    pub seen: Vec<Observation>,
    /// Reason why not all requests were sent.
    pub stopped: Option<String>,
}
