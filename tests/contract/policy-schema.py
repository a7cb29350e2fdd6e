#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The JSON Schema and the C parser take and refuse the same documents.

usage: policy-schema.py SOURCE CHECKER

good/ and bad/ are judged by both and must agree, and so must the documents that generated() makes, around each bound that the schema says in
regular expressions. bad-beyond-schema/ holds what the schema does not say, which it takes and the parser must not:

- what is no longer there, or not yet, when a schema sees a document: keys that are there twice (duplicate-*), whether a whole number was
  written with a fraction or an exponent (number-*), the policy that is extended (extends-*);
- bytes: a schema counts characters (description-bytes, path-bytes);
- sums, and numbers and addresses beside each other: span-sum-overflow, *-end-below, except-all, except-outside;
- what could be said, at a length that nobody would read: bits behind the prefix of a v6 address in all its spellings (cidr-v6-host-bits),
  and a system call both allowed and denied, once for each of them (syscalls-allow-and-deny).
"""

import json
import os
import subprocess
import sys
import tempfile
from ipaddress import IPv4Address
from pathlib import Path

import jsonschema


def refuse_constant(word):
    raise ValueError(f"{word} is not JSON")


def schema_takes(validator, path):
    try:
        document = json.loads(path.read_bytes().decode("utf-8"), parse_constant=refuse_constant)
    except ValueError as error:
        return f"not JSON: {error}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    return None if error is None else error.message[:200]


def parser_takes(checker, bases, paths):
    environment = dict(os.environ, MXC_TEST_BASES=str(bases))
    output = subprocess.run([checker, *map(str, paths)], env=environment, check=True, stdout=subprocess.PIPE).stdout.decode()
    verdicts = {}
    for line in output.splitlines():
        verdict, path, *reason = line.split(" ", 2)
        verdicts[path] = None if verdict == "good" else reason[0]
    return verdicts


def peer(cidr, *exceptions):
    peers = [{"cidr": cidr, "except": list(exceptions)} if exceptions else {"cidr": cidr}]
    return {"network": {"egress": {"allow": [{"to": peers}]}}}


def v4_blocks():
    """Each prefix, with no bit behind it, with each alone and with some; and what is no prefix."""
    for prefix in range(33):
        for base in (0, 2**32 - 1, int(IPv4Address("10.129.77.213"))):
            network = base >> (32 - prefix) << (32 - prefix)
            yield from (f"{IPv4Address(network | 1 << bit)}/{prefix}" for bit in range(32 - prefix))
            yield from (f"{IPv4Address(network)}/{prefix}", f"{IPv4Address(base)}/{prefix}", str(IPv4Address(network)))
    yield from ("10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "10.0.0.0.0/8", "256.0.0.0/8", "010.0.0.0/8", "10.0.0.0/", "/8", ".", "")


def v6_texts():
    """So many groups in front of a gap and behind it, the last two of them a v4 address or not."""
    for tail in ([], ["1.2.3.4"], ["1.2.3"]):
        for before in range(10):
            yield ":".join(["1a"] * before + tail)
            for after in range(10):
                yield ":".join(["1a"] * before) + "::" + ":".join(["2B"] * after + tail)
    yield from ("1::2::3", ":::", ":", "1:", ":1", "::1:", "12345::", "::g", "::1/129", "::1/128", "::1/0128", "fe80::1%lo", "::1.2.3.4:5", "::/0")


def all_of_v4():
    for zero in ("0", "0000"):
        for tail in (f"{zero}:{zero}", "0.0.0.0"):
            yield from (f"{zero}:{zero}:{zero}:{zero}:{zero}:fFfF:{tail}/96", f"::ffff:{tail}/96", f"{zero}::FFFF:{tail}/96", f"::{zero}:ffff:{tail}/96",
                        f"64:ff9b:{zero}:{zero}:{zero}:{zero}:{tail}/96", f"0064:FF9B::{tail}/96", f"64:ff9b::{zero}:{tail}/96",
                        f"2002:{zero}:{zero}:{zero}:{zero}:{zero}:{tail}/16", f"2002::{tail}/16")
        yield from (f"{zero}:{zero}:{zero}:{zero}:{zero}:ffff::/96", f"{zero}:{zero}:{zero}:{zero}:{zero}:ffff::{zero}/96")
    yield from ("64:ff9b::/96", "2002::/16", "::ffff:0:0/97", "::ffff:1:0/112", "::ffff:0:0:0/80", "::fffe:0:0/96", "64:ff9b::/97", "64:ff9c::/96",
                "2002::/17", "2003::/16", "2002::/15", "::/96", "::fffe:0:0/95", "64:ff9b::/95")


def amounts():
    largest = 2**63 - 1
    sizes = {unit: 1024**power for power, unit in enumerate(["", *"KMGTPE"])}
    times = {"us": 1, "msec": 10**3, "": 10**6, "s": 10**6, "seconds": 10**6, "min": 60 * 10**6, "hr": 3600 * 10**6, "days": 86400 * 10**6, "w": 604800 * 10**6}
    for key, units in (("memoryMax", sizes), ("memorySwapMax", sizes), ("runtimeMax", times), ("cpuQuota", {"%": 10**4})):
        for unit, scale in units.items():
            bound = largest // scale
            numbers = {0, 1, 10, bound // 10, bound - 1, bound, bound + 1, bound + 10, bound * 10, 10 ** len(str(bound)), 10 ** (len(str(bound)) - 1) - 1}
            for digit in range(len(str(bound))):
                numbers |= {bound + 10**digit, bound - 10**digit}
            for number in numbers - {-1}:
                yield from ({"resources": {key: f"{zeros}{number}{unit}"}} for zeros in ("", "0", "000000000000000000000"))
        yield from ({"resources": {key: text}} for text in ("infinity", "", "1", "-1", "1KB", "1.5G", "1 %", "%", "h", "1h 1h", "1hh", "1h1", "0s 1s", "1 h", "1m", "1ms"))


def debugging():
    for base in ({}, {"extends": "base"}):
        for said in ({}, {"debugging": True}, {"debugging": False}):
            for calls in ("debug", "agent", {"profile": "debug"}, {"profile": "debug", "deny": ["ptrace"]}, {"profile": "build"}, {"allow": ["ptrace"]},
                          {"allow": ["bpf", "kcmp"]}, {"allow": ["bpf"]}, {"deny": ["ptrace"]}):
                yield {**base, "process": {**said, "syscalls": calls}}


def texts():
    for text in ("\ud800", "\udfff", "a\udc00b", "\U0001f600", "\ud7ff\ue000"):
        yield from ({"description": text}, {"process": {"environment": {"set": {"A": text}}}}, {"filesystem": {"readonlyPaths": ["/" + text]}})


def generated():
    yield from (peer(text) for text in (*v4_blocks(), *v6_texts(), *all_of_v4()))
    v4, v6, carried = "10.1.0.0/16", "fd00:1::/32", ("::ffff:10.1.0.0/112", "64:ff9b::10.1.0.0/112", "2002:a01::/32")
    yield from (peer("10.0.0.0/8", exception) for exception in (v4, v6, *carried))
    yield from (peer("::ffff:10.0.0.0/104", exception) for exception in (v4, *carried))
    yield from (peer("fd00::/16", exception) for exception in (v4, v6))
    yield from (*amounts(), *debugging(), *texts())


def disagreements(validator, checker, bases):
    """Of what is generated."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for number, document in enumerate(generated()):
            paths[Path(directory) / f"{number}.json"] = document
        for path, document in paths.items():
            path.write_text(json.dumps({"schema": "mxc-policy/1", **document}))
        verdicts = parser_takes(checker, bases, paths)
        for path in paths:
            by_schema, by_parser = schema_takes(validator, path), verdicts[str(path)]
            if (by_schema is None) != (by_parser is None):
                yield f"{path.read_text()}: the schema says {by_schema or 'good'}, the parser {by_parser or 'good'}"
        if len(paths) < 3000:
            yield f"only {len(paths)} documents were made"
        print(f"{len(paths)} documents made")


