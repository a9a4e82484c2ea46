//! What the browser remembers for the person, by name. A browser that forbids storage forgets, and nothing else is lost.

use web_sys::Storage;

pub fn recall(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten().filter(|word| !word.is_empty())
}

/// An empty word forgets.
pub fn remember(name: &str, word: &str) {
    if let Some(storage) = storage() {
        let _ = if word.is_empty() { storage.remove_item(name) } else { storage.set_item(name, word) };
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}
