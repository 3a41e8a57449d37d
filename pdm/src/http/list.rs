//! Lists: pages of at most so many entries after an id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::service::Refusal;
use crate::store::Page;

/// Entries of a page when the caller does not say.
const DEFAULT_LIMIT: u16 = 50;
/// Most entries of a page.
const MAX_LIMIT: u16 = 500;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Items<T: ToSchema> {
    /// The entries.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Window {
    /// Most entries.
    pub limit: Option<u16>,
    /// Last id of the page before.
    pub after: Option<String>,
}

impl Window {
    /// The page to ask the store for: one entry more than is shown tells whether there is a next page.
    pub fn page(limit: Option<u16>, after: Option<String>) -> Result<Page, Problem> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            return Err(Problem(Refusal::invalid("/limit", format!("limit is 1 to {MAX_LIMIT}"))));
        }
        Ok(Page { after, limit: i64::from(limit) + 1 })
    }
}

impl<T: ToSchema> Items<T> {
    /// The page of rows that were asked for with [`Window::page`].
    pub fn new<R>(page: &Page, rows: Vec<R>, id: impl Fn(&R) -> String, view: impl Fn(&R) -> T) -> Self {
        let shown = usize::try_from(page.limit - 1).unwrap_or(usize::MAX);
        let next = if rows.len() > shown { rows.get(shown - 1).map(&id) } else { None };
        Self { items: rows.iter().take(shown).map(view).collect(), next }
    }

    /// The page of a list that is read whole, in the order of its ids.
    pub fn of_all<R>(page: &Page, rows: Vec<R>, id: impl Fn(&R) -> String, view: impl Fn(&R) -> T) -> Self {
        let after = page.after.clone().unwrap_or_default();
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let rows = rows.into_iter().filter(|row| after.is_empty() || id(row) > after).take(most).collect();
        Self::new(page, rows, id, view)
    }
}

/// Reads a filter that has a type of its own; `None` when there is no such filter.
pub fn filter<T: std::str::FromStr>(text: Option<&String>, name: &str) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse().map_err(|_| Problem(Refusal::invalid(format!("/{name}"), format!("{name} is not well-formed"))))
    })
    .transpose()
}
