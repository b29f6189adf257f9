use core::fmt;

use serde_json::{Map, Value, json};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Collected;

/// How an event becomes a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lines {
    /// `time LEVEL target: span{…}: message name=value`
    Text,
    /// One object: `timestamp`, `level`, `target`, `spans`, `message`, `fields`.
    Json,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut collected = Collected::default();
        event.record(&mut collected);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        let (level, target) = (metadata.level(), metadata.target());
        let spans = spans(context);
        match self {
            Self::Text => {
                write!(writer, "{time} {level:>5} {target}: ")?;
                spans.iter().try_for_each(|span| write!(writer, "{span}: "))?;
                writer.write_str(&collected.message)?;
                if !collected.message.is_empty() && !collected.named.is_empty() {
                    writer.write_char(' ')?;
                }
                collected.write_text(&mut writer)?;
            }
            Self::Json => {
                let fields: Map<_, _> =
                    collected.named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                let mut line = Map::new();
                line.insert("timestamp".to_owned(), time.into());
                line.insert("level".to_owned(), level.as_str().into());
                line.insert("target".to_owned(), target.into());
                line.insert("message".to_owned(), collected.message.into());
                if !spans.is_empty() {
                    line.insert("spans".to_owned(), json!(spans));
                }
                if !fields.is_empty() {
                    line.insert("fields".to_owned(), fields.into());
                }
                write!(writer, "{}", Value::Object(line))?;
            }
        }
        writeln!(writer)
    }
}

/// `name{fields}` of each span around the event, the outermost first.
fn spans<S, N>(context: &FmtContext<'_, S, N>) -> Vec<String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let scope = context.event_scope().map(|scope| scope.from_root());
    let told = scope.into_iter().flatten().map(|span| match span.extensions().get::<FormattedFields<N>>() {
        Some(fields) if !fields.is_empty() => format!("{}{{{fields}}}", span.name()),
        _ => span.name().to_owned(),
    });
    told.collect()
}
