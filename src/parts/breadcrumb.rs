//! Where the person is in the tree of subjects, and the way up.

use leptos::prelude::*;
use mailtally_model::Subject;

use crate::context::{Host, View};
use crate::memo::Memo;
use crate::page::Sheet;
use crate::text;
use crate::view;

#[component]
pub fn Breadcrumb() -> impl IntoView {
    let (view, sheet) = (View::get(), Sheet::get());
    let href = Callback::new(move |to| view.state.read().climb(to).url());
    view! { <Path subject=move || sheet.subject.get() href/> }
}

/// The way from the account's root to a subject, each step a link.
#[component]
pub fn Path(#[prop(into)] subject: Signal<Subject>, href: Callback<Option<Subject>, String>) -> impl IntoView {
    let host = Host::get();
    let path = Memo::new(move |_| path_to(&subject.read(), &host.root()));
    view! {
        // Not a nav: the page's one nav is the list of reports.
        <ol class="breadcrumb" aria-label=text::BREADCRUMB>
            {move || {
                let path = path.get();
                let last = path.len().saturating_sub(1);
                let crumb = |(i, subject)| view! { <Crumb subject href is_last=i == last/> };
                path.into_iter().enumerate().map(crumb).collect_view()
            }}
        </ol>
    }
}

#[component]
fn Crumb(subject: Subject, href: Callback<Option<Subject>, String>, is_last: bool) -> impl IntoView {
    let name = text::subject_name(&subject);
    if is_last {
        return view! { <li class="crumb"><span aria-current="true">{name}</span></li> };
    }
    let host = Host::get();
    let to = move || href.run(Some(subject.clone()).filter(|subject| *subject != host.root()));
    view! { <li class="crumb"><a href=to>{name}</a></li> }
}

/// From the account's root down to the subject.
fn path_to(subject: &Subject, root: &Subject) -> Vec<Subject> {
    let mut path = vec![subject.clone()];
    while let Some(above) = path.last().filter(|at| *at != root).and_then(Subject::parent) {
        path.push(above);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_begins_at_the_account() {
        let ann = Subject::Mailbox("ann@example.com".into());
        let domain = Subject::Domain("example.com".into());
        assert_eq!(path_to(&ann, &Subject::Server), [Subject::Server, domain.clone(), ann.clone()]);
        assert_eq!(path_to(&ann, &domain), [domain, ann]);
    }
}
