//! List of the held calls of one consumer as one stored value. Numbers are little endian:
//!
//! ```text
//! version u8 = 1, calls u8, then for each call: id text, expiry u64 (ms), reserved tokens u64, reserved nano-dollars u64, model text,
//!   input tokens u64, has a maximum u8, maximum output tokens u64, service tier u8 (0 none, else its index + 1)
//! text: length u16, bytes
//! ```

use tollgate_prices::{NanoUsd, ServiceTier};

use super::{HeldCall, MAX_HELD};
use crate::codec::{Corrupt, Reader};
use crate::time::UnixMillis;
use crate::usage::CallUsage;

const VERSION: u8 = 1;

/// Held calls of one consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List(Vec<Entry>);

/// Held call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Id of the response.
    pub(super) id: Box<str>,
    /// End of the lease.
    pub(super) expiry: UnixMillis,
    /// Reserved amounts, without the request.
    pub(super) reserved: CallUsage,
    pub(super) call: HeldCall,
}

impl List {
    /// Removes the calls whose lease has ended.
    pub(super) fn expire(&mut self, now: UnixMillis) {
        self.0.retain(|entry| entry.expiry > now);
    }

    /// Adds a call. Returns `false` if the list is full or has one of that id.
    pub(super) fn insert(&mut self, entry: &Entry) -> bool {
        let has_room = self.has_room(&entry.id);
        if has_room {
            self.0.push(entry.clone());
        }
        has_room
    }

    /// Returns `true` if a call whose response has this id can be added.
    pub(super) fn has_room(&self, id: &str) -> bool {
        self.0.len() < MAX_HELD && self.0.iter().all(|other| *other.id != *id)
    }

    /// Removes the first call for which `condition` holds.
    pub(super) fn take(&mut self, condition: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let place = self.0.iter().position(condition)?;
        Some(self.0.remove(place))
    }

    /// Encodes the list.
    pub(super) fn encode(&self) -> Vec<u8> {
        debug_assert!(self.0.len() <= MAX_HELD, "{} held calls", self.0.len());
        let mut bytes = vec![VERSION, self.0.len().min(MAX_HELD) as u8];
        for Entry { id, expiry, reserved, call } in self.0.iter().take(MAX_HELD) {
            text(id, &mut bytes);
            for number in [expiry.0, reserved.tokens, reserved.nano_usd.0] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            text(&call.model, &mut bytes);
            bytes.extend_from_slice(&call.input_tokens.to_le_bytes());
            bytes.push(call.max_output_tokens.is_some().into());
            bytes.extend_from_slice(&call.max_output_tokens.unwrap_or_default().to_le_bytes());
            bytes.push(call.service_tier.map_or(0, |tier| tier as u8 + 1));
        }
        bytes
    }

    /// Decodes a stored list. Anything that [`encode`](List::encode) does not write is an error.
    pub(super) fn decode(bytes: &[u8]) -> Result<List, Corrupt> {
        let mut reader = Reader::new(bytes);
        let (version, count) = (reader.u8()?, usize::from(reader.u8()?));
        if version != VERSION || count > MAX_HELD {
            return Err(reader.corrupt());
        }
        let entries = (0..count).map(|_| entry(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(List(entries))
    }
}

/// Appends a text. Callers have checked its length.
fn text(text: &str, bytes: &mut Vec<u8>) {
    let length = u16::try_from(text.len());
    debug_assert!(length.is_ok(), "names of held calls are short");
    let Ok(length) = length else { return bytes.extend_from_slice(&[0, 0]) };
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn entry(reader: &mut Reader<'_>) -> Result<Entry, Corrupt> {
    let id = reader.text()?.into();
    let expiry = UnixMillis(reader.u64()?);
    let reserved = CallUsage { tokens: reader.u64()?, requests: 0, nano_usd: NanoUsd(reader.u64()?) };
    let (model, input_tokens) = (reader.text()?.to_owned(), reader.u64()?);
    let (has_maximum, maximum) = (reader.u8()?, reader.u64()?);
    let max_output_tokens = match (has_maximum, maximum) {
        (0, 0) => None,
        (1, maximum) => Some(maximum),
        _ => return Err(reader.corrupt()),
    };
    let service_tier = match reader.u8()?.checked_sub(1) {
        None => None,
        Some(index) => Some(ServiceTier::from_index(index).ok_or_else(|| reader.corrupt())?),
    };
    Ok(Entry { id, expiry, reserved, call: HeldCall { model, input_tokens, max_output_tokens, service_tier } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let entry = |id: &str, max_output_tokens, service_tier| Entry {
            id: id.into(),
            expiry: UnixMillis(7),
            reserved: CallUsage { tokens: 1, requests: 0, nano_usd: NanoUsd(2) },
            call: HeldCall { model: "é".to_owned(), input_tokens: 3, max_output_tokens, service_tier },
        };
        List(vec![entry("a", None, None), entry("", Some(u64::MAX), ServiceTier::ALL.last().copied())])
    }

    #[test]
    fn a_list_is_decoded_as_it_was_encoded() {
        for list in [List::default(), list()] {
            assert_eq!(List::decode(&list.encode()), Ok(list));
        }
    }

    #[test]
    fn malformed_bytes_are_corrupt() {
        let good = list().encode();
        for length in 0..good.len() {
            assert!(List::decode(&good[..length]).is_err(), "cut at {length}");
        }
        for (place, byte) in [(0, 2), (1, 65), (1, 1), (good.len() - 1, 7), (good.len() - 10, 2)] {
            let mut bad = good.clone();
            bad[place] = byte;
            assert!(List::decode(&bad).is_err(), "{byte} at {place}");
        }
        assert!(List::decode(&[good, vec![0]].concat()).is_err());
    }
}
