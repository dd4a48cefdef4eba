//! The log: lines of text or of JSON on standard error. A line is one event, whatever an outsider wrote into it, and no
//! longer than it may be.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{Log, LogFormat};

/// The longest line, in bytes. What is longer says so at its end.
const LONGEST: usize = 8 * 1024;
/// How much of a value is left of one in a line that is too long.
const LONGEST_VALUE: usize = 256;

/// Begins to log on standard error, as the settings say; `RUST_LOG` wins over `log.level`.
pub fn start(settings: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&settings.level));
    let colours = settings.format == LogFormat::Text && io::stderr().is_terminal();
    log_to(settings.format, colours, filter, io::stderr);
    log_panics();
}

/// The same elsewhere. A log that was begun before goes on instead.
pub fn log_to<W>(format: LogFormat, colours: bool, filter: EnvFilter, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let writer = Lines { format, colours, inner: writer };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(writer);
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// From now on a panic is an event of the log: where it was, which is enough to find the defect. What it says may be
/// anything, a row or a name.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let (file, line) = panic.location().map_or(("", 0), |location| (location.file(), location.line()));
        tracing::error!(file, line, "a thread panicked");
    }));
}

/// Writes whole lines.
struct Lines<W> {
    format: LogFormat,
    /// The formatter's own colours stay; it escapes those of others.
    colours: bool,
    inner: W,
}

struct LineWriter<W> {
    format: LogFormat,
    colours: bool,
    inner: W,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = LineWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { format: self.format, colours: self.colours, inner: self.inner.make_writer() }
    }
}

impl<W: Write> Write for LineWriter<W> {
    /// Takes one event, as the formatter writes it.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = match self.format {
            LogFormat::Text => text_line(text, self.colours),
            LogFormat::Json => json_line(text),
        };
        line.push('\n');
        self.inner.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Without a line feed, or anything else that a terminal or a reader of lines might obey.
fn text_line(text: &str, colours: bool) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let obeyed = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
        if obeyed && !(colours && character == '\u{1b}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > LONGEST - 16 {
            line.push('…');
            break;
        }
    }
    line
}

/// JSON escapes by itself; what is too long loses the ends of its values.
fn json_line(text: &str) -> String {
    if text.len() < LONGEST {
        return text.to_owned();
    }
    let Ok(Value::Object(mut event)) = serde_json::from_str(text) else {
        return r#"{"level":"ERROR","message":"an event could not be written"}"#.to_owned();
    };
    event.values_mut().for_each(shorten);
    let line = Value::Object(event).to_string();
    if line.len() < LONGEST { line } else { r#"{"level":"ERROR","message":"an event was too long"}"#.to_owned() }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST_VALUE => {
            let end = text.floor_char_boundary(LONGEST_VALUE);
            text.truncate(end);
            text.push('…');
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, event: &str) -> String {
        let mut writer = LineWriter { format, colours: false, inner: Vec::new() };
        writer.write_all(event.as_bytes()).unwrap();
        String::from_utf8(writer.inner).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_an_outsider_wrote_into_it() {
        let forged = "WARN asked by=x\n2026-03-02 INFO all is well\r\u{1b}[2K\u{2028}\u{202e}\n";
        let line = written(LogFormat::Text, forged);
        let expected = "WARN asked by=x\\n2026-03-02 INFO all is well\\r\\u{1b}[2K\\u{2028}\\u{202e}\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_has_an_end() {
        let long = "я".repeat(20_000);
        let line = written(LogFormat::Text, &format!("{long}\n"));
        assert!(line.len() <= LONGEST && line.ends_with("…\n"), "{}", line.len());
        let event = serde_json::json!({"message": "long", "words": long, "span": {"id": "1"}});
        let line = written(LogFormat::Json, &format!("{event}\n"));
        let read: Value = serde_json::from_str(&line).unwrap();
        assert!(line.len() <= LONGEST && read["span"]["id"] == "1" && read["message"] == "long", "{line}");
        let many = Value::Object((0..900).map(|n| (n.to_string(), "word".repeat(5).into())).collect());
        assert!(written(LogFormat::Json, &many.to_string()).contains("an event was too long"));
    }
}
