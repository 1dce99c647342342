//! Paging by number, with the `Link` header that clients follow.
//! <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>

use crate::github::rest::call::Call;
use crate::message::Answer;

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    link: Option<String>,
}

impl<T> Page<T> {
    /// The page of `items` that the call asks for. 30 a page unless asked otherwise, never more than 100.
    pub(crate) fn of(items: Vec<T>, call: &Call<'_>) -> Self {
        Self::sized(items, call, 30)
    }

    /// The same where a page has another size unless asked otherwise.
    pub(crate) fn sized(items: Vec<T>, call: &Call<'_>, usual: usize) -> Self {
        let size = number(call, "per_page").map_or(usual, |size| size.clamp(1, 100));
        let page = number(call, "page").unwrap_or(1).max(1);
        let last = items.len().div_ceil(size).max(1);
        let mut links = Vec::new();
        if page > 1 {
            links.push(link(call, page - 1, "prev"));
            links.push(link(call, 1, "first"));
        }
        if page < last {
            links.push(link(call, page + 1, "next"));
            links.push(link(call, last, "last"));
        }
        Self {
            items: items.into_iter().skip((page - 1) * size).take(size).collect(),
            link: (!links.is_empty()).then(|| links.join(", ")),
        }
    }

    /// The answer with the header that leads to the other pages.
    pub(crate) fn linked(&self, answer: Answer) -> Answer {
        match &self.link {
            Some(link) => answer.with("link", link.clone()),
            None => answer,
        }
    }
}

/// How many rows the call wants.
pub(crate) fn per_page(call: &Call<'_>) -> usize {
    number(call, "per_page").unwrap_or(30).clamp(1, 100)
}

/// A link to the same list with one query value set.
pub(crate) fn address(call: &Call<'_>, key: &str, value: &str) -> String {
    let others = call.query_pairs().iter().filter(|(found, _)| found != key);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair(key, value)
        .finish();
    format!("{}{}?{query}", call.base, call.path)
}

fn link(call: &Call<'_>, page: usize, relation: &str) -> String {
    format!("<{}>; rel=\"{relation}\"", address(call, "page", &page.to_string()))
}

fn number(call: &Call<'_>, key: &str) -> Option<usize> {
    call.query(key)?.parse().ok()
}
