//! What was used last.

use std::collections::HashMap;
use std::hash::Hash;

/// Keeps what was used last, as long as all together weighs no more than a limit. The newest stays however heavy it is.
pub(super) struct Recent<K, V> {
    limit: usize,
    weight: usize,
    clock: u64,
    kept: HashMap<K, Kept<V>>,
}

struct Kept<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, weight: 0, clock: 0, kept: HashMap::new() }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        self.clock += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.clock;
        Some(&kept.value)
    }

    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        let kept = self.kept.remove(key)?;
        self.weight -= kept.weight;
        Some(kept.value)
    }

    pub(super) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.take(&key);
        while self.weight + weight > self.limit
            && let Some((oldest, _)) = self.kept.iter().min_by_key(|(_, kept)| kept.used)
        {
            let oldest = oldest.clone();
            self.take(&oldest);
        }
        self.clock += 1;
        self.weight += weight;
        self.kept.insert(key, Kept { value, weight, used: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(3);
        for key in ["a", "b", "c"] {
            recent.insert(key, key, 1);
        }
        assert_eq!(recent.get(&"a"), Some(&"a"));
        recent.insert("d", "d", 1);
        assert_eq!(recent.get(&"b"), None);
        assert_eq!(recent.take(&"a"), Some("a"));
        assert_eq!(recent.get(&"a"), None);
        recent.insert("heavy", "heavy", 10);
        assert_eq!(recent.kept.len(), 1);
        recent.insert("heavy", "light", 1);
        assert_eq!(recent.get(&"heavy"), Some(&"light"));
        assert_eq!(recent.weight, 1);
    }
}
