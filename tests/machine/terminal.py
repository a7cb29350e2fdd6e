#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal with somebody at it: runs a command on a pty of its own and does what the steps say.

usage: terminal.py STEP… -- COMMAND…

steps: expect=TEXT (waits until the command has written it), send=TEXT (types it; ^C and the like as \\x03), resize=ROWSxCOLUMNS, raw and
cooked (the modes that the terminal must have by then), signal=NAME (to the process on it). It begins with 24x80. What the command
wrote goes to standard output. Exits as the command did, 128 and more by a signal; 98 when a step did not come true, 99 when the terminal
is not left as it was found.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30 * int(os.environ.get("MXC_TEST_SLOW", "1"))


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            resize(0, 24, 80)
            os.execvp(command[0], command)
        self.output = b""
        self.seen = 0
        self.open = True
        self.modes = termios.tcgetattr(self.fd)

    def read(self, wait):
        """False when nothing came, or never will."""
        if not self.open or not select.select([self.fd], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.open = bool(data)
        self.output += data
        return self.open

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end or (not self.read(0.1) and not self.open and not condition()):
                self.give_up(what)

    def give_up(self, what):
        sys.stdout.buffer.write(self.output)
        print(f"\nterminal.py: waited in vain for {what}", file=sys.stderr)
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(98)

    def expect(self, text):
        text = text.encode()
        self.until(text, lambda: text in self.output[self.seen:])
        self.seen = self.output.index(text, self.seen) + len(text)

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def step(self, word):
        name, _, value = word.partition("=")
        value = value.encode("latin-1", "backslashreplace").decode("unicode_escape")
        if name == "expect":
            self.expect(value)
        elif name == "send":
            os.write(self.fd, value.encode())
        elif name == "resize":
            resize(self.fd, *(int(n) for n in value.split("x")))
        elif name in ("raw", "cooked"):
            self.until(word, lambda: self.is_raw() == (name == "raw"))
        elif name == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + value))
        else:
            sys.exit(f"terminal.py: no step {word}")

    def end(self):
        end = time.monotonic() + PATIENCE
        status = None
        while status is None:
            if time.monotonic() > end:
                self.give_up("the end")
            if not self.read(0.1):
                pid, got = os.waitpid(self.pid, os.WNOHANG)
                status = got if pid else None
        left = termios.tcgetattr(self.fd)
        while self.read(0.1):
            pass
        sys.stdout.buffer.write(self.output)
        if left[:6] != self.modes[:6]:
            print("terminal.py: its modes are not what they were", file=sys.stderr)
            return 99
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main():
    at = sys.argv.index("--")
    terminal = Terminal(sys.argv[at + 1:])
    for word in sys.argv[1:at]:
        terminal.step(word)
    return terminal.end()


if __name__ == "__main__":
    sys.exit(main())
