# SPDX-License-Identifier: LGPL-2.1-or-later
"""Configurations of MXC over the whole contract of each version: good ones, and ones that are wrong in one place or two."""
import json
import random

VERSIONS = ['0.4.0', '0.5.0-alpha', '0.6.0-alpha', '0.7.0', '0.7.0-alpha', '0.8.0', '0.8.0-alpha', '0.9.0', '0.9.0-alpha', '0.9.0-dev',
            '0.10.0-alpha', '1.0.0', '1.1.0-alpha', None]
ODD_VERSIONS = ['0.3.9', '0.10.0', '1.0.1', '1.2.0', '2.0.0', '', 'v0.8.0', '0.8', '1.0', ' 0.8.0', '0.8.0+b', '0.8.0-', '00.8.0', '1.0.0-alpha', '0.9.0-alpha.1']
BLOCKS = ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.1', '203.0.113.0/24', '::/0', '2001:db8::/32', '::1', '10.0.2.2', '10.0.2.2/32', '0.0.0.0/0',
          '::ffff:1.2.3.4', '1.2.3.4/8', 'zz', '', '1.2.3.4/33', '1.2.3.4/x', '1.2.3.4/', '::/129', 'example.com']
HOSTS = BLOCKS + ['github.com', '*.github.com', 'a b', 'http://x', 'EXAMPLE.com', 'localhost']
URLS = ['http://localhost:8080', 'http://127.0.0.1:3128', 'https://localhost:8443', 'http://[::1]:8080', 'http://proxy.example:3128', 'http://10.0.0.9:3128',
        'http://LOCALHOST:8080', 'http://localhost', 'http://u:p@localhost:8080', 'ftp://localhost:21', 'zz', '', 'http://', 'http://:80', 'http://localhost:99999',
        'http://localhost:80', 'http://localhost:0', 'http://localhost:8080/x?y#z', 'http://10.0.2.7:8080', 'localhost:8080', 'http://a_b:1', 'http://localhost:8080/']
PATHS = ['/usr', '/etc', '/tmp', '/usr/', '/etc/../etc', '/nonexistent', 'relative', '', '  ', '/a"b', '/a\u0000b', '/etc/hosts', '/bin', '/var/', '/', '/tmp/a b', '/usr//share']
ENV = ['A=1', 'B=', 'PATH=/bin', 'NOEQUALS', '=x', 'A=2', 'HTTP_PROXY=http://x', 'a-b=1', 'N\u0000=1', 'TOKEN=geheim']
COMMANDS = ['echo hi', 'true', 'x', '', 'a\u0000b', 'é', 'sh -c "exit 3"']


def some(r, pool, most=3):
    return [r.choice(pool) for _ in range(r.randint(0, most))]


def maybe(r, chance, target, key, value):
    if r.random() < chance:
        target[key] = value()


def port(r):
    p = {}
    maybe(r, .7, p, 'port', lambda: r.choice([1, 53, 80, 443, 65535, 0, 65536]))
    maybe(r, .3, p, 'endPort', lambda: r.choice([1, 90, 443, 65535, 0]))
    maybe(r, .5, p, 'protocol', lambda: r.choice(['tcp', 'udp', 'icmp', 'any']))
    return p


def peer(r):
    p = {'cidr': r.choice(BLOCKS)}
    maybe(r, .3, p, 'except', lambda: some(r, BLOCKS, 2))
    return p


def rule(r):
    v = {}
    maybe(r, .8, v, 'to', lambda: [peer(r) for _ in range(r.choice([0, 1, 1, 1, 2]))])
    maybe(r, .5, v, 'ports', lambda: [port(r) for _ in range(r.choice([0, 1, 1, 2]))])
    return v


def egress(r):
    e = {}
    maybe(r, .6, e, 'default', lambda: r.choice(['allow', 'deny', 'deny']))
    maybe(r, .5, e, 'allow', lambda: [rule(r) for _ in range(r.randint(0, 2))])
    maybe(r, .3, e, 'deny', lambda: [rule(r) for _ in range(r.randint(0, 2))])
    return e


