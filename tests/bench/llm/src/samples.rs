//! Parses the output of the subject.

use tollgate_envoy_harness::{Error, Result};

/// Measurements of one body in one engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    /// Name of the body.
    pub(crate) body: String,
    /// Size of the body in bytes.
    pub(crate) bytes: u64,
    /// Nanoseconds of one parse in its fastest sample, by name of the method. Other load on the machine makes samples
    /// slower, and nothing makes them faster.
    ways: Vec<(String, f64)>,
}

impl Row {
    /// Returns the nanoseconds of one parse with this method.
    pub(crate) fn way(&self, name: &str) -> Result<f64> {
        let found = self.ways.iter().find(|(own, _)| own == name);
        found.map(|(_, fastest)| *fastest).ok_or_else(|| Error::new(format!("{}: no samples of {name}", self.body)))
    }

    /// Returns the throughput of this method in gigabytes (10^9) per second.
    pub(crate) fn speed(&self, name: &str) -> Result<f64> {
        Ok(self.bytes as f64 / self.way(name)?)
    }
}

/// Parses the rows, in the order in which their bodies first occur.
pub(crate) fn read(printed: &str) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for line in printed.lines() {
        let unreadable = || Error::new(format!("the subject printed {line:?}"));
        let [body, bytes, way, time] = line.split('\t').collect::<Vec<_>>()[..] else { return Err(unreadable()) };
        let bytes = bytes.parse().map_err(|_| unreadable())?;
        let time: f64 = time.parse().map_err(|_| unreadable())?;
        let at = rows.iter().position(|row| row.body == body).unwrap_or(rows.len());
        if at == rows.len() {
            rows.push(Row { body: body.to_owned(), bytes, ways: Vec::new() });
        }
        let Some(row) = rows.get_mut(at) else { continue };
        match row.ways.iter_mut().find(|(own, _)| own == way) {
            Some((_, fastest)) => *fastest = fastest.min(time),
            None => row.ways.push((way.to_owned(), time)),
        }
    }
    Ok(rows)
}

/// Merges rows of the same bodies and keeps the fastest samples.
pub(crate) fn join(rows: &mut Vec<Row>, more: Vec<Row>) {
    if rows.is_empty() {
        *rows = more;
        return;
    }
    for (row, other) in rows.iter_mut().zip(more) {
        for ((_, fastest), (_, time)) in row.ways.iter_mut().zip(other.ways) {
            *fastest = fastest.min(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fastest_sample_wins() {
        let mut rows =
            read("1 KB\t1000\tvalue\t800.0\n1 KB\t1000\tview\t500.0\n1 KB\t1000\tvalue\t1000.5\n2 KB\t2000\tview\t4\n")
                .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].way("value").unwrap(), rows[0].speed("view").unwrap()), (800.0, 2.0));
        assert_eq!((rows[1].body.as_str(), rows[1].speed("view").unwrap()), ("2 KB", 500.0));
        assert!(rows[1].way("value").is_err());
        join(&mut rows, read("1 KB\t1000\tvalue\t900\n1 KB\t1000\tview\t250\n2 KB\t2000\tview\t5\n").unwrap());
        assert_eq!((rows[0].way("value").unwrap(), rows[0].speed("view").unwrap()), (800.0, 4.0));
        assert_eq!(rows[1].way("view").unwrap(), 4.0);
    }

    #[test]
    fn unknown_output_is_an_error() {
        for printed in ["hello", "a\tb\tc\td", "1 KB\t1000\tvalue\tfast"] {
            assert!(read(printed).is_err(), "{printed}");
        }
    }
}
