//! Revisions: which state of the database an answer includes.

use std::{fmt, str::FromStr};

use crate::StoreError;

/// A state of one database. Text of it is sealed before a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// At least what this transaction wrote.
    Write(u64),
    /// What this snapshot sees.
    Snapshot(Snapshot),
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Revision::Write(xid) => write!(f, "w{xid}"),
            Revision::Snapshot(snapshot) => write!(f, "s{snapshot}"),
        }
    }
}

impl FromStr for Revision {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let bad = || StoreError::corrupt("revision", format!("unknown: {text:?}"));
        match text.split_at_checked(1).ok_or_else(bad)? {
            ("w", xid) => Ok(Revision::Write(xid.parse().map_err(|_| bad())?)),
            ("s", snapshot) => Ok(Revision::Snapshot(snapshot.parse()?)),
            _ => Err(bad()),
        }
    }
}

/// Which transactions a state has in it, as Postgres tells it (`xmin:xmax:xip`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// All before this have ended.
    xmin: u64,
    /// None from this on had begun.
    xmax: u64,
    /// Those between that had not ended.
    in_progress: Vec<u64>,
}

impl Snapshot {
    /// Whether what this transaction wrote is in it, if it was committed at all.
    #[must_use]
    pub fn sees(&self, xid: u64) -> bool {
        xid < self.xmax && !self.in_progress.contains(&xid)
    }

    /// Whether all that `revision` includes is in it.
    #[must_use]
    pub fn includes(&self, revision: &Revision) -> bool {
        match revision {
            Revision::Write(xid) => self.sees(*xid),
            Revision::Snapshot(other) => {
                self.in_progress.iter().all(|xid| !other.sees(*xid))
                    && (self.xmax..other.xmax).all(|xid| !other.sees(xid))
            }
        }
    }

    /// Whether it is of a database that was set back since `other` was taken.
    #[must_use]
    pub fn is_before(&self, other: &Snapshot) -> bool {
        self.xmax < other.xmax
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (place, xid) in self.in_progress.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{xid}")?;
        }
        Ok(())
    }
}

impl FromStr for Snapshot {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let bad = || StoreError::corrupt("snapshot", format!("unknown: {text:?}"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| bad());
        let mut parts = text.splitn(3, ':');
        let (xmin, xmax) = (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        let in_progress = parts.next().ok_or_else(bad)?;
        let in_progress = in_progress.split(',').filter(|xid| !xid.is_empty()).map(number);
        Ok(Self {
            xmin: number(xmin)?,
            xmax: number(xmax)?,
            in_progress: in_progress.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str) -> Snapshot {
        text.parse().unwrap()
    }

    #[test]
    fn a_snapshot_sees_what_had_ended() {
        let state = snapshot("10:15:11,13");
        let seen: Vec<u64> = (8..18).filter(|xid| state.sees(*xid)).collect();
        assert_eq!(seen, [8, 9, 10, 12, 14]);
        assert_eq!(state.to_string(), "10:15:11,13");
        assert_eq!(snapshot("7:7:").to_string(), "7:7:");
    }

    #[test]
    fn a_later_state_includes_an_earlier_one_and_not_the_reverse() {
        let chain = ["10:10:", "10:12:10", "10:12:11", "12:12:", "13:15:13", "15:15:"];
        for (place, one) in chain.iter().enumerate() {
            for (other_place, other) in chain.iter().enumerate() {
                // Each of 10 and 11 is in one of these, and not in the other.
                let apart = matches!((place, other_place), (1, 2) | (2, 1));
                let includes = snapshot(one).includes(&Revision::Snapshot(snapshot(other)));

                assert_eq!(includes, place >= other_place && !apart, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_state_that_was_only_taken_while_others_ran_includes_no_less() {
        // What had only begun in the other is not in it either.
        let includes = |one, other| snapshot(one).includes(&Revision::Snapshot(snapshot(other)));
        assert!(includes("10:10:", "10:12:10,11"));
        assert!(!includes("10:10:", "10:12:11"));
        assert!(snapshot("10:12:10").includes(&Revision::Write(11)));
        assert!(!snapshot("10:12:10").includes(&Revision::Write(10)));
        assert!(!snapshot("10:12:10").includes(&Revision::Write(12)));
    }

    #[test]
    fn revisions_are_read_as_they_were_written() {
        for text in ["w17", "s10:15:11,13", "s7:7:"] {
            assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
        }
        for text in ["", "x1", "w", "w-1", "s", "s1", "s1:2", "s1:2:x", "é"] {
            assert!(text.parse::<Revision>().is_err(), "{text:?}");
        }
    }
}
