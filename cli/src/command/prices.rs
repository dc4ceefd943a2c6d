//! `tollgate prices`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use tollgate_prices::source::{self, SourceModel};

use crate::args::{PriceFormat, PricesCommand, UpdateArgs};
use crate::price_list::diff::difference;
use crate::price_list::{convert, package, yaml};
use crate::problem::Problem;

pub(super) fn run(command: &PricesCommand) -> ExitCode {
    let PricesCommand::Update(args) = command;
    match update(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn update(args: &UpdateArgs) -> Result<(), Problem> {
    let (version, text) = package::read(args.from.as_deref())?;
    let list = convert::convert(&version, &text).map_err(Problem::new)?;
    let today = Date::today();
    let path =
        args.output.clone().unwrap_or_else(|| PathBuf::from(format!("prices-{}-{:02}.yaml", today.year, today.month)));
    // The built-in table, or the file that is replaced.
    let before = match args.format {
        PriceFormat::Yaml => source::TEXT.to_owned(),
        PriceFormat::List => fs::read_to_string(&path).unwrap_or_default(),
    };
    let before = source::parse(&before).map_err(|error| Problem::of(&path, error))?;
    let difference = difference(&before, &list.models);
    print!("{}", difference.text());
    for (reason, count) in &list.left_out {
        println!("{count} left out: {reason}");
    }
    match args.format {
        PriceFormat::List => write(&path, &list.text()),
        PriceFormat::Yaml => {
            let news: Vec<&SourceModel> = match args.all {
                true => list.models.iter().collect(),
                false => {
                    difference.added.iter().copied().chain(difference.changed.iter().map(|(_, new)| *new)).collect()
                }
            };
            let is_wanted = |model: &&SourceModel| {
                args.only.is_empty() || args.only.iter().any(|prefix| model.name.starts_with(prefix))
            };
            let mut models: Vec<&SourceModel> = news.into_iter().filter(is_wanted).collect();
            models.sort_by(|a, b| a.name.cmp(&b.name));
            let scope = if args.all {
                "all models"
            } else {
                "models that are not in the built-in table of Tollgate, or with other prices"
            };
            let header = [
                format!("Prices of {}-{:02}-{:02}: {scope}.", today.year, today.month, today.day),
                format!(
                    "From the package litellm {version} (MIT License, Copyright (c) 2023 Berri AI). Written by `tollgate prices update`."
                ),
            ];
            write(&path, &yaml::text(&header, &models))?;
            println!("{} models written to {}", models.len(), path.display());
            Ok(())
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    fs::write(path, text).map_err(|error| Problem::of(path, format!("cannot write: {error}")))
}

/// Day of the Gregorian calendar, in UTC.
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    fn today() -> Date {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Date::of_day(seconds / 86_400)
    }

    /// Returns the date of a number of days since 1970-01-01. Counts from 0000-03-01, so that a leap day is the last of its year
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn of_day(days: u64) -> Date {
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Date { year, month, day: day_of_year - (153 * shifted + 2) / 5 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in
            [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (11_016, (2000, 2, 29)), (20_786, (2026, 11, 29))]
        {
            let Date { year, month, day } = Date::of_day(days);
            assert_eq!((year, month, day), expected, "{days}");
        }
    }
}
