// Runs a WASI program in the V8 of Node: node node.mjs <module> <directory> [memory] [argument]...
// Its clock is the CPU time of the process; with `memory`, its size at the beginning and at the end is printed last.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, directory, ...given] = process.argv.slice(2);
const memory = given[0] === 'memory';
const args = memory ? given.slice(1) : given;
const wasi = new WASI({ version: 'preview1', args: ['subject', ...args], preopens: { [directory]: directory }, returnOnExit: true });
const imports = wasi.getImportObject();
let instance;
imports.wasi_snapshot_preview1.clock_time_get = (_id, _precision, at) => {
  const { user, system } = process.cpuUsage();
  new DataView(instance.exports.memory.buffer).setBigUint64(at, BigInt(user + system) * 1000n, true);
  return 0;
};
instance = await WebAssembly.instantiate(await WebAssembly.compile(readFileSync(path)), imports);
const before = instance.exports.memory.buffer.byteLength;
const code = wasi.start(instance);
if (memory) console.log(`${before} bytes, then ${instance.exports.memory.buffer.byteLength}`);
process.exitCode = code;
