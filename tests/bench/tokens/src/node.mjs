// Runs a WASI program in Node's V8: node node.mjs <module> <file for standard input> [argument]...
// The clock is wall-clock time, since the CPU time of the process includes V8's compiler threads. With `starts` instead of
// arguments, the script starts the module twice and prints the milliseconds for creating an instance and for a first count:
// first before V8 has compiled anything, then again.
import { openSync, readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, text, ...args] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(path));

function environment(args, stdout) {
  const wasi = new WASI({ version: 'preview1', args: ['subject', ...args], stdin: openSync(text), stdout, returnOnExit: true });
  return [wasi, wasi.getImportObject()];
}

if (args[0] === 'starts') {
  const stdout = openSync('/dev/null', 'w');
  const times = [];
  for (let number = 0; number < 2; number += 1) {
    const [wasi, imports] = environment(['start'], stdout);
    const begin = performance.now();
    const instance = new WebAssembly.Instance(module, imports);
    const made = performance.now();
    wasi.start(instance);
    times.push([made - begin, performance.now() - made]);
  }
  console.log(times.flat().map((time) => time.toFixed(4)).join(' '));
} else {
  const [wasi, imports] = environment(args, 1);
  process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
}
