//! Perfect hashing: every key of a fixed set has a slot of its own, found with one small number per bucket.
//!
//! Buckets are placed largest first; one that fits nowhere takes the displacement that drives out the fewest keys, and
//! the buckets it drove out are placed again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::hash::Hash;
use super::layout_error::LayoutError;

/// A placement of keys.
pub(crate) struct Placement {
    /// Of every bucket its displacement, and eight bits of which those are set that stand for one of its keys.
    pub(crate) buckets: Vec<[u8; 2]>,
    /// How far the low half of a hash is shifted to give its bucket.
    pub(crate) shift: u32,
    /// The key in every slot, as an index into the hashes given.
    pub(crate) slots: Vec<Option<u32>>,
}

/// Places keys by their hashes in at least `least` slots.
pub(crate) fn place(hashes: &[Hash], least: usize) -> Result<Placement, LayoutError> {
    // At least eight, so that the filter's bits are there to choose from.
    let buckets = (hashes.len() / 3).next_power_of_two().max(8);
    let shift = 32 - buckets.trailing_zeros();
    let count = (hashes.len() * 100 / 99 + 1).max(least);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); buckets];
    for (index, hash) in hashes.iter().enumerate() {
        members[hash.bucket(shift)].push(index as u32);
    }
    let mut pilots = vec![0_u8; buckets];
    let mut slots: Vec<Option<u32>> = vec![None; count];
    let mut queue: BinaryHeap<(usize, Reverse<usize>)> =
        members.iter().enumerate().map(|(bucket, keys)| (keys.len(), Reverse(bucket))).collect();
    let mut tries = 0_u64;
    while let Some((size, Reverse(bucket))) = queue.pop() {
        if size == 0 {
            continue;
        }
        let places = |pilot: u8| -> Vec<usize> {
            members[bucket].iter().map(|&key| hashes[key as usize].place(pilot, count as u32).0).collect()
        };
        // What the cheapest displacement drives out, by the size of the buckets, and that displacement.
        let mut cheapest: Option<(usize, u8)> = None;
        tries += 1;
        let first = (tries % 251) as u8;
        for step in 0..=255_u8 {
            let pilot = first.wrapping_add(step);
            let places = places(pilot);
            if (1..places.len()).any(|i| places[..i].contains(&places[i])) {
                continue;
            }
            let cost = places
                .iter()
                .filter_map(|&slot| slots[slot])
                .map(|key| members[hashes[key as usize].bucket(shift)].len().pow(2))
                .sum();
            if cheapest.is_none_or(|(least, _)| cost < least) {
                cheapest = Some((cost, pilot));
            }
            if cost == 0 {
                break;
            }
        }
        let Some((_, pilot)) = cheapest else { return Err(LayoutError("two tokens have the same hash")) };
        for slot in places(pilot) {
            if let Some(key) = slots[slot] {
                let evicted = hashes[key as usize].bucket(shift);
                for &key in &members[evicted] {
                    slots[hashes[key as usize].place(pilots[evicted], count as u32).0] = None;
                }
                queue.push((members[evicted].len(), Reverse(evicted)));
            }
        }
        pilots[bucket] = pilot;
        for (&key, slot) in members[bucket].iter().zip(places(pilot)) {
            slots[slot] = Some(key);
        }
        if tries > 100 * buckets as u64 {
            return Err(LayoutError("the tokens do not fit into a perfect hash table"));
        }
    }
    let filter = |keys: &Vec<u32>| keys.iter().fold(0, |bits, &key| bits | 1 << hashes[key as usize].filter(shift));
    let buckets = pilots.iter().zip(&members).map(|(&pilot, keys)| [pilot, filter(keys)]).collect();
    Ok(Placement { buckets, shift, slots })
}
