//! What stands while something holds.

use leptos::prelude::*;

use crate::anew;
use crate::memo::Memo;

/// What leptos' own does, compiled once and not for each condition and each content.
#[component]
pub fn Show(#[prop(into)] when: When, children: ChildrenFn) -> impl IntoView {
    let holds = Memo::new(move |_| (when.0)());
    anew(move || holds.get().then(|| children()))
}

pub struct When(Box<dyn Fn() -> bool + Send + Sync>);

impl<F: Fn() -> bool + Send + Sync + 'static> From<F> for When {
    fn from(when: F) -> When {
        When(Box::new(when))
    }
}
