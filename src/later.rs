//! What is left for the browser's next turn: it may paint and hear the person before.

use std::time::Duration;

use js_sys::Promise;
use leptos::prelude::{request_animation_frame, set_timeout, window};
use wasm_bindgen_futures::JsFuture;

/// Does something in the next turn.
pub fn then(act: impl FnOnce() + 'static) {
    set_timeout(act, Duration::ZERO);
}

/// Does something when what is on the page now has been painted: in the frame to come, which is on the screen when the next one
/// begins.
pub fn when_painted(act: impl FnOnce() + 'static) {
    // Of one type, whatever it does.
    let act: Box<dyn FnOnce()> = Box::new(act);
    request_animation_frame(move || request_animation_frame(move || then(act)));
}

/// Waits for the next turn.
pub async fn turn() {
    let turn = Promise::new(&mut |resolve, _| {
        // A page has timers; without them it would wait for good.
        let _ = window().set_timeout_with_callback(&resolve);
    });
    // It is never refused.
    let _ = JsFuture::from(turn).await;
}
