//! Figure 5: the data of the certificate, and the button that begins its request.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    ApplicationState, HolderData,
    application::CertificateType,
    portal::{ActivationState, ApplicationDetails},
};
use uuid::Uuid;

use super::{activation, mistake, notice, pieces, preparation};
use crate::{
    app::App,
    dom::{self, View, el, part},
    portal,
    trouble::Trouble,
    words::Words,
};

/// The screen.
pub fn data(app: App, words: &'static Words, id: Uuid) -> View {
    let details = RwSignal::new(None::<ApplicationDetails>);
    let failed = RwSignal::new(None::<Trouble>);
    let fetch = move || {
        failed.set(None);
        spawn_local(async move {
            match portal::application(id).await {
                Ok(found) => details.maybe_update(|known| {
                    // Of two answers the later asked for may come first.
                    let newer = known.as_ref().is_none_or(|known| found.row.revision >= known.row.revision);
                    if newer {
                        *known = Some(found);
                    }
                    newer
                }),
                Err(trouble) => failed.set(app.shown(trouble)),
            }
        });
    };
    // An operator may correct the data or answer a report while the screen is open.
    let revision = Memo::new(move |_| app.row(id).map(|row| row.revision));
    dom::afterwards(Box::new(move || {
        revision.get();
        fetch();
    }));
    let known = Memo::new(move |_| details.with(Option::is_some));
    let content = part(move || {
        if known.get() {
            return filled(app, words, id, details);
        }
        match failed.get() {
            Some(trouble) => {
                View::all([notice::trouble(words, &trouble), pieces::button("button", words.retry(), fetch).view()])
            }
            None => pieces::loading(words),
        }
    });
    pieces::panel(app, words, words.check_data()).child(content).view()
}

/// Three parts, each built again only when what it shows has changed: what is being typed or chosen stays.
fn filled(app: App, words: &'static Words, id: Uuid, details: RwSignal<Option<ApplicationDetails>>) -> View {
    let same = |before: Option<&Option<ApplicationDetails>>, now: Option<&Option<ApplicationDetails>>| {
        let shown = |details: Option<&Option<ApplicationDetails>>| {
            let mut details = details.cloned().flatten()?;
            details.row.revision = 0;
            details.mistakes.clear();
            Some(details)
        };
        shown(before) != shown(now)
    };
    let shown = Memo::new_with_compare(move |_| details.get(), same);
    let mistakes = Memo::new(move |_| details.with(|known| known.as_ref().map(|known| known.mistakes.clone())));
    View::all([
        part(move || shown.get().map(|details| table(words, details))),
        mistake::mistake(app, words, id),
        part(move || mistakes.get().map(|mistakes| mistake::reported(words, mistakes))),
        part(move || shown.get().map(|found| begin(app, words, found, details))),
    ])
}

fn table(words: &'static Words, details: ApplicationDetails) -> View {
    let withdrawn = (details.row.state == ApplicationState::Withdrawn).then(|| notice::good(words.withdrawn_note()));
    let kind = match details.certificate_type {
        CertificateType::Qualified => words.kind_qualified(),
    };
    let lines = lines(words, &details.data, kind)
        .into_iter()
        .map(|(name, value)| {
            let value = if value.is_empty() { el("td").class("empty").view() } else { el("td").child(value).view() };
            el("tr").child(el("th").set("scope", "row").child(name)).child(value).view()
        })
        .collect::<View>();
    View::all([
        withdrawn.into(),
        el("table").class("data").set("aria-labelledby", "heading").child(el("tbody").child(lines)).view(),
    ])
}

fn begin(
    app: App,
    words: &'static Words,
    details: ApplicationDetails,
    known: RwSignal<Option<ApplicationDetails>>,
) -> View {
    let known_person = details.identified || details.renews.is_some();
    if known_person && details.activation == ActivationState::Needed {
        return activation::activation(app, words, details.row.id, known);
    }
    if known_person {
        return preparation::begin(app, words, details);
    }
    el("p")
        .class("notice notice--bad")
        .child(words.not_identified())
        .child(" ")
        .child(pieces::support_phone(app))
        .view()
}

/// The rows of figure 5 in their order, then what the figure does not have.
fn lines(words: &'static Words, data: &HolderData, kind: &str) -> Vec<(&'static str, String)> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let inn = data.inn_legal_entity.as_ref().map(|inn| inn.as_str());
    let inn_kpp = match (inn, data.kpp.as_ref().map(|kpp| kpp.as_str())) {
        (Some(inn), Some(kpp)) => format!("{inn}-{kpp}"),
        (inn, kpp) => text(inn.or(kpp)),
    };
    let ogrn = data.ogrn.as_ref().map(|ogrn| ogrn.as_str()).or(data.ogrnip.as_ref().map(|ogrnip| ogrnip.as_str()));
    vec![
        (words.full_name(), data.full_name()),
        (words.city(), data.locality.as_str().to_owned()),
        (words.region(), data.region.as_str().to_owned()),
        (words.country(), data.country.as_str().to_owned()),
        (words.email(), data.email.as_str().to_owned()),
        (words.snils(), data.snils.as_str().to_owned()),
        (words.inn_kpp(), inn_kpp),
        (words.ogrn(), text(ogrn)),
        (words.fss(), text(data.fss_number.as_ref().map(|number| number.as_str()))),
        (words.organization(), text(data.organization.as_ref().map(|name| name.as_str()))),
        (words.unit(), text(data.organizational_unit.as_ref().map(|unit| unit.as_str()))),
        (words.position(), text(data.title.as_ref().map(|title| title.as_str()))),
        (words.kind(), kind.to_owned()),
        (words.street(), text(data.street.as_ref().map(|street| street.as_str()))),
        (words.inn_person(), data.inn_person.as_str().to_owned()),
    ]
}
