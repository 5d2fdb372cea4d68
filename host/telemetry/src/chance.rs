//! Numbers that follow from a seed and look like chance (SplitMix64): they name and they repeat; they guard nothing.

/// What follows from one seed: the same numbers each time, and none of them twice.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The beginning of what follows from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_seed_is_what_splitmix64_gives() {
        let mut chance = Chance::new(0);
        let numbers = [(); 3].map(|()| chance.number());
        assert_eq!(
            numbers,
            [
                0xE220_A839_7B1D_CDAF,
                0x6E78_9E6A_A1B9_65F4,
                0x06C4_5D18_8009_454F
            ]
        );
    }
}
