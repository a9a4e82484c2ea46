//! A row of buttons of which one is pressed.

use leptos::prelude::*;

use crate::view;

/// One button of the row.
#[derive(Clone, PartialEq)]
pub struct Segment<T> {
    pub value: T,
    pub label: &'static str,
    /// Why it cannot be chosen.
    pub refused: Option<String>,
}

#[component]
pub fn Segments<T>(
    /// Names the row; also makes the ids of the reasons.
    label: &'static str,
    #[prop(into)] segments: Signal<Vec<Segment<T>>>,
    #[prop(into)] chosen: Signal<T>,
    on_choose: Callback<T>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let one = move |segment: Segment<T>| {
        let Segment { value, label: name, refused } = segment;
        let reason_id = refused.is_some().then(|| format!("{label}-{name}-reason").to_ascii_lowercase());
        let reason = refused.clone().map(|reason| view! { <span class="sr" id=reason_id.clone()>{reason}</span> });
        let is_refused = refused.is_some();
        view! {
            <button
                type="button"
                class="segment"
                aria-pressed=move || (chosen.get() == value).to_string()
                aria-describedby=reason_id.clone()
                // Not `disabled`: a hand that cannot hover must reach it, and hear why.
                aria-disabled=is_refused.then_some("true")
                data-why=refused
                on:click=move |_| if !is_refused { on_choose.run(value) }
            >
                {name}
            </button>
            {reason}
        }
    };
    view! {
        <div class="segments-group">
            <span class="segments-label" aria-hidden="true">{label}</span>
            <div class="segments" role="group" aria-label=label>
                {move || segments.get().into_iter().map(one).collect_view()}
            </div>
        </div>
    }
}
