//! Claim of a call on the budgets of its consumer.

use crate::usage::CallUsage;

/// Amounts that a call reserves, and the part of them that is charged if the call is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Most that the call can use.
    pub most: CallUsage,
    /// Charge if the lease of the call ends before it is settled or renewed, because its worker was lost.
    pub if_lost: CallUsage,
}

impl Claim {
    pub(crate) fn saturating_add(&self, other: &Claim) -> Claim {
        Claim { most: self.most.saturating_add(other.most), if_lost: self.if_lost.saturating_add(other.if_lost) }
    }

    pub(crate) fn saturating_sub(&self, other: &Claim) -> Claim {
        Claim { most: self.most.saturating_sub(other.most), if_lost: self.if_lost.saturating_sub(other.if_lost) }
    }
}

/// Claims the usage, all of which is charged if the call is lost.
impl From<&CallUsage> for Claim {
    fn from(usage: &CallUsage) -> Claim {
        Claim { most: *usage, if_lost: *usage }
    }
}
