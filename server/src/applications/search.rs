//! Applications as operators find them: by what is asked, a page at a time. A page begins after the last application of
//! the one before, wherever that stands by now, so it costs the same among ten and among a million.

use qcert_pki::Serial;
use qcert_protocol::{
    ErrorCode,
    holder::{FieldReason, InnLegalEntity, InnPerson, Phone, Snils},
    operator::{Found, Search, SearchBy},
};
use uuid::Uuid;

use crate::{
    error::Refusal,
    operators,
    store::{
        Overview, Page, Store, TermKind,
        terms::{folded, folded_organization, terms},
    },
};

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 100;
/// The longest beginning of a name that is searched for, in characters.
const LONGEST_NAME: usize = 128;

/// A page of what was asked for.
///
/// # Errors
/// `field_invalid`: the value is missing or none of its kind, `after` names no application, `limit` is out of range.
pub async fn search(store: &dyn Store, asked: &Search) -> Result<Found, Refusal> {
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(Refusal::field("limit", FieldReason::Form));
    }
    let overviews = match asked.by {
        SearchBy::Number => store.application_by_number(value(asked)?).await?.into_iter().collect(),
        SearchBy::Serial => by_serial(store, value(asked)?).await?,
        _ => {
            // One more than is shown says whether there is another page.
            let page = page(asked, last(store, asked).await?)?;
            store.operator_store().search(&page, limit + 1).await?
        }
    };
    let is_full = overviews.len() > limit as usize;
    let mut applications = Vec::with_capacity(overviews.len());
    for overview in overviews.into_iter().take(limit as usize) {
        applications.push(operators::application_view(store, overview).await?);
    }
    let next = applications.last().filter(|_| is_full).map(|last| last.number.clone());
    Ok(Found { applications, next })
}

fn value(asked: &Search) -> Result<&str, Refusal> {
    let value = asked.value.as_deref().map(str::trim).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Refusal::field("value", FieldReason::Missing))?;
    // PostgreSQL takes no text with this octet.
    if value.contains('\0') { Err(Refusal::field("value", FieldReason::Character)) } else { Ok(value) }
}

async fn by_serial(store: &dyn Store, typed: &str) -> Result<Vec<Overview>, Refusal> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let serial = Serial::parse(&digits).ok_or_else(|| Refusal::field("value", FieldReason::Form))?;
    let Some((application, _)) = store.certificate(&serial.to_string()).await? else { return Ok(Vec::new()) };
    Ok(store.application_by_number(&application.number).await?.into_iter().collect())
}

/// The last application of the page before.
async fn last(store: &dyn Store, asked: &Search) -> Result<Option<Overview>, Refusal> {
    let Some(after) = &asked.after else { return Ok(None) };
    let found = store.application_by_number(after).await?;
    found.map(Some).ok_or_else(|| ErrorCode::ApplicationNotFound.into())
}

fn page(asked: &Search, last: Option<Overview>) -> Result<Page, Refusal> {
    let of_value = |reason| Refusal::field("value", reason);
    let exactly = |kind, term: String| between(kind, &term, &term, last.as_ref());
    match asked.by {
        SearchBy::All | SearchBy::Number | SearchBy::Serial => Ok(Page::All { after: id(last.as_ref()) }),
        SearchBy::Waiting => Ok(Page::Waiting { after: id(last.as_ref()) }),
        SearchBy::Phone => {
            let phone = Phone::parse(value(asked)?).map_err(of_value)?;
            exactly(TermKind::Phone, phone.as_str().to_owned())
        }
        SearchBy::Snils => {
            let snils = Snils::parse(value(asked)?).map_err(of_value)?;
            exactly(TermKind::Snils, snils.as_str().to_owned())
        }
        SearchBy::Inn => {
            let typed = value(asked)?;
            let person = InnPerson::parse(typed).map(|inn| inn.as_str().to_owned());
            let inn = person.or_else(|reason| match InnLegalEntity::parse(typed) {
                Ok(inn) => Ok(inn.as_str().to_owned()),
                // Of two reasons the one of the kind that it has the length of.
                Err(FieldReason::Form) => Err(reason),
                Err(other) => Err(other),
            });
            exactly(TermKind::Inn, inn.map_err(of_value)?)
        }
        SearchBy::Organization => beginning(TermKind::Organization, folded_organization(name(asked)?), last.as_ref()),
        SearchBy::Name => beginning(TermKind::Name, folded(name(asked)?), last.as_ref()),
    }
}

fn name(asked: &Search) -> Result<&str, Refusal> {
    let name = value(asked)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(Refusal::field("value", FieldReason::TooLong));
    }
    Ok(name)
}

fn beginning(kind: TermKind, start: String, last: Option<&Overview>) -> Result<Page, Refusal> {
    if start.is_empty() {
        return Err(Refusal::field("value", FieldReason::Character));
    }
    between(kind, &start, &format!("{start}{}", char::MAX), last)
}

/// Pages from one term to another. The page after the first begins behind the last application's own term.
fn between(kind: TermKind, from: &str, to: &str, last: Option<&Overview>) -> Result<Page, Refusal> {
    let after = match last {
        None => (from.to_owned(), Uuid::nil()),
        Some(last) => {
            let application = &last.application;
            let own = terms(&application.phone, &application.holder);
            let fits = |(of, term): &(i16, String)| *of == kind.number() && (from..=to).contains(&term.as_str());
            // It was corrected meanwhile, and stands elsewhere.
            let own = own.into_iter().find(fits).ok_or(ErrorCode::ApplicationNotFound)?;
            (own.1, application.id)
        }
    };
    Ok(Page::Terms { kind, after, to: to.to_owned() })
}

fn id(last: Option<&Overview>) -> Uuid {
    last.map_or(Uuid::nil(), |last| last.application.id)
}
