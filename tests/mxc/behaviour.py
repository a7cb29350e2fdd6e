#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Made configurations, run by the released programs of MXC and by ours: what a command sees, what it can write, its environment, where it begins, how it ends,
and what is on the host after that. Each difference must be one of DIFFERENCES, which mxc-configuration(7) has among what is done otherwise.

usage: behaviour.py PLACE OURS VERSION=THEIRS… [FIRST [COUNT]]: as an ordinary user, in an empty directory of its own, with mxcd running
  VERSION=THEIRS  the lxc-exec of MXC that runs configurations of that version"""
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys

DIRECTORIES = ['', 'a', 'a/b', 'a/b/c', 'd', 'link']
FILES = [os.path.join(d, 'f') for d in DIRECTORIES]
ENVIRONMENTS = [None, [], ['A=1', 'B=two words', 'PATH=/usr/bin:/bin'], ['A=1', 'A=2', 'NOEQUALS', 'PATH=/bin'], ['C=']]

# near: a denied path is that, or above or below it; to_read: it leads to one that is to be read; kept: what theirs wrote is on the host
Case = collections.namedtuple('Case', 'question theirs ours near to_read kept')


def forgets(case):
    return re.match('(make|write) ', case.question) and (case.theirs, case.ours) == ('yes', 'no') and not case.kept


DIFFERENCES = [
    ('forgets', 'What MXC makes for a sandbox, a denied directory and one on the way to what was given, can be written to there, and nothing comes of it; here it cannot.',
     forgets),
    ('denied-is-empty', 'A denied directory is an empty one in MXC, and there is a way to it, where a command can begin as well; here it cannot be read, and nothing leads there.',
     lambda c: c.near and ((c.question.startswith('list ') and (c.theirs, c.ours) == ('yes', 'no')) or c.question == 'begin')),
    ('written-by-a-link', 'What is given for writing is named by its own path, and by no link.',
     lambda c: c.question == 'runs' and c.theirs == 'yes' and re.search('is, or goes through, a symbolic link', c.ours)),
    ('by-each-name', 'What a path leads to that is to be read cannot be written by another name either.',
     lambda c: re.match('(write|make|host) ', c.question) and (c.theirs, c.ours) in (('yes', 'no'), ('True', 'False')) and c.to_read),
    ('path', 'PATH is there in any case.', lambda c: c.question == 'env' and re.sub(r' ?PATH=\S+', '', c.ours).strip() == c.theirs),
]


def make_tree(root):
    shutil.rmtree(root, ignore_errors=True)
    for d in DIRECTORIES[:-1]:
        os.makedirs(os.path.join(root, d), exist_ok=True)
    os.symlink('a/b', os.path.join(root, 'link'))
    for f in FILES[:-1]:
        with open(os.path.join(root, f), 'w', encoding='utf-8') as file:
            file.write('x\n')


def new(name):
    """What is written there, and nowhere else: two names may be of one place."""
    return 'new-' + name.replace('/', '-')


def command(root, status):
    asked = ['t() { n=$1; shift; if "$@" >/dev/null 2>&1; then echo "$n: yes"; else echo "$n: no"; fi; }', 'echo "begin: $(pwd)"',
             'env | grep -v -e "^_=" -e "^PWD=" -e "^OLDPWD=" -e "^SHLVL=" | sort | sed "s/^/env: /"']
    asked += [f"t 'list {d}' ls '{root}/{d}/'" for d in DIRECTORIES] + [f"t 'read {f}' cat '{root}/{f}'" for f in FILES]
    asked += [f"t 'make {d}' touch '{root}/{d}/{new(d)}'" for d in DIRECTORIES] + [f"t 'write {f}' sh -c 'echo {new(f)} >>{root}/{f}'" for f in FILES]
    return '\n'.join(asked + [f'exit {status}'])


def made(r, version, root):
    """A configuration."""
    lists = {name: [] for name in ('readwritePaths', 'readonlyPaths', 'deniedPaths')}
    for path in DIRECTORIES + FILES:
        if r.random() < .3:
            lists[r.choice(list(lists))].append(os.path.join(root, path).rstrip('/'))
    process = {'commandLine': command(root, r.choice([0, 1, 7, 255]))}
    env = r.choice(ENVIRONMENTS)
    if env is not None:
        process['env'] = env
    if r.random() < .3 and any(lists[name] for name in list(lists)[:2]):
        process['cwd'] = r.choice(['/', '/tmp'])
    return {'version': version, 'process': process, 'filesystem': lists}


def run(program, config, root):
    """How it ended, what was said, and what new is on the host."""
    make_tree(root)
    path = os.path.join(os.path.dirname(root), 'config.json')
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(config, file)
    done = subprocess.run([program, '--config', path], cwd=root, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    answers, env = {}, []
    for line in done.stdout.splitlines():
        question, _, answer = line.partition(': ')
        if question == 'env':
            env.append(answer)
        else:
            answers[question] = answer
    if not answers:
        return {'runs': re.sub(re.escape(root), '', done.stderr.strip()) or 'no'}, set()
    answers.update(runs='yes', status=str(done.returncode), env=' '.join(env))
    return answers, {d for d in DIRECTORIES if os.path.exists(os.path.join(root, d, new(d)))} | {f for f in FILES if was_written(root, f)}


def was_written(root, name):
    with open(os.path.join(root, name), encoding='utf-8') as file:
        return new(name) in file.read().splitlines()


def compare(place, ours, theirs, seed):
    r = random.Random(seed)
    version = r.choice(sorted(theirs))
    root = os.path.join(place, 'tree')
    config = made(r, version, root)
    their_answers, their_new = run(theirs[version], config, root)
    our_answers, our_new = run(ours, config, root)
    both = their_answers['runs'] == our_answers['runs'] == 'yes'
    denied, to_read = ([os.path.realpath(path) for path in config['filesystem'][name]] for name in ('deniedPaths', 'readonlyPaths'))

    def case(question, their, our):
        name = question.partition(' ')[2]
        path = os.path.realpath(os.path.join(root, name))
        near = question == 'begin' or any((path + '/').startswith(one + '/') or one.startswith(path + '/') for one in denied)
        return config, Case(question, their, our, near, any((path + '/').startswith(one + '/') for one in to_read), name in their_new)
    for question in sorted(their_answers.keys() | our_answers.keys() if both else ['runs']):
        yield case(question, their_answers[question], our_answers[question])
    for name in DIRECTORIES + FILES if both else ():
        yield case(f'host {name}', str(name in their_new), str(name in our_new))


def main():
    place, ours = sys.argv[1:3]
    theirs = dict(word.split('=', 1) for word in sys.argv[3:] if '=' in word)
    numbers = [int(word) for word in sys.argv[3:] if '=' not in word]
    first, count = (numbers + [0, 45][len(numbers):])[:2]
    same, bad, seen, unexplained = 0, 0, collections.Counter(), collections.defaultdict(list)
    for seed in range(first, first + count):
        for config, case in compare(place, ours, theirs, seed):
            if case.theirs == case.ours:
                same += 1
                continue
            why = next((name for name, _, explains in DIFFERENCES if explains(case)), None)
            seen[why] += 1
            if why is None:
                kind = (case.question.partition(' ')[0], case.theirs[:60], case.ours[-60:])
                unexplained[kind].append(f'seed {seed}: {case.question}: MXC of {config["version"]} says {case.theirs!r}, ours {case.ours!r}\n'
                                         f'#   {json.dumps(config["filesystem"])} {config["process"].get("cwd")}'.replace(place, ''))
    for kind, cases in unexplained.items():
        bad += 1
        print(f'not ok - {len(cases)} as {cases[0]}')
    for name, _, _ in DIFFERENCES:
        if not seen[name]:
            bad += 1
            print(f'not ok - {name}: nothing shows it any more')
        print(f'# {seen[name]:5} {name}')
    print(f'{"not ok" if bad else "ok"} - {same} answers of {count} configurations are the same')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
