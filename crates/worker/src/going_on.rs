//! Going on: an iterator or a table walked with checkpoints, so that the common export, import and backfill are a few lines.

use mission_core::Progress;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{BadCursor, CheckpointError};
use crate::{Context, blocking};

/// An iterator that goes on behind what earlier attempts have taken from it and done; see [`Context::go_through`].
pub struct GoThrough<'c, C, I> {
    ctx: &'c C,
    items: I,
    done: u64,
    total: Option<u64>,
    /// Whether an item was handed out whose work is not known to be done.
    is_out: bool,
}

impl<'c, C, I: Iterator> GoThrough<'c, C, I> {
    pub(crate) fn new(ctx: &'c C, done: u64, mut items: I) -> Self {
        // What was done before is taken again and left aside: the same items in the same order are the caller's promise.
        for _ in 0..done {
            if items.next().is_none() {
                break;
            }
        }
        Self { ctx, items, done, total: None, is_out: false }
    }

    /// How many items there are in all, for the progress.
    #[must_use]
    pub fn total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    fn take_back(&mut self) -> bool {
        self.done += u64::from(self.is_out);
        std::mem::take(&mut self.is_out)
    }

    fn progress(&self) -> Progress {
        Progress { done: self.done, total: self.total, message: None }
    }

    fn hand_out(&mut self) -> Option<I::Item> {
        let item = self.items.next();
        self.is_out = item.is_some();
        item
    }
}

impl<I: Iterator> GoThrough<'_, Context, I> {
    /// The next item; the one before is done then, which a checkpoint keeps where one is due.
    ///
    /// # Errors
    /// As [`Context::checkpoint`].
    pub async fn next(&mut self) -> Result<Option<I::Item>, CheckpointError> {
        if self.take_back() {
            self.ctx.checkpoint(&self.done, self.progress()).await?;
        }
        Ok(self.hand_out())
    }
}

impl<I: Iterator> GoThrough<'_, blocking::Context, I> {
    /// The next item; the one before is done then, which a checkpoint keeps where one is due.
    ///
    /// # Errors
    /// As [`Context::checkpoint`].
    // An iterator could not end with an error.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<I::Item>, CheckpointError> {
        if self.take_back() {
            self.ctx.checkpoint(&self.done, self.progress())?;
        }
        Ok(self.hand_out())
    }
}

/// Where a walk by key stands: what a checkpoint keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place<K> {
    after: Option<K>,
    upto: K,
    done: u64,
}

/// A walk through a table in the order of its key, page by page; see [`Context::walk`].
pub struct Walk<'c, C, K> {
    ctx: &'c C,
    place: Place<K>,
    is_over: bool,
}

impl<'c, C, K: Clone + PartialEq> Walk<'c, C, K> {
    fn begin(ctx: &'c C, resumed: Option<Place<K>>, upto: K) -> Self {
        let place = resumed.unwrap_or(Place { after: None, upto, done: 0 });
        // Not by their order: the database may sort texts otherwise than this program.
        let is_over = place.after.as_ref() == Some(&place.upto);
        Self { ctx, place, is_over }
    }

    /// Behind which key the next page begins, and with which the walk ends: for
    /// `where id > ? and id <= ? order by id limit 1000`. `None` once the walk is over.
    pub fn page(&self) -> Option<(K, K)>
    where
        K: Default,
    {
        (!self.is_over).then(|| (self.place.after.clone().unwrap_or_default(), self.place.upto.clone()))
    }

    /// Rows done so far, those of earlier attempts included.
    pub fn done(&self) -> u64 {
        self.place.done
    }

    /// A page of so many rows is done, up to this key; without a key there was none, and the walk is over.
    fn step(&mut self, last: Option<K>, rows: usize) {
        self.place.done += rows as u64;
        match last {
            Some(last) => {
                self.is_over = last == self.place.upto;
                self.place.after = Some(last);
            }
            None => self.is_over = true,
        }
    }
}

