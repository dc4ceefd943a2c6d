//! Counters of the filter, in the format of Prometheus.

/// Returns the sum of a counter over all series with these labels.
pub(crate) fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (named, of) = series.split_once('{').unwrap_or((series, ""));
        let is_wanted = labels.iter().all(|(label, value)| of.contains(&format!("{label}=\"{value}\"")));
        (named.ends_with(name) && is_wanted).then(|| value.parse::<u64>().ok())?
    });
    series.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_selected_by_name_and_labels() {
        let text = "# TYPE a counter\na{model=\"x\",type=\"input\"} 3\na{model=\"y\",type=\"input\"} 4\na{type=\"output\"} 5\nb 6\n";
        for (name, labels, want) in [("a", &[("type", "input")][..], 7), ("a", &[], 12), ("b", &[], 6), ("c", &[], 0)] {
            assert_eq!(sum(text, name, labels), want, "{name} {labels:?}");
        }
    }
}
