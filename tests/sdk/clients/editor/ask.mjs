// Opens files in a YAML language server, as an editor does. Reads questions from standard input, one JSON object per line:
// {"uri", "text", "line", "character"}, and prints one JSON object per line: the messages of the diagnostics, and the labels of the
// completions at the position.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(import.meta.resolve("yaml-language-server/bin/yaml-language-server"));
const server = spawn(process.execPath, [main, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });

let next = 0;
const waiting = new Map();
const diagnostics = new Map();

function send(message) {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function request(method, params) {
  const id = ++next;
  send({ id, method, params });
  return new Promise((resolve) => waiting.set(id, resolve));
}

function receive(message) {
  if (message.method === "textDocument/publishDiagnostics") {
    diagnostics.get(message.params.uri)?.(message.params.diagnostics);
  } else if (message.method !== undefined && message.id !== undefined) {
    // The server asks for its settings: only the schema that the file names.
    const result = message.method === "workspace/configuration" ? message.params.items.map(() => ({})) : null;
    send({ id: message.id, result });
  } else if (waiting.has(message.id)) {
    waiting.get(message.id)(message.result);
    waiting.delete(message.id);
  }
}

let buffer = Buffer.alloc(0);
server.stdout.on("data", (data) => {
  buffer = Buffer.concat([buffer, data]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
    if (buffer.length < end + 4 + length) return;
    receive(JSON.parse(buffer.subarray(end + 4, end + 4 + length).toString()));
    buffer = buffer.subarray(end + 4 + length);
  }
});

await request("initialize", {
  processId: process.pid,
  rootUri: null,
  capabilities: { textDocument: { completion: { completionItem: { snippetSupport: false } }, publishDiagnostics: {} } },
});
send({ method: "initialized", params: {} });

for await (const line of createInterface({ input: process.stdin })) {
  const { uri, text, line: row, character } = JSON.parse(line);
  const published = new Promise((resolve) => diagnostics.set(uri, resolve));
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
  const messages = (await published).map(({ message, range }) => ({ line: range.start.line, message }));
  const position = { line: row, character };
  const list = await request("textDocument/completion", { textDocument: { uri }, position });
  const labels = (list?.items ?? list ?? []).map(({ label }) => label);
  process.stdout.write(`${JSON.stringify({ diagnostics: messages, completions: labels })}\n`);
}
server.kill();
process.exit(0);
