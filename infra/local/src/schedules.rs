//! EventBridge: runs the scheduled functions at the template's rates, by the local cloud's clock, and on demand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::capture::Now;
use crate::template::Template;

/// A run of a scheduled function: its summary, or its failure as text.
pub type Run = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;
/// Starts a run.
pub type Start = Arc<dyn Fn() -> Run + Send + Sync>;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The scheduled functions of one local cloud.
#[derive(Clone)]
pub struct Schedules {
    entries: Arc<[Entry]>,
}

struct Entry {
    function: String,
    rate: Option<SignedDuration>,
    start: Start,
}

impl Schedules {
    /// The `functions` (by crate) at the rates of `template`.
    #[must_use]
    pub fn new(template: &Template, functions: Vec<(String, Start)>) -> Self {
        let entry = |(function, start): (String, Start)| {
            let schedules = template.function(&function).map_or(&[][..], |function| &function.schedules);
            let rate = schedules.iter().map(|schedule| SignedDuration::from_secs(schedule.rate_seconds)).min();
            Entry { function, rate, start }
        };
        Self { entries: functions.into_iter().map(entry).collect() }
    }

    /// Runs a function now; `None` when there is no such scheduled function.
    pub async fn run(&self, function: &str) -> Option<Result<Value, String>> {
        let entry = self.entries.iter().find(|entry| entry.function == function)?;
        Some((entry.start)().await)
    }

    /// Runs each function whenever its rate has passed on `now`; for ever. A clock that was moved far ahead causes one run,
    /// not one for each period that was skipped.
    pub(crate) async fn keep(self, now: Now) {
        let started = now();
        let mut due: Vec<_> = self.entries.iter().map(|entry| later(started, entry.rate)).collect();
        loop {
            tokio::time::sleep(TICK).await;
            for (entry, due) in self.entries.iter().zip(&mut due) {
                if due.is_some_and(|due| now() >= due) {
                    *due = later(now(), entry.rate);
                    match (entry.start)().await {
                        Ok(summary) => tracing::info!(function = entry.function, %summary, "schedule"),
                        Err(error) => tracing::error!(function = entry.function, error, "schedule"),
                    }
                }
            }
        }
    }
}

fn later(now: Timestamp, rate: Option<SignedDuration>) -> Option<Timestamp> {
    now.checked_add(rate?).ok()
}

#[cfg(test)]
mod tests {

    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::{Schedules, Start};
    use crate::template::Template;

    const TEMPLATE: &str = "
Resources:
  CloseFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/close/
      Events: {Tick: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}}
";

    #[tokio::test(start_paused = true)]
    async fn a_schedule_runs_when_its_rate_has_passed_on_the_clock() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let start: Start = Arc::new(move || {
            let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
            Box::pin(async move { Ok(json!({"run": run})) })
        });
        let template = Template::read(TEMPLATE, &BTreeMap::new()).unwrap();
        let schedules = Schedules::new(&template, vec![("close".to_owned(), start)]);

        let second = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = second.clone();
        let now = Arc::new(move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap());
        let keeping = tokio::spawn(schedules.clone().keep(now));
        let seen = |after: i64| {
            second.fetch_add(after, Ordering::SeqCst);
            let runs = runs.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                runs.load(Ordering::SeqCst)
            }
        };
        assert_eq!(seen(0).await, 0);
        assert_eq!(seen(299).await, 0);
        assert_eq!(seen(1).await, 1);
        assert_eq!(seen(86_400).await, 2);
        assert_eq!(seen(0).await, 2);
        keeping.abort();

        assert_eq!(schedules.run("close").await, Some(Ok(json!({"run": 3}))));
        assert_eq!(schedules.run("other").await, None);
    }
}
