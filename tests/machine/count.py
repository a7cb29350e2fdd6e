# SPDX-License-Identifier: LGPL-2.1-or-later
"""Count what meson ran: prints "PASSED FAILED" for a junit log. A skipped test is a failure when
MXC_TESTS_MUST_RUN is set, and otherwise not counted at all."""
import os
import sys
import xml.etree.ElementTree as tree

must_run = bool(os.environ.get("MXC_TESTS_MUST_RUN"))
passed = failed = 0
for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        failed += 1
        print("not ok", case.get("classname"), case.get("name"), file=sys.stderr)
    elif "skipped" in kinds:
        if must_run:
            failed += 1
            print("skipped, which counts as failed:", case.get("classname"), case.get("name"), file=sys.stderr)
    else:
        passed += 1
print(passed, failed)
