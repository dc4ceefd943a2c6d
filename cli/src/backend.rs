//! What tests are run in: the module in a host of ours, or a real Envoy.

pub mod envoy;
pub mod wasm;

use crate::delivery::{CutPoints, Delivery};
use crate::file::BackendName;
use crate::observation::Observation;
use crate::plan::Case;

/// Runs tests of one chain.
pub trait Backend: Send + Sync {
    /// Which one it is.
    fn name(&self) -> BackendName;

    /// Those of a test's points that are worth running here.
    fn deliveries(&self, case: &Case, all: Vec<Delivery>) -> Vec<Delivery>;

    /// Runs a test in one way, from nothing. What was seen of each request, in order; fewer than there are if the rest
    /// cannot be run here, see [`RunOutput::stopped`].
    ///
    /// # Errors
    /// What kept it from being run at all, fit to be shown.
    fn run(&self, case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Result<RunOutput, String>;
}

/// What came of one run.
#[derive(Clone, Debug, Default)]
pub struct RunOutput {
    /// What was seen of each request.
    pub seen: Vec<Observation>,
    /// Why not all of them were sent.
    pub stopped: Option<String>,
}
