// Runs a WASI program in the V8 of Node: node node.mjs <module> <file with its standard input> [argument]...
// Its clock is that of the wall: the CPU time of the process is also that of the threads in which V8 compiles. `starts` instead
// of arguments starts it twice, and prints the milliseconds that making an instance and a first count take: the first time, when
// V8 has not compiled anything yet, and the second.
import { openSync, readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, text, ...args] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(path));

function world(args, stdout) {
  const wasi = new WASI({ version: 'preview1', args: ['subject', ...args], stdin: openSync(text), stdout, returnOnExit: true });
  return [wasi, wasi.getImportObject()];
}

if (args[0] === 'starts') {
  const stdout = openSync('/dev/null', 'w');
  const times = [];
  for (let number = 0; number < 2; number += 1) {
    const [wasi, imports] = world(['start'], stdout);
    const begin = performance.now();
    const instance = new WebAssembly.Instance(module, imports);
    const made = performance.now();
    wasi.start(instance);
    times.push([made - begin, performance.now() - made]);
  }
  console.log(times.flat().map((time) => time.toFixed(4)).join(' '));
} else {
  const [wasi, imports] = world(args, 1);
  process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
}
