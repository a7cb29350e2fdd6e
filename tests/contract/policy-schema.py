#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The JSON Schema and the C parser take and refuse the same documents.

usage: policy-schema.py SOURCE CHECKER

good/ and bad/ are judged by both and must agree; bad-beyond-schema/ holds what a schema cannot say (duplicate keys,
references between keys, exact arithmetic): the schema takes it, the parser must not.
"""

import json
import os
import subprocess
import sys
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

    names = subprocess.run([checker, "--syscalls"], check=True, stdout=subprocess.PIPE).stdout.decode().split()
    if names != schema["$defs"]["syscall"]["enum"]:
        failures.append(f"system calls differ: {set(names) ^ set(schema['$defs']['syscall']['enum'])}")

    print(*failures, sep="\n")
    print(f"{len(documents)} documents, {len(failures)} disagreements")
    return 1 if failures else 0


sys.exit(main())
