# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other half of the agent: everything that a workspace policy forbids, tried for real. One line per attempt; exits
with the number of those that got through. Arguments: the home directory; a process of the same user's outside; "tasks" when this host can limit
tasks."""
import ctypes
import errno
import os
import pathlib
import socket
import subprocess
import sys

home = pathlib.Path(sys.argv[1])
workspace = pathlib.Path(__file__).resolve().parent.parent
libc = ctypes.CDLL(None, use_errno=True)
through = 0


class GotIn(Exception):
    """What the attempt obtained."""


def attempt(what):
    def run(function):
        global through
        try:
            got = function()
        except OSError as error:
            name = errno.errorcode.get(error.errno)  # a resolver's has none
            print(f"  refused   {what:46} {name + ': ' if name else ''}{error.strerror}")
        except subprocess.CalledProcessError as error:
            words = (error.stderr or error.stdout or b"").decode(errors="replace").strip().splitlines()
            print(f"  refused   {what:46} {words[-1][:60] if words else error.returncode}")
        else:
            if isinstance(got, str) and got.startswith("refused: "):
                print(f"  refused   {what:46} {got[9:]}")
            else:
                print(f"  GOT IN    {what:46} {got!r:.60}")
                through += 1
        sys.stdout.flush()
    return run


def syscall(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@attempt("read ~/.ssh/id_ed25519")
def _():
    return (home / ".ssh/id_ed25519").read_text()


@attempt("list the home directory's other files")
def _():
    names = sorted(p.name for p in home.iterdir())
    # git's own settings are there to be read; nothing else is but the workspace
    return "refused: only the workspace is there" if set(names) <= {workspace.name, ".gitconfig", ".config"} else names


@attempt("read /etc/shadow")
def _():
    return pathlib.Path("/etc/shadow").read_text()


@attempt("write /etc/cron.d/agent")
def _():
    return pathlib.Path("/etc/cron.d/agent").write_text("* * * * * root id\n")


@attempt("replace /usr/bin/git")
def _():
    return pathlib.Path("/usr/bin/git").write_text("#!/bin/sh\n")


@attempt("write .git/hooks/pre-commit")
def _():
    return (workspace / ".git/hooks/pre-commit").write_text("#!/bin/sh\nid >/tmp/owned\n")


@attempt("set core.fsmonitor in .git/config")
def _():
    return subprocess.run(["git", "-C", workspace, "config", "core.fsmonitor", "id"], check=True, capture_output=True).args


@attempt("rename .git away and make a new one")
def _():
    (workspace / ".git").rename(workspace / ".git.old")
    (workspace / ".git/hooks").mkdir(parents=True)
    return "renamed"


@attempt("write ~/.bashrc")
def _():
    with open(home / ".bashrc", "a") as f:
        f.write("id\n")
    return "written"


@attempt("create .envrc in the workspace")
def _():
    return (workspace / ".envrc").write_text("id\n")


@attempt("create .vscode/tasks.json")
def _():
    (workspace / ".vscode").mkdir(exist_ok=True)
    return (workspace / ".vscode/tasks.json").write_text("{}")


@attempt("rename a file to .mcp.json")
def _():
    (workspace / "innocent.json").write_text("{}")
    try:
        return (workspace / "innocent.json").rename(workspace / ".mcp.json")
    finally:
        (workspace / "innocent.json").unlink(missing_ok=True)


@attempt("see the processes of the host")
def _():
    pids = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()]
    names = {pathlib.Path(f"/proc/{p}/comm").read_text().strip() for p in pids}
    foreign = names & {"systemd", "mxcd", "mxc-launch", "dbus-daemon", "systemd-journal"}
    return foreign if foreign else f"refused: sees only its own {len(pids)}"


@attempt("signal a process of the host")
def _():
    return os.kill(int(sys.argv[2]), 9)


@attempt("connect out")
def _():
    return socket.create_connection(("192.0.2.1", 443), timeout=2)


@attempt("resolve a name")
def _():
    return socket.getaddrinfo("example.com", 443)


@attempt("open a raw socket")
def _():
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@attempt("talk to the system bus")
def _():
    s = socket.socket(socket.AF_UNIX)
    return s.connect("/run/dbus/system_bus_socket")


@attempt("forge a record in the journal")
def _():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    return s.sendto(b"MESSAGE=forged\nMXC_EVENT=exit\n", "/run/systemd/journal/socket")


@attempt("load a kernel module")
def _():
    return syscall(313, 0, b"", 0)  # finit_module


@attempt("make a user namespace")
def _():
    return syscall(272, 0x10000000)  # unshare(CLONE_NEWUSER)


@attempt("mount a file system")
def _():
    return syscall(165, b"tmpfs", b"/tmp", b"tmpfs", 0, None)


@attempt("load a BPF program")
def _():
    return syscall(321, 5, None, 0)


@attempt("trace another process")
def _():
    return syscall(101, 16, 1, 0, 0)  # PTRACE_ATTACH to pid 1


@attempt("set up io_uring")
def _():
    return syscall(425, 8, ctypes.create_string_buffer(120))


@attempt("escape by a setuid program")
def _():
    own = pathlib.Path("/tmp/sh")
    own.write_bytes(pathlib.Path("/bin/sh").read_bytes())
    try:
        own.chmod(0o6755)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        own.chmod(0o755)
    out = subprocess.run(["su", "-c", "id -u"], input=b"\n", capture_output=True)
    euid = subprocess.run([own, "-c", "id -u"], capture_output=True)
    for run in out, euid:
        if run.stdout.strip() == b"0":
            return "root"
    status = pathlib.Path("/proc/self/status").read_text()
    if "NoNewPrivs:\t1" not in status or "CapEff:\t0000000000000000" not in status:
        return status
    return "refused: su fails, no new privileges, no capabilities"


@attempt("write outside through a symbolic link")
def _():
    link = workspace / "link"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/passwd")
    try:
        with open(link, "a") as f:
            f.write("agent::0:0::/:/bin/sh\n")
    finally:
        link.unlink()
    return "written"


def fork_bomb():
    children = []
    try:
        while len(children) < 4096:
            pid = os.fork()
            if pid == 0:
                os.pause() if hasattr(os, "pause") else __import__("signal").pause()
                os._exit(0)
            children.append(pid)
    except OSError as error:
        return f"refused: {errno.errorcode[error.errno]} after {len(children)} processes"
    finally:
        for pid in children:
            os.kill(pid, 9)
        for pid in children:
            os.waitpid(pid, 0)
    return f"{len(children)} processes"


if "tasks" in sys.argv:
    attempt("fork without end")(fork_bomb)
else:
    print(f"  not tried {'fork without end':46} there is no pids controller here; the emulated machine has one")

sys.exit(min(through, 100))
