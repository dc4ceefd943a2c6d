//! Workers that share a budget, each on a thread of its own, as Envoy's do. The tests of `core/quota` enumerate the
//! interleavings; here the scheduler picks one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;

use tollgate_prices::NanoUsd;
use tollgate_quota::{CallUsage, Cas, Quota, RawQuota, Store, UnixMillis};

/// Model of Envoy's shared data: values with versions from one counter; a missing key accepts any version.
#[derive(Default)]
struct SharedData(Mutex<Table>);

#[derive(Default)]
struct Table {
    values: HashMap<Vec<u8>, (Vec<u8>, Cas)>,
    writes: u32,
}

impl Store for SharedData {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Infallible> {
        Ok(self.0.lock().unwrap().values.get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Infallible> {
        let Table { values, writes } = &mut *self.0.lock().unwrap();
        if values.get(key).is_some_and(|(_, version)| cas != Cas::ANY && cas != *version) {
            return Ok(false);
        }
        *writes += 1;
        values.insert(key.to_vec(), (value.to_vec(), Cas::version(*writes)));
        Ok(true)
    }
}

#[test]
fn eight_threads_admit_exactly_the_limit() {
    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
    const ONE: CallUsage = CallUsage { tokens: 10, requests: 1, nano_usd: NanoUsd(1) };
    let json = r#"{"budgets": [{"name": "a", "unit": "tokens", "limit": 109, "window": "1h"}]}"#;
    let quota = Quota::new(serde_json::from_str::<RawQuota>(json).unwrap()).unwrap();
    for _ in 0..20 {
        let store = SharedData::default();
        let admitted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..8).filter(|_| quota.reserve(&store, b"one", NOW, &ONE).is_ok()).count()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(admitted, 10);
    }
}
