//! Values that many have in common, each kept once.
//!
//! Knows nothing of what they mean. The surprise: a value that nobody has any more goes only with [`Pool::tidy`], because
//! readers may hold copies when its last owner lets it go.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Equal values, each once.
#[derive(Debug)]
pub(super) struct Pool<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The one that is kept of all that are equal to this.
    pub(super) fn share<V: Borrow<T> + Into<Arc<T>>>(&mut self, value: V) -> Arc<T> {
        if let Some(kept) = self.0.get(value.borrow()) {
            return Arc::clone(kept);
        }
        let kept: Arc<T> = value.into();
        self.0.insert(Arc::clone(&kept));
        kept
    }

    /// Forgets what nobody has.
    pub(super) fn tidy(&mut self) {
        self.0.retain(|kept| Arc::strong_count(kept) > 1);
        // After a storm the memory comes back.
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to(self.0.len() * 2);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
