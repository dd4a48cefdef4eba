//! Settings of the log and of what the operations desk asks.

use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

use super::reader::Reader;

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// `log.format`
    pub format: LogFormat,
    /// `log.level`: a level, or levels by part, as `info,access=warn`.
    pub level: String,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One object a line.
    Json,
}

/// `[log]`
pub(super) fn log(reader: &mut Reader<'_>) -> Log {
    Log {
        format: reader.parsed("log.format", "text", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        }),
        level: reader.parsed("log.level", "info", |text| match EnvFilter::builder().parse(text) {
            Ok(_) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err("must be error, warn, info, debug or trace, or levels by part, as info,access=warn"),
        }),
    }
}

/// `operations.listen`: where `/metrics` is. Nowhere by default: of several servers on one machine only one could have
/// the port.
pub(super) fn listen(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.parsed("operations.listen", "", |text| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "must be an address and a port, as 127.0.0.1:9464"),
    })
}