def proxy(r):
    p = {}
    maybe(r, .4, p, 'localhost', lambda: r.choice([8080, 1, 65535, 0, 70000]))
    maybe(r, .4, p, 'url', lambda: r.choice(URLS))
    maybe(r, .2, p, 'builtinTestServer', lambda: r.choice([True, True, False]))
    return p


def network(r, directional, legacy):
    n = {}
    if directional:
        maybe(r, .8, n, 'egress', lambda: egress(r))
        maybe(r, .4, n, 'ingress', lambda: {k: r.choice(['deny', 'deny', 'allow']) for k in ('default', 'hostLoopback') if r.random() < .5})
    if legacy:
        maybe(r, .6, n, 'defaultPolicy', lambda: r.choice(['allow', 'block']))
        maybe(r, .4, n, 'enforcementMode', lambda: r.choice(['capabilities', 'firewall', 'both']))
        maybe(r, .3, n, 'allowedHosts', lambda: some(r, HOSTS))
        maybe(r, .3, n, 'blockedHosts', lambda: some(r, HOSTS))
        maybe(r, .3, n, 'allowLocalNetwork', lambda: r.random() < .5)
        maybe(r, .3, n, 'proxy', lambda: proxy(r))
    return n


def mappings(r):
    return [{k: v for k, v in {'windowsPort': r.choice([8080, 1, 0]), 'containerPort': r.choice([80, 65535, 65536]), 'protocol': r.choice(['tcp', 'tcp', 'udp'])}.items()
             if r.random() < .9} for _ in range(r.randint(0, 2))]


SECTIONS = {
    'processContainer': lambda r: {k: v for k, v in {'leastPrivilege': True, 'learningMode': False, 'capabilities': ['a'], 'ui': {'isolation': 'desktop', 'ime': True},
                                                     'captureDenials': {'mode': 'block', 'outputPath': '/x', 'retainEtl': True}}.items() if r.random() < .4},
    'appContainer': lambda r: {}, 'lxc': lambda r: {k: v for k, v in {'distribution': 'alpine', 'release': '3.23'}.items() if r.random() < .8},
    'seatbelt': lambda r: {k: v for k, v in {'guiAccess': True, 'nestedPty': False, 'profileOverride': 'x', 'extraMachLookups': ['y']}.items() if r.random() < .4},
    'macos_sandbox': lambda r: {}, 'wslc': lambda r: {k: v for k, v in {'image': 'i', 'cpuCount': 2, 'memoryMb': 5, 'gpu': True, 'portMappings': mappings(r)}.items() if r.random() < .4},
    'hyperlight': lambda r: {}, 'windowsSandbox': lambda r: {}, 'test': lambda r: {'message': 'x'},
    'experimental': lambda r: {k: {} for k in ('test', 'wslc', 'windows_sandbox', 'isolation_session', 'telemetry', 'seatbelt', 'other') if r.random() < .2},
}
CONTAINMENTS = ['process', 'bubblewrap', 'process', 'bubblewrap', 'lxc', 'processcontainer', 'appcontainer', 'seatbelt', 'macos_sandbox', 'wslc', 'vm', 'windows_sandbox',
                'isolation_session', 'zz']


