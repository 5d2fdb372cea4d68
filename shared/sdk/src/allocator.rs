//! The allocator of functions: small blocks from lists of their size, all others from the target's own; gives none back to it.
//!
//! A request makes a hundred small blocks and frees them. A list answers in a tenth of the instructions that a general
//! allocator needs to find room and to join what is free, which was a quarter of a cached read. What a list holds is bounded by the
//! most that was alive of its size at one time, and ends with its instance.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

/// Sizes are rounded up to multiples of this.
const STEP: usize = 16;
/// The alignment of every block: more, and the target searches for it.
const ALIGN: usize = 8;
/// The largest block that comes from a list.
const LARGEST: usize = 512;
const LISTS: usize = LARGEST / STEP + 1;

/// Free blocks by size; each begins with the address of the next.
pub struct Lists([Cell<*mut u8>; LISTS]);

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
// SAFETY: there is one thread.
unsafe impl Sync for Lists {}

impl Lists {
    /// None is free yet.
    pub const fn new() -> Self {
        Self([const { Cell::new(null_mut()) }; LISTS])
    }

    /// The list for a layout, where one is.
    fn list(layout: Layout) -> Option<usize> {
        let small = layout.size() <= LARGEST && layout.align() <= ALIGN;
        small.then(|| layout.size().div_ceil(STEP))
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self::new()
    }
}

/// What the blocks of a list are made with.
fn block(list: usize) -> Layout {
    Layout::from_size_align(list * STEP, ALIGN).expect("a small size, and a power of two")
}

// SAFETY: a block is handed out once until it is freed; it comes from `System` with the size and alignment of its list,
// which are at least those of every layout that `list` gives the list for. Layouts of size 0 are never asked for.
unsafe impl GlobalAlloc for Lists {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = Self::list(layout) else {
            // SAFETY: the caller's layout, as it is.
            return unsafe { System.alloc(layout) };
        };
        let head = &self.0[list];
        let free = head.get();
        if free.is_null() {
            // SAFETY: a list's size is not 0, since its layouts' are not.
            return unsafe { System.alloc(block(list)) };
        }
        // SAFETY: a free block holds the next one's address, and is aligned for it.
        head.set(unsafe { free.cast::<*mut u8>().read() });
        free
    }

    unsafe fn dealloc(&self, freed: *mut u8, layout: Layout) {
        let Some(list) = Self::list(layout) else {
            // SAFETY: `alloc` had it from `System` by this layout.
            return unsafe { System.dealloc(freed, layout) };
        };
        let head = &self.0[list];
        // SAFETY: nobody else has the block any more, and it has room for an address.
        unsafe { freed.cast::<*mut u8>().write(head.get()) };
        head.set(freed);
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's size does not overflow with its alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (Self::list(layout), Self::list(new)) {
            (Some(one), Some(other)) if one == other => old,
            // SAFETY: `alloc` had it from `System` by this layout.
            (None, None) => unsafe { System.realloc(old, layout, size) },
            _ => {
                // SAFETY: both blocks are as long as what is copied, and they are two.
                unsafe {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(old, layout.size().min(size));
                        self.dealloc(old, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block filled with what only it holds.
    struct Held(*mut u8, Layout, u8);

    impl Held {
        fn new(lists: &Lists, size: usize, align: usize, mark: u8) -> Self {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the size is not 0.
            let block = unsafe { lists.alloc(layout) };
            assert!(!block.is_null() && block.addr().is_multiple_of(align));
            // SAFETY: the block has this size.
            unsafe { block.write_bytes(mark, size) };
            Self(block, layout, mark)
        }

        fn check(&self) {
            // SAFETY: the block has this size and was written whole.
            let held = unsafe { std::slice::from_raw_parts(self.0, self.1.size()) };
            assert!(held.iter().all(|byte| *byte == self.2));
        }

        fn resize(&mut self, lists: &Lists, size: usize) {
            // SAFETY: the block is alive and of this layout.
            self.0 = unsafe { lists.realloc(self.0, self.1, size) };
            let kept = self.1.size().min(size);
            // SAFETY: the block has room for both.
            unsafe { self.0.add(kept).write_bytes(self.2, size - kept) };
            self.1 = Layout::from_size_align(size, self.1.align()).unwrap();
        }

        fn free(self, lists: &Lists) {
            self.check();
            // SAFETY: the block is alive and of this layout.
            unsafe { lists.dealloc(self.0, self.1) };
        }
    }

    impl Lists {
        /// Gives back what is free, so that a test leaks nothing.
        fn end(self) {
            for (list, head) in self.0.iter().enumerate() {
                let mut free = head.get();
                while !free.is_null() {
                    // SAFETY: a free block holds the next one's address, and came from `System` so.
                    unsafe {
                        let next = free.cast::<*mut u8>().read();
                        System.dealloc(free, block(list));
                        free = next;
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_never_overlap_whatever_is_freed_grown_and_shrunk_meanwhile() {
        let (lists, mut held) = (Lists::new(), Vec::new());
        let mut drawn = 1_usize;
        for step in 0..300 {
            drawn = drawn.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
            let size = 1 + drawn % 700;
            let align = 1 << (drawn / 700 % 6);
            held.push(Held::new(&lists, size, align, step as u8));
            if step % 3 == 0 {
                let at = drawn % held.len();
                held.swap_remove(at).free(&lists);
            }
            if step % 5 == 0
                && let Some(last) = held.last_mut()
            {
                last.resize(&lists, 1 + drawn / 7 % 700);
            }
        }
        held.into_iter().for_each(|one| one.free(&lists));
        lists.end();
    }

    #[test]
    fn the_last_one_freed_is_the_next_one_had() {
        let lists = Lists::new();
        let first = Held::new(&lists, 30, 8, 1);
        let address = first.0;
        first.free(&lists);
        let second = Held::new(&lists, 17, 1, 2);
        assert_eq!(second.0, address);
        second.free(&lists);
        lists.end();
    }
}
