//! Views and effects of one type. What holds views (options, lists, closures that are asked again) is compiled once then, and
//! not for each element that a view may begin with, nor for each closure. Within a view `erase_components` does the same.

use std::sync::{Arc, Mutex};

use leptos::prelude::*;

/// `view!` of leptos, but all that it gives is an `AnyView`.
macro_rules! view {
    ($($view:tt)*) => {
        leptos::prelude::IntoAny::into_any(leptos::view! { $($view)* }.into_inner())
    };
}

pub(crate) use view;

/// A view that is made anew when what it reads changes. A closure that is put into a view as it is would be a type of its own.
pub fn anew<V: IntoView + 'static>(make: impl FnMut() -> V + Send + 'static) -> AnyView {
    let make: Arc<Mutex<dyn FnMut() -> V + Send>> = Arc::new(Mutex::new(make));
    make.into_any()
}

/// An effect; leptos' own are each a type, and a task of that type.
pub fn effect(run: impl FnMut(Option<()>) + 'static) {
    let run: Box<dyn FnMut(Option<()>)> = Box::new(run);
    Effect::new(run);
}
