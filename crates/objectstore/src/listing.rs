//! A listing of which several pages are asked for at a time.
//!
//! A server lists a thousand keys and says where the next thousand begin, so that each page waits for the one before. Whoever
//! remembers keys from an earlier listing knows places to begin at without having been told: what lies between two of them is
//! listed by itself. It does not matter whether those keys are still there.

use std::collections::VecDeque;

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::bucket::Bucket;
use crate::client::{Client, Next, Object, Page};
use crate::error::{Error, Kind};

/// How many stretches are listed at a time.
const STRETCHES: usize = 4;

/// All objects whose keys begin with a prefix, in the order of the server.
pub(crate) struct Listing<'a, B> {
    bucket: &'a Bucket,
    prefix: String,
    /// Where stretches end, in the order of keys.
    bounds: B,
    /// Where the next one begins; nothing when the last is being listed.
    next: Option<Next>,
    listed: VecDeque<Receiver<Result<Vec<Object>, Error>>>,
    page: std::vec::IntoIter<Object>,
}

impl<'a, B: Iterator<Item = String>> Listing<'a, B> {
    /// Keys in `bounds`, which are in order, are good places to begin at. With such bounds it is an error of the kind
    /// [`Kind::Disorder`] when the server lists in an order of its own.
    pub(crate) fn new(bucket: &'a Bucket, prefix: &str, bounds: B) -> Self {
        let (prefix, listed) = (prefix.to_owned(), VecDeque::new());
        Self { bucket, prefix, bounds, next: Some(Next::Start), listed, page: Vec::new().into_iter() }
    }

    fn begin_stretches(&mut self) {
        while self.listed.len() < STRETCHES
            && let Some(from) = self.next.take()
        {
            let to = self.bounds.next();
            self.next = to.clone().map(Next::After);
            // A page that nobody has asked for yet is listed while the one before is looked at.
            let (pages, listed) = mpsc::channel(1);
            let stretch = Stretch { prefix: self.prefix.clone(), from, to };
            self.bucket.spawn(stretch.list(self.bucket.client().clone(), pages));
            self.listed.push_back(listed);
        }
    }

    fn next_page(&mut self) -> Option<Result<Vec<Object>, Error>> {
        loop {
            self.begin_stretches();
            let bucket = self.bucket;
            let stretch = self.listed.front_mut()?;
            match bucket.wait(async { Ok(stretch.recv().await) }) {
                Ok(Some(page)) => return Some(page),
                Ok(None) => {
                    self.listed.pop_front();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<B: Iterator<Item = String>> Iterator for Listing<'_, B> {
    type Item = Result<Object, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(object) = self.page.next() {
                return Some(Ok(object));
            }
            match self.next_page()? {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => {
                    // There is nothing behind it.
                    self.next = None;
                    self.listed.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Part of a listing: what lies behind one key, up to and with another.
struct Stretch {
    prefix: String,
    from: Next,
    to: Option<String>,
}

impl Stretch {
    async fn list(self, client: Client, pages: Sender<Result<Vec<Object>, Error>>) {
        let mut next = Some(self.from.clone());
        let mut last = match &self.from {
            Next::After(key) => Some(key.clone()),
            _ => None,
        };
        while let Some(from) = next.take() {
            let page = client.page(&self.prefix, from).await;
            let page = page.and_then(|page| {
                let Page { mut objects, next: more } = page;
                if self.is_bounded() {
                    if !is_in_order(last.as_deref(), &objects) {
                        let intent = format!("list {}", client.show(&self.prefix));
                        return Err(Error::new(Kind::Disorder, intent, "the server has an order of its own"));
                    }
                    last = objects.last().map(|object| object.key.clone()).or(last.take());
                }
                let inside = objects.partition_point(|object| self.contains(&object.key));
                let is_over = inside < objects.len() || last.is_some() && last == self.to;
                objects.truncate(inside);
                next = more.filter(|_| !is_over);
                Ok(objects)
            });
            // Whoever asked may have gone.
            if pages.send(page).await.is_err() {
                return;
            }
        }
    }

    fn is_bounded(&self) -> bool {
        self.to.is_some() || self.from != Next::Start
    }

    fn contains(&self, key: &str) -> bool {
        self.to.as_deref().is_none_or(|to| key <= to)
    }
}

/// Whether keys ascend, beginning behind `last`.
fn is_in_order(last: Option<&str>, objects: &[Object]) -> bool {
    let keys = || objects.iter().map(|object| object.key.as_str());
    last.into_iter().chain(keys()).zip(keys().skip(usize::from(last.is_none()))).all(|(one, next)| one < next)
}
