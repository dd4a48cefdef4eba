//! Elements with Leptos' reactivity, and without a type for each of them.
//!
//! The view macro gives every element a type of its own and compiles building and rebuilding for each: for this
//! wizard, 120 KB on the wire after compression. Here an element is a DOM element, what changes in it is an effect, and
//! the whole page fits its budget.

use std::borrow::Cow;

use any_spawner::Executor;
use leptos::{prelude::*, reactive::effect::RenderEffect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, Event, Node};

/// A piece of the page: a node, or a fragment with several.
pub struct View(Option<Node>);

impl View {
    /// Nothing at all.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// Several, one after the other.
    pub fn all<const N: usize>(views: [View; N]) -> Self {
        let all = fragment();
        views.into_iter().for_each(|view| view.append_to(&all));
        Self(Some(all))
    }

    #[inline(never)]
    fn text(text: &str) -> Self {
        Self(Some(document().create_text_node(text).into()))
    }

    #[inline(never)]
    fn append_to(self, parent: &Node) {
        if let Some(node) = self.0 {
            insert(parent, &node, None);
        }
    }
}

fn fragment() -> Node {
    document().create_document_fragment().into()
}

#[inline(never)]
fn insert(parent: &Node, node: &Node, before: Option<&Node>) {
    // It fails only if `before` is not in `parent`, and it was put there a line earlier.
    let _ = parent.insert_before(node, before);
}

/// What changes stands between two empty comments, and is replaced as a whole.
#[inline(never)]
fn place_part(content: Box<dyn Fn() -> View>) -> View {
    let all = fragment();
    let (start, end) = (document().create_comment(""), document().create_comment(""));
    insert(&all, &start, None);
    insert(&all, &end, None);
    live(Box::new(move || {
        let view = content();
        while let Some(old) = start.next_sibling().filter(|node| !node.is_same_node(Some(&end))) {
            if let Some(parent) = old.parent_node() {
                let _ = parent.remove_child(&old);
            }
        }
        if let (Some(parent), Some(node)) = (end.parent_node(), view.0) {
            insert(&parent, &node, Some(&end));
        }
    }));
    View(Some(all))
}

/// Runs now and whenever a signal changes that it read, for as long as the view around it exists.
#[inline(never)]
fn live(run: Box<dyn Fn()>) {
    let effect = RenderEffect::new(move |_| run());
    on_cleanup(move || drop(effect));
}

/// Runs once the page stands, and again whenever a signal changes that it read.
#[inline(never)]
pub fn afterwards(run: Box<dyn FnMut()>) {
    Effect::new(run);
}

/// A part of the page that changes.
pub fn part<V: Into<View>>(content: impl Fn() -> V + 'static) -> View {
    place_part(Box::new(move || content().into()))
}

impl From<&'static str> for View {
    fn from(text: &'static str) -> Self {
        Self::text(text)
    }
}

impl From<String> for View {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}

impl From<Build> for View {
    fn from(element: Build) -> Self {
        Self(Some(element.0.into()))
    }
}

impl<V: Into<View>> From<Option<V>> for View {
    fn from(view: Option<V>) -> Self {
        view.map_or(Self::nothing(), Into::into)
    }
}

impl<V: Into<View>> FromIterator<V> for View {
    fn from_iter<I: IntoIterator<Item = V>>(views: I) -> Self {
        let all = fragment();
        views.into_iter().for_each(|view| view.into().append_to(&all));
        Self(Some(all))
    }
}

/// What an attribute can say.
pub trait Attribute {
    /// Writes it into the element, now and whenever it changes.
    fn put(self, element: &Element, name: &'static str);
}

/// An attribute that changes: its text, or that it is not there.
pub struct Live(Box<dyn Fn() -> Option<Cow<'static, str>>>);

impl Attribute for &'static str {
    fn put(self, element: &Element, name: &'static str) {
        write(element, name, self);
    }
}

impl Attribute for String {
    fn put(self, element: &Element, name: &'static str) {
        write(element, name, &self);
    }
}

impl Attribute for Live {
    #[inline(never)]
    fn put(self, element: &Element, name: &'static str) {
        let element = element.clone();
        live(Box::new(move || match (self.0)() {
            Some(text) => write(&element, name, &text),
            // It fails only for a name that is no name.
            None => drop(element.remove_attribute(name)),
        }));
    }
}

/// An attribute whose text changes.
pub fn attribute<T: Into<Cow<'static, str>>>(value: impl Fn() -> T + 'static) -> Live {
    Live(Box::new(move || Some(value().into())))
}

/// An attribute whose text changes, or that is not there.
pub fn maybe<T: Into<Cow<'static, str>>>(value: impl Fn() -> Option<T> + 'static) -> Live {
    Live(Box::new(move || value().map(Into::into)))
}

/// An attribute without text, that is there or not.
pub fn flag(value: impl Fn() -> bool + 'static) -> Live {
    Live(Box::new(move || value().then_some(Cow::Borrowed(""))))
}

/// An ARIA state, `true` or `false`.
pub fn state(value: impl Fn() -> bool + 'static) -> Live {
    Live(Box::new(move || Some(Cow::Borrowed(if value() { "true" } else { "false" }))))
}

#[inline(never)]
fn write(element: &Element, name: &str, text: &str) {
    // It fails only for a name that is no name.
    let _ = element.set_attribute(name, text);
}

/// An element that is being built.
pub struct Build(Element);

/// Begins an element.
#[inline(never)]
pub fn el(name: &'static str) -> Build {
    #[allow(clippy::expect_used)]
    // The names are written in this program, and all of them are valid.
    let element = document().create_element(name).expect("a valid name");
    Build(element)
}

impl Build {
    /// The class.
    pub fn class(self, class: impl Attribute) -> Self {
        self.set("class", class)
    }

    /// An attribute.
    pub fn set(self, name: &'static str, value: impl Attribute) -> Self {
        value.put(&self.0, name);
        self
    }

    /// The text in a field, which a person changes as well: the property and not the attribute.
    pub fn text_of_field(self, text: RwSignal<String>) -> Self {
        let element = self.0.clone();
        live(Box::new(move || {
            let _ = js_sys::Reflect::set(&element, &"value".into(), &JsValue::from_str(&text.get()));
        }));
        self
    }

    /// What happens at an event.
    pub fn on(self, event: &'static str, action: impl Fn(Event) + 'static) -> Self {
        listen(&self.0, event, Box::new(action));
        self
    }

    /// What happens when a form is handed in; the page stays where it is.
    pub fn on_submit(self, action: impl Fn() + 'static) -> Self {
        self.on("submit", move |event| {
            event.prevent_default();
            action();
        })
    }

    /// What is inside, after what is there already.
    pub fn child(self, view: impl Into<View>) -> Self {
        view.into().append_to(&self.0);
        self
    }

    /// Whatever needs the element itself.
    pub fn element(&self) -> Element {
        self.0.clone()
    }

    /// The finished element.
    pub fn view(self) -> View {
        self.into()
    }
}

#[inline(never)]
fn listen(element: &Element, event: &str, action: Box<dyn Fn(Event)>) {
    // The browser drops the closure together with the element.
    let action = Closure::wrap(action).into_js_value();
    let _ = element.add_event_listener_with_callback(event, action.unchecked_ref());
}

/// Shows a view inside an element, until the owner is dropped.
pub fn mount(parent: &Element, view: impl FnOnce() -> View) -> Owner {
    // A second mount finds the executor in place.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    owner.with(|| view().append_to(parent));
    owner
}
