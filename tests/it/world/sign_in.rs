//! Signing in to the pages: with GitHub, and without it by whoever may write the ledger; and what that opens.

mod doors;
mod emergency;
mod failures;
mod logins;
mod roles;
mod sessions;
mod way;

use std::collections::BTreeMap;

use chima::report::audit as words;
use chima::store::audit::Filter;
use reqwest::Method;

use crate::world::setup::Setup;
use crate::world::stage::World;

/// A person at a browser: it keeps cookies, says which page sends a form, and follows nothing by itself.
#[derive(Debug, Clone)]
pub struct Browser {
    url: String,
    /// What it says that pages come from.
    pub origin: String,
    pub cookies: BTreeMap<String, String>,
}

/// A page, or what came instead.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub text: String,
    pub location: String,
    /// As they were told.
    pub set_cookies: Vec<String>,
    pub headers: reqwest::header::HeaderMap,
}

impl Browser {
    pub fn at(world: &World) -> Self {
        Self::new(&world.url, &world.engine.config.public_url)
    }

    /// `url` leads to Chima, which calls itself `origin`.
    pub fn new(url: &str, origin: &str) -> Self {
        Self {
            url: url.to_owned(),
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// A request that a proxy brings, so that nobody is at the machine itself.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Page {
        let client = reqwest::Client::builder()
            .no_proxy()
            .user_agent("a browser")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let mut request = client.request(method, address);
        if !path.starts_with("http") {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            if !cookies.is_empty() {
                request = request.header("cookie", cookies.join("; "));
            }
            request = request.header("x-forwarded-for", "203.0.113.9");
        }
        if let Some(form) = form {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish();
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
            if !headers.iter().any(|(name, _)| *name == "origin") {
                request = request
                    .header("origin", &self.origin)
                    .header("sec-fetch-site", "same-origin");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let all = |name: &str| -> Vec<String> {
            let values = answer.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let (location, set_cookies) = (all("location").concat(), all("set-cookie"));
        for cookie in &set_cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page {
            status,
            text: answer.text().await.unwrap(),
            location,
            set_cookies,
            headers,
        }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.ask(Method::GET, path, None, &[]).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.ask(Method::POST, path, Some(form), &[]).await
    }

    /// To GitHub, to come back later: the address that it sends the browser back to.
    pub async fn go(&mut self, begin: &str) -> String {
        let sent = self.get(begin).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let back = self.get(&sent.location).await;
        assert_eq!(back.status, 302, "{}", back.text);
        let (_, query) = back.location.split_once('?').unwrap();
        format!("/sign-in/callback?{query}")
    }

    /// All the way. Where it ends.
    pub async fn sign_in(&mut self) -> Page {
        let back = self.go("/sign-in/github").await;
        self.get(&back).await
    }

    /// The proof that forms of a page of this session have.
    pub async fn proof(&mut self) -> String {
        let page = self.get("/sign-in").await.text;
        let found = page.split("name=\"proof\" value=\"").nth(1);
        found
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned()
    }
}

/// A world whose pages are reached through a proxy, in which people sign in.
pub fn open_to_the_world() -> Setup {
    World::setup().public_url("https://deploy.example.com").sign_in("")
}

/// Mona, who may push.
pub async fn signed_in(world: &World, login: &str) -> Browser {
    world.github.at_browser(Some(login));
    let mut browser = Browser::at(world);
    let landed = browser.sign_in().await;
    assert_eq!((landed.status, landed.location.as_str()), (303, "/"), "{}", landed.text);
    browser
}

/// Who did what, as people read it: those rows of the audit log that have these words.
pub async fn told_by_audit(world: &World, about: &str) -> Vec<String> {
    let rows = world.engine.store.audit_rows(&Filter::default(), 100).await.unwrap();
    rows.iter()
        .map(|row| row.entry.as_ref().unwrap())
        .map(|entry| format!("{}: {}", words::who(entry), words::what(entry)))
        .filter(|told| told.contains(about))
        .collect()
}
