#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Made configurations, read by the released programs of MXC (lxc-exec --dry-run) and by ours; each difference must be one of differences.py.

usage: differential.py CHECK RELEASES [FIRST [COUNT]]
  CHECK      mxc-config-check
  RELEASES   a directory with VERSION/package/bin/x64/lxc-exec of 0.7.0, 0.8.0, 0.9.0 and 1.0.1, as npm pack @microsoft/mxc-sdk@VERSION brings them

Two comparisons of each text: with the release whose contract its version is, in verdict and, where it is refused as malformed, word for word; and whether a text
that any release takes is taken here, or refused with a reason of the list."""
import collections
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

from differences import DIFFERENCES, EXAMPLES
from generate import generate

RELEASES = ('0.7.0', '0.8.0', '0.9.0', '1.0.1')
Answer = collections.namedtuple('Answer', 'verdict sentence release')
Case = collections.namedtuple('Case', 'name text document version theirs ours')
VERDICTS = {0: 'good', 1: 'malformed', 255: 'refused'}


def ask_theirs(directory, release, path):
    arch = {'aarch64': 'arm64'}.get(platform.machine(), 'x64')
    options = ['--allow-testing-features'] if release in ('0.8.0', '0.9.0') else ['--experimental'] if release == '0.7.0' else []
    done = subprocess.run([f'{directory}/{release}/package/bin/{arch}/lxc-exec', '--dry-run', *options, path], capture_output=True, text=True, timeout=60, check=False)
    lines = [line for line in done.stderr.splitlines() if line not in ('', 'Request error') and not line.startswith(('WARNING: ', '[deprecated] '))]
    last = [line for line in lines if line.startswith('Configuration parse error: ')] or lines  # what it says before is advice
    sentence = re.sub(r'^(Configuration parse error: |malformed_request: )+', '', last[0]) if last else ''
    return Answer(VERDICTS.get(done.returncode, f'exit {done.returncode}'), sentence, release)


def ask_ours(check, paths):
    done = subprocess.run([check, *paths], capture_output=True, text=True, timeout=600, check=True)
    for line in done.stdout.splitlines():
        said = json.loads(line)
        yield Answer(VERDICTS[said['exit']], said.get('message', ''), 'ours')


def parse(text):
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def knowing(version):
    """The release whose contract it is."""
    exact = {'0.9.0-alpha': '1.0.1', '0.10.0-alpha': '0.9.0', '1.0.0': '1.0.1', '1.1.0-alpha': '1.0.1'}
    if isinstance(version, str) and re.match(r'0\.[45]\.', version):
        return '0.7.0'
    return exact.get(version, '0.8.0') if isinstance(version, str) else '0.8.0'


def version_of(text, document):
    if document is not None:
        return document.get('version')
    found = re.search(r'"version"\s*:\s*"([^"\\]*)"', text)
    return found.group(1) if found else None


def differs(case):
    if case.theirs.verdict != case.ours.verdict:
        return True
    return case.ours.verdict == 'malformed' and case.theirs.sentence != case.ours.sentence


def explain(case):
    return next((name for name, _, explains in DIFFERENCES if explains(case)), None)


def compare(check, directory, named):
    """named: what each text is called, and the text."""
    with tempfile.TemporaryDirectory() as place:
        texts = [text for _, text in named]
        paths = [os.path.join(place, str(i)) for i in range(len(texts))]
        for path, text in zip(paths, texts):
            with open(path, 'wb') as f:
                f.write(text.encode('utf-8', 'surrogatepass'))
        for i, ours in enumerate(ask_ours(check, paths)):
            document = parse(texts[i])
            version = version_of(texts[i], document)
            own = knowing(version)
            for release in RELEASES:
                case = Case(named[i][0], texts[i], document, version, ask_theirs(directory, release, paths[i]), ours)
                if release == own or (case.theirs.verdict == 'good' and ours.verdict != 'good'):
                    yield case


def main():
    check, directory = sys.argv[1:3]
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1500
    same, seen, bad = 0, collections.Counter(), 0
    named = [(name, EXAMPLES[name]) for name, _, _ in DIFFERENCES] + [(f'seed {seed}', generate(seed)) for seed in range(first, first + count)]
    shown = set()
    for case in compare(check, directory, named):
        if not differs(case):
            same += 1
            continue
        why = explain(case)
        seen[why] += 1
        shown.add((case.name, why))
        if why is None:
            bad += 1
            print(f'not ok - {case.name}: {case.theirs.release} says {case.theirs.verdict}: {case.theirs.sentence}\n'
                  f'#   ours says {case.ours.verdict}: {case.ours.sentence}\n#   of {case.text!r}')
    for name, _, _ in DIFFERENCES:
        if (name, name) not in shown:
            bad += 1
            print(f'not ok - {name}: its example does not show it any more')
        print(f'# {seen[name]:5} {name}')
    print(f'# {same:5} the same')
    print(f'{"not ok" if bad else "ok"} - {sum(seen.values()) + same} comparisons of {len(named)} configurations')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
