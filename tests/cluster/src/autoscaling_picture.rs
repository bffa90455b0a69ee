//! The picture of one run of the autoscaling case: mails queued and number of consumers over time, as SVG.

use std::fmt::{Display, Write as _};

const QUEUED: &str = "#1f5fa8";
const CONSUMERS: &str = "#c05000";
const TIME: &str = "#555";
/// Seconds between two marks of the axis of time.
const MARK: usize = 30;

#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub second: u32,
    /// None while it is unknown.
    pub backlog: Option<u32>,
    pub consumers: u32,
}

/// Draws samples, which are in the order of time.
#[must_use]
pub fn draw(samples: &[Sample]) -> String {
    let scale = Scale::of(samples);
    let mut svg = concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 260" font-family="sans-serif" font-size="12">"#,
        "\n",
        r##"<rect width="700" height="260" fill="#fff"/><path d="M50 30V220H650V30" fill="none" stroke="#999"/>"##,
        "\n"
    )
    .to_owned();
    for second in (0..=scale.seconds).step_by(MARK) {
        svg += &label(scale.x(scale.first + second), 238, "middle", TIME, format!("{second} s"));
    }
    svg += &label(46, 34, "end", QUEUED, scale.backlog.map_or_else(String::new, |most| most.to_string()));
    svg += &label(46, 224, "end", QUEUED, 0);
    svg += &label(50, 20, "start", QUEUED, "mails queued");
    svg += &label(654, 34, "start", CONSUMERS, scale.consumers);
    svg += &label(654, 224, "start", CONSUMERS, 0);
    svg += &label(650, 20, "end", CONSUMERS, "consumers");
    svg += &line(&scale.depths(samples), QUEUED);
    svg += &line(&scale.steps(samples), CONSUMERS);
    svg + "</svg>\n"
}

/// The ends of the axes.
struct Scale {
    first: u32,
    seconds: u32,
    backlog: Option<u32>,
    consumers: u32,
}

impl Scale {
    fn of(samples: &[Sample]) -> Self {
        let first = samples.first().map_or(0, |sample| sample.second);
        Self {
            first,
            seconds: samples.last().map_or(0, |sample| sample.second - first),
            backlog: samples.iter().filter_map(|sample| sample.backlog).max(),
            consumers: samples.iter().map(|sample| sample.consumers).max().unwrap_or_default(),
        }
    }

    fn x(&self, second: u32) -> String {
        let share = f64::from(second - self.first) / f64::from(self.seconds.max(1));
        format!("{:.1}", 600.0f64.mul_add(share, 50.0))
    }

    fn depths(&self, samples: &[Sample]) -> String {
        let mut path = String::new();
        // Where the backlog is unknown the line has a gap.
        let mut command = 'M';
        for sample in samples {
            if let Some(backlog) = sample.backlog {
                let height = y(backlog, self.backlog.unwrap_or_default());
                let _ = write!(path, "{command}{} {height}", self.x(sample.second));
            }
            command = if sample.backlog.is_some() { 'L' } else { 'M' };
        }
        path
    }

    fn steps(&self, samples: &[Sample]) -> String {
        let mut path = String::new();
        for sample in samples {
            let (x, height) = (self.x(sample.second), y(sample.consumers, self.consumers));
            let step = if path.is_empty() { format!("M{x} {height}") } else { format!("H{x}V{height}") };
            path += &step;
        }
        path
    }
}

fn y(value: u32, top: u32) -> String {
    format!("{:.1}", (-190.0f64).mul_add(f64::from(value) / f64::from(top.max(1)), 220.0))
}

fn label(x: impl Display, y: u32, anchor: &str, colour: &str, words: impl Display) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>\n")
}

fn line(path: &str, colour: &str) -> String {
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n")
}

#[cfg(test)]
mod tests {
    use super::{Sample, draw};

    fn sample(second: u32, backlog: Option<u32>, consumers: u32) -> Sample {
        Sample { second, backlog, consumers }
    }

    #[test]
    fn an_unknown_backlog_is_a_gap_and_consumers_are_steps() {
        let svg = draw(&[
            sample(10, Some(0), 1),
            sample(11, Some(5), 1),
            sample(12, None, 1),
            sample(15, Some(120), 2),
            sample(19, Some(40), 3),
            sample(80, Some(0), 3),
        ]);
        let lines: Vec<&str> = svg.lines().collect();
        assert_eq!(lines.len(), 14);
        assert!(lines[3].starts_with("<text x=\"307.1\" y=\"238\"") && lines[3].contains(">30 s<"), "{svg}");
        assert!(lines[5].contains(">120<") && lines[8].contains(">3<"), "{svg}");
        assert!(
            lines[11].contains("d=\"M50.0 220.0L58.6 212.1M92.9 30.0L127.1 156.7L650.0 220.0\""),
            "{svg}"
        );
        let consumers = "d=\"M50.0 156.7H58.6V156.7H67.1V156.7H92.9V93.3H127.1V30.0H650.0V30.0\"";
        assert!(lines[12].contains(consumers), "{svg}");
    }

    #[test]
    fn a_run_without_a_known_backlog_has_a_picture() {
        for samples in [&[][..], &[sample(3, None, 1)]] {
            let svg = draw(samples);
            assert!(svg.contains("d=\"\" fill=\"none\" stroke=\"#1f5fa8\""), "{svg}");
            assert!(svg.ends_with("</svg>\n"), "{svg}");
        }
    }
}
