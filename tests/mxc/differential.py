#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Made configurations, read by the released programs of MXC (lxc-exec --dry-run; of the phases of the lifecycle its libraries, by the same dry run) and by ours;
each difference must be one of differences.py.

usage: differential.py CHECK RELEASES [FIRST [COUNT]]
  CHECK      mxc-config-check
  RELEASES   a directory with VERSION/package/bin/x64/lxc-exec (and libmxc_ffi.so) of 0.7.0, 0.8.0, 0.9.0 and 1.0.1, as npm pack @microsoft/mxc-sdk@VERSION brings them

Two comparisons of each text: with the release whose contract its version is, in verdict and, where it is refused as malformed, word for word; and whether a text
that any release takes is taken here, or refused with a reason of the list. No released library has the backends of the lifecycle on Linux: that it misses one, having
found nothing else, is its yes."""
import collections
import ctypes
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

from differences import DIFFERENCES, EXAMPLES
from generate import generate, phase

RELEASES = ('0.7.0', '0.8.0', '0.9.0', '1.0.1')
Answer = collections.namedtuple('Answer', 'verdict sentence release')
Case = collections.namedtuple('Case', 'name text document version theirs ours')
ARCH = {'aarch64': 'arm64'}.get(platform.machine(), 'x64')
VERDICTS = {0: 'good', 1: 'malformed', 255: 'refused'}


def ask_theirs(directory, release, path):
    options = ['--allow-testing-features'] if release in ('0.8.0', '0.9.0') else ['--experimental'] if release == '0.7.0' else []
    done = subprocess.run([f'{directory}/{release}/package/bin/{ARCH}/lxc-exec', '--dry-run', *options, path], capture_output=True, text=True, timeout=60, check=False)
    lines = [line for line in done.stderr.splitlines() if line not in ('', 'Request error') and not line.startswith(('WARNING: ', '[deprecated] '))]
    last = [line for line in lines if line.startswith('Configuration parse error: ')] or lines  # what it says before is advice
    sentence = re.sub(r'^(Configuration parse error: |malformed_request: )+', '', last[0]) if last else ''
    return Answer(VERDICTS.get(done.returncode, f'exit {done.returncode}'), sentence, release)


class Detail(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ('message', 'operation', 'native_code', 'remediation')]


class StateAware(ctypes.Structure):
    _fields_ = [('status', ctypes.c_int32), ('response', ctypes.c_char_p), ('error', Detail)]


STATUSES = ('ok', 'malformed_request', 'unsupported_containment', 'unsupported_phase', 'backend_unavailable', 'malformed_id', 'stale_id', 'not_provisioned',
            'not_started', 'already_started', 'already_stopped', 'policy_validation', 'backend_error')
LIBRARY_CALLS = {'0.9.0': 'mxc_state_aware', '1.0.1': 'mxc_run_state_aware_json'}


def verdict_of(status):
    return {'ok': 'good', 'malformed_request': 'malformed'}.get(status, status)


def ask_library(directory, release, text):
    library = ctypes.CDLL(f'{directory}/{release}/package/bin/{ARCH}/libmxc_ffi.so')
    result = StateAware()
    getattr(library, LIBRARY_CALLS[release])(text.encode('utf-8', 'surrogatepass'), 1, 0, ctypes.byref(result))
    status, sentence = STATUSES[result.status], (result.error.message or b'').decode()
    library.mxc_state_aware_result_free(ctypes.byref(result))
    sentence = re.sub(r'^Configuration parse error: ', '', sentence)
    verdict = 'good' if status == 'backend_unavailable' and 'is not available in this build' in sentence else verdict_of(status)
    return Answer(verdict, sentence, release)


def ask_ours(check, paths):
    done = subprocess.run([check, *paths], capture_output=True, text=True, timeout=600, check=True)
    for line in done.stdout.splitlines():
        said = json.loads(line)
        yield Answer(VERDICTS[said['exit']], said.get('message', ''), 'ours'), verdict_of(said['status'])


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


def is_of_library(text, document, version):
    """A phase by a contract that a released library knows; a NUL would end the text there."""
    return document is not None and 'phase' in document and version in ('0.9.0-alpha', '0.10.0-alpha', '1.0.0', '1.1.0-alpha') and '\0' not in text


def version_of(text, document):
    if document is not None:
        return document.get('version')
    found = re.search(r'"version"\s*:\s*"([^"\\]*)"', text)
    return found.group(1) if found else None


def differs(case):
    if case.theirs.verdict != case.ours.verdict:
        return True
    return case.ours.verdict not in ('good', 'refused') and case.theirs.sentence != case.ours.sentence


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
        for i, (ours, verdict) in enumerate(ask_ours(check, paths)):
            document = parse(texts[i])
            version = version_of(texts[i], document)
            own = knowing(version)
            if is_of_library(texts[i], document, version):
                theirs = ask_library(directory, '0.9.0' if version == '0.10.0-alpha' else '1.0.1', texts[i])
                yield Case(named[i][0], texts[i], document, version, theirs, ours._replace(verdict=verdict))
                continue
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
    named += [(f'phase of seed {seed}', generate(seed, phase)) for seed in range(first, first + count)]
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
