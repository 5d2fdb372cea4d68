//! Invalidation: a barrier here at once, and on every host through Redis; keeps and serves no value.

use super::barriers::Scope;
use super::fill::Began;
use super::read_through::Cache;
use super::read_through::Inner;
use super::rules::CacheError;
use super::rules::check_key;
use super::rules::check_pattern;
use super::rules::check_tag;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

impl Cache {
    /// Removes a key from every tier and host; a fill in flight does not bring it back.
    pub async fn delete(&self, key: &str, deadline: Instant) -> Result<(), CacheError> {
        check_key(key)?;
        self.raise(Scope::Key(key.to_owned()), deadline).await;
        Ok(())
    }

    /// Invalidates every entry that carries the tag.
    pub async fn invalidate_tag(&self, tag: &str, deadline: Instant) -> Result<(), CacheError> {
        check_tag(tag)?;
        self.raise(Scope::Tag(tag.to_owned()), deadline).await;
        Ok(())
    }

    /// Invalidates every key under a prefix: `jobs:*`, or `*` for all.
    pub async fn invalidate_pattern(
        &self,
        pattern: &str,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        check_pattern(pattern)?;
        let scope = Scope::of_pattern(pattern).map_err(CacheError::Invalid)?;
        self.raise(scope, deadline).await;
        Ok(())
    }

    /// Raises a barrier here and on every host. It does not fail: the write that it follows has
    /// happened. Where Redis is away it holds here at once, and there as soon as it can be told.
    pub(super) async fn raise(&self, scope: Scope, deadline: Instant) -> Began {
        let inner = &*self.0;
        inner.stats.invalidations.fetch_add(1, Relaxed);
        let Some(l2) = &inner.l2 else {
            return Began::here(inner.barriers.raise_own(scope));
        };
        let mut telling = Telling {
            inner,
            untold: Some(scope.clone()),
        };
        match l2.raise(&scope, inner.barriers.latest(), deadline).await {
            Ok(stamp) => {
                telling.untold = None;
                inner.barriers.raise(scope, stamp);
                Began::shared(stamp)
            }
            Err(error) => {
                tracing::debug!("an invalidation is told later: {error}");
                drop(telling);
                Began::here(inner.barriers.latest())
            }
        }
    }
}

/// An invalidation on its way to Redis. One that ends untold, be it that Redis does not answer or
/// that the request is cut off, holds on this host from then on, and waits to be told.
struct Telling<'a> {
    inner: &'a Inner,
    untold: Option<Scope>,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if let Some(scope) = self.untold.take() {
            // In this order: while it waits nothing of L2 is believed.
            self.inner.pending.push(scope.clone());
            self.inner.barriers.raise_own(scope);
        }
    }
}
