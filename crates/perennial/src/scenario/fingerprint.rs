//! What goes into the fingerprint of a task.

/// With its length, so that two lists never hash like one.
pub(super) fn hash_list(hasher: &mut blake3::Hasher, list: &[u32]) {
    hasher.update(&(list.len() as u64).to_le_bytes());
    for item in list {
        hasher.update(&item.to_le_bytes());
    }
}
