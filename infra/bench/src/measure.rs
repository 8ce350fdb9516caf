//! Measuring one kind of call.

use std::path::Path;
use std::time::Duration;

use portico_local::meter::{Fault, Rule};

use crate::Failure;
use crate::callgrind::Callgrind;
use crate::case::Case;
use crate::instance::{Instance, Launch};
use crate::rival::Rival;
use crate::world::World;

/// Warm calls of which means are taken.
const WARM: u16 = 10;
/// Makes calls that are made at the same time overlap for sure.
const DELAY: Duration = Duration::from_millis(25);

/// What was measured of a kind of call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Instructions from the start to the first answer, and of a warm call.
    pub(crate) instructions: Option<(f64, f64)>,
    /// Processor time from the start to the first answer, in milliseconds.
    pub(crate) cold_ms: f64,
    /// Processor time of a warm call, in milliseconds.
    pub(crate) warm_ms: f64,
    /// Calls to the database in one call.
    pub(crate) database_calls: f64,
    pub(crate) round_trips: f64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// The most resident memory of an instance that answered more than ten calls.
    pub(crate) memory_mib: f64,
}

/// Measures `case` with the function at `program`.
pub(crate) async fn measure(
    case: Case,
    world: &World,
    program: &Path,
    folder: &Path,
    callgrind: Option<&Callgrind>,
) -> Result<Measured, Failure> {
    case.prepare(world).await?;
    let launch = Launch {
        command: vec![program.into()],
        environment: world.environment(case.function()),
        log: folder.join(format!("{}.log", slug(case.name()))),
    };
    let (meter, status) = (world.cloud.meter(), case.status());

    let events = case.events(world, usize::from(WARM) + 2).await?;
    let (Some((first, events)), milliseconds) = (events.split_first(), |time: Duration| time.as_secs_f64() * 1e3) else {
        return Err("no events".into());
    };
    let Some((last, warm)) = events.split_last() else { return Err("no events".into()) };
    let mut instance = Instance::start(&launch).await?;
    instance.call(first, status).await?;
    let cold = instance.processor_time()?;
    meter.reset();
    for event in warm {
        instance.call(event, status).await?;
    }
    let warm = instance.processor_time()?.saturating_sub(cold) / u32::from(WARM);
    let (read_units, write_units) = meter.units();
    let database_calls = f64::from(u32::try_from(meter.calls().len())?) / f64::from(WARM);
    meter.reset();
    meter.fail(Rule::always(Fault::Delayed(DELAY)));
    instance.call(last, status).await?;
    let round_trips = f64::from(u32::try_from(meter.round_trips())?);
    meter.reset();
    let memory_mib = instance.peak_memory_kib()? / 1_024.0;
    instance.end().await?;

    let mut instructions = None;
    if let Some(callgrind) = callgrind {
        let mut counts = [0.0; 2];
        for (count, calls) in counts.iter_mut().zip([1, 1 + usize::from(WARM)]) {
            let events = case.events(world, calls).await?;
            *count = callgrind.count(&slug(case.name()), &launch, &events, status).await?;
        }
        instructions = Some((counts[0], (counts[1] - counts[0]) / f64::from(WARM)));
    }
    Ok(Measured {
        instructions,
        cold_ms: milliseconds(cold),
        warm_ms: milliseconds(warm),
        database_calls,
        round_trips,
        read_units: read_units / f64::from(WARM),
        write_units: write_units / f64::from(WARM),
        memory_mib,
    })
}

/// Cold starts of send-code and of its rivals, one after the other and in turns, so that whatever else the machine does
/// hits all alike. Medians in milliseconds, ours first.
pub(crate) async fn cold_starts(
    world: &World,
    program: &Path,
    rivals: &[Rival],
    folder: &Path,
    rounds: usize,
) -> Result<Vec<f64>, Failure> {
    let case = Case::CodeToPhone;
    let environment = world.environment(case.function());
    let ours = Launch { command: vec![program.into()], environment: environment.clone(), log: folder.join("cold.log") };
    let theirs = rivals.iter().enumerate().map(|(number, rival)| rival.launch(&environment, folder.join(format!("rival-{number}.log"))));
    let launches: Vec<_> = std::iter::once(ours).chain(theirs).collect();
    let mut times = vec![Vec::with_capacity(rounds); launches.len()];
    // The first round brings the files into memory.
    for round in 0..=rounds {
        for turn in 0..launches.len() {
            let who = (turn + round) % launches.len();
            let (Some(launch), Some(times)) = (launches.get(who), times.get_mut(who)) else { continue };
            let event = case.event(world).await?;
            let mut instance = Instance::start(launch).await?;
            let (at, _) = instance.call(&event, case.status()).await?;
            if round > 0 {
                times.push(at.duration_since(instance.started()).as_secs_f64() * 1e3);
            }
            instance.end().await?;
        }
    }
    Ok(times.iter_mut().map(|times| median(times)).collect())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(value)) => *value,
        _ => 0.0,
    }
}

/// A name for files.
fn slug(name: &str) -> String {
    let letters = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    name.chars().map(letters).collect::<String>().trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
