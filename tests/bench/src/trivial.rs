//! Filter that does nothing, which shows the cost of any wasm filter in the chain.
//!
//! It has every callback of an HTTP filter, so that Envoy calls into the virtual machine as often as for any other filter, and
//! each returns the constant for "continue" at once. It makes no host call and holds nothing. The module is assembled from its
//! bytes: that is shorter than building it, and shows that it contains nothing else, not even an SDK.

/// Exports, by the names of proxy-wasm 0.2.1, with their number of parameters (all `i32`) and the constant that they return.
const FUNCTIONS: &[(&str, u8, Option<u8>)] = &[
    ("proxy_abi_version_0_2_1", 0, None),
    // Never called, but a host rejects a module without an allocator.
    ("proxy_on_memory_allocate", 1, Some(8)),
    ("proxy_on_vm_start", 2, TRUE),
    ("proxy_on_configure", 2, TRUE),
    ("proxy_on_context_create", 2, None),
    ("proxy_on_request_headers", 3, CONTINUE),
    ("proxy_on_request_body", 3, CONTINUE),
    ("proxy_on_request_trailers", 2, CONTINUE),
    ("proxy_on_response_headers", 3, CONTINUE),
    ("proxy_on_response_body", 3, CONTINUE),
    ("proxy_on_response_trailers", 2, CONTINUE),
    ("proxy_on_done", 1, TRUE),
    ("proxy_on_log", 1, None),
    ("proxy_on_delete", 1, None),
];

const TRUE: Option<u8> = Some(1);
const CONTINUE: Option<u8> = Some(0);

const I32: u8 = 0x7f;
const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;

/// Returns the module in the format of <https://webassembly.github.io/spec/core/binary/>.
pub(crate) fn module() -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    // A type for each function, the functions, one memory of one page, the exports, the code.
    let types = FUNCTIONS.iter().map(|(_, parameters, returned)| {
        let mut entry = vec![0x60, *parameters];
        entry.extend((0..*parameters).map(|_| I32));
        entry.extend(if returned.is_some() { &[1, I32][..] } else { &[0] });
        entry
    });
    section(&mut bytes, 1, &types.collect::<Vec<_>>());
    section(&mut bytes, 3, &(0..FUNCTIONS.len()).map(unsigned).collect::<Vec<_>>());
    section(&mut bytes, 5, &[vec![0, 1]]);
    let exports = FUNCTIONS.iter().enumerate().map(|(index, (name, ..))| export(name, 0, index));
    section(&mut bytes, 7, &exports.chain([export("memory", 2, 0)]).collect::<Vec<_>>());
    let bodies = FUNCTIONS.iter().map(|(_, _, returned)| {
        let code = match returned {
            // No locals; a constant below 64 is one byte.
            Some(constant) => vec![0, I32_CONST, *constant, END],
            None => vec![0, END],
        };
        [unsigned(code.len()), code].concat()
    });
    section(&mut bytes, 10, &bodies.collect::<Vec<_>>());
    bytes
}

fn export(name: &str, kind: u8, index: usize) -> Vec<u8> {
    [unsigned(name.len()), name.as_bytes().to_vec(), vec![kind], unsigned(index)].concat()
}

fn section(module: &mut Vec<u8>, id: u8, entries: &[Vec<u8>]) {
    let mut content = unsigned(entries.len());
    content.extend(entries.concat());
    module.push(id);
    module.extend(unsigned(content.len()));
    module.extend(content);
}

/// Encodes a number in LEB128.
fn unsigned(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_numbers_in_leb128() {
        for (value, bytes) in
            [(0, &[0][..]), (127, &[0x7f]), (128, &[0x80, 1]), (300, &[0xac, 2]), (1 << 14, &[0x80, 0x80, 1])]
        {
            assert_eq!(unsigned(value), bytes);
        }
    }

    #[test]
    fn the_module_is_small() {
        let module = module();
        assert!(module.len() < 1024, "{}", module.len());
        assert!(module.starts_with(b"\0asm"));
    }
}
