#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: documented.py SOURCE: the manual page has the differences that the differential tests know, and no others."""
import re
import sys

import behaviour
from differences import DIFFERENCES

with open(sys.argv[1] + '/client/mxc/mxc-configuration.7', encoding='utf-8') as page:
    told = re.findall(r'^\.It Sy (\S+)$', page.read(), re.M)
known = [name for name, _, _ in DIFFERENCES + behaviour.DIFFERENCES]
for name in set(told) ^ set(known):
    print(f'not ok - {name} is {"in the page alone" if name in told else "not in the page"}')
sys.exit(sorted(told) != sorted(known))