def configuration(r):
    version = r.choice(VERSIONS) if r.random() < .95 else r.choice(ODD_VERSIONS)
    old = version is None or version.startswith(('0.4', '0.5', '0.6', '0.7'))
    exact = version in ('0.9.0-alpha', '0.10.0-alpha', '1.0.0', '1.1.0-alpha')
    c = {} if version is None else {'version': version}
    process = {'commandLine': r.choice(COMMANDS) if r.random() < .3 else 'true'}
    maybe(r, .2, process, 'cwd', lambda: r.choice(['', '/tmp', '/', 'x']))
    maybe(r, .3, process, 'env', lambda: some(r, ENV))
    maybe(r, .2, process, 'timeout', lambda: r.choice([0, 1, 499, 500, 4294967295, 4294967296, -1, 1.5]))
    if exact:
        maybe(r, .2, process, 'inheritDefaultEnv', lambda: r.random() < .5)
    maybe(r, .97, c, 'process', lambda: process)
    maybe(r, .2, c, 'containerId', lambda: r.choice(['', 'abc', '0' * 32]))
    maybe(r, .3, c, 'containment', lambda: r.choice(CONTAINMENTS))
    maybe(r, .2, c, 'lifecycle', lambda: {k: r.random() < .5 for k in ('destroyOnExit', 'preservePolicy') if r.random() < .6})
    maybe(r, .3, c, 'filesystem', lambda: {k: some(r, PATHS, 2) for k in ('readwritePaths', 'readonlyPaths', 'deniedPaths') if r.random() < .5})
    maybe(r, .05, c, 'fallback', lambda: {'allowDaclMutation': True})
    maybe(r, .6, c, 'network', lambda: network(r, not old or r.random() < .05, (old or r.random() < (.1 if exact else .4))))
    maybe(r, .02 if old else .15, c, 'runtimeConfig', lambda: {'networkProxy': r.choice(URLS)})
    maybe(r, .2, c, 'ui', lambda: {k: v for k, v in {'disable': r.random() < .5, 'clipboard': r.choice(['none', 'all', 'read', 'zz']), 'injection': False}.items() if r.random() < .5})
    if exact:
        maybe(r, .1, c, 'telemetry', lambda: {'enabled': r.random() < .5})
    maybe(r, .05, c, '_comment', lambda: r.choice(['x', 5, {'a': []}]))
    maybe(r, .05, c, '$schema', lambda: 'https://x')
    for name, make in SECTIONS.items():
        maybe(r, .03, c, name, lambda make=make: make(r))
    maybe(r, .01, c, 'sandboxId', lambda: 'iso:x')
    maybe(r, .01, c, 'correlationVector', lambda: 'x')
    maybe(r, .01, c, 'phase', lambda: r.choice(['provision', 'start', 'exec', 'stop', 'deprovision', 'zz']))
    return c


def places(node, path=()):
    yield path
    for key, value in (node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()):
        yield from places(value, path + (key,))


def mutate(r, c):
    path = r.choice(list(places(c))[1:] or [()])
    if not path:
        return
    node = c
    for key in path[:-1]:
        node = node[key]
    kind = r.random()
    if kind < .45:
        node[path[-1]] = r.choice([None, 5, -1, 1.5, True, 'zz', '', [], {}, [1], {'zz': 1}, 4294967296, 'geheim'])
    elif kind < .6 and isinstance(node, dict):
        del node[path[-1]]
    elif isinstance(node[path[-1]], dict):
        node[path[-1]][r.choice(['zz', 'Process', 'cidr ', 'commandline'])] = r.choice([1, None, 'x'])
    else:
        c[r.choice(['zz', 'FileSystem', 'platform'])] = 1


def render(r, c):
    text = json.dumps(c, ensure_ascii=r.random() < .5, indent=r.choice([None, None, None, 2]), separators=r.choice([None, (',', ':')]))
    kind = r.random()
    at = r.randrange(len(text) + 1)
    if kind < .03:
        text = text[:at]
    elif kind < .06:
        text = text[:at] + r.choice('{}[]",:\\x0 \n\t') + text[at:]
    elif kind < .08:
        text = text[:at] + text[at + 1:]
    elif kind < .09 and c:
        key = r.choice(list(c))
        text = text.rstrip()[:-1] + ',%s:%s}' % (json.dumps(key), json.dumps(c[key]))
    elif kind < .10:
        text += r.choice([' ', '\n', 'x', '//c', '{}', '\ufeff'])
    return text


LIFECYCLE = ['isolation_session', 'wslc', 'isolation_session', 'wslc', 'windows_sandbox', 'process', 'lxc', 'zz']
IDS = ['iso:' + '0' * 32, 'wslc:' + 'a1' * 16, 'iso:abc', 'wslc:', 'wsb:0123abcd', 'docker:x', ':x', 'abc', '', 'ISO:' + '0' * 32, 'iso:' + 'A' * 32, 'iso:\u0000', 'is\u00f6:x']
OPEN = {'egress': {'default': 'allow'}, 'ingress': {'default': 'allow', 'hostLoopback': 'allow'}}


