//! `view!` of leptos, with one type for all that it gives: `AnyView`.
//!
//! What holds views (options, lists, closures that are asked again) is compiled once then, and not for each element that a
//! view may begin with. Within a view the types are erased already, by `erase_components`.

macro_rules! view {
    ($($view:tt)*) => {
        leptos::prelude::IntoAny::into_any(leptos::view! { $($view)* }.into_inner())
    };
}

pub(crate) use view;
