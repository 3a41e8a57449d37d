//! Lists: pages of at most so many entries after an id.

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::domain::actor::Actor;
use crate::domain::ids::TenantId;
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

/// The page to ask the store for: one entry more than is shown tells whether there is a next page.
pub fn page(limit: Option<u16>, after: Option<String>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_LIMIT {
        return Err(Problem(Refusal::invalid(
            "/limit",
            format!("limit is 1 to {MAX_LIMIT}"),
        )));
    }
    Ok(Page {
        after,
        limit: i64::from(limit) + 1,
    })
}

impl<T: ToSchema> Items<T> {
    /// The page of entries that were asked for with [`page`]; `id` is what `after` is compared with.
    pub fn new(page: &Page, mut items: Vec<T>, id: impl Fn(&T) -> String) -> Self {
        let shown = usize::try_from(page.limit - 1).unwrap_or(usize::MAX);
        let next = if items.len() > shown {
            items.get(shown - 1).map(id)
        } else {
            None
        };
        items.truncate(shown);
        Self { items, next }
    }

    /// A page without entries.
    pub const fn none() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }

    /// The page of a list that is read whole, in the order of its ids.
    pub fn of_all(page: &Page, mut items: Vec<T>, id: impl Fn(&T) -> String) -> Self {
        if let Some(after) = &page.after {
            items.retain(|item| id(item) > *after);
        }
        Self::new(page, items, id)
    }
}

/// Reads a filter that has a type of its own; `None` when there is no such filter.
pub fn filter<T: std::str::FromStr>(text: Option<&String>, name: &str) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse().map_err(|_| {
            Problem(Refusal::invalid(
                format!("/{name}"),
                format!("{name} is not well-formed"),
            ))
        })
    })
    .transpose()
}

/// The tenant that a list shows: the caller's own, or the one that an operator asks for, or all (`Some(None)`).
/// `None` is a tenant who asks for another's: he sees nothing.
#[expect(clippy::option_option, reason = "both levels mean something else, as said")]
pub fn tenant(actor: &Actor, asked: Option<&String>) -> Result<Option<Option<TenantId>>, Problem> {
    let asked: Option<TenantId> = filter(asked, "tenant")?;
    Ok(match (actor.tenant(), asked) {
        (Some(own), Some(asked)) if own != asked => None,
        (Some(own), _) => Some(Some(own)),
        (None, asked) => Some(asked),
    })
}