def main():
    source, checker = Path(sys.argv[1]), sys.argv[2]
    corpus = source / "tests/data/policy"
    schema = json.loads((source / "policy-schema/mxc-policy-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    # what each directory says of its documents: (by the schema, by the parser)
    expected = {"good": (True, True), "bad": (False, False), "bad-beyond-schema": (True, False)}
    documents = {p: expected[d] for d in expected for p in sorted((corpus / d).glob("*.json"))}
    verdicts = parser_takes(checker, corpus / "bases", documents)
    vendor = source / "policy-schema"
    installed = [vendor / "ceiling.json", *sorted((vendor / "policies").glob("*.json"))]
    verdicts.update(parser_takes(checker, vendor / "policies", installed))
    documents.update({p: (True, True) for p in installed})

    failures = []
    if len(documents) < 120:
        failures.append(f"the corpus has only {len(documents)} documents")
    for path, (by_schema, by_parser) in documents.items():
        schema_reason, parser_reason = schema_takes(validator, path), verdicts[str(path)]
        if (schema_reason is None) != by_schema:
            failures.append(f"{path}: the schema says {schema_reason or 'good'}")
        if (parser_reason is None) != by_parser:
            failures.append(f"{path}: the parser says {parser_reason or 'good'}")

    failures += disagreements(validator, checker, corpus / "bases")

    names = subprocess.run([checker, "--syscalls"], check=True, stdout=subprocess.PIPE).stdout.decode().split()
    if names != schema["$defs"]["syscall"]["enum"]:
        failures.append(f"system calls differ: {set(names) ^ set(schema['$defs']['syscall']['enum'])}")

    print(*failures, sep="\n")
    print(f"{len(documents)} documents, {len(failures)} disagreements")
    return 1 if failures else 0


sys.exit(main())
