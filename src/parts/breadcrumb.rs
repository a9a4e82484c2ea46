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
    let (host, sheet) = (Host::get(), Sheet::get());
    let path = Memo::new(move |_| path_to(&sheet.subject.read(), &host.root()));
    view! {
        // Not a nav: the page's one nav is the list of reports.
        <ol class="breadcrumb" aria-label=text::BREADCRUMB>
            {move || {
                let path = path.get();
                let last = path.len().saturating_sub(1);
                let crumb = |(i, subject)| view! { <Crumb subject is_last=i == last/> };
                path.into_iter().enumerate().map(crumb).collect_view()
            }}
        </ol>
    }
}

#[component]
fn Crumb(subject: Subject, is_last: bool) -> impl IntoView {
    let name = text::subject_name(&subject);
    if is_last {
        return view! { <li class="crumb"><span aria-current="true">{name}</span></li> };
    }
    let (host, view) = (Host::get(), View::get());
    let href = move || {
        let to = Some(subject.clone()).filter(|subject| *subject != host.root());
        view.state.read().climb(to).url()
    };
    view! { <li class="crumb"><a href=href>{name}</a></li> }
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
