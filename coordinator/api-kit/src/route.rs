//! One row of an API's table: what is served, what it reads, what it gives, and what answers it.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::kind::Field;
use crate::pattern::Segments;

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Looks.
    Get,
    /// Makes.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// Its word, as a request has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Its word, as OpenAPI has it.
    pub const fn lower(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// What is an API's own: its table, its fields, who is let in, how a body is read, how what is not there is answered.
pub trait Api: Clone + Send + Sync + 'static {
    /// What only this API says of its routes.
    type Mark: Copy + Send + Sync + 'static;
    /// Somebody who was let in, and for whose things.
    type Caller: Send;
    /// What a handler gets.
    type Call: Send + 'static;
    /// Why a request is refused, in this API's form.
    type Refusal: IntoResponse + Send;

    /// What stands before every path of the table.
    const BASE: &'static str = "";
    /// Whether what stands behind a colon in the last segment of a path is a verb of its own.
    const HAS_VERBS: bool = false;

    /// Whether HEAD is answered as GET is, without the body.
    const HEAD_IS_GET: bool = true;

    /// The table.
    fn routes() -> &'static [Route<Self>];

    /// What the names in paths, queries and bodies mean.
    fn fields() -> &'static [Field];

    /// A request's path as the table spells it; `None` where it can be none of it.
    fn spelled(path: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(path))
    }

    /// Lets somebody in, before anything of the body is read. The body of who is refused is read to its end and dropped.
    fn admit(
        &self,
        route: &'static Route<Self>,
        segments: &Segments,
        parts: &Parts,
    ) -> Result<Self::Caller, Self::Refusal>;

    /// Reads what the handler gets.
    fn read(
        &self,
        caller: Self::Caller,
        matched: Matched<Self>,
    ) -> impl Future<Output = Result<Self::Call, Self::Refusal>> + Send;

    /// Answers what no route does.
    fn missed(self, miss: Miss, request: Request) -> impl Future<Output = Response> + Send;

    /// A refusal of a route as an answer.
    fn refused(&self, _route: &Route<Self>, refusal: Self::Refusal) -> Response {
        refusal.into_response()
    }

    /// The last hand on every answer.
    fn finished(&self, response: Response) -> Response {
        response
    }
}

/// A request with the route that is meant.
pub struct Matched<A: Api> {
    /// The route.
    pub route: &'static Route<A>,
    /// What stands in the path for its names, as it was sent.
    pub segments: Segments,
    /// The head of the request.
    pub parts: Parts,
    /// Its body, unread.
    pub body: Body,
}

/// Why no route answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// No route has the path.
    Path,
    /// Routes have the path, under these methods.
    Method(String),
}

/// What a handler will have answered.
pub type Answering<A> = Pin<Box<dyn Future<Output = Result<Response, <A as Api>::Refusal>> + Send>>;

/// What answers a route.
pub enum Handler<A: Api> {
    /// Takes the request after its caller was let in and its body was read.
    Call(fn(A, A::Call) -> Answering<A>),
    /// Takes the request as it comes: who asks is its own business.
    Request(fn(A, &'static Route<A>, Request) -> Answering<A>),
}

impl<A: Api> Clone for Handler<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Api> Copy for Handler<A> {}

/// A function as a handler of what was read.
#[macro_export]
macro_rules! call {
    ($($handler:tt)+) => { $crate::Handler::Call(|api, call| Box::pin($($handler)+(api, call))) };
}

/// A function as a handler of requests as they come.
#[macro_export]
macro_rules! request {
    ($($handler:tt)+) => { $crate::Handler::Request(|api, _, request| Box::pin($($handler)+(api, request))) };
}

/// One row of the table of what an API serves. Router, documents and tests are made from the rows.
pub struct Route<A: Api> {
    /// Under which methods it answers; one at least.
    pub methods: &'static [Method],
    /// The path below [`Api::BASE`]. `{name}` stands for one segment, `{*name}` for all that follow, and what stands behind a colon
    /// in the last segment for itself.
    pub path: &'static str,
    /// What it does, for the documents.
    pub summary: &'static str,
    /// Members of the query that it reads.
    pub query: &'static [&'static str],
    /// Members of the body that it cannot do without.
    pub needs: &'static [&'static str],
    /// Members of the body that it reads when they are there.
    pub takes: &'static [&'static str],
    /// What a success holds; empty where there is nothing to say.
    pub gives: &'static str,
    /// HTTP status of a success.
    pub success: u16,
    /// Whether it is there for those who show no credential.
    pub open: bool,
    /// What only this API says of its routes.
    pub mark: A::Mark,
    /// What answers it.
    pub handler: Handler<A>,
}

impl<A: Api> Clone for Route<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Api> Copy for Route<A> {}

impl<A: Api> Route<A> {
    /// A route that reads and gives nothing in particular.
    pub const fn new(
        methods: &'static [Method],
        path: &'static str,
        summary: &'static str,
        mark: A::Mark,
        handler: Handler<A>,
    ) -> Self {
        Self {
            methods,
            path,
            summary,
            query: &[],
            needs: &[],
            takes: &[],
            gives: "",
            success: 200,
            open: false,
            mark,
            handler,
        }
    }

    /// The same route, reading these members of the query.
    #[must_use]
    pub const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    /// The same route, needing these members of the body.
    #[must_use]
    pub const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    /// The same route, reading these members of the body, too.
    #[must_use]
    pub const fn takes(self, takes: &'static [&'static str]) -> Self {
        Self { takes, ..self }
    }

    /// The same route, with what a success holds.
    #[must_use]
    pub const fn gives(self, gives: &'static str) -> Self {
        Self { gives, ..self }
    }

    /// The same route, with the HTTP status of a success.
    #[must_use]
    pub const fn success(self, success: u16) -> Self {
        Self { success, ..self }
    }

    /// The same route, there for everybody.
    #[must_use]
    pub const fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Members of the body, needed ones first.
    pub fn members(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().chain(self.takes).copied()
    }

    /// The method, where it answers under one; the first of them otherwise.
    pub fn method(&self) -> Method {
        self.methods.first().copied().unwrap_or(Method::Get)
    }

    /// Names that stand in the path.
    pub fn names_in_path(&self) -> impl Iterator<Item = &'static str> {
        names_in(self.path)
    }

    /// The whole path as OpenAPI has it.
    pub fn template(&self) -> String {
        format!("{}{}", A::BASE, self.path.replace("{*", "{"))
    }
}

/// The names between braces in a path.
pub(crate) fn names_in(path: &'static str) -> impl Iterator<Item = &'static str> {
    let parts = path.split('{').skip(1);
    parts
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name.trim_start_matches('*'))
}

/// The rows of several groups as one table. `N` is how many there are, which the compiler checks.
pub const fn joined<A: Api, const N: usize>(groups: &[&[Route<A>]]) -> [Route<A>; N] {
    let mut all = [groups[0][0]; N];
    let (mut group, mut at) = (0, 0);
    while group < groups.len() {
        let mut row = 0;
        while row < groups[group].len() {
            all[at] = groups[group][row];
            at += 1;
            row += 1;
        }
        group += 1;
    }
    assert!(at == N, "N is the number of all rows");
    all
}

/// How many rows several groups have together.
pub const fn count<A: Api>(groups: &[&[Route<A>]]) -> usize {
    let (mut group, mut rows) = (0, 0);
    while group < groups.len() {
        rows += groups[group].len();
        group += 1;
    }
    rows
}
