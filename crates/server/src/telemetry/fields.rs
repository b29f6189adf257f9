use core::error::Error;
use core::fmt::{self, Debug};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use super::chain::chain;
use super::clean::Clean;

/// The fields of one event or span, cleaned, in their order.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The message, which has no name.
    pub(super) message: String,
    /// All others.
    pub(super) named: Vec<(&'static str, Value)>,
}

impl Collected {
    /// ` name=value` for each, so that no value can pass for the next field.
    pub(super) fn write_text(&self, into: &mut dyn fmt::Write) -> fmt::Result {
        for (index, (name, value)) in self.named.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            match value {
                Value::String(text) if !is_word(text) => {
                    write!(into, "{separator}{name}=\"{}\"", text.replace('"', "\\\""))?
                }
                Value::String(text) => write!(into, "{separator}{name}={text}")?,
                other => write!(into, "{separator}{name}={other}")?,
            }
        }
        Ok(())
    }

    fn note(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.named.push((name, value)),
        }
    }
}

/// Whether a value needs no quotes.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '{' | '}' | '\\'))
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note(field, Clean::written(format_args!("{value:?}")).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, Clean::of(value).into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.note(field, Clean::of(chain(value)).into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }
}

/// Keeps the fields of a span as clean text.
#[derive(Debug)]
pub(super) struct CleanFields;

impl<'writer> FormatFields<'writer> for CleanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut collected = Collected::default();
        fields.record(&mut collected);
        collected.write_text(&mut writer)
    }
}
