//! Inputs made of a corpus by chance, in an order that follows from a seed alone; does not see what code an input reaches.

use std::ops::Range;

/// The longest input.
const MOST: usize = 1_024;
/// Bytes at which lengths, signs and texts have their ends.
const ENDS: [u8; 12] = [
    0, 1, b'\n', b'"', b'%', b'*', b',', b'/', 0x7f, 0x80, 0xfe, 0xff,
];
/// Numbers at the ends of what a machine counts.
const NUMBERS: [&str; 6] = [
    "0",
    "1",
    "-1",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
];

/// What the next input is.
pub struct Mutations(u64);

impl Mutations {
    /// Another order for each target, of one seed.
    pub fn new(seed: u64, target: &str) -> Self {
        let mix = |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(target.bytes().fold(seed, mix))
    }

    /// The next number: a counter in steps of the golden ratio, stirred.
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let high = (self.0 ^ self.0 >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let low = (high ^ high >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        low ^ low >> 32
    }

    /// Less than the bound, and 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    fn byte(&mut self) -> u8 {
        self.number() as u8
    }

    /// A piece of something so long, short pieces more often.
    fn piece(&mut self, length: usize) -> Range<usize> {
        let from = self.below(length);
        let most = length - from;
        let most = if self.below(3) == 0 {
            most
        } else {
            most.min(8)
        };
        from..from + self.below(most + 1)
    }

    /// An input: one of the corpus with some changes, or now and then nothing but chance.
    pub fn of(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        if self.below(8) == 0 {
            let length = self.below(256);
            return (0..length).map(|_| self.byte()).collect();
        }
        let mut input = self.one(corpus).clone();
        for _ in 0..=self.below(5) {
            self.change(&mut input, corpus);
        }
        input.truncate(MOST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len());
        let here = self.piece(input.len());
        let other = self.one(corpus);
        let there = &other[self.piece(other.len())];
        match self.below(11) {
            0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[at] = self.byte(),
            2 if !input.is_empty() => input[at] = *self.one(&ENDS),
            3 if !input.is_empty() => {
                let step = self.below(9) as u8;
                input[at] = input[at].wrapping_add(step).wrapping_sub(4);
            }
            4 => drop(input.drain(here)),
            5 => {
                let twice = input[here].to_vec();
                input.splice(at..at, twice);
            }
            6 => {
                let end = (at + there.len()).min(input.len());
                input.splice(at..end, there.iter().copied());
            }
            7 => drop(input.splice(at..at, there.iter().copied())),
            8 => {
                input.truncate(at);
                let rest = self.below(other.len());
                input.extend(&other[rest..]);
            }
            9 => {
                let digit = |byte: &u8| byte.is_ascii_digit();
                let Some(from) = input[at..].iter().position(digit) else {
                    return;
                };
                let from = at + from;
                let digits = input[from..].iter().take_while(|byte| digit(byte)).count();
                input.splice(from..from + digits, self.one(&NUMBERS).bytes());
            }
            _ => {
                let byte = self.byte();
                input.insert(at, byte);
            }
        }
    }
}

#[test]
fn a_seed_says_all_inputs_and_another_seed_says_others() {
    let corpus = [b"max-age=7, private".to_vec(), Vec::new(), vec![b'x'; MOST]];
    let made = |seed, target: &str| {
        let mut mutations = Mutations::new(seed, target);
        let made = std::iter::repeat_with(|| mutations.of(&corpus));
        made.take(10_000).collect::<Vec<_>>()
    };
    let inputs = made(1, "one");
    assert_eq!(made(1, "one"), inputs);
    assert_ne!(made(2, "one"), inputs);
    assert_ne!(made(1, "other"), inputs);
    assert!(inputs.iter().all(|input| input.len() <= MOST));
    // It says many things, some of which are near to what it was given.
    let different: std::collections::BTreeSet<_> = inputs.iter().collect();
    assert!(different.len() > 7_000, "{}", different.len());
    assert!(inputs.contains(&b"max-age=4294967296, private".to_vec()));
    let near = inputs.iter().filter(|input| input.starts_with(b"max-age="));
    assert!(near.count() > 500);
}
