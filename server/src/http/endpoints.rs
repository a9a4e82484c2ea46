//! Every endpoint, declared once: the router, the description at /api/openapi.json and the test of who may ask what are
//! made from this list. One that is not here is not served, and one cannot be here without saying for whom it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use mailtally_model::Subject;
use mailtally_model::account::Means;

use super::asker::Asker;
use super::error::Refusal;
use super::{App, events, health, openapi, overage, people, reports, session, tokens, unusual};

/// Whom an endpoint is for. For anyone else it is as if absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Those who are signed out, too.
    Anyone,
    /// Whoever is signed in, about themselves or about a `subject` in their subtree.
    Subtree,
    /// Those alone who see the whole server.
    Server,
    /// A person, about their own session, password and tokens. Not a token.
    Own,
    /// A person who answers for a server or a domain, about the accounts below them.
    Accounts,
}

/// What is asked, by whom it may be, and how it is described.
pub struct Endpoint {
    /// In lower case, as OpenAPI writes it.
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    /// Names in the description's `components.parameters`.
    pub parameters: &'static [&'static str],
    /// Name in the description's `components.schemas`.
    pub body: Option<&'static str>,
    /// Status of success, and the schema of what is answered.
    pub answer: (u16, Option<&'static str>),
    pub handler: fn() -> MethodRouter<Arc<App>>,
}

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: "get",
        path: "/api/reports",
        access: Access::Subtree,
        summary: "Who asks, and what they may see",
        parameters: &[],
        body: None,
        answer: (200, Some("Session")),
        handler: || get(reports::session),
    },
    Endpoint {
        method: "get",
        path: "/api/reports/{id}",
        access: Access::Subtree,
        summary: "One report's counters, by slot or by child. Carries an ETag; with If-None-Match an unchanged answer is a 304",
        parameters: &["id", "subject", "by", "from", "until", "edges"],
        body: None,
        answer: (200, Some("Answer")),
        handler: || get(reports::answer),
    },
    Endpoint {
        method: "get",
        path: "/api/events",
        access: Access::Subtree,
        summary: "The events behind a number, newest first. A page may be shorter than `limit` and still have a `next`",
        parameters: &["report", "subject", "measure", "from", "until", "kind", "text", "after", "limit"],
        body: None,
        answer: (200, Some("EventPage")),
        handler: || get(events::page),
    },
    Endpoint {
        method: "get",
        path: "/api/unusual",
        access: Access::Subtree,
        summary: "Counts that stood out of their own past, the most unusual first",
        parameters: &["subject", "from", "until", "skip", "limit"],
        body: None,
        answer: (200, Some("Unusual")),
        handler: || get(unusual::unusual),
    },
    Endpoint {
        method: "get",
        path: "/api/overage",
        access: Access::Subtree,
        summary: "What was used of each allowance in a span, furthest over first; for a calendar month give its ends in your zone",
        parameters: &["subject", "from", "until"],
        body: None,
        answer: (200, Some("Overage")),
        handler: || get(overage::overage),
    },
    Endpoint {
        method: "get",
        path: "/api/health",
        access: Access::Server,
        summary: "What was read, and how its lines fared",
        parameters: &[],
        body: None,
        answer: (200, Some("Health")),
        handler: || get(health::health),
    },
    Endpoint {
        method: "get",
        path: "/api/openapi.json",
        access: Access::Subtree,
        summary: "This description",
        parameters: &[],
        body: None,
        answer: (200, None),
        handler: || get(openapi::description),
    },
    Endpoint {
        method: "get",
        path: "/api/status",
        access: Access::Anyone,
        summary: "What there is to know without being signed in",
        parameters: &[],
        body: None,
        answer: (200, Some("Status")),
        handler: || get(session::status),
    },
    Endpoint {
        method: "post",
        path: "/api/setup",
        access: Access::Anyone,
        summary: "Make the first account with the set-up link, and sign in",
        parameters: &[],
        body: Some("SetUp"),
        answer: (200, Some("Account")),
        handler: || post(session::set_up),
    },
    Endpoint {
        method: "post",
        path: "/api/session",
        access: Access::Anyone,
        summary: "Sign in, with a name and a password or with a link; sets the session's cookie",
        parameters: &[],
        body: Some("LogIn"),
        answer: (200, Some("Account")),
        handler: || post(session::log_in),
    },
    Endpoint {
        method: "delete",
        path: "/api/session",
        access: Access::Own,
        summary: "Sign out",
        parameters: &[],
        body: None,
        answer: (204, None),
        handler: || delete(session::log_out),
    },
    Endpoint {
        method: "delete",
        path: "/api/sessions",
        access: Access::Own,
        summary: "Sign out everywhere",
        parameters: &[],
        body: None,
        answer: (204, None),
        handler: || delete(session::log_out_everywhere),
    },
    Endpoint {
        method: "put",
        path: "/api/password",
        access: Access::Own,
        summary: "Change one's own password; every other session ends",
        parameters: &[],
        body: Some("NewPassword"),
        answer: (200, Some("Account")),
        handler: || put(session::change_password),
    },
    Endpoint {
        method: "get",
        path: "/api/tokens",
        access: Access::Own,
        summary: "One's own tokens for scripts",
        parameters: &[],
        body: None,
        answer: (200, Some("TokenList")),
        handler: || get(tokens::list),
    },
    Endpoint {
        method: "post",
        path: "/api/tokens",
        access: Access::Own,
        summary: "Make a token; its secret is shown this once",
        parameters: &[],
        body: Some("NewToken"),
        answer: (201, Some("MadeToken")),
        handler: || post(tokens::make),
    },
    Endpoint {
        method: "delete",
        path: "/api/tokens/{number}",
        access: Access::Own,
        summary: "Revoke a token",
        parameters: &["number"],
        body: None,
        answer: (204, None),
        handler: || delete(tokens::revoke),
    },
    Endpoint {
        method: "get",
        path: "/api/accounts",
        access: Access::Accounts,
        summary: "The accounts below whoever asks",
        parameters: &[],
        body: None,
        answer: (200, Some("AccountList")),
        handler: || get(people::list),
    },
    Endpoint {
        method: "post",
        path: "/api/accounts",
        access: Access::Accounts,
        summary: "Add an account. A domain admin's are named by an address of the domain",
        parameters: &[],
        body: Some("NewAccount"),
        answer: (201, Some("AccountRow")),
        handler: || post(people::add),
    },
    Endpoint {
        method: "patch",
        path: "/api/accounts/{name}",
        access: Access::Accounts,
        summary: "Set an account's password, disable it, enable it; either ends its sessions",
        parameters: &["name"],
        body: Some("AccountChange"),
        answer: (200, Some("AccountRow")),
        handler: || patch(people::change),
    },
    Endpoint {
        method: "delete",
        path: "/api/accounts/{name}",
        access: Access::Accounts,
        summary: "Remove an account with its sessions and tokens",
        parameters: &["name"],
        body: None,
        answer: (204, None),
        handler: || delete(people::remove),
    },
    Endpoint {
        method: "get",
        path: "/api/audit",
        access: Access::Server,
        summary: "Who was let in, who was not, and what became of accounts; the newest first",
        parameters: &["text", "after", "limit"],
        body: None,
        answer: (200, Some("AuditLog")),
        handler: || get(people::audit),
    },
];

/// The routes of the list, each behind its access.
pub fn routes() -> Router<Arc<App>> {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| {
        let guarded = (endpoint.handler)().route_layer(middleware::from_fn_with_state(endpoint.access, admit));
        router.route(endpoint.path, guarded)
    })
}

/// Lets those through whom an endpoint is for.
async fn admit(
    State(access): State<Access>,
    asker: Option<Asker>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if access == Access::Anyone {
        return Ok(next.run(request).await);
    }
    let asker = asker.ok_or(Refusal::SignedOut)?;
    let is_meant = match access {
        Access::Anyone | Access::Subtree => true,
        Access::Server => asker.sees(&Subject::Server),
        Access::Own => asker.means() != Means::Token,
        Access::Accounts => asker.manages_any(),
    };
    if is_meant { Ok(next.run(request).await) } else { Err(Refusal::NotFound) }
}
