//! Medians, ratios and verdicts as a table.

use super::measure::Usage;

/// What is compared with what, and how far apart it has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Ours is at most so many times theirs.
    AtMost(f64),
    /// Theirs is at least so many times ours.
    TimesLess(f64),
    /// Only shown.
    Shown,
}

/// One line of the report.
#[derive(Debug)]
pub(crate) struct Row {
    case: String,
    quantity: &'static str,
    ours: String,
    theirs: String,
    ratio: String,
    verdict: String,
}

impl Row {
    /// Compares the median of `ours` with that of `theirs`.
    pub(crate) fn new(
        case: &str,
        quantity: Quantity,
        ours: &[Usage],
        theirs: &[Usage],
        target: Target,
    ) -> Self {
        let (ours, theirs) = (quantity.median(ours), quantity.median(theirs));
        Self::of_values(
            case,
            quantity.name(),
            (ours, quantity.show(ours)),
            (theirs, quantity.show(theirs)),
            target,
        )
    }

    /// Compares two numbers, given with their looks.
    pub(crate) fn of_values(
        case: &str,
        quantity: &'static str,
        (ours, our_look): (f64, String),
        (theirs, their_look): (f64, String),
        target: Target,
    ) -> Self {
        let (ratio, reached, wanted) = match target {
            Target::AtMost(limit) => (ours / theirs, ours <= limit * theirs, format!("at most {limit}")),
            Target::TimesLess(times) => {
                (theirs / ours, theirs >= times * ours, format!("{times} times less"))
            }
            Target::Shown => (ours / theirs, true, String::new()),
        };
        let verdict = match target {
            Target::Shown => String::new(),
            _ => format!("{} ({wanted})", if reached { "PASS" } else { "MISS" }),
        };
        Self {
            case: case.to_owned(),
            quantity,
            ours: our_look,
            theirs: their_look,
            ratio: format!("{ratio:.2}"),
            verdict,
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Wall,
    Cpu,
    Memory,
}

impl Quantity {
    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53")]
    fn of(self, usage: &Usage) -> f64 {
        match self {
            Self::Wall => usage.wall,
            Self::Cpu => usage.cpu,
            Self::Memory => usage.memory as f64,
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Wall | Self::Cpu => format!("{value:.3} s"),
            Self::Memory => format!("{:.1} MB", value / 1e6),
        }
    }

    /// The median over several runs.
    pub(crate) fn median(self, usages: &[Usage]) -> f64 {
        let mut values: Vec<f64> = usages.iter().map(|usage| self.of(usage)).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        }
    }
}

/// Prints the table. Ratios of rows without a target are ours to theirs.
pub(crate) fn print(rows: &[Row]) {
    println!("{:<26} {:<7} {:>12} {:>12} {:>8}  target", "case", "", "ours", "theirs", "ratio");
    for Row { case, quantity, ours, theirs, ratio, verdict } in rows {
        println!("{case:<26} {quantity:<7} {ours:>12} {theirs:>12} {ratio:>8}  {verdict}");
    }
}
