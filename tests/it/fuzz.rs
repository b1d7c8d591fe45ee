//! Fuzzing: what clients send, made of good values and mutated. What is accepted is canonical, what
//! was not given out is refused, and no request whatever is an error of the server.
//!
//! The seed of a failing round is printed: `PIM_FUZZ_SEED` begins with it. `PIM_FUZZ_SECONDS` goes on
//! for so long, from a seed that nobody has chosen, in place of a number of rounds.

mod credentials;
mod message;
mod requests;
mod texts;

use std::{
    env, thread,
    time::{Duration, Instant, SystemTime},
};

/// Mutations of one value, at most.
const MUTATIONS_MAX: usize = 4;

/// `SplitMix64`: small, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `sides`; 0 where there are none.
    fn roll(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap().max(1);
        usize::try_from(self.next() % sides).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// `bytes` changed in a few places, with `words` put in.
    fn mutate(&mut self, mut bytes: Vec<u8>, words: &[&str]) -> Vec<u8> {
        for _ in 0..=self.roll(MUTATIONS_MAX) {
            let (from, to) = (self.roll(bytes.len() + 1), self.roll(bytes.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            let byte = self.byte();
            match self.roll(7) {
                0 if from < bytes.len() => bytes[from] = byte,
                1 if from < bytes.len() => bytes[from] ^= 1 << self.roll(8),
                2 => bytes.insert(from, byte),
                3 => drop(bytes.drain(from..to)),
                4 => {
                    let again = bytes[from..to].to_vec();
                    bytes.splice(to..to, again);
                }
                5 => bytes.truncate(to),
                _ => {
                    let word = if words.is_empty() { "" } else { self.pick(words) };
                    bytes.splice(from..from, word.bytes());
                }
            }
        }
        bytes
    }

    /// One of `seeds`, as it is or mutated.
    fn text(&mut self, seeds: &[&str], words: &[&str]) -> String {
        let seed = self.pick(seeds).as_bytes().to_vec();
        let bytes = if self.roll(8) == 0 { seed } else { self.mutate(seed, words) };
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The rounds of a target, each with dice of its own.
struct Rounds {
    target: &'static str,
    seed: u64,
    done: u64,
    rounds: u64,
    until: Option<Instant>,
}

impl Rounds {
    fn of(target: &'static str, rounds: u64) -> Self {
        let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let seconds = number("PIM_FUZZ_SECONDS");
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let unchosen = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() << 20;
        let seed = number("PIM_FUZZ_SEED").or_else(|| until.map(|_| unchosen()));
        Self { target, seed: seed.unwrap_or_default(), done: 0, rounds, until }
    }
}

impl Iterator for Rounds {
    type Item = Dice;

    fn next(&mut self) -> Option<Dice> {
        let more = self.until.map_or(self.done < self.rounds, |until| Instant::now() < until);
        if !more {
            println!("{}: {} rounds from seed {}", self.target, self.done, self.seed);
            return None;
        }
        self.done += 1;
        Some(Dice(self.seed + self.done - 1))
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{} fails at PIM_FUZZ_SEED={}", self.target, self.seed + self.done - 1);
        }
    }
}
