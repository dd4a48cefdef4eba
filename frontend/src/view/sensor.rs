//! Figure 7: the biological sensor. Only events that the browser itself vouches for count (`isTrusted`).

use leptos::{ev, prelude::*};
use qcert_protocol::ErrorCode;

use super::{dialog, pieces};
use crate::{
    app::App,
    browser,
    dom::{View, attribute, el, part},
    preparation::{Making, Preparation, Sensing},
    sensor::{Sample, Sensor},
    words::Words,
};

/// The dialog.
pub fn sensor(app: App, words: &'static Words, state: Sensing, make: impl Fn(Making) + 'static) -> View {
    let close = move |end: Preparation| app.preparation.update(|(_, preparation)| *preparation = end);
    let cancel = move || close(Preparation::Idle);
    let percent = collect(move |pool| make(state.clone().collected(pool)));
    browser::focus("sensor");
    let body = View::all([
        dialog::limit(words, move || close(Preparation::Failed(ErrorCode::DialogExpired.into()))),
        el("div")
            .set("id", "sensor")
            .class("sensor")
            .set("tabindex", "0")
            .child(el("p").child(words.sensor_intro()))
            .child(el("span").class("sensor__mark").set("aria-hidden", "true"))
            .view(),
        el("div")
            .class("progress")
            .child(
                el("progress")
                    .class("bar")
                    .set("max", "100")
                    .set("value", attribute(move || percent.get().to_string()))
                    .set("aria-label", words.sensor_progress())
                    .set("aria-valuemin", "0")
                    .set("aria-valuemax", "100")
                    .set("aria-valuenow", attribute(move || percent.get().to_string())),
            )
            .child(
                el("span")
                    .class("progress__percent")
                    .set("aria-hidden", "true")
                    .child(part(move || percent.get().to_string()))
                    .child(" %"),
            )
            .view(),
        el("div").class("dialog__buttons").child(pieces::button("button", words.cancel(), cancel)).view(),
    ]);
    dialog::dialog(words.sensor(), "", cancel, body)
}

/// Listens to pointer and keyboard until there is enough, then hands over the pool, once. The signal is the
/// percentage.
pub fn collect(enough: impl Fn(Vec<u8>) + 'static) -> ReadSignal<u32> {
    let sensor = StoredValue::new(Some(Sensor::default()));
    let (percent, set_percent) = signal(0);
    let feed = move |sample| {
        let Some(Some((now, pool))) = sensor.try_update_value(|sensor| {
            let sensor = sensor.as_mut()?;
            sensor.feed(sample).then(|| (sensor.percent(), sensor.collected()))
        }) else {
            return;
        };
        set_percent.set(now);
        if let Some(pool) = pool {
            sensor.set_value(None);
            enough(pool);
        }
    };
    let feed = std::rc::Rc::new(feed);
    let by_pointer = feed.clone();
    let pointer = window_event_listener(ev::pointermove, move |event| {
        if event.is_trusted() {
            let (x, y) = (f64::from(event.screen_x()), f64::from(event.screen_y()));
            by_pointer(Sample::Move { x, y, at: event.time_stamp() });
        }
    });
    let keyboard = window_event_listener(ev::keydown, move |event| {
        if event.is_trusted() {
            // Which key it was matters less than when; its name is short.
            let key = event.code().bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            feed(Sample::Key { key, repeated: event.repeat(), at: event.time_stamp() });
        }
    });
    on_cleanup(move || {
        pointer.remove();
        keyboard.remove();
    });
    percent
}
