//! Figure 7: the biological sensor. Only events that the browser itself vouches for count (`isTrusted`).

use leptos::{ev, prelude::*};
use qcert_protocol::ErrorCode;

use super::dialog;
use crate::{
    app::App,
    browser,
    preparation::{Making, Preparation, Sensing},
    sensor::{Sample, Sensor},
    words::Words,
};

/// The dialog.
pub fn sensor(app: App, words: &'static Words, state: Sensing, make: impl Fn(Making) + 'static) -> AnyView {
    let close = move |end: Preparation| app.preparation.update(|(_, preparation)| *preparation = end);
    let cancel = move || close(Preparation::Idle);
    let percent = collect(move |pool| make(state.clone().collected(pool)));
    browser::focus("sensor");
    let body = view! {
        {dialog::limit(words, move || close(Preparation::Failed(ErrorCode::DialogExpired.into())))}
        <div id="sensor" class="sensor" tabindex="0">
            <p>{words.sensor_intro}</p>
            <span class="sensor__mark" aria-hidden="true"></span>
        </div>
        <div class="progress">
            <progress class="bar" max="100" prop:value=move || percent.get() value=move || percent.get().to_string()
                aria-label=words.sensor_progress aria-valuemin="0" aria-valuemax="100"
                aria-valuenow=move || percent.get().to_string()></progress>
            <span class="progress__percent" aria-hidden="true">{move || percent.get()} " %"</span>
        </div>
        <div class="dialog__buttons">
            <button type="button" class="button" on:click=move |_| cancel()>{words.cancel}</button>
        </div>
    };
    dialog::dialog(words.sensor, "", cancel, body.into_any())
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
