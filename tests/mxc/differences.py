# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way in which this reads a configuration otherwise than a released MXC does, and why. `differential.py` knows no other: what none of these
explains is a failure, and what none of the configurations shows any more is one too. mxc-configuration(7) has them for readers.

Each: a name, the reason, and whether it explains a case. A case has text, document (None: no JSON), version, theirs and ours; each of those a
verdict (good, malformed, refused), the sentence, and, of theirs, which release said it."""
import re

OTHERS = ('lxc', 'processcontainer', 'appcontainer', 'seatbelt', 'macos_sandbox', 'wslc', 'vm', 'windows_sandbox', 'isolation_session', 'microvm', 'hyperlight')


def get(document, *path):
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def both_malformed(case):
    return case.theirs.verdict == 'malformed' and case.ours.verdict == 'malformed'


def stricter(case):
    """Ours refuses what theirs takes, or takes as far as its dry run looks."""
    return case.ours.verdict in ('refused', 'backend_error', 'policy_validation') and case.theirs.verdict in ('good', 'refused')


def is_of(case, phase):
    return get(case.document, 'phase') == phase


def only_07(case):
    """MXC 0.7 can read it, and this cannot, or refuses what it asks for."""
    return case.theirs.release == '0.7.0' and case.theirs.verdict != 'malformed' and case.ours.verdict != 'good'


def is_of_shape(sentence):
    """Said of the form of the text, which is looked at before what it means."""
    return re.match(r'Invalid (configuration|JSON syntax)|network\.egress, network\.ingress, runtimeConfig, ', sentence)


def has_newer_network(document):
    return get(document, 'network', 'egress') is not None or get(document, 'network', 'ingress') is not None


def of_isolation(case):
    """Ours takes what is said of the way out, refuses the rest by name, or finds something else in the text."""
    ingress = get(case.document, 'network', 'ingress') or {}
    way_in = 'allow' in (get(ingress, 'default'), get(ingress, 'hostLoopback')) or get(case.document, 'runtimeConfig') is not None
    if case.ours.verdict == 'good':
        return not way_in
    if case.ours.verdict == 'policy_validation':
        return way_in and re.match('nobody reaches an isolation session from outside|the network of an isolation session cannot be routed through a proxy', case.ours.sentence)
    if case.ours.verdict == 'backend_error':
        return re.match(r'Bubblewrap: (network rule|a network\.egress peer)', case.ours.sentence)
    return case.ours.verdict == 'malformed' and re.match(
        r'Invalid IsolationSession provision request: Invalid configuration at `|network\.egress\.(allow|deny)\[', case.ours.sentence)


DIFFERENCES = [
    ('array-for-object', 'An object may not be written as an array of its members. The parser of MXC takes that by accident of its library; nobody writes it, '
     'and two spellings of one document are one too many.',
     lambda c: c.ours.verdict == 'malformed' and re.search(r'invalid type: sequence, expected (struct|a configuration object)', c.ours.sentence)),
    ('state-aware', 'Requests of the lifecycle are read, and refused for what is wrong with them; the lxc-exec of MXC refuses each.',
     lambda c: get(c.document, 'phase') is not None and c.theirs.verdict == 'malformed' and re.search(
         r"^'(phase|sandboxId|correlationVector)' is only valid on state-aware|got a state-aware lifecycle request|^Unknown top-level field\(s\) in config: .*\bphase\b",
         c.theirs.sentence)),
    ('sentences-0.7', 'MXC 0.7 says of most errors that there is one, and not which; members that it does not know at the first level it tells all at once, and before the rest. '
     'Its versions 0.4 and 0.5 are read as 0.8 reads 0.6: with a sentence, in the order of the text.',
     lambda c: c.theirs.release == '0.7.0' and both_malformed(c) and (
         re.match(r'$|Error parsing JSON$|Unknown top-level field\(s\) in config: ', c.theirs.sentence) or is_of_shape(c.ours.sentence)
         or 'has moved to the stable section' in c.ours.sentence)),
    ('members-0.7', 'MXC 0.7 ignores members that it does not know below the first level, all of the newer model of the network among them.',
     lambda c: only_07(c) and (re.match(r'Invalid configuration at `[^`]*[.\]][^`]*`: unknown field', c.ours.sentence)
                               or (has_newer_network(c.document) and re.search(r'\bnetwork\.(egress|ingress)\b|network configuration cannot mix|^Invalid JSON syntax: expected value at', c.ours.sentence)))),
    ('words-0.7', 'MXC 0.7 does not look at what has no effect on Linux, as the clipboard and $schema.',
     lambda c: only_07(c) and (re.match(r'Invalid configuration at `(ui|fallback|\$schema)\b[^`]*`: (unknown variant|invalid type|invalid value)', c.ours.sentence)
                               or (not isinstance(get(c.document, 'ui', 'clipboard') or '', str) and c.ours.sentence.startswith('Invalid JSON syntax: expected value at')))),
    ('paths-0.7', 'MXC 0.7 takes a path that is blank, or has a NUL in it.',
     lambda c: c.theirs.release == '0.7.0' and re.match(r"Filesystem path (is empty|'.*' contains an embedded NUL)", c.ours.sentence)),
    ('promises-0.7', 'MXC 0.7 takes a network of 0.8 without a word of what of it would not hold.',
     lambda c: only_07(c) and re.search(r'require an enforcement mechanism|network\.allowLocalNetwork=', c.ours.sentence)),
    ('open-0.9', 'The version 0.9.0-alpha is a closed contract here, as in MXC 0.9 and 1.0; MXC 0.8 reads it as any 0.9, which is none.',
     lambda c: c.theirs.release == '0.8.0' and c.version == '0.9.0-alpha' and c.ours.sentence.startswith('Invalid one-shot request: ')),
    ('half-a-second', 'MXC 0.7 refuses a timeout below half a second; later ones and this do not.',
     lambda c: c.theirs.release == '0.7.0' and c.theirs.verdict == 'refused' and c.ours.verdict == 'good' and get(c.document, 'process', 'timeout') in range(1, 500)),
    ('other-backend', 'Backends that are not here are said not to be available, with the code backend_unavailable. MXC on Linux takes some of them for LXC, and '
     'finds out when it runs.',
     lambda c: (get(c.document, 'containment') in OTHERS and (re.search(r"backend is not available|LXC distribution", c.ours.sentence)
                                                              or 'IsolationSession requires' in c.theirs.sentence))
     or (c.ours.verdict == 'backend_unavailable' and "'windows_sandbox' backend is not available" in c.ours.sentence)),
    ('ids', 'An id of the lifecycle is one that mxcd gave out; the parser of MXC leaves what is behind the colon to its backend.',
     lambda c: c.ours.verdict == 'malformed_id' and 'is none that mxcd gave out' in c.ours.sentence and c.theirs.verdict == 'good'),
    ('images', 'A provision that names an image, or ports of the host that should lead in, is refused: the process tier has neither.',
     lambda c: is_of(c, 'provision') and c.theirs.verdict == 'good' and re.match('images are not to be had|no port of this host', c.ours.sentence)),
    ('isolation-network', 'Of the network of an isolation session MXC takes one sentence, that everything is allowed. Here what is said of the way out holds, and the rest is refused.',
     lambda c: is_of(c, 'provision') and get(c.document, 'containment') == 'isolation_session' and re.search('Invalid configuration at `network[.`]', c.theirs.sentence)
     and of_isolation(c)),
    ('later-network', 'What a later phase says of the network is refused with the reason, before what else is wrong with it; the parser of MXC leaves it to its backend.',
     lambda c: get(c.document, 'phase') is not None and c.ours.verdict == 'policy_validation'
     and re.match('network policy is fixed at provision|the network cannot be routed through a proxy on phase', c.ours.sentence)),
    ('rules-at-provision', 'Rules that cannot be had are refused at provision, as those of a command are.',
     lambda c: is_of(c, 'provision') and stricter(c) and c.ours.sentence.startswith('Bubblewrap: ')),
    ('versions', 'All versions of all releases are known here: a version that is not is refused before the rest of the text is looked at, and the sentence says the range.',
     lambda c: both_malformed(c) and re.match(r"Config schema version|Unsupported contract version|Invalid schema version", c.ours.sentence)),
    ('paths', 'What is given must be there, and by an absolute path; MXC looks at neither in a dry run, and its bubblewrap fails later.',
     lambda c: stricter(c) and re.search(r"Can't find source path|is not absolute", c.ours.sentence)),
    ('nul', 'A NUL in a variable, a directory or a name is refused, as soon as it is read: what the workload would get is another text.',
     lambda c: c.ours.verdict == 'malformed' and c.ours.sentence.endswith('must not contain null bytes')),
    ('nameless-variable', 'A variable without a name is refused; MXC finds out when bubblewrap fails.',
     lambda c: stricter(c) and 'an entry has no name' in c.ours.sentence),
    ('lists-before-0.8', 'Before 0.8 MXC takes host lists without looking at them, and filters nothing by them on Linux. They hold here, so each entry must be an address, '
     'a block or a name.',
     lambda c: stricter(c) and c.ours.sentence.startswith('Bubblewrap: ') and re.search(r'network rule', c.ours.sentence)),
    ('default-port', 'The URL of a proxy may say the port that is its scheme\'s own, 80 or 443; MXC takes a port that was said for one that was not.',
     lambda c: re.search(r'must include a port', c.theirs.sentence) and re.search(r'http://[^"]*:0*80\b|https://[^"]*:0*443\b', c.text)),
    ('port-0', 'Nothing listens at port 0, so no proxy is there.', lambda c: 'must be a port between 1 and 65535: ' in c.ours.sentence),
    ('proxy-ipv6', 'A proxy may be at ::1 of the host: a sandbox here has both families, that of MXC the older one.',
     lambda c: c.ours.verdict == 'good' and c.theirs.verdict == 'refused' and re.search(r'"https?://\[::1\]:\d', c.text)),
    ('empty-version', 'An empty version is none, and one more thing of the network is told before what else is wrong.',
     lambda c: both_malformed(c) and c.version == ''),
    ('proxy-url', 'Of a URL that is none another thing is said; none of it is quoted.',
     lambda c: both_malformed(c) and re.search(r'(network\.proxy|networkProxy) is invalid', c.ours.sentence)),
    ('credentials', 'A proxy with a name and password in its URL is refused when the text is read, and not when it runs.',
     lambda c: c.ours.verdict == 'malformed' and 'must not carry credentials' in c.ours.sentence),
    ('redacted', 'A refusal does not quote what is in the place of variables or of a proxy.',
     lambda c: both_malformed(c) and '"<redacted>"' in c.ours.sentence),
    ('first-look', 'The closed contracts are read in two passes by MXC: the first finds the version and the phase, a second of them, and half of what is no JSON. Here it is one, and which '
     'prefix a sentence has can differ.',
     lambda c: both_malformed(c) and ('Invalid version declaration' in c.theirs.sentence + c.ours.sentence
                                      or re.match('Invalid (phase|provision containment) declaration: duplicate field', c.theirs.sentence))),
    ('no-such-word', 'A word that is an object, with more than null in it, is told as what it is.',
     lambda c: both_malformed(c) and 'expected unit variant' in c.ours.sentence),
]

P = '"process":{"commandLine":"true"}'
# One that shows each: what none shows any more is no difference.
EXAMPLES = {
    'array-for-object': '{"version":"1.0.0","process":["true"]}',
    'state-aware': '{"version":"0.8.0","phase":"start","sandboxId":"iso:x"}',
    'sentences-0.7': '{"version":"0.4.0","process":{"commandLine":5}}',
    'members-0.7': '{"version":"0.7.0","process":{"commandLine":"true","shell":"x"}}',
    'words-0.7': '{"version":"0.7.0",' + P + ',"ui":{"clipboard":"x"}}',
    'paths-0.7': '{"version":"0.7.0",' + P + ',"filesystem":{"deniedPaths":[" "]}}',
    'promises-0.7': '{"version":"0.8.0",' + P + ',"network":{"allowedHosts":["192.0.2.1"]}}',
    'open-0.9': '{"version":"0.9.0-alpha",' + P + ',"lifecycle":null}',
    'half-a-second': '{"version":"0.4.0","process":{"commandLine":"true","timeout":1}}',
    'other-backend': '{"version":"0.8.0",' + P + ',"containment":"seatbelt"}',
    'ids': '{"version":"1.0.0","phase":"start","sandboxId":"iso:abc"}',
    'images': '{"version":"1.0.0","phase":"provision","containment":"wslc","wslc":{"provision":{"image":"alpine"}}}',
    'isolation-network': '{"version":"1.0.0","phase":"provision","containment":"isolation_session","network":{"egress":{"default":"deny"}}}',
    'later-network': '{"version":"1.0.0","phase":"exec","sandboxId":"wslc:%s",' % ('0' * 32) + P + ',"network":{"egress":{"default":"allow"}}}',
    'rules-at-provision': '{"version":"1.0.0","phase":"provision","containment":"wslc","network":{"egress":{"allow":[{"to":[{"cidr":"::/0"}]}]}}}',
    'versions': '{"version":"1.0.1",' + P + '}',
    'paths': '{"version":"1.0.0",' + P + ',"filesystem":{"readonlyPaths":["usr"]}}',
    'nul': '{"version":"0.8.0","process":{"commandLine":"true","env":["A\\u0000=1"]}}',
    'nameless-variable': '{"version":"1.0.0","process":{"commandLine":"true","env":["=x"]}}',
    'lists-before-0.8': '{"version":"0.6.0-alpha",' + P + ',"network":{"allowedHosts":["a b"]}}',
    'default-port': '{"version":"1.0.0",' + P + ',"runtimeConfig":{"networkProxy":"http://localhost:80"}}',
    'port-0': '{"version":"1.0.0",' + P + ',"runtimeConfig":{"networkProxy":"http://localhost:0"}}',
    'proxy-ipv6': '{"version":"1.0.0",' + P + ',"runtimeConfig":{"networkProxy":"http://[::1]:8080"}}',
    'empty-version': '{"version":"",' + P + ',"filesystem":{"readonlyPaths":[""]},"network":{"egress":{}}}',
    'proxy-url': '{"version":"1.0.0",' + P + ',"runtimeConfig":{"networkProxy":"localhost:8080"}}',
    'credentials': '{"version":"1.0.0",' + P + ',"runtimeConfig":{"networkProxy":"http://u:p@localhost:8080"}}',
    'redacted': '{"version":"1.0.0","process":{"commandLine":"true","env":"TOKEN=x"}}',
    'first-look': '{"version":"1.0.0","zz":1,' + P + ',"version":"1.0.0"}',
    'no-such-word': '{"version":"0.8.0",' + P + ',"containment":{"process":1}}',
}
