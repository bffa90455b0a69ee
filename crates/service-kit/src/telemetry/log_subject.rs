//! What a log line is about: the request or the message that its task works on. A line says it, and only a line costs
//! something: a span for lines would be made and formatted for each request, also where none is written.

use std::fmt::{self, Write as _};

use tokio::task::futures::TaskLocalFuture;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

tokio::task_local! {
    static CURRENT: Subject;
}

/// A field of every line that is written within a future. Its value must not be personal data.
#[derive(Debug, Clone)]
pub struct Subject {
    name: &'static str,
    value: Option<String>,
}

impl Subject {
    /// A field. Without a value lines have none.
    #[must_use]
    pub const fn new(name: &'static str, value: Option<String>) -> Self {
        Self { name, value }
    }
}

/// Every line that `future` writes has the field.
pub fn within<F: Future>(subject: Subject, future: F) -> TaskLocalFuture<Subject, F> {
    CURRENT.scope(subject, future)
}

/// Formats lines as another format does, and adds the field.
pub(super) struct WithSubject<F> {
    format: F,
    place: Place,
}

/// Where a line has the field.
enum Place {
    /// At the end of the JSON object that the line is.
    InJson,
    /// In front of the text.
    InText,
}

impl<F> WithSubject<F> {
    pub(super) const fn in_json(format: F) -> Self {
        Self { format, place: Place::InJson }
    }

    pub(super) const fn in_text(format: F) -> Self {
        Self { format, place: Place::InText }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithSubject<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some((name, value)) = current() else { return self.format.format_event(context, writer, event) };
        match self.place {
            Place::InJson => {
                let mut line = String::new();
                self.format.format_event(context, Writer::new(&mut line), event)?;
                writer.write_str(&with_field(line, name, &value))
            }
            Place::InText => {
                write!(writer, "{name}={value} ")?;
                self.format.format_event(context, writer, event)
            }
        }
    }
}

fn current() -> Option<(&'static str, String)> {
    CURRENT.try_with(|subject| Some((subject.name, subject.value.clone()?))).ok().flatten()
}

/// The line as it is if it is no JSON object.
fn with_field(mut line: String, name: &str, value: &str) -> String {
    if line.ends_with("}\n") {
        line.truncate(line.len() - "}\n".len());
        // Writing to a String cannot fail.
        let _ = writeln!(line, ",\"{name}\":{}}}", serde_json::Value::from(value));
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{Subject, WithSubject, with_field, within};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    /// Two lines: of a request, and of no request.
    async fn write() {
        let subject = Subject::new("request_id", Some("7".to_owned()));
        within(subject, async { tracing::info!(n = 1, "one") }).await;
        tracing::info!(n = 2, "two");
        within(Subject::new("event", None), async { tracing::info!(n = 3, "three") }).await;
    }

    #[tokio::test]
    async fn a_line_of_json_has_the_field_only_within() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let layer = layer.json().flatten_event(true).without_time().map_event_format(WithSubject::in_json);
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        write().await;
        let text = lines.take();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let lines = lines.collect::<Vec<_>>();
        assert_eq!((&lines[0]["request_id"], &lines[0]["n"]), (&"7".into(), &1.into()));
        assert!(lines.len() == 3 && lines[1..].iter().all(|line| line.get("request_id").is_none()), "{text}");
    }

    #[tokio::test]
    async fn a_line_of_text_begins_with_the_field() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let layer = layer.compact().without_time().map_event_format(WithSubject::in_text);
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        write().await;
        let text = lines.take();
        let lines = text.lines().collect::<Vec<_>>();
        assert!(lines[0].starts_with("request_id=7 ") && lines[0].contains("one"), "{text}");
        assert!(!lines[1].contains("request_id") && !lines[2].contains("event="), "{text}");
    }

    #[test]
    fn a_value_cannot_end_the_object() {
        let line = with_field("{\"a\":1}\n".to_owned(), "b", "\"}\n");
        assert_eq!(line, "{\"a\":1,\"b\":\"\\\"}\\n\"}\n");
        assert_eq!(with_field("no object".to_owned(), "b", "c"), "no object");
    }
}