def process_of_exec(r, exact):
    process = {'commandLine': r.choice(COMMANDS) if r.random() < .3 else 'true'}
    maybe(r, .2, process, 'cwd', lambda: r.choice(['', '/tmp', '/', 'x']))
    maybe(r, .3, process, 'env', lambda: some(r, ENV))
    maybe(r, .2, process, 'timeout', lambda: r.choice([0, 1, 500, 4294967295, 4294967296, -1]))
    if exact:
        maybe(r, .2, process, 'inheritDefaultEnv', lambda: r.random() < .5)
    return process


def provision(r, c, exact):
    containment = r.choice(LIFECYCLE)
    maybe(r, .95, c, 'containment', lambda: containment)
    of_iso = containment == 'isolation_session'
    acknowledged = (lambda: json.loads(json.dumps(OPEN))) if exact else (lambda: {'defaultPolicy': 'allow', 'allowLocalNetwork': True})
    maybe(r, .9 if of_iso else .4, c, 'network', acknowledged if of_iso and r.random() < .7 else lambda: network(r, True, not exact))
    maybe(r, .1 if of_iso else .4, c, 'filesystem', lambda: {k: some(r, PATHS, 2) for k in ('readwritePaths', 'readonlyPaths', 'deniedPaths') if r.random() < .5})
    details = {'isolation_session': lambda: {k: v for k, v in {'appId': r.choice(['', 'app', 'a\nb', 'x' * 257])}.items() if r.random() < .7},
               'wslc': lambda: {k: v for k, v in {'image': r.choice(['', 'alpine']), 'imageTarPath': '/x.tar', 'portMappings': mappings(r)}.items() if r.random() < .3}}
    section = {'isolation_session': 'isolationSession' if exact else 'isolation_session'}.get(containment, containment)
    if containment in details and r.random() < .4:
        said = {section: {'provision': details[containment]()}}
        c.update(said if exact else {'experimental': said})


def phase(r):
    version = r.choice(VERSIONS) if r.random() < .95 else r.choice(ODD_VERSIONS)
    exact = version in ('0.9.0-alpha', '0.10.0-alpha', '1.0.0', '1.1.0-alpha')
    c = {} if version is None else {'version': version}
    c['phase'] = r.choice(['provision', 'provision', 'start', 'exec', 'exec', 'stop', 'deprovision']) if r.random() < .97 else 'zz'
    if c['phase'] == 'provision':
        provision(r, c, exact)
    else:
        maybe(r, .95, c, 'sandboxId', lambda: r.choice(IDS[:2]) if r.random() < .6 else r.choice(IDS))
        maybe(r, .9 if c['phase'] == 'exec' else .05, c, 'process', lambda: process_of_exec(r, exact))
        maybe(r, .1, c, 'network', lambda: network(r, True, not exact))
        maybe(r, .1, c, 'runtimeConfig', lambda: {'networkProxy': r.choice(URLS)})
        maybe(r, .03, c, 'containment', lambda: r.choice(LIFECYCLE))
        maybe(r, .03, c, 'filesystem', lambda: {})
    maybe(r, .1 if exact else .02, c, 'telemetry', lambda: {'enabled': r.random() < .5})
    maybe(r, .02 if exact else .1, c, 'correlationVector', lambda: r.choice(['x', 'AAAAAAAAAAAAAAAAAAAAAA.0', '']))
    maybe(r, .05, c, '_comment', lambda: 'x')
    maybe(r, .05, c, '$schema', lambda: 'https://x')
    maybe(r, .03, c, 'ui', lambda: {'disable': True})
    maybe(r, .03, c, r.choice(['lxc', 'lifecycle', 'seatbelt', 'containerId', 'fallback']), lambda: {})
    return c


def generate(seed, make=configuration):
    """One configuration as text; the same for the same seed. make: of what kind, this or phase."""
    r = random.Random(seed)
    c = make(r)
    for _ in range(r.choice([0, 0, 1, 1, 2])):
        mutate(r, c)
    return render(r, c)
