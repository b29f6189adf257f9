//! How results look on a terminal and in a pipe.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use comfy_table::{Table, presets};
use qrcode::QrCode;
use qrcode::render::unicode;
use serde::Serialize;

use crate::say;

/// A table without lines; nothing but a sentence when it is empty.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let mut empty = true;
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
        empty = false;
    }
    if empty {
        say::line("there are none")?;
    } else {
        say::line(table.trim_fmt())?;
    }
    Ok(())
}

/// One JSON object a line.
pub(crate) fn json_lines<T: Serialize>(rows: &[T]) -> anyhow::Result<()> {
    for row in rows {
        say::line(serde_json::to_string(row)?)?;
    }
    Ok(())
}

/// A point in time as RFC 3339 in UTC, to the second.
pub(crate) fn moment(millis: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
}

/// A card as a QR code in half-blocks, dark on light.
pub(crate) fn qr(text: &str) -> anyhow::Result<String> {
    let code = QrCode::new(text).context("the card does not fit into a QR code")?;
    Ok(code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build())
}

/// Text of others on a terminal: controls are shown, not obeyed.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
