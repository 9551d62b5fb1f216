//! What a run would cost: requests, bytes, and money where the user has written down prices.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_objectstore::Settings;
use redcedar_system::escape;
use serde::Serialize;

/// Where prices are if nobody says.
const PRICES: &str = "/etc/redcedar.prices";
/// How many objects a listing or a deletion is about, at most.
const MANY: u64 = 1000;
/// How objects are stored if nobody says.
const STANDARD: &str = "STANDARD";

/// What a run asks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Requests {
    /// Those that write or list.
    pub(crate) write: u64,
    /// Those that read, at most.
    pub(crate) read: u64,
    /// Those that delete.
    pub(crate) delete: u64,
}

impl Requests {
    /// Counts those that list and delete so many objects.
    pub(crate) fn list_and_delete(&mut self, listed: u64, deleted: u64) {
        self.write += listed / MANY + 1;
        self.delete += deleted.div_ceil(MANY);
    }

    /// Counts those that send a file.
    pub(crate) fn send(&mut self, size: u64, settings: &Settings) {
        self.write += match size {
            size if size < settings.threshold => 1,
            // One begins it and one completes it.
            size => 2 + size.div_ceil(settings.part_size_of(size)),
        };
    }
}

/// What the user has written down.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prices {
    path: PathBuf,
    currency: String,
    /// Of 1,000 requests that write or list.
    write: f64,
    /// Of 1,000 requests that read.
    read: f64,
    /// Of a gigabyte (2^30 bytes) for a month, by storage class.
    classes: BTreeMap<String, f64>,
}

/// What is wrong with a file of prices.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PricesError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(
        "line {line} of {} is no price: it takes NAME = NUMBER, where NAME is write, read, or a storage class",
        escape::display(path)
    )]
    Line { path: PathBuf, line: usize },
}

impl Prices {
    /// Reads the file that is named, or the usual one if that is there.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>, PricesError> {
        let path = named.unwrap_or(Path::new(PRICES));
        match fs_err::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, PricesError> {
        let (path, currency) = (path.to_owned(), String::new());
        let mut prices = Self { path, currency, write: 0.0, read: 0.0, classes: BTreeMap::new() };
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if !text.is_empty() && prices.take(text).is_none() {
                return Err(PricesError::Line { path: prices.path, line });
            }
        }
        Ok(prices)
    }

    fn take(&mut self, text: &str) -> Option<()> {
        let (name, value) = text.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name == "currency" {
            value.clone_into(&mut self.currency);
            return Some(());
        }
        let price = value.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0)?;
        match name {
            "write" => self.write = price,
            "read" => self.read = price,
            class
                if !class.is_empty()
                    && class.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') =>
            {
                self.classes.insert(class.to_owned(), price);
            }
            _ => return None,
        }
        Some(())
    }
}

/// What a run would cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cost {
    pub(crate) requests: Requests,
    /// Bytes that are in the place afterwards.
    pub(crate) stored: u64,
    pub(crate) money: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Money {
    currency: String,
    /// For the requests.
    once: f64,
    /// For what is stored; none where the price of the storage class is not known.
    monthly: Option<f64>,
    #[serde(skip)]
    prices: PathBuf,
}

impl Cost {
    /// Adds up. `class` is how everything is stored.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn new(requests: Requests, stored: u64, class: Option<&str>, prices: Option<Prices>) -> Self {
        let money = prices.map(|prices| Money {
            once: (requests.write as f64 * prices.write + requests.read as f64 * prices.read) / 1000.0,
            monthly: prices
                .classes
                .get(class.unwrap_or(STANDARD))
                .map(|price| price * stored as f64 / f64::from(1 << 30)),
            currency: prices.currency,
            prices: prices.path,
        });
        Self { requests, stored, money }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, once, monthly, prices } = self;
        let prices = escape::display(prices);
        match monthly {
            Some(monthly) => write!(
                f,
                "about {once:.2} {currency} for requests, then {monthly:.2} {currency} a month for storage, by {prices}"
            ),
            None => write!(
                f,
                "about {once:.2} {currency} for requests, by {prices}, which has no price for this storage class"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "# of last autumn\ncurrency = USD\nwrite = 0.005 # 1,000\nread=0.0004\nSTANDARD = 0.023\n\n";

    #[test]
    fn requests_are_counted_as_they_are_made() {
        let mut requests = Requests::default();
        let settings = Settings::default();
        for size in [0, 1000, (8 << 20) - 1] {
            requests.send(size, &settings);
        }
        assert_eq!(requests.write, 3);
        requests.send(20 << 20, &settings);
        assert_eq!(requests.write, 3 + 2 + 3);
        requests.list_and_delete(1999, 1001);
        assert_eq!((requests.write, requests.delete), (10, 2));
    }

    #[test]
    fn money_is_what_the_table_says_and_none_without_one() {
        let prices = || Some(Prices::parse(Path::new("/p"), TABLE).unwrap());
        let requests = Requests { write: 10_000, read: 100, delete: 5 };
        let cost = Cost::new(requests, 10 << 30, None, prices());
        assert_eq!(
            cost.money.unwrap().to_string(),
            "about 0.05 USD for requests, then 0.23 USD a month for storage, by /p"
        );
        let cost = Cost::new(requests, 10 << 30, Some("GLACIER"), prices());
        assert!(cost.money.unwrap().to_string().contains("no price for this storage class"));
        assert_eq!(Cost::new(requests, 1, None, None).money, None);
    }

    #[test]
    fn the_example_is_a_table_of_prices() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/redcedar.prices");
        let prices = Prices::find(Some(&sample)).unwrap();
        let cost = Cost::new(Requests::default(), 1 << 30, Some("DEEP_ARCHIVE"), prices);
        assert_eq!(cost.money.unwrap().monthly, Some(0.00099));
    }

    #[test]
    fn what_is_no_price_is_named_by_its_line() {
        for text in ["write = -1", "read = much", "Standard = 1", "nothing", "write = NaN"] {
            let error = Prices::parse(Path::new("/p"), &format!("currency = X\n{text}")).unwrap_err();
            assert!(error.to_string().starts_with("line 2 of /p"), "{text}: {error}");
        }
        assert!(Prices::find(Some(Path::new("/nonexistent"))).is_err());
    }
}
