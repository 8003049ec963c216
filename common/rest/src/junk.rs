//! Malformed requests for tests of REST endpoints: made from a path, the members that its body may have, and a seed. Included by path
//! into the tests of both daemons' REST endpoints, so that it is part of no build.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Map, Value, json};

/// Methods, the usual ones first.
const METHODS: [&str; 9] = [
    "POST", "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW",
];
const TYPES: [&str; 9] = [
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "multipart/form-data; boundary=X",
    "multipart/form-data",
    "multipart/form-data; boundary=\"",
    "application/x-www-form-urlencoded",
    "nonsense",
];
const TEXTS: [&str; 24] = [
    "",
    " ",
    "0",
    "-1",
    "guest",
    "../../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\boot.ini",
    "a/../../b",
    "%2e%2e%2f%2e%2e%2f",
    "file:///etc/passwd",
    "\u{0}",
    "a\u{0}b",
    "\r\nx-planted: 1",
    "'; DROP TABLE jobs; --",
    "\u{202e}\u{feff}\u{10ffff}",
    "1e400",
    "NaN",
    "true",
    "null",
    "[1,2",
    "{\"a\":",
    "{{7*7}}",
    "*",
];
const QUERIES: [&str; 10] = [
    "",
    "%",
    "%zz=%f",
    "%7B%22head%22:",
    "%7B%22namespace%22:%22../..%22,%22table_name%22:%22t%22,%22head%22:1,%22partition%22:4,%22file%22:%22../x%22%7D",
    "a=b&a=c&&&=&==",
    "namespace=n&table_name=..%2F..&head=x&partition=99999999999999999999",
    "namespace=n&table_name=t&head=1&partition=4&drop=-1&party_id=../../x",
    "%ff%fe%00=%00",
    "+++",
];
const FORMS: [&[u8]; 8] = [
    b"--X\r\n",
    b"--X--\r\n",
    b"--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"../../x\"\r\n\r\nid,y\r\n1,0\r\n--X--\r\n",
    b"--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nid,y\r\n1,",
    b"--X\r\ncontent-disposition: form-data; name=\"head\"\r\n\r\n\xff\xfe\r\n--X--\r\n",
    b"--X\r\nnonsense\r\n\r\n--X--\r\n",
    b"--Y\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n--Y--\r\n",
    b"--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--X--\r\n",
];
const HEADERS: [(&str, &[u8]); 9] = [
    ("authorization", b"Bearer \xff"),
    ("cookie", b"a=b"),
    ("app_key", b"ak"),
    ("timestamp", b"soon"),
    ("content-length", b"99999999999999999999"),
    ("content-encoding", b"gzip"),
    ("accept", b"nonsense"),
    ("range", b"bytes=9-1"),
    ("x-forwarded-for", b"\x80\x81"),
];

/// A source of malformed requests; the same seed gives the same ones.
pub(crate) struct Junk(u64);

impl Junk {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of a list.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn number(&mut self) -> Value {
        match self.below(6) {
            0 => json!(u64::MAX),
            1 => json!(i64::MIN),
            2 => json!(1e308),
            3 => json!(-0.5),
            4 => serde_json::from_str("12345678901234567890123456789012345678901234567890")
                .unwrap_or_default(),
            _ => json!(self.below(3)),
        }
    }

    fn value(&mut self, likely: &[&str], depth: usize) -> Value {
        match self.below(if depth > 4 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.one_in(2)),
            2 => self.number(),
            3 => json!(self.pick(&TEXTS)),
            4 | 5 => json!(self.pick(likely)),
            6 => json!("long".repeat(self.below(5_000))),
            7 => Value::Array(
                (0..self.below(4))
                    .map(|_| self.value(likely, depth + 1))
                    .collect(),
            ),
            8 => {
                let mut object = Map::new();
                for _ in 0..self.below(4) {
                    object.insert(
                        (*self.pick(&TEXTS)).to_owned(),
                        self.value(likely, depth + 1),
                    );
                }
                Value::Object(object)
            }
            _ => (0..self.below(90)).fold(json!({}), |inner, _| json!({"components": inner})),
        }
    }

    /// A body: a document with some of the members, or something that is none.
    fn body(&mut self, members: &[String], likely: &[&str]) -> Vec<u8> {
        match self.below(12) {
            0 => Vec::new(),
            1 => (0..self.below(200))
                .map(|_| self.below(256) as u8)
                .collect(),
            2 => [
                b"[".repeat(self.below(100_000)),
                b"{\"a\":".repeat(self.below(1_000)),
            ]
            .concat(),
            3 => self.value(likely, 0).to_string().into_bytes(),
            4 => self.pick(&FORMS).to_vec(),
            kind => {
                let mut object = Map::new();
                for member in members {
                    if !self.one_in(4) {
                        object.insert(member.clone(), self.value(likely, 0));
                    }
                }
                if self.one_in(8) {
                    object.insert("x".repeat(self.below(70_000)), json!(1));
                }
                let mut text = Value::Object(object).to_string().into_bytes();
                if kind == 5 {
                    text.truncate(self.below(text.len() + 1));
                } else if kind == 6 && !text.is_empty() {
                    let at = self.below(text.len());
                    text[at] = 0xff;
                }
                text
            }
        }
    }

    fn path(&mut self, path: &str) -> String {
        let path = path.to_owned();
        match self.below(14) {
            0 => format!("{path}/"),
            1 => format!("{path}//"),
            2 => path.replacen('/', "//", 1),
            3 => format!("{path}/%2e%2e/%2e%2e/etc"),
            4 => path.to_uppercase(),
            5 => format!("{path}%00"),
            6 => format!("{path}/{}", "a/".repeat(self.below(200))),
            _ => path,
        }
    }

    /// One request to a path (or near it), and a text that tells it again. `likely` are values that mean something to the
    /// handler.
    pub(crate) fn request(
        &mut self,
        path: &str,
        members: &[String],
        likely: &[&str],
    ) -> (String, Request) {
        loop {
            let usual = if self.one_in(6) { METHODS.len() } else { 2 };
            let method = METHODS[self.below(usual)];
            let query = if self.one_in(4) {
                format!("?{}", self.pick(&QUERIES))
            } else {
                String::new()
            };
            let target = format!("{}{query}", self.path(path));
            let body = self.body(members, likely);
            let mut request = Request::builder().method(method).uri(&target);
            if !self.one_in(4) {
                request = request.header("content-type", *self.pick(&TYPES));
            }
            for _ in 0..self.below(3) {
                let (name, value) = *self.pick(&HEADERS);
                request = request.header(name, value);
            }
            let shown: String = String::from_utf8_lossy(&body).chars().take(600).collect();
            // what is no HTTP at all never reaches a REST endpoint
            if let Ok(request) = request.body(Body::from(body)) {
                return (format!("{method} {target} {shown}"), request);
            }
        }
    }
}
