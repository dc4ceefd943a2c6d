//! Tables of the conversations.

use std::fmt::Write as _;

use super::paired;
use crate::conversation::{LATE, SIZES};
use crate::numbers::{duration, multiple};
use crate::plan::Plan;
use crate::series::{median, p99};
use crate::turns::{TurnCell, Turns};

/// Writes the tables of the conversations: CPU time, and the delay of the other client.
pub(super) fn write_turns(page: &mut String, turns: &[Turns], plan: Plan) -> std::fmt::Result {
    let columns = SIZES.iter().flat_map(|size| {
        let turn = |number: usize| format!("{}, turn {number}", size.name);
        [turn(1), turn(LATE)]
    });
    let columns: Vec<String> = columns.collect();
    let head = format!("| | {} |\n|---|{}", columns.join(" | "), "--:|".repeat(columns.len()));
    let flat = |row: &Turns| row.cells.iter().flatten().cloned().collect::<Vec<TurnCell>>();
    let plain = turns.first().map(flat).unwrap_or_default();
    writeln!(
        page,
        "CPU time of Envoy per turn. A turn sends all messages again and two new ones (4 KB). Turn 1 has texts that the \
         filters never saw; turn {LATE} follows {} turns of the same conversation. The limits of bodies are raised.\n\n{head}",
        LATE - 1
    )?;
    for row in turns {
        let cells = flat(row).into_iter().zip(&plain).map(|(cell, plain)| {
            let ratio = median(&paired(&plain.cpu, &cell.cpu));
            format!("{} ({})", multiple(ratio), duration(median(&cell.cpu)))
        });
        writeln!(page, "| {} | {} |", row.variant.name(), cells.collect::<Vec<_>>().join(" | "))?;
    }
    let fewest = turns.iter().flat_map(flat).map(|cell| cell.delays.len()).min().unwrap_or(0);
    writeln!(
        page,
        "\nTime until another client of the same worker has its response, 99th percentile (median): it sends a prompt of \
         1 KB every 2 ms while a conversation sends a turn every 250 ms ({} turns, at least {fewest} requests).\n\n{head}",
        plan.observed * plan.conversations
    )?;
    for row in turns {
        let cells = flat(row)
            .into_iter()
            .map(|cell| format!("{} ({})", duration(p99(&cell.delays)), duration(median(&cell.delays))));
        writeln!(page, "| {} | {} |", row.variant.name(), cells.collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}
