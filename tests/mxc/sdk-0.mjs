// SPDX-License-Identifier: LGPL-2.1-or-later
// Microsoft's SDK 0.8, unmodified, which runs lxc-exec: sdk-0.mjs PACKAGES NAME…
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const sdk = await import(pathToFileURL(path.join(process.argv[2], 'node_modules/@microsoft/mxc-sdk/dist/index.js')).href);
const here = process.cwd();
const config = (commandLine, more = {}) => ({ version: '0.8.0', process: { commandLine }, ...more });
const ended = child => new Promise(resolve => child.on('exit', (code, signal) => resolve([code, signal])));
const collect = async stream => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const tests = {
  async pipes() {
    fs.mkdirSync('rw');
    const child = sdk.spawnSandboxFromConfig(config('cat; echo "$A" >&2; echo mine >made; exit 5',
      { filesystem: { readwritePaths: [path.join(here, 'rw')] } }), { usePty: false }, path.join(here, 'rw'), { A: 'b' });
    const out = collect(child.stdout), err = collect(child.stderr), end = ended(child);
    child.stdin.end('through');
    assert.deepEqual(await end, [5, null]);
    assert.deepEqual([await out, await err], ['through', 'b\n']);
    assert.equal(fs.readFileSync('rw/made', 'utf8'), 'mine\n');
  },
  async pty() {
    const child = sdk.spawnSandboxFromConfig(config('tty; stty size; exit 6'));
    let seen = '';
    child.onData(data => { seen += data; });
    const code = await new Promise(resolve => child.onExit(event => resolve(event.exitCode)));
    assert.equal(code, 6);
    assert.match(seen, /\/dev\/pts\/\d+\r\n80 120/);
  },
  async policy() {
    const result = await sdk.spawnSandboxAsync('echo out; exit 3', { version: '0.8.0' });
    assert.equal(result.exitCode, 3);
    assert.match(result.stdout, /out/);
  },
  async kill() {
    const child = sdk.spawnSandboxFromConfig(config('echo on; sleep 654'), { usePty: false });
    const end = ended(child);
    await new Promise(resolve => child.stdout.once('data', resolve));
    child.kill();
    const [code] = await end;
    assert.equal(code, 143);
  },
  async timeout() {
    const child = sdk.spawnSandboxFromConfig(config('sleep 654', { process: { commandLine: 'sleep 654', timeout: 500 } }), { usePty: false });
    const err = collect(child.stderr), end = ended(child);
    assert.deepEqual(await end, [255, null]);
    assert.match(await err, /timed out/);
  },
};

for (const name of process.argv.slice(3)) {
  if (!tests[name]) throw new Error(`there is no test ${name}`);
  await tests[name]();
}
process.exit(0);
