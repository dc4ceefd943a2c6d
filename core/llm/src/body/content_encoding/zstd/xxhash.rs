//! XXH64 with seed 0, the checksum of a frame.

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

/// Hash that is updated piece by piece.
pub(super) struct XxHash64 {
    lanes: [u64; 4],
    /// Bytes that do not fill the lanes yet.
    held: [u8; 32],
    held_len: usize,
    length: u64,
}

impl Default for XxHash64 {
    fn default() -> XxHash64 {
        let [first, second, ..] = PRIMES;
        let lanes = [first.wrapping_add(second), second, 0, 0u64.wrapping_sub(first)];
        XxHash64 { lanes, held: [0; 32], held_len: 0, length: 0 }
    }
}

impl XxHash64 {
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if self.held_len > 0 {
            let place = self.held.get_mut(self.held_len..).unwrap_or_default();
            let size = place.len().min(bytes.len());
            let (now, later) = bytes.split_at_checked(size).unwrap_or_default();
            if let Some(place) = place.get_mut(..size) {
                place.copy_from_slice(now);
            }
            (self.held_len, bytes) = (self.held_len + size, later);
            if self.held_len < self.held.len() {
                return;
            }
            let held = self.held;
            self.stripe(&held);
            self.held_len = 0;
        }
        let (stripes, rest) = bytes.as_chunks::<32>();
        for stripe in stripes {
            self.stripe(stripe);
        }
        if let Some(place) = self.held.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        self.held_len = rest.len();
    }

    fn stripe(&mut self, stripe: &[u8; 32]) {
        for (lane, word) in self.lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }

    pub(super) fn finish(&self) -> u64 {
        let [first, second, third, fourth, fifth] = PRIMES;
        let mut hash = fifth;
        if self.length >= 32 {
            let rotations = [1, 7, 12, 18];
            hash = self.lanes.iter().zip(rotations).fold(0, |hash, (lane, by)| hash.wrapping_add(lane.rotate_left(by)));
            for lane in self.lanes {
                hash = (hash ^ round(0, lane)).wrapping_mul(first).wrapping_add(fourth);
            }
        }
        hash = hash.wrapping_add(self.length);
        let (words, rest) = self.held.get(..self.held_len).unwrap_or_default().as_chunks::<8>();
        for word in words {
            let mixed = hash ^ round(0, u64::from_le_bytes(*word));
            hash = mixed.rotate_left(27).wrapping_mul(first).wrapping_add(fourth);
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            let mixed = hash ^ u64::from(u32::from_le_bytes(*half)).wrapping_mul(first);
            hash = mixed.rotate_left(23).wrapping_mul(second).wrapping_add(third);
        }
        for byte in rest {
            hash = (hash ^ u64::from(*byte).wrapping_mul(fifth)).rotate_left(11).wrapping_mul(first);
        }
        hash = (hash ^ hash >> 33).wrapping_mul(second);
        hash = (hash ^ hash >> 29).wrapping_mul(third);
        hash ^ hash >> 32
    }
}

fn round(lane: u64, word: u64) -> u64 {
    let [first, second, ..] = PRIMES;
    lane.wrapping_add(word.wrapping_mul(second)).rotate_left(31).wrapping_mul(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reference implementation.
    #[test]
    fn hashes_of_known_texts_in_any_chunking() {
        for (text, want) in [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ] {
            for size in 1..=text.len().max(1) {
                let mut hash = XxHash64::default();
                text.as_bytes().chunks(size).for_each(|piece| hash.write(piece));
                assert_eq!(hash.finish(), want, "{text} {size}");
            }
        }
    }
}
