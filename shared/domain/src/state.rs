//! States that something moves through, by name; knows none of them.

/// A state, and what may follow it.
pub trait State: Copy + PartialEq + Sized + 'static {
    /// Every state.
    const ALL: &'static [Self];

    /// As it is kept and spelt.
    fn as_str(self) -> &'static str;

    /// What may follow.
    fn next(self) -> &'static [Self];

    /// The state of a text.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == text)
    }

    /// Every name.
    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|state| state.as_str()).collect()
    }
}
