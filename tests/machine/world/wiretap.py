# SPDX-License-Identifier: LGPL-2.1-or-later
"""wiretap.py INTERFACE FILE: writes every frame that passes there to the file, in either direction, until it is ended."""

import socket
import sys

tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind((sys.argv[1], 0))
with open(sys.argv[2], "wb", buffering=0) as file:
    while True:
        file.write(tap.recv(1 << 18))