impl<K: Clone + PartialEq + Serialize> Walk<'_, Context, K> {
    /// A page of so many rows is done, the last of which has this key; `None` where there was no row: the walk is over.
    ///
    /// # Errors
    /// As [`Context::checkpoint`].
    pub async fn done_to(&mut self, last: Option<K>, rows: usize) -> Result<(), CheckpointError> {
        self.step(last, rows);
        self.ctx.checkpoint(&self.place, self.place.done).await
    }
}

impl<K: Clone + PartialEq + Serialize> Walk<'_, blocking::Context, K> {
    /// A page of so many rows is done, the last of which has this key; `None` where there was no row: the walk is over.
    ///
    /// # Errors
    /// As [`Context::checkpoint`].
    pub fn done_to(&mut self, last: Option<K>, rows: usize) -> Result<(), CheckpointError> {
        self.step(last, rows);
        self.ctx.checkpoint(&self.place, self.place.done)
    }
}

/// The same two verbs for both contexts.
macro_rules! going_on {
    ($context:ty) => {
        impl $context {
            /// Goes through an iterator and keeps how many of its items are done; a later attempt leaves out as many. The
            /// iterator must give the same items in the same order then. Once in a method: there is one cursor.
            ///
            /// # Errors
            /// The last checkpoint holds another kind of cursor.
            pub fn go_through<I: IntoIterator>(
                &self,
                items: I,
            ) -> Result<GoThrough<'_, $context, I::IntoIter>, BadCursor> {
                Ok(GoThrough::new(self, self.resume_at()?.unwrap_or(0), items.into_iter()))
            }

            /// Walks through a table in the order of its key, page by page. `upto` is the greatest key when the task
            /// first began: rows that come later are not part of it, in whichever attempt. The first page begins behind
            /// `K::default()`, such as 0. Once in a method: there is one cursor.
            ///
            /// # Errors
            /// The last checkpoint holds another kind of cursor.
            pub fn walk<K>(&self, upto: K) -> Result<Walk<'_, $context, K>, BadCursor>
            where
                K: Clone + PartialEq + Serialize + DeserializeOwned,
            {
                Ok(Walk::begin(self, self.resume_at()?, upto))
            }
        }
    };
}

going_on!(Context);
going_on!(blocking::Context);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_goes_on_behind_what_is_done() {
        let mut rest = GoThrough::new(&(), 3, 0..5).total(5);
        assert_eq!((rest.take_back(), rest.hand_out(), rest.done), (false, Some(3), 3));
        assert_eq!((rest.take_back(), rest.done), (true, 4));
        assert_eq!(rest.progress(), Progress::of(4, 5));
        assert_eq!((rest.hand_out(), rest.take_back()), (Some(4), true));
        assert_eq!((rest.hand_out(), rest.take_back(), rest.done), (None, false, 5));
        assert_eq!(GoThrough::new(&(), 9, 0..5).hand_out(), None, "an iterator that has become shorter ends");
    }

    #[test]
    fn a_walk_ends_with_the_greatest_key_of_its_beginning() {
        let mut walk = Walk::begin(&(), None, 250_i64);
        assert_eq!(walk.page(), Some((0, 250)));
        walk.step(Some(100), 90);
        assert_eq!((walk.page(), walk.done()), (Some((100, 250)), 90));
        let resumed = serde_json::from_str(&serde_json::to_string(&walk.place).unwrap()).unwrap();
        let mut walk = Walk::begin(&(), Some(resumed), 9_999);
        assert_eq!(walk.page(), Some((100, 250)), "rows that came later are not part of it");
        walk.step(Some(250), 40);
        assert_eq!((walk.page(), walk.done()), (None, 130));
        let mut texts = Walk::begin(&(), None, "B".to_owned());
        texts.step(Some("a".to_owned()), 1);
        assert!(texts.page().is_some(), "a database that heeds no case puts b behind a");
        let mut empty = Walk::begin(&(), None, 0_i64);
        empty.step(None, 0);
        assert_eq!(empty.page(), None);
    }
}
