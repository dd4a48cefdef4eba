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

/// A piece of the page.
pub struct View(Piece);

enum Piece {
    Nothing,
    Text(Cow<'static, str>),
    Node(Node),
    All(Vec<View>),
    Part(Box<dyn Fn() -> View>),
}

impl View {
    /// Nothing at all.
    pub const fn nothing() -> Self {
        Self(Piece::Nothing)
    }

    /// Several, one after the other.
    pub fn all<const N: usize>(views: [View; N]) -> Self {
        Self(Piece::All(views.into()))
    }

    fn place(self, parent: &Node, before: Option<&Node>) {
        match self.0 {
            Piece::Nothing => {}
            Piece::Text(text) => insert(parent, &document().create_text_node(&text), before),
            Piece::Node(node) => insert(parent, &node, before),
            Piece::All(views) => views.into_iter().for_each(|view| view.place(parent, before)),
            Piece::Part(content) => place_part(parent, before, content),
        }
    }
}

fn insert(parent: &Node, node: &Node, before: Option<&Node>) {
    // It fails only if `before` is not in `parent`, and it was put there a line earlier.
    let _ = parent.insert_before(node, before);
}

/// What changes stands between two empty comments, and is replaced as a whole.
fn place_part(parent: &Node, before: Option<&Node>, content: Box<dyn Fn() -> View>) {
    let (start, end) = (document().create_comment(""), document().create_comment(""));
    insert(parent, &start, before);
    insert(parent, &end, before);
    live(move || {
        let view = content();
        while let Some(old) = start.next_sibling().filter(|node| !node.is_same_node(Some(&end))) {
            if let Some(parent) = old.parent_node() {
                let _ = parent.remove_child(&old);
            }
        }
        if let Some(parent) = end.parent_node() {
            view.place(&parent, Some(&end));
        }
    });
}

/// Runs now and whenever a signal changes that it read, for as long as the view around it exists.
fn live(run: impl Fn() + 'static) {
    let effect = RenderEffect::new(move |_| run());
    on_cleanup(move || drop(effect));
}

/// A part of the page that changes.
pub fn part<V: Into<View>>(content: impl Fn() -> V + 'static) -> View {
    View(Piece::Part(Box::new(move || content().into())))
}

impl From<&'static str> for View {
    fn from(text: &'static str) -> Self {
        Self(Piece::Text(text.into()))
    }
}

impl From<String> for View {
    fn from(text: String) -> Self {
        Self(Piece::Text(text.into()))
    }
}

impl From<Build> for View {
    fn from(element: Build) -> Self {
        Self(Piece::Node(element.0.into()))
    }
}

impl<V: Into<View>> From<Option<V>> for View {
    fn from(view: Option<V>) -> Self {
        view.map_or(Self::nothing(), Into::into)
    }
}

impl<V: Into<View>> FromIterator<V> for View {
    fn from_iter<I: IntoIterator<Item = V>>(views: I) -> Self {
        Self(Piece::All(views.into_iter().map(Into::into).collect()))
    }
}

/// What an attribute says.
pub enum Value {
    /// Always this.
    Fixed(Cow<'static, str>),
    /// This, or that it is not there.
    Live(Box<dyn Fn() -> Option<Cow<'static, str>>>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Fixed(text.into())
    }
}

/// An attribute whose text changes.
pub fn attribute<T: Into<Cow<'static, str>>>(value: impl Fn() -> T + 'static) -> Value {
    Value::Live(Box::new(move || Some(value().into())))
}

/// An attribute whose text changes, or that is not there.
pub fn maybe<T: Into<Cow<'static, str>>>(value: impl Fn() -> Option<T> + 'static) -> Value {
    Value::Live(Box::new(move || value().map(Into::into)))
}

/// An attribute without text, that is there or not.
pub fn flag(value: impl Fn() -> bool + 'static) -> Value {
    Value::Live(Box::new(move || value().then_some(Cow::Borrowed(""))))
}

/// An ARIA state, `true` or `false`.
pub fn state(value: impl Fn() -> bool + 'static) -> Value {
    Value::Live(Box::new(move || Some(Cow::Borrowed(if value() { "true" } else { "false" }))))
}

/// An element that is being built.
pub struct Build(Element);

/// Begins an element.
pub fn el(name: &'static str) -> Build {
    #[allow(clippy::expect_used)]
    // The names are written in this program, and all of them are valid.
    let element = document().create_element(name).expect("a valid name");
    Build(element)
}

impl Build {
    /// The class.
    pub fn class(self, class: impl Into<Value>) -> Self {
        self.set("class", class)
    }

    /// An attribute.
    pub fn set(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set_value(name, value.into())
    }

    fn set_value(self, name: &'static str, value: Value) -> Self {
        match value {
            Value::Fixed(text) => write(&self.0, name, Some(&text)),
            Value::Live(value) => {
                let element = self.0.clone();
                live(move || write(&element, name, value().as_deref()));
            }
        }
        self
    }

    /// The text in a field, which a person changes as well: the property and not the attribute.
    pub fn text_of_field(self, text: RwSignal<String>) -> Self {
        let element = self.0.clone();
        live(move || {
            let _ = js_sys::Reflect::set(&element, &"value".into(), &JsValue::from_str(&text.get()));
        });
        self
    }

    /// What happens at an event.
    pub fn on(self, event: &'static str, action: impl Fn(Event) + 'static) -> Self {
        self.listen(event, Box::new(action))
    }

    /// What happens when a form is handed in; the page stays where it is.
    pub fn on_submit(self, action: impl Fn() + 'static) -> Self {
        self.on("submit", move |event| {
            event.prevent_default();
            action();
        })
    }

    fn listen(self, event: &'static str, action: Box<dyn Fn(Event)>) -> Self {
        // The browser drops the closure together with the element.
        let action = Closure::wrap(action).into_js_value();
        let _ = self.0.add_event_listener_with_callback(event, action.unchecked_ref());
        self
    }

    /// What is inside, after what is there already.
    pub fn child(self, view: impl Into<View>) -> Self {
        view.into().place(&self.0, None);
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

fn write(element: &Element, name: &str, text: Option<&str>) {
    // Both fail only for a name that is no name.
    let _ = match text {
        Some(text) => element.set_attribute(name, text),
        None => element.remove_attribute(name),
    };
}

/// Shows a view inside an element, until the owner is dropped.
pub fn mount(parent: &Element, view: impl FnOnce() -> View) -> Owner {
    // A second mount finds the executor in place.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    owner.with(|| view().place(parent, None));
    owner
}
