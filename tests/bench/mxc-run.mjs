// SPDX-License-Identifier: LGPL-2.1-or-later
// mxc-run.mjs SDK ROUNDS DIRECTORY: how long run() of an SDK takes. Prints "p50<TAB>p99<TAB>failures", in milliseconds.
const [sdk, rounds, directory] = process.argv.slice(2);
const { run } = await import(sdk);
const samples = [];
let failures = 0;
for (let i = 0; i < Number(rounds) + 3; i++) {
        await new Promise(done => setTimeout(done, 20));
        const begin = performance.now();
        try {
                const result = await run({ command: "true", workingDirectory: directory, filesystem: { readwritePaths: [directory] } });
                if (result.exitCode !== 0)
                        throw new Error(JSON.stringify(result));
                if (i >= 3)
                        samples.push(performance.now() - begin);
        } catch (error) {
                if (failures++ === 0)
                        console.error(String(error));
        }
}
samples.sort((a, b) => a - b);
const at = p => samples.length ? samples[Math.min(samples.length - 1, Math.floor(samples.length * p))].toFixed(3) : "0";
console.log([at(0.5), at(0.99), failures].join("\t"));
