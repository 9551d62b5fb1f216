//! What keeps a disc from being blanked.

use jiff::civil::Date;
use redcedar_config::value::AnomalyMode;
use redcedar_media::writer::{Medium, State};
use redcedar_media::{Kind, label};
use redcedar_system::System;

use super::{StoreError, StoreRequest};
use crate::schedule::days_between;
use crate::status;

/// Whether the disc in the drive is to stay as it is, and be added to instead, though another is to begin: something unusual was
/// staged, so it may hold the last good days.
///
/// # Errors
/// When it is the turn of another disc.
pub(super) fn keeps(
    medium: &Medium,
    kind: Kind,
    request: &StoreRequest<'_>,
    system: &System,
) -> Result<bool, StoreError> {
    // Nothing is lost of what is none of ours, or cannot be read.
    if !matches!(medium.state, State::Appendable | State::Closed) {
        return Ok(false);
    }
    let today = system.clock.now().date();
    // What is written once is never blanked.
    let least = request.section()?.min_disc_age.filter(|_| kind.is_rewritable());
    if let (Some(least), Some(written)) = (least, medium.label.as_deref().and_then(label::date)) {
        refuse_young(least, written, today).map_err(StoreError::Refused)?;
    }
    let config = request.config;
    let mode = config.anomaly();
    if mode == AnomalyMode::Ignore || config.stage.is_none() {
        return Ok(false);
    }
    let is_held = mode == AnomalyMode::Hold;
    let effect = if is_held { "; no disc is blanked" } else { "" };
    let suspects = status::suspects(config, effect, &*system.monitor)?;
    Ok(is_held && !suspects.is_empty())
}

/// Refuses to blank what was written to less than so many days ago, by clocks that may be set back.
fn refuse_young(least: u64, written: Date, today: Date) -> Result<(), String> {
    if days_between(written, today) >= i64::try_from(least).unwrap_or(i64::MAX) {
        return Ok(());
    }
    Err(format!(
        "a disc is to begin, and the one in the drive was written to on {written}, which is less than {least} days ago \
         (min_disc_age); insert the one whose turn it is, or say --full to blank this one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_disc_is_blanked_when_it_is_old_enough_and_never_when_it_is_from_the_future() {
        let written = date(2026, 11, 24);
        for (today, may) in [
            (date(2026, 11, 24), false),
            (date(2026, 11, 25), false),
            (date(2026, 11, 26), true),
            (date(2027, 11, 24), true),
            (date(2026, 11, 1), false),
        ] {
            assert_eq!(refuse_young(2, written, today).is_ok(), may, "{today}");
        }
        assert!(refuse_young(u64::MAX, written, date(2030, 1, 1)).is_err());
    }
}
