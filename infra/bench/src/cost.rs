//! What a million sign-ins by code cost, without the messages themselves: list prices of us-east-1, without free tiers.

/// A request of an HTTP API, in USD per million (the first 300 million a month).
const HTTP_API_PER_MILLION: f64 = 1.00;
/// An invocation, in USD per million.
const INVOCATION_PER_MILLION: f64 = 0.20;
/// A second of a gigabyte (x86).
const GIGABYTE_SECOND: f64 = 0.000_016_666_7;
/// DynamoDB on demand, standard tables, in USD per million request units.
const WRITE_UNIT_PER_MILLION: f64 = 0.625;
const READ_UNIT_PER_MILLION: f64 = 0.125;
/// A call of Secrets Manager.
const SECRET_READ: f64 = 0.05 / 10_000.0;

/// The memory to which Lambda gives a whole processor, in megabytes; to less, its part of one.
const WHOLE_PROCESSOR_MB: f64 = 1_769.0;
/// What a function waits for the database in a region, for each sequential round trip.
const ROUND_TRIP_MS: f64 = 5.0;
/// What it waits for SNS to take a message.
const PUBLISH_MS: f64 = 50.0;
/// Invocations that start an instance; AWS says that it is less in production.
const COLD_SHARE: f64 = 0.01;

/// What was measured of one function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation {
    /// Processor time of a warm call.
    pub(crate) warm_ms: f64,
    /// Processor time from the start to the first answer.
    pub(crate) cold_ms: f64,
    /// Sequential round trips to the database.
    pub(crate) round_trips: f64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// Whether it sends a message.
    pub(crate) sends: bool,
    /// Memory, as the template has it, in megabytes.
    pub(crate) memory_mb: f64,
}

impl Invocation {
    /// Milliseconds that Lambda bills, on average.
    fn billed_ms(&self) -> f64 {
        let share = self.memory_mb / WHOLE_PROCESSOR_MB;
        let waiting = self.round_trips * ROUND_TRIP_MS + if self.sends { PUBLISH_MS } else { 0.0 };
        let billed = |processor_ms: f64| (processor_ms / share + waiting).ceil();
        billed(self.warm_ms) * (1.0 - COLD_SHARE) + billed(self.cold_ms) * COLD_SHARE
    }

    /// Gigabyte-seconds that Lambda bills, on average.
    fn gigabyte_seconds(&self) -> f64 {
        self.billed_ms() / 1_000.0 * self.memory_mb / 1_024.0
    }
}

/// The parts of the cost of a million times `invocations`, in USD.
pub(crate) fn per_million(invocations: &[Invocation]) -> Vec<(&'static str, f64)> {
    let sum = |part: fn(&Invocation) -> f64| invocations.iter().map(part).sum::<f64>();
    let number = sum(|_| 1.0);
    vec![
        ("HTTP API", number * HTTP_API_PER_MILLION),
        ("Lambda, invocations", number * INVOCATION_PER_MILLION),
        ("Lambda, time", sum(Invocation::gigabyte_seconds) * GIGABYTE_SECOND * 1e6),
        ("DynamoDB, writes", sum(|invocation| invocation.write_units) * WRITE_UNIT_PER_MILLION),
        ("DynamoDB, reads", sum(|invocation| invocation.read_units) * READ_UNIT_PER_MILLION),
        ("Secrets Manager", number * COLD_SHARE * SECRET_READ * 1e6),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_billed_for_its_share_of_a_processor_and_for_waiting() {
        let call =
            Invocation { warm_ms: 1.0, cold_ms: 1.0, round_trips: 2.0, read_units: 1.0, write_units: 3.0, sends: true, memory_mb: 256.0 };
        assert!((call.billed_ms() - 67.0).abs() < 1e-9, "{}", call.billed_ms());
    }

    #[test]
    fn the_parts_of_the_cost_follow_the_list_prices() {
        let call =
            Invocation { warm_ms: 0.0, cold_ms: 0.0, round_trips: 1.0, read_units: 2.0, write_units: 4.0, sends: false, memory_mb: 256.0 };
        let parts = per_million(&[call, call]);
        let of = |name| parts.iter().find(|part| part.0 == name).unwrap().1;
        assert!((of("HTTP API") - 2.0).abs() < 1e-9);
        assert!((of("DynamoDB, writes") - 5.0).abs() < 1e-9);
        assert!((of("DynamoDB, reads") - 0.5).abs() < 1e-9);
        assert!((of("Lambda, time") - 0.041_666_75).abs() < 1e-6);
    }
}
