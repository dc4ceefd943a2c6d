//! Perfect hashing: assigns every key of a fixed set its own slot, using one displacement byte ("pilot") per bucket.
//!
//! Buckets are placed largest first. A bucket without a free position takes the displacement that evicts the fewest
//! keys, and the evicted buckets are placed again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::hash::Hash;
use super::layout_error::LayoutError;

/// Placement of the keys in a table.
pub(crate) struct Placement {
    /// Displacement of every bucket, and an 8-bit filter with the bits of the bucket's keys set.
    pub(crate) buckets: Vec<[u8; 2]>,
    /// Shift of a hash's low half that gives its bucket.
    pub(crate) shift: u32,
    /// Key of every slot, as an index into the given hashes.
    pub(crate) slots: Vec<Option<u32>>,
}

/// Places keys by their hashes in at least `least` slots.
pub(crate) fn place(hashes: &[Hash], least: usize) -> Result<Placement, LayoutError> {
    // At least eight, since the filter uses the three hash bits below the bucket's.
    let buckets = (hashes.len() / 3).next_power_of_two().max(8);
    let mut placer = Placer::new(hashes, buckets, (hashes.len() * 100 / 99 + 1).max(least));
    let mut queue: BinaryHeap<(usize, Reverse<usize>)> =
        placer.members.iter().enumerate().map(|(bucket, keys)| (keys.len(), Reverse(bucket))).collect();
    let mut tries = 0_u64;
    while let Some((size, Reverse(bucket))) = queue.pop() {
        if size == 0 {
            continue;
        }
        tries += 1;
        let pilot = placer.cheapest_pilot(bucket, (tries % 251) as u8);
        let pilot = pilot.ok_or(LayoutError("two tokens have the same hash"))?;
        for evicted in placer.place(bucket, pilot) {
            queue.push((placer.members[evicted].len(), Reverse(evicted)));
        }
        if tries > 100 * buckets as u64 {
            return Err(LayoutError("the tokens do not fit into a perfect hash table"));
        }
    }
    Ok(placer.finish())
}

/// Placement in progress.
struct Placer<'h> {
    hashes: &'h [Hash],
    shift: u32,
    /// Keys of each bucket.
    members: Vec<Vec<u32>>,
    /// Displacement of each bucket.
    pilots: Vec<u8>,
    /// Key in each slot.
    slots: Vec<Option<u32>>,
}

impl Placer<'_> {
    fn new(hashes: &[Hash], buckets: usize, slots: usize) -> Placer<'_> {
        let shift = 32 - buckets.trailing_zeros();
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); buckets];
        for (index, hash) in hashes.iter().enumerate() {
            members[hash.bucket(shift)].push(index as u32);
        }
        Placer { hashes, shift, members, pilots: vec![0; buckets], slots: vec![None; slots] }
    }

    /// Returns the slot of a key with this displacement.
    fn slot(&self, key: u32, pilot: u8) -> usize {
        self.hashes[key as usize].place(pilot, self.slots.len() as u32).0
    }

    /// Returns the slots of a bucket's keys with this displacement.
    fn slots_of(&self, bucket: usize, pilot: u8) -> Vec<usize> {
        self.members[bucket].iter().map(|&key| self.slot(key, pilot)).collect()
    }

    /// Returns the bucket of a key.
    fn bucket(&self, key: u32) -> usize {
        self.hashes[key as usize].bucket(self.shift)
    }

    /// Returns the displacement with the lowest sum of squared sizes of the evicted buckets, trying `first` first; `None`
    /// if the bucket's own keys collide with every displacement.
    fn cheapest_pilot(&self, bucket: usize, first: u8) -> Option<u8> {
        let mut cheapest: Option<(usize, u8)> = None;
        for step in 0..=255_u8 {
            let pilot = first.wrapping_add(step);
            let slots = self.slots_of(bucket, pilot);
            if (1..slots.len()).any(|i| slots[..i].contains(&slots[i])) {
                continue;
            }
            let evicted = slots.iter().filter_map(|&slot| self.slots[slot]);
            let cost = evicted.map(|key| self.members[self.bucket(key)].len().pow(2)).sum();
            if cheapest.is_none_or(|(least, _)| cost < least) {
                cheapest = Some((cost, pilot));
            }
            if cost == 0 {
                break;
            }
        }
        cheapest.map(|(_, pilot)| pilot)
    }

    /// Places a bucket and returns the buckets that it evicts.
    fn place(&mut self, bucket: usize, pilot: u8) -> Vec<usize> {
        let mut all_evicted = Vec::new();
        let slots = self.slots_of(bucket, pilot);
        for &slot in &slots {
            let Some(key) = self.slots[slot] else { continue };
            let evicted = self.bucket(key);
            for slot in self.slots_of(evicted, self.pilots[evicted]) {
                self.slots[slot] = None;
            }
            all_evicted.push(evicted);
        }
        self.pilots[bucket] = pilot;
        for (&key, &slot) in self.members[bucket].iter().zip(&slots) {
            self.slots[slot] = Some(key);
        }
        all_evicted
    }

    /// Returns the placement, with the filters of the buckets.
    fn finish(self) -> Placement {
        let Placer { hashes, shift, members, pilots, slots } = self;
        let filter = |keys: &Vec<u32>| keys.iter().fold(0, |bits, &key| bits | 1 << hashes[key as usize].filter(shift));
        let buckets = pilots.iter().zip(&members).map(|(&pilot, keys)| [pilot, filter(keys)]).collect();
        Placement { buckets, shift, slots }
    }
}
