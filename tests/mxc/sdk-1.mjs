// SPDX-License-Identifier: LGPL-2.1-or-later
// Microsoft's SDK 1.x, unmodified, as a program that uses it would: sdk-1.mjs PACKAGES NAME…  runs the tests of those names, in a directory
// that the caller may write to. What a test leaves is ended with this process.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.argv[2], 'node_modules/'));
const sdk = await import(pathToFileURL(require.resolve('@microsoft/mxc-sdk/v1')).href);
const here = process.cwd();
const lines = text => text.split('\n').filter(Boolean);
const collect = async stream => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
// An error of the SDK's own, with that code, and that in its message.
const refused = async (code, pattern, promise) => {
  await assert.rejects(promise, error => {
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    assert.match(error.message, pattern);
    return true;
  });
};
const isolation = {
  containment: 'isolation_session',
  network: { egress: { default: 'allow' }, ingress: { default: 'allow', hostLoopback: 'allow' } },
};

const tests = {
  // Each function that it exports is called by some test here.
  async everything_is_called() {
    const text = fs.readFileSync(process.argv[1], 'utf8');
    const names = Object.keys(sdk).filter(name => typeof sdk[name] === 'function').concat(Object.keys(sdk.policy.filesystem).map(name => `policy.filesystem.${name}`));
    assert.ok(names.length >= 24, `${names}`);
    const classes = ['MxcError', 'MxcProcess', 'MxcPtyProcess'];
    assert.deepEqual(names.filter(name => !text.includes(`sdk.${name}(`) && !classes.includes(name)), []);
    const made = sdk.mxcErrorFromCode('stale_id', 'gone');
    assert.ok(made instanceof sdk.MxcError && made.code === 'stale_id');
    assert.equal(sdk.SDK_CONTRACT_VERSION, '1.0.0');
  },
  async run() {
    const result = await sdk.run({ command: 'echo out; echo err >&2; exit 5' });
    assert.deepEqual([result.stdout, result.stderr, result.exitCode, result.timedOut], ['out\n', 'err\n', 5, false]);
    assert.equal(result.outputMetadata, undefined);
    assert.deepEqual(result.warnings, []);
  },
  async run_ends_in_every_way() {
    assert.equal((await sdk.run({ command: 'kill -KILL $$' })).exitCode, 137);
    assert.equal((await sdk.run({ command: 'kill -TERM $$; echo survived' })).exitCode, 143);
    assert.equal((await sdk.run({ command: 'no-such-command-here' })).exitCode, 127);
    const timed = await sdk.run({ command: 'echo before; sleep 60', timeoutMs: 500 });
    assert.deepEqual([timed.exitCode, timed.timedOut, timed.stdout], [-1, true, 'before\n']);
    const bytes = await sdk.run({ command: "printf 'a\\000b\\377c'" });
    assert.equal(bytes.stdout, 'a\ufffdb\ufffdc');
    const much = await sdk.run({ command: 'head -c 3000000 /dev/zero | tr "\\0" x; echo end >&2' });
    assert.deepEqual([much.stdout.length, much.stderr], [3000000, 'end\n']);
    assert.equal((await sdk.run({ command: 'cat; echo over' })).stdout, 'over\n'); // its input is empty
  },
  async run_tells_what_was_cut() {
    const elsewhere = fs.mkdtempSync('/var/tmp/mxc-cut-'); // where the ceiling lets nobody be
    try {
      const filesystem = { readwritePaths: ['/tmp', here, elsewhere] };
      const result = await sdk.run({ command: 'echo out', filesystem });
      assert.equal(result.stdout, 'out\n');
      assert.equal(result.warnings.length, 2, result.warnings.join('; '));
      assert.ok(result.warnings.some(text => text.includes("'/tmp' is not the host's")), result.warnings.join('; '));
      assert.ok(result.warnings.some(text => text.includes(`'${elsewhere}' is not there`)), result.warnings.join('; '));
      await refused('policy_validation', /process\.cwd '.*' is not there for the command/,
                    sdk.run({ command: 'true', filesystem, workingDirectory: elsewhere }));
      const network = { egress: { default: 'deny' }, runtimeConfig: { networkProxy: 'http://localhost:9' } };
      await refused('policy_validation', /the proxy localhost:9, .* cannot be connected to: The policy ceiling .*\(#\/network\/ingress\/hostLoopback/,
                    sdk.run({ command: 'true', network }));
    } finally {
      fs.rmdirSync(elsewhere);
    }
  },
  async run_with_every_option() {
    fs.mkdirSync('rw'), fs.mkdirSync('ro/secret', { recursive: true });
    fs.writeFileSync('ro/file', 'read me'), fs.writeFileSync('ro/secret/key', 'secret'), fs.writeFileSync('outside', 'outside');
    const result = await sdk.run({
      command: 'cat ../ro/file; cat ../ro/secret/key; cat ../outside; echo mine >made; echo no >../ro/file; echo "$A|$B|$HOME"; pwd',
      filesystem: { readwritePaths: [path.join(here, 'rw')], readonlyPaths: [path.join(here, 'ro')], deniedPaths: [path.join(here, 'ro/secret')] },
      workingDirectory: path.join(here, 'rw'),
      environment: { A: 'one', B: 'x=y z' },
      inheritDefaultEnvironment: true,
      containerName: 'a name',
      containment: { type: 'bubblewrap' },
      ui: { disable: true, clipboard: 'none', allowInputInjection: false },
      network: { egress: { default: 'deny' }, ingress: { default: 'deny', hostLoopback: 'deny' } },
      timeoutMs: 60000,
    });
    assert.deepEqual(lines(result.stdout), ['read meone|x=y z|', path.join(here, 'rw')]);
    assert.equal(fs.readFileSync('rw/made', 'utf8'), 'mine\n');
    assert.equal(fs.readFileSync('ro/file', 'utf8'), 'read me');
    assert.doesNotMatch(result.stdout, /secret|outside/);
    // telemetry may be asked for, and nothing comes of it
    const telemetry = { telemetry: { enabled: true } };
    assert.equal((await sdk.run({ command: 'true' }, telemetry)).exitCode, 0);
    assert.equal((await (await sdk.spawn({ command: 'exit 2' }, telemetry)).wait()).exitCode, 2);
    assert.equal((await (await sdk.spawnWithPty({ command: 'exit 2' }, telemetry)).wait()).exitCode, 2);
  },
  async run_is_refused() {
    await refused('malformed_request', /non-empty/, sdk.run({ command: '' }));
    await refused('backend_unavailable', /lxc/i, sdk.run({ command: 'true', containment: { type: 'lxc' } }));
    fs.mkdirSync('theirs');
    await refused('backend_error', /read\+write access/,
      sdk.run({ command: 'true', filesystem: { readwritePaths: ['/etc/passwd'] } }));
    await refused('backend_error', /ingress.default='allow' is not supported/,
      sdk.run({ command: 'true', network: { ingress: { default: 'allow' } } }));
  },
  // The backends of the SDK's type Containment, each with what can be said of it.
  async every_containment() {
    assert.equal((await sdk.run({ command: 'exit 3', containment: { type: 'process' } })).exitCode, 3);
    for (const containment of [{ type: 'lxc', config: { distribution: 'alpine', release: '3.23' } }, { type: 'processcontainer', config: { learningMode: true } },
      { type: 'seatbelt', config: { nestedPty: true } }, { type: 'wslc', config: { image: 'alpine', portMappings: [{ windowsPort: 8080, containerPort: 80 }] } }, { type: 'isolation_session' }]) {
      await assert.rejects(sdk.run({ command: 'true', containment }), error => {
        assert.ok(error instanceof sdk.MxcError, `${containment.type}: ${error}`);
        assert.ok(['backend_unavailable', 'unsupported_containment'].includes(error.code), `${containment.type}: ${error.code}: ${error.message}`);
        return true;
      });
    }
  },
  async run_with_a_network() {
    const rules = { allow: [{ to: [{ cidr: '192.0.2.0/24', except: ['192.0.2.9/32'] }], ports: [{ protocol: 'tcp', port: 80, endPort: 90 }, { protocol: 'udp', port: 53 }] }],
      deny: [{ to: [{ cidr: '10.0.0.0/8' }] }, { ports: [{ port: 25 }] }] };
    assert.equal((await sdk.run({ command: 'exit 3', network: { egress: { default: 'deny', ...rules } } })).exitCode, 3);
    assert.equal((await sdk.run({ command: 'exit 4', network: { egress: { default: 'allow', ...rules }, ingress: { default: 'deny', hostLoopback: 'deny' } } })).exitCode, 4);
    await refused('malformed_request', /no direct allow or deny rules/,
      sdk.run({ command: 'true', network: { egress: { default: 'allow' }, runtimeConfig: { networkProxy: 'http://localhost:8080' } } }));
  },
  // What it finds out about this machine is a policy that is taken. The host's /tmp is in it, and not in the sandbox.
  async what_it_finds() {
    const found = [sdk.policy.filesystem.getAvailableToolsPolicy(process.env), sdk.policy.filesystem.getUserProfilePolicy(process.env),
      sdk.policy.filesystem.getTemporaryFilesPolicy(process.env)];
    const filesystem = { readwritePaths: found.flatMap(one => one.readwritePaths), readonlyPaths: found.flatMap(one => one.readonlyPaths), clearPolicyOnExit: false };
    const name = `/tmp/mxc-sdk-${process.pid}`;
    fs.writeFileSync(name, 'of the host\n');
    try {
      const result = await sdk.run({ command: `cat ${name} 2>/dev/null; echo x >/tmp/mine && echo made`, filesystem });
      assert.equal(result.stdout, 'made\n', result.stderr);
    } finally {
      fs.unlinkSync(name);
    }
  },
  async many_at_once() {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => sdk.run({ command: `echo ${i}; exit ${i}` })));
    results.forEach((result, i) => assert.deepEqual([result.stdout, result.exitCode], [`${i}\n`, i]));
    // the library was loaded and unloaded for each of them: it leaves no thread and no descriptor
    assert.ok(fs.readdirSync('/proc/self/fd').length < 64, 'descriptors are left');
  },
  async spawn() {
    const process_ = await sdk.spawn({ command: 'echo ready >&2; while read line; do echo "got $line"; done; exit 3' });
    assert.ok(process_.id > 0);
    assert.deepEqual(process_.warnings, []);
    const out = collect(process_.standardOutput), err = collect(process_.standardError);
    process_.standardInput.write('one\n');
    process_.standardInput.end('two\n');
    assert.deepEqual(await process_.wait(), { exitCode: 3, timedOut: false });
    assert.deepEqual([await out, await err], ['got one\ngot two\n', 'ready\n']);
  },
  async spawn_and_take_nothing() { // untaken output is read away, untaken input ended
    const process_ = await sdk.spawn({ command: 'cat; head -c 1000000 /dev/zero; exit 4' });
    assert.equal((await process_.wait()).exitCode, 4);
  },
  async spawn_times_out() {
    const process_ = await sdk.spawn({ command: 'trap "" TERM; sleep 300 & sleep 300', timeoutMs: 700 });
    const result = await process_.wait();
    assert.deepEqual([result.exitCode, result.timedOut], [-1, true]);
  },
  async spawn_is_killed() {
    const process_ = await sdk.spawn({ command: 'echo on; sleep 300 & sleep 300' });
    await new Promise(resolve => process_.standardOutput.once('data', resolve));
    const leader = process_.id;
    process_.kill();
    const result = await process_.wait();
    assert.deepEqual([result.exitCode, result.timedOut], [-1, false]);
    assert.ok(!fs.existsSync(`/proc/${leader}`), 'its first process is still there');
  },
  async spawn_is_disposed() {
    const process_ = await sdk.spawn({ command: 'echo on; sleep 300' });
    await new Promise(resolve => process_.standardOutput.once('data', resolve));
    const leader = process_.id;
    process_.dispose();
    for (let i = 0; fs.existsSync(`/proc/${leader}`); i++) {
      assert.ok(i < 200, 'its first process is still there');
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  },
  // With MXC's own library this ends the process with SIGABRT: mxc-sdk(7)
  async spawn_with_something_to_warn_of() {
    const process_ = await sdk.spawn({ command: 'pwd', workingDirectory: '/nonexist' }).catch(error => error);
    if (process_ instanceof Error) assert.ok(process_.code, process_.message);
    else assert.notEqual((await process_.wait()).exitCode, 0);
  },
  async pty() {
    const process_ = await sdk.spawnWithPty({ command: 'tty; stty size; read line; stty size; echo "got $line"; exit 6' },
      { size: { rows: 31, columns: 97 } });
    let seen = '';
    const waiting = [];
    process_.output.on('data', chunk => {
      seen += chunk;
      waiting.forEach(look => look());
    });
    const until = text => new Promise(resolve => {
      const look = () => seen.includes(text) && resolve();
      waiting.push(look);
      look();
    });
    await until('31 97');
    process_.resize({ rows: 12, columns: 34 });
    process_.input.write('hello\n');
    await until('12 34');
    assert.equal((await process_.wait()).exitCode, 6);
    await until('got hello');
    assert.match(seen, /^\/dev\/pts\//);
  },
  async pty_says_all_before_it_ends() {
    const process_ = await sdk.spawnWithPty({ command: 'seq 1 20000; exit 7' });
    const out = collect(process_.output);
    assert.equal((await process_.wait()).exitCode, 7);
    assert.equal((await out).split('\r\n').length, 20001);
  },
  async pty_is_killed() {
    const process_ = await sdk.spawnWithPty({ command: 'echo on; sleep 300' });
    await new Promise(resolve => process_.output.once('data', resolve));
    process_.kill();
    assert.equal((await process_.wait()).exitCode, -1);
  },
  async what_there_is() {
    const backends = await sdk.getAvailableBackends();
    assert.deepEqual(backends.map(one => one.backend), ['bubblewrap']);
    assert.ok(backends[0].capabilities.includes('proxyEnforcement'), JSON.stringify(backends));
    const support = sdk.getPlatformSupport();
    assert.equal(support.isSupported, true, support.reason);
  },
  // "Windows only", it says
  async probe() {
    assert.throws(() => sdk.probe(), /[Ww]indows/);
  },
  async telemetry() {
    let asked = 0;
    const outcome = await sdk.requestTelemetryConsent(() => { asked++; return 'yes'; }, 'en-US');
    assert.deepEqual([outcome.action, outcome.result, outcome.storedState, asked], ['request', 'notApplicable', 'not-applicable', 0]);
    const status = await sdk.getTelemetryConsentStatus();
    assert.equal(status.storedState, 'not-applicable');
    assert.equal((await sdk.withdrawTelemetryConsent()).result, 'notApplicable');
  },
  async lifecycle() {
    const made = await sdk.provisionContainer(isolation);
    const id = made.containerId;
    assert.match(id, /^iso:[0-9a-f]{32}$/);
    assert.equal(made.metadata.agentUserName, os.userInfo().username);
    assert.equal(made.metadata.agentUserSid, `S-1-22-1-${process.getuid()}`);
    assert.ok(made.warnings.some(text => /a user of its own/.test(text)), 'what is missing is not said');
    const workspace = made.metadata.ephemeralWorkspacePath;
    assert.ok(fs.statSync(workspace).isDirectory());
    await refused('not_started', /not started/, sdk.runInContainer(id, { command: 'true' }));
    await refused('already_stopped', /does not run/, sdk.stopContainer(id));
    await sdk.startContainer(id);
    await refused('already_started', /already/, sdk.startContainer(id));

    const first = await sdk.runInContainer(id, { command: 'pwd; echo kept >file; echo "$A"; exit 3', environment: { A: 'b' } });
    assert.deepEqual([first.stdout, first.exitCode], [`${workspace}\nb\n`, 3]);
    assert.equal(fs.readFileSync(path.join(workspace, 'file'), 'utf8'), 'kept\n');
    // what one leaves running, the next one sees; and who runs it does not hold up the end of the first
    await sdk.runInContainer(id, { command: 'sleep 321 >/dev/null 2>&1 &' });
    assert.equal((await sdk.runInContainer(id, { command: 'pgrep -x sleep >/dev/null || ls -l /proc/*/exe 2>/dev/null | grep -q sleep' })).exitCode, 0);
    const timed = await sdk.runInContainer(id, { command: 'setsid sleep 322 >/dev/null 2>&1 & sleep 300 & sleep 300', timeoutMs: 500 });
    assert.deepEqual([timed.exitCode, timed.timedOut], [-1, true]);
    // all that it began goes with it, what has left its session as well, and nothing else
    const gone = 'for i in $(seq 100); do pgrep -fx "sleep 30[0]|sleep 32[2]" >/dev/null || exit 0; sleep 0.1; done; exit 1';
    assert.equal((await sdk.runInContainer(id, { command: gone })).exitCode, 0, 'something of what it began is left');
    assert.equal((await sdk.runInContainer(id, { command: 'pgrep -fx "sleep 321"' })).exitCode, 0, 'what another one left went as well');
    assert.equal((await sdk.runInContainer(id, { command: 'cat file' })).stdout, 'kept\n', 'the sandbox went with one command');

    const streaming = await sdk.spawnInContainer(id, { command: 'cat' });
    const out = collect(streaming.standardOutput);
    streaming.standardInput.end('through');
    assert.equal((await streaming.wait()).exitCode, 0);
    assert.equal(await out, 'through');
    const pty = await sdk.spawnInContainerWithPty(id, { command: 'stty size' }, { size: { rows: 21, columns: 43 } });
    const shown = collect(pty.output);
    assert.equal((await pty.wait()).exitCode, 0);
    assert.equal((await shown).trim(), '21 43');
    // who is left behind with a terminal, and writes there for ever, keeps nobody
    const left = await sdk.spawnInContainerWithPty(id, { command: 'setsid sh -c "while echo left; do touch wrote; sleep 0.05; done" & until [ -e wrote ]; do sleep 0.05; done; exit 4' });
    const mixed = collect(left.output);
    assert.equal((await left.wait()).exitCode, 4);
    assert.match(await mixed, /left/);

    await sdk.stopContainer(id);
    await refused('already_stopped', /does not run/, sdk.stopContainer(id));
    await sdk.startContainer(id);
    assert.equal((await sdk.runInContainer(id, { command: 'cat file' })).stdout, 'kept\n');
    assert.equal((await sdk.runInContainer(id, { command: 'pgrep -x sleep' })).exitCode, 1, 'a process outlived the stop');
    await sdk.deprovisionContainer(id); // while it runs, too
    await refused('stale_id', /no sandbox/, sdk.startContainer(id));
    await refused('stale_id', /no sandbox/, sdk.deprovisionContainer(id));
    assert.ok(!fs.existsSync(workspace));
  },
  async lifecycle_of_paths() {
    fs.mkdirSync('shared');
    const made = await sdk.provisionContainer({ containment: 'wslc', filesystem: { readwritePaths: [path.join(here, 'shared')] } });
    assert.match(made.containerId, /^wslc:[0-9a-f]{32}$/);
    assert.equal(made.metadata, undefined);
    assert.ok(made.warnings.some(text => /no image/.test(text)), 'what is missing is not said');
    await sdk.startContainer(made.containerId);
    const result = await sdk.runInContainer(made.containerId, { command: 'echo mine >made', workingDirectory: path.join(here, 'shared') });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.equal(fs.readFileSync('shared/made', 'utf8'), 'mine\n');
    await sdk.deprovisionContainer(made.containerId);
  },
  async lifecycle_is_refused() {
    await refused('backend_unavailable', /images/, sdk.provisionContainer({ containment: 'wslc', image: 'alpine' }));
    await refused('stale_id', /no sandbox/, sdk.startContainer(`iso:${'0'.repeat(32)}`));
    await refused('malformed_id', /none that mxcd gave out/, sdk.startContainer('iso:0'));
    await refused('malformed_id', /none that mxcd gave out/, sdk.stopContainer(`wslc:${'A'.repeat(32)}`));
    await sdk.validateProvision(isolation);
    await refused('stale_id', /no sandbox/, sdk.validateStart(`iso:${'0'.repeat(32)}`));
  },
  // Each asks whether it could be done, and nothing comes of it; telemetry may be spoken of with each.
  async validated_and_with_telemetry() {
    const telemetry = { telemetry: { enabled: true } };
    assert.ok(Array.isArray((await sdk.validateProvision(isolation, telemetry)).warnings));
    const { containerId: id } = await sdk.provisionContainer({ ...isolation, appId: 'app' }, telemetry);
    await refused('already_stopped', /does not run/, sdk.validateStop(id));
    await refused('not_started', /not started/, sdk.validateProcess(id, { command: 'true' }));
    await sdk.validateStart(id, telemetry);
    await refused('not_started', /not started/, sdk.runInContainer(id, { command: 'true' }));
    await sdk.startContainer(id, telemetry);
    await refused('already_started', /already/, sdk.validateStart(id));
    await sdk.validateProcess(id, { command: 'touch made', timeoutMs: 5 }, telemetry);
    await sdk.validateStop(id, telemetry);
    await sdk.validateDeprovision(id, telemetry);
    const result = await sdk.runInContainer(id, { command: '[ ! -e made ] && echo "$A|$TERM"', environment: { A: 'b' }, inheritDefaultEnvironment: true, workingDirectory: '/tmp' }, telemetry);
    assert.deepEqual([result.stdout, result.exitCode], ['b|xterm-256color\n', 0], result.stderr);
    const streaming = await sdk.spawnInContainer(id, { command: 'sleep 300', timeoutMs: 500 }, telemetry);
    assert.deepEqual(await streaming.wait(), { exitCode: -1, timedOut: true });
    const killed = await sdk.spawnInContainer(id, { command: 'echo on; sleep 300' });
    await new Promise(resolve => killed.standardOutput.once('data', resolve));
    killed.kill();
    assert.equal((await killed.wait()).exitCode, -1);
    const pty = await sdk.spawnInContainerWithPty(id, { command: 'stty size; read line; stty size; exit 6' }, { ...telemetry, size: { rows: 31, columns: 97 } });
    let seen = '';
    await new Promise(resolve => pty.output.on('data', chunk => { seen += chunk; if (seen.includes('31 97')) resolve(); }));
    pty.resize({ rows: 12, columns: 34 });
    pty.input.write('\n');
    assert.equal((await pty.wait()).exitCode, 6);
    assert.match(seen, /12 34/);
    await sdk.stopContainer(id, telemetry);
    await sdk.deprovisionContainer(id, telemetry);
  },
  // What the machine's scenario asks for one by one.
  async provision() {
    console.log((await sdk.provisionContainer(isolation)).containerId);
  },
  async start() {
    await sdk.startContainer(process.env.CONTAINER);
  },
  async exec() {
    process.stdout.write((await sdk.runInContainer(process.env.CONTAINER, { command: process.env.COMMAND })).stdout);
  },
  async deprovision() {
    await sdk.deprovisionContainer(process.env.CONTAINER);
  },
  async hang() {
    const process_ = await sdk.spawn({ command: 'echo on; sleep 654' });
    await new Promise(resolve => process_.standardOutput.once('data', resolve));
    console.log(process_.id);
    await process_.wait();
  },
};

for (const name of process.argv.slice(3)) {
  if (!tests[name]) throw new Error(`there is no test ${name}`);
  await tests[name]();
}
