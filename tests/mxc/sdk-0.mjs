// SPDX-License-Identifier: LGPL-2.1-or-later
// Microsoft's SDK 0.8, unmodified, which runs lxc-exec: sdk-0.mjs PACKAGES NAME…
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const sdk = await import(pathToFileURL(path.join(process.argv[2], 'node_modules/@microsoft/mxc-sdk/dist/index.js')).href);
const here = process.cwd();
const inside = { filesystem: { readwritePaths: [here] } };
const isolation = { network: { defaultPolicy: 'allow', allowLocalNetwork: true } };
const experimental = { experimental: true };
const config = (commandLine, more = {}) => ({ version: '0.8.0', process: { commandLine }, ...more });
const ended = child => new Promise(resolve => child.on('exit', (code, signal) => resolve([code, signal])));
const collect = async stream => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

// Of a pty, what it showed and its exit code.
const shown = async child => {
  let seen = '';
  child.onData(data => { seen += data; });
  const code = await new Promise(resolve => child.onExit(event => resolve(event.exitCode)));
  return [seen, code];
};
const refused = (code, pattern, promise) => assert.rejects(promise, error => {
  assert.ok(error instanceof sdk.MxcError, `${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  return true;
});
// The command of a sandbox whose sleep it is does not run.
const nothing_sleeps = async id => assert.equal(
  (await sdk.execInSandboxAsync(id, { process: { commandLine: 'for i in $(seq 100); do pgrep -fx "sleep 653" >/dev/null || exit 0; sleep 0.1; done; exit 1' } })).exitCode, 0);

const tests = {
  // Each function that it exports is called by some test here.
  async everything_is_called() {
    const text = fs.readFileSync(process.argv[1], 'utf8');
    const names = Object.keys(sdk).filter(name => typeof sdk[name] === 'function');
    assert.ok(names.length >= 15, `${names}`);
    assert.deepEqual(names.filter(name => !text.includes(`sdk.${name}(`) && name !== 'MxcError'), []);
    const made = sdk.mxcErrorFromCode('stale_id', 'gone');
    assert.ok(made instanceof sdk.MxcError && made.code === 'stale_id');
  },
  async support() {
    const support = sdk.getPlatformSupport();
    assert.equal(support.isSupported, true, support.reason);
    assert.ok(support.availableMethods.includes('bubblewrap'), `${support.availableMethods}`);
  },
  // What of a policy it sends, and with what configuration that comes here.
  async every_part_of_a_policy() {
    fs.mkdirSync('rw'), fs.mkdirSync('ro/secret', { recursive: true });
    fs.writeFileSync('ro/file', 'read me\n'), fs.writeFileSync('ro/secret/key', 'secret\n');
    const policy = {
      version: '0.8.0',
      filesystem: { readwritePaths: [path.join(here, 'rw')], readonlyPaths: [path.join(here, 'ro')], deniedPaths: [path.join(here, 'ro/secret')], clearPolicyOnExit: false },
      network: { egress: { default: 'allow', deny: [{ to: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }], ports: [{ protocol: 'tcp', port: 1, endPort: 9 }] }] },
        ingress: { default: 'deny', hostLoopback: 'deny' } },
      ui: { allowWindows: false, clipboard: 'read', allowInputInjection: true },
      timeoutMs: 60000,
    };
    const script = 'cat ../ro/file; cat ../ro/secret/key 2>/dev/null; echo no 2>/dev/null >../ro/file; echo mine >made; echo "$A"; pwd; exit 3';
    const [seen, code] = await shown(sdk.spawnSandbox(script, policy, {}, path.join(here, 'rw'), 'a name', { A: 'one' }));
    assert.deepEqual([seen.split('\r\n').filter(Boolean), code], [['read me', 'one', path.join(here, 'rw')], 3]);
    assert.equal(fs.readFileSync('rw/made', 'utf8'), 'mine\n');
    const payload = sdk.buildSandboxPayload('cat ro/file', policy, here, 'a name', 'bubblewrap');
    assert.equal(payload.containment, 'bubblewrap');
    const made = sdk.createConfigFromPolicy(policy, 'process', 'a name');
    made.process.commandLine = 'cat file';
    made.process.cwd = path.join(here, 'ro');
    for (const one of [payload, made]) {
      const child = sdk.spawnSandboxFromConfig(one, { usePty: false });
      const out = collect(child.stdout), end = ended(child);
      assert.deepEqual([await end, await out], [[0, null], 'read me\n']);
    }
    // of 0.6 and 0.7, whose network was another; lxc is not here
    const legacy = { version: '0.7.0', network: { allowOutbound: true, allowLocalNetwork: false }, ui: { allowWindows: true, clipboard: 'all' } };
    assert.equal((await sdk.spawnSandboxAsync('exit 4', legacy)).exitCode, 4);
    assert.equal((await sdk.spawnSandboxAsync('exit 5', { version: '0.6.0', network: { allowOutbound: true, blockedHosts: ['192.0.2.1'] } })).exitCode, 5);
  },
  // A list and a proxy are those that a warning, a refusal and a variable name.
  async every_part_of_a_network() {
    const run = (policy, options) => sdk.spawnSandboxAsync('echo "<$HTTP_PROXY>"; exit 6', policy, options);
    const told = async (policy, pattern, options) => {
      const result = await run(policy, options);
      assert.equal(result.exitCode, 6, result.stdout);
      assert.match(result.stdout, pattern);
    };
    for (const version of ['0.6.0', '0.7.0', '0.8.0'])
      await told({ version, network: { allowedHosts: ['169.254.169.254'] } }, /not all that \{"to":\[\{"cidr":"169\.254\.169\.254\/32"\}\]\} names/);
    await told({ version: '0.8.0', network: { allowOutbound: true, proxy: { url: 'http://proxy.example:3128' } } }, /<http:\/\/proxy\.example:3128>/);
    await told({ version: '0.7.0', network: { allowOutbound: true, proxy: { builtinTestServer: true }, allowedHosts: ['a.example'] } }, /<>/, { allowTestingFeatures: true });
    const no_proxy = /the proxy localhost:9, which is all that can be reached, cannot be connected to: .*network\/ingress\/hostLoopback/;
    await refused('policy_validation', no_proxy, run({ version: '0.8.0', network: { allowOutbound: true, proxy: { localhost: 9 } } }));
    await refused('policy_validation', no_proxy, run({ version: '0.8.0', runtimeConfig: { networkProxy: 'http://localhost:9' } }));
    // of another backend
    const result = await run({ version: '0.8.0', processContainer: { network: { allowedProxyPeer: 'peer' } } });
    assert.equal(result.exitCode, 1);
    assert.match(result.stdout, /Multiple containment backends configured: .*processContainer/);
  },
  async every_option() {
    const lxc = path.join(process.env.MXC_BIN_DIR, { arm64: 'arm64', x64: 'x64' }[process.arch], 'lxc-exec');
    const options = { debug: true, experimental: true, allowTestingFeatures: true, skipPlatformCheck: true, executablePath: lxc, logDir: path.join(here, 'log'),
      ptyOptions: { name: 'vt100', cols: 101, rows: 33, cwd: here } };
    fs.mkdirSync('log');
    const [seen, code] = await shown(sdk.spawnSandbox('stty size; exit 7', { version: '0.8.0', ...inside }, options));
    assert.equal(code, 7);
    assert.match(seen, /33 101/);
    assert.match(seen, /Exit code: 7 \(0x00000007\)/); // of debug
    const logs = fs.readdirSync('log').map(name => fs.readFileSync(path.join('log', name), 'utf8')).join('');
    assert.match(logs, /mxc\.spawn\.start/); // the SDK's own
    assert.match(logs, /Exit code: 7/); // ours, in the same file
    const dry = await sdk.spawnSandboxAsync('exit 7', { version: '0.8.0' }, { dryRun: true });
    assert.equal(dry.exitCode, 0);
    assert.match(dry.stdout, /Dry run completed\. Result: validation passed/);
  },
  async an_error_is_an_error() {
    await refused('backend_error', /ingress.default='allow' is not supported/,
      sdk.spawnSandboxAsync('true', { version: '0.8.0', network: { ingress: { default: 'allow' } } }));
    await refused('backend_error', /read\+write access/, sdk.spawnSandboxAsync('true', { version: '0.8.0', filesystem: { readwritePaths: ['/etc/passwd'] } }));
  },
  // What it finds out about this machine is a policy that is taken. The host's /tmp is in it, and not in the sandbox.
  async what_it_finds() {
    const found = [sdk.getAvailableToolsPolicy(process.env), sdk.getUserProfilePolicy(), sdk.getTemporaryFilesPolicy(process.env)];
    const filesystem = { readwritePaths: found.flatMap(one => one.readwritePaths), readonlyPaths: found.flatMap(one => one.readonlyPaths) };
    const name = `/tmp/mxc-sdk-${process.pid}`;
    fs.writeFileSync(name, 'of the host\n');
    try {
      const result = await sdk.spawnSandboxAsync(`cat ${name}; echo x >/tmp/mine && echo made`, { version: '0.8.0', filesystem });
      assert.match(result.stdout, /made/);
      assert.doesNotMatch(result.stdout, /of the host/);
    } finally {
      fs.unlinkSync(name);
    }
  },
  async lifecycle() {
    const made = await sdk.provisionSandbox('isolation_session', { ...isolation, appId: 'app' }, experimental);
    const id = made.sandboxId;
    assert.match(id, /^iso:[0-9a-f]{32}$/);
    assert.ok(fs.statSync(made.metadata.ephemeralWorkspacePath).isDirectory());
    await refused('not_started', /not started/, sdk.execInSandboxAsync(id, { process: { commandLine: 'true' } }));
    const started = await sdk.startSandbox(id, {}, { ...experimental, correlationVector: 'AAAAAAAAAAAAAAAAAAAAAA.1' });
    assert.equal(started.correlationVector, 'AAAAAAAAAAAAAAAAAAAAAA.1');
    await refused('already_started', /already/, sdk.startSandbox(id));
    const result = await sdk.execInSandboxAsync(id, { process: { commandLine: 'pwd; echo "$A" >&2; cat; exit 3', env: ['A=b', 'PATH=/usr/bin:/bin'], timeout: 60000 } });
    assert.deepEqual(result, { stdout: `${made.metadata.ephemeralWorkspacePath}\n`, stderr: 'b\n', exitCode: 3 });
    const timed = await sdk.execInSandboxAsync(id, { process: { commandLine: 'sleep 653', timeout: 500 } }).catch(error => error);
    assert.ok(timed.exitCode === 255 || /timed out/.test(timed.message), `${timed.exitCode} ${timed.message}`);
    await nothing_sleeps(id);
    assert.deepEqual((await shown(sdk.execInSandbox(id, { process: { commandLine: 'stty size; exit 6' } }, { ptyOptions: { cols: 77, rows: 22 } }))), ['22 77\r\n', 6]);
    await sdk.stopSandbox(id);
    await refused('already_stopped', /does not run/, sdk.stopSandbox(id));
    await sdk.deprovisionSandbox(id);
    await refused('stale_id', /no sandbox/, sdk.deprovisionSandbox(id));
    assert.throws(() => sdk.execInSandbox('docker:x', { process: { commandLine: 'true' } }), error => error.code === 'malformed_id');
  },
  async lifecycle_of_others() {
    fs.mkdirSync('shared');
    const made = await sdk.provisionSandbox('wslc', { filesystem: { readwritePaths: [path.join(here, 'shared')] }, network: { defaultPolicy: 'block' } }, experimental);
    assert.match(made.sandboxId, /^wslc:[0-9a-f]{32}$/);
    await sdk.startSandbox(made.sandboxId);
    assert.equal((await sdk.execInSandboxAsync(made.sandboxId, { process: { commandLine: 'echo mine >made', cwd: path.join(here, 'shared') } })).exitCode, 0);
    assert.equal(fs.readFileSync('shared/made', 'utf8'), 'mine\n');
    const proxied = { process: { commandLine: 'echo "$HTTP_PROXY"' }, network: { proxy: { url: 'http://proxy.example:3128' } } };
    assert.equal((await sdk.execInSandboxAsync(made.sandboxId, proxied)).stdout, 'http://proxy.example:3128\n');
    await sdk.deprovisionSandbox(made.sandboxId);
    await refused('backend_unavailable', /images/, sdk.provisionSandbox('wslc', { image: 'alpine' }, experimental));
    await refused('backend_unavailable', /windows_sandbox/, sdk.provisionSandbox('windows_sandbox', {}, experimental));
  },
  // An AbortSignal ends the command, and not the sandbox that it is in.
  async abort() {
    const { sandboxId: id } = await sdk.provisionSandbox('isolation_session', isolation, experimental);
    await sdk.startSandbox(id);
    const before = new AbortController(), while_it_runs = new AbortController(), of_pty = new AbortController();
    before.abort();
    const aborted = promise => assert.rejects(promise, error => error.name === 'AbortError');
    await aborted(sdk.execInSandboxAsync(id, { process: { commandLine: 'touch never' } }, { signal: before.signal }));
    await aborted(sdk.stopSandbox(id, {}, { signal: before.signal }));
    const running = sdk.execInSandboxAsync(id, { process: { commandLine: 'touch up; trap "" TERM; sleep 653 & sleep 653' } }, { signal: while_it_runs.signal });
    const there = 'for i in $(seq 100); do [ ! -e up ] || exit 0; sleep 0.1; done; exit 1';
    assert.equal((await sdk.execInSandboxAsync(id, { process: { commandLine: there } })).exitCode, 0);
    while_it_runs.abort();
    await aborted(running);
    await nothing_sleeps(id);
    // SDK 0.8 sends one SIGTERM and goes: the shell dies of it, and what it began goes with it
    const of_many = new AbortController();
    const many = sdk.execInSandboxAsync(id, { process: { commandLine: 'rm up; true; (touch up; sleep 653); true' } }, { signal: of_many.signal });
    assert.equal((await sdk.execInSandboxAsync(id, { process: { commandLine: there } })).exitCode, 0);
    of_many.abort();
    await aborted(many);
    await nothing_sleeps(id);
    const pty = sdk.execInSandbox(id, { process: { commandLine: 'echo on; sleep 653' } }, { signal: of_pty.signal });
    const end = shown(pty);
    pty.onData(() => of_pty.abort());
    assert.notEqual((await end)[1], 0);
    await nothing_sleeps(id);
    assert.equal((await sdk.execInSandboxAsync(id, { process: { commandLine: '[ ! -e never ]' } })).exitCode, 0);
    await sdk.deprovisionSandbox(id);
  },
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
