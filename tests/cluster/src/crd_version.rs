//! The version that PingStacks are written as.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the CRD is that of a release before `v1beta1`.
static IS_FIRST_VERSION: AtomicBool = AtomicBool::new(false);

/// Whether PingStacks are written as `v1alpha1` from now on, as the operator of an older release needs it.
pub(crate) fn use_first_version(is_first: bool) {
    IS_FIRST_VERSION.store(is_first, Ordering::Relaxed);
}

/// The version of a PingStack that the CRD serves.
pub(crate) fn version() -> &'static str {
    if IS_FIRST_VERSION.load(Ordering::Relaxed) { "v1alpha1" } else { "v1beta1" }
}
