#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""streams.py LIBRARY BINDING: the library as its bindings for other languages than JavaScript use it, C#'s for one (BINDING, NativeMethods.g.cs of its npm
package): each of its calls is made, with texts in UTF-8, what is given out freed by its own function, and structs that are the caller's; streams one by one,
closers, wrong and stale pointers, many threads. Ends with a status other than 0 where something is not as ffi.h says."""
import ctypes as C
import json
import os
import pty
import re
import sys
import threading


class Recorded:
    """The library, and which of its functions were asked for."""
    def __init__(self, path):
        self.library, self.called = C.CDLL(path), set()

    def __getattr__(self, name):
        self.called.add(name)
        return getattr(self.library, name)


lib = Recorded(sys.argv[1])
P, I = C.c_void_p, C.c_int32
OK, MALFORMED, UNAVAILABLE, STALE, NOT_STARTED, BACKEND_ERROR, NULL, NOT_UTF8 = 0, 1, 4, 6, 8, 12, 100, 101


class Detail(C.Structure):
    _fields_ = [(name, P) for name in ("message", "operation", "native_code", "remediation")]


class Stdio(C.Structure):
    _fields_ = [("stdin", C.c_ssize_t), ("stdout", C.c_ssize_t), ("stderr", C.c_ssize_t)]


class Result(C.Structure):
    _fields_ = [("status", I), ("exit_code", I), ("timed_out", I), ("out", P), ("err", P), ("error", Detail), ("metadata", P), ("warnings", P)]


class StateAware(C.Structure):
    _fields_ = [("status", I), ("response", P), ("error", Detail)]


class Outcome(C.Structure):
    _fields_ = [("timed_out", I), ("exit_code", I)]


for name in ("mxc_sandbox_take_stdin", "mxc_sandbox_take_stdout", "mxc_sandbox_take_stderr", "mxc_sandbox_stdout_closer", "mxc_sandbox_stderr_closer",
             "mxc_version", "mxc_available_backends_json", "mxc_platform_support_json"):
    getattr(lib.library, name).restype = P


def text(pointer):
    return C.string_at(pointer).decode() if pointer else None


def given(pointer):
    """A text that was given out, and is given back."""
    said = text(pointer)
    lib.mxc_string_free(pointer)
    return said


def request(command, **process):
    return json.dumps({"version": "1.0.0", "process": {"commandLine": command, **process}}).encode()


def spawn(command, **process):
    handle, detail = P(), Detail()
    status = lib.mxc_spawn_json(request(command, **process), 0, C.byref(handle), C.byref(detail))
    assert status == OK, (status, text(detail.message))
    assert handle.value and not detail.message
    return handle


def wait(handle):
    code, timed = I(7), I(7)
    assert lib.mxc_sandbox_wait(handle, C.byref(code), C.byref(timed)) == OK
    return code.value, timed.value


def read_all(stream):
    data, buffer, n = b"", C.create_string_buffer(4096), C.c_size_t()
    while True:
        assert lib.mxc_stream_read(stream, buffer, C.c_size_t(4096), C.byref(n)) == OK
        if n.value == 0:
            return data
        data += buffer.raw[:n.value]


def write(stream, data):
    n = C.c_size_t()
    status = lib.mxc_stream_write(stream, data, C.c_size_t(len(data)), C.byref(n))
    return status, n.value


def streams_one_by_one():
    handle = spawn("echo ready >&2; cat; exit 3")
    stdin, stdout, stderr = (P(getattr(lib, f"mxc_sandbox_take_{name}")(handle)) for name in ("stdin", "stdout", "stderr"))
    assert stdin and stdout and stderr
    assert not lib.mxc_sandbox_take_stdin(handle) and not lib.mxc_sandbox_take_stdout(handle)
    stdio = Stdio()
    assert lib.mxc_sandbox_take_native_stdio(handle, C.byref(stdio)) == BACKEND_ERROR  # some were taken
    assert (stdio.stdin, stdio.stdout, stdio.stderr) == (-1, -1, -1)
    assert write(stdin, b"through\0it") == (OK, 10) and lib.mxc_stream_flush(stdin) == OK
    lib.mxc_write_stream_free(stdin)
    assert read_all(stdout) == b"through\0it" and read_all(stderr) == b"ready\n"
    assert wait(handle) == (3, 0)
    assert wait(handle) == (3, 0)  # as often as one likes
    for stream in (stdout, stderr):
        lib.mxc_read_stream_free(stream)
        lib.mxc_read_stream_free(stream)
    lib.mxc_sandbox_free(handle)
    lib.mxc_sandbox_free(handle)
    assert write(stdin, b"x") == (NULL, 0)


def untaken_output_is_read_away():
    handle = spawn("cat; head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 4")
    assert wait(handle) == (4, 0)
    lib.mxc_sandbox_free(handle)


def descriptors_once():
    handle, stdio = spawn("cat"), Stdio()
    assert lib.mxc_sandbox_take_native_stdio(handle, C.byref(stdio)) == OK
    assert all(os.get_inheritable(fd) is False for fd in (stdio.stdin, stdio.stdout, stdio.stderr))
    os.write(stdio.stdin, b"hello")
    lib.mxc_native_pipe_close(C.c_ssize_t(stdio.stdin))
    assert os.read(stdio.stdout, 10) == b"hello"
    again = Stdio()
    assert lib.mxc_sandbox_take_native_stdio(handle, C.byref(again)) == UNAVAILABLE
    assert (again.stdin, again.stdout, again.stderr) == (-1, -1, -1)
    assert wait(handle) == (0, 0)
    lib.mxc_native_pipe_close(C.c_ssize_t(-1))
    lib.mxc_sandbox_free(handle)
    for fd in (stdio.stdout, stdio.stderr):
        os.close(fd)


def a_closer_ends_a_read():
    handle = spawn("sleep 300")
    stdout, closer = P(lib.mxc_sandbox_take_stdout(handle)), P(lib.mxc_sandbox_stdout_closer(handle))
    seen = []
    reader = threading.Thread(target=lambda: seen.append(read_all(stdout)))
    reader.start()
    assert lib.mxc_stream_closer_close(closer) == OK
    reader.join(30)
    assert seen == [b""], seen
    other = P(lib.mxc_sandbox_stderr_closer(handle))
    assert lib.mxc_stream_closer_close(other) == OK
    lib.mxc_stream_closer_free(other)
    running = I(7)
    assert lib.mxc_sandbox_try_wait(handle, C.byref(I()), C.byref(running), C.byref(I())) == OK and running.value == 1
    lib.mxc_stream_closer_free(closer)
    lib.mxc_sandbox_free(handle)
    lib.mxc_read_stream_free(stdout)


def killed_and_freed_while_another_thread_waits():
    for _ in range(10):
        handle, seen = spawn("sleep 300"), []

        def waiter():
            code, timed = I(), I()
            seen.append((lib.mxc_sandbox_wait(handle, C.byref(code), C.byref(timed)), code.value))
        threads = [threading.Thread(target=waiter) for _ in range(3)]
        [thread.start() for thread in threads]
        lib.mxc_sandbox_free(handle)  # under them
        [thread.join(60) for thread in threads]
        assert len(seen) == 3 and all(one in ((OK, -1), (NULL, 0)) for one in seen), seen
    handle = spawn("sleep 300")
    assert lib.mxc_sandbox_kill_for_timeout(handle) == OK
    assert wait(handle) == (-1, 1)
    assert lib.mxc_sandbox_kill(handle) == OK  # of what is over: nothing
    lib.mxc_sandbox_free(handle)


def a_bounded_part_of_output_is_kept():
    limit, result = 64 << 20, Result()
    assert lib.mxc_run_json(request(f"yes | head -c {limit}; yes | head -c {limit + 100} >&2; exit 8"), 0, C.byref(result)) == OK
    out, err = (C.string_at(pointer) for pointer in (result.out, result.err))
    assert (len(out), len(err), result.exit_code) == (limit, limit, 8)
    warnings = json.loads(text(result.warnings))
    assert [part for part in ("output", "error") if any(f"standard {part}" in one for one in warnings)] == ["error"], warnings
    lib.mxc_run_result_free(C.byref(result))


def what_is_wrong_is_told():
    result, handle, detail = Result(), P(5), Detail()
    assert lib.mxc_run_json(None, 0, C.byref(result)) == NULL and text(result.error.message) == "request JSON pointer is null"
    lib.mxc_run_result_free(C.byref(result))
    lib.mxc_run_result_free(C.byref(result))
    assert lib.mxc_run_json(b"\xff", 0, C.byref(result)) == NOT_UTF8
    lib.mxc_run_result_free(C.byref(result))
    assert lib.mxc_run_json(b"{}", 0, None) == NULL
    assert lib.mxc_spawn_json(b"{", 0, C.byref(handle), C.byref(detail)) == MALFORMED and handle.value is None
    assert text(detail.message).startswith("Configuration parse error: "), text(detail.message)
    lib.mxc_error_detail_free(C.byref(detail))
    lib.mxc_error_detail_free(C.byref(detail))
    for name in ("kill", "kill_for_timeout"):
        assert getattr(lib, f"mxc_sandbox_{name}")(None) == NULL
    assert lib.mxc_sandbox_id(None) == 0
    answer = StateAware()
    exec_request = b'{"version":"1.0.0","phase":"exec","sandboxId":"iso:' + b"0" * 32 + b'","process":{"commandLine":"true"}}'
    for wrong, part in ((exec_request, "exec"), (request("true"), "phase"), (b"{}", "process")):
        assert lib.mxc_run_state_aware_json(wrong, 0, 0, C.byref(answer)) == MALFORMED, wrong
        assert part in text(answer.error.message) and not answer.response, text(answer.error.message)
        lib.mxc_state_aware_result_free(C.byref(answer))
    assert lib.mxc_run_state_aware_json(exec_request, 0, 0, None) == NULL
    assert lib.mxc_exec_state_aware_attached_json(exec_request, 0, C.byref(Outcome()), C.byref(detail)) == MALFORMED
    assert "terminal" in text(detail.message)
    lib.mxc_error_detail_free(C.byref(detail))


def a_specification_of_0_9():
    result = Result()
    spec = json.dumps({"policy": {"version": "0.9.0-alpha", "timeoutMs": 0}, "command": "echo $A; exit 9", "environment": {"A": "b"}})
    assert lib.mxc_run_request(spec.encode(), C.byref(result)) == OK, text(result.error.message)
    assert (text(result.out), result.exit_code) == ("b\n", 9)
    lib.mxc_run_result_free(C.byref(result))
    handle, detail = P(), Detail()
    assert lib.mxc_spawn_request(spec.encode(), C.byref(handle), C.byref(detail)) == OK
    assert wait(handle) == (9, 0)
    lib.mxc_sandbox_free(handle)


def what_is_known_of_it():
    assert re.match(r"\d+\.\d+\.\d+", text(lib.mxc_version()))  # for ever: not given back
    assert [one["backend"] for one in json.loads(given(lib.mxc_available_backends_json()))] == ["bubblewrap"]
    assert json.loads(given(lib.mxc_platform_support_json()))["isSupported"] is True
    handle, out = spawn("echo a; exit 3"), P(5)
    for ask in (lib.mxc_sandbox_warnings_json, lib.mxc_sandbox_output_metadata_json):
        assert ask(handle, C.byref(out)) == OK
        assert given(out) is None
    assert wait(handle) == (3, 0)
    lib.mxc_sandbox_free(handle)


def telemetry():
    out, number, asked = P(5), I(7), []
    for ask in (lib.mxc_telemetry_get_consent, lib.mxc_telemetry_get_policy):
        assert ask(C.byref(out)) == OK and given(out) == "not-applicable"
        assert ask(None) == NULL
    for ask in (lib.mxc_telemetry_get_consent_status, lib.mxc_telemetry_withdraw_consent):
        assert ask(C.byref(out)) == OK and json.loads(given(out))["storedState"] == "not-applicable"
    assert lib.mxc_telemetry_needs_consent_prompt(C.byref(number)) == OK and number.value == 0
    presenter = C.CFUNCTYPE(I, C.c_char_p, P)(lambda prompt, context: asked.append(prompt) or 1)
    for locale in (b"en-US", "d\u00e9".encode(), None):
        assert lib.mxc_telemetry_request_consent(locale, presenter, P(1), C.byref(out)) == OK
        assert json.loads(given(out))["result"] == "notApplicable" and not asked
    assert lib.mxc_telemetry_request_consent(b"\xff", presenter, None, C.byref(out)) == NOT_UTF8 and not out


def a_terminal():
    handle, detail = P(), Detail()
    assert lib.mxc_spawn_pty_json(request("stty size; read x; stty size; echo \u00fc; exit 6"), 0, C.c_uint16(31), C.c_uint16(97), C.byref(handle), C.byref(detail)) == OK
    terminal_of(handle)


def terminal_of(handle):
    stdin, stdout = P(lib.mxc_sandbox_take_stdin(handle)), P(lib.mxc_sandbox_take_stdout(handle))
    assert not lib.mxc_sandbox_take_stderr(handle)
    buffer, n, seen = C.create_string_buffer(64), C.c_size_t(), b""
    while b"31 97" not in seen:
        assert lib.mxc_stream_read(stdout, buffer, C.c_size_t(64), C.byref(n)) == OK and n.value > 0
        seen += buffer.raw[:n.value]
    assert lib.mxc_sandbox_pty_resize(handle, C.c_uint16(12), C.c_uint16(34)) == OK
    assert write(stdin, b"\n") == (OK, 1)
    seen += read_all(stdout)
    assert b"12 34" in seen and "\u00fc".encode() in seen, seen
    assert wait(handle) == (6, 0)
    for free, what in ((lib.mxc_write_stream_free, stdin), (lib.mxc_read_stream_free, stdout), (lib.mxc_sandbox_free, handle)):
        free(what)


def phase(name, **members):
    answer = StateAware()
    status = lib.mxc_run_state_aware_json(json.dumps({"version": "1.0.0", "phase": name, **members}).encode(), 0, 0, C.byref(answer))
    assert status == answer.status
    assert (status == OK) == bool(answer.response) == (not answer.error.message), text(answer.error.message)
    result = json.loads(text(answer.response))["result"] if status == OK else text(answer.error.message)
    lib.mxc_state_aware_result_free(C.byref(answer))
    return status, result


def in_a_terminal(act):
    """act() in a process whose standard input and output are one; what was shown, and what it gave."""
    child, master = pty.fork()
    if child == 0:
        os._exit(act())
    seen = b""
    try:
        while data := os.read(master, 4096):
            seen += data
    except OSError:
        pass  # the other side is closed
    os.close(master)
    return seen, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def a_lifecycle():
    status, made = phase("provision", containment="isolation_session",
                         network={"egress": {"default": "allow"}, "ingress": {"default": "allow", "hostLoopback": "allow"}})
    assert status == OK, made
    place = {"sandboxId": made["sandboxId"]}
    execution = json.dumps({"version": "1.0.0", "phase": "exec", **place, "process": {"commandLine": "echo \u00fc; echo err >&2; exit 5"}}).encode()
    result, handle, detail, outcome = Result(), P(), Detail(), Outcome(7, 7)
    assert lib.mxc_run_state_aware_exec_json(execution, 0, C.byref(result)) == NOT_STARTED
    assert "not started" in text(result.error.message)
    lib.mxc_run_result_free(C.byref(result))
    assert phase("start", **place)[0] == OK
    assert lib.mxc_run_state_aware_exec_json(execution, 0, C.byref(result)) == OK
    assert (text(result.out), text(result.err), result.exit_code, result.timed_out) == ("\u00fc\n", "err\n", 5, 0)
    lib.mxc_run_result_free(C.byref(result))
    waiting = json.dumps({"version": "1.0.0", "phase": "exec", **place, "process": {"commandLine": "read x; echo \u00fc; exit 5"}}).encode()
    assert lib.mxc_exec_state_aware_json(waiting, 0, C.byref(handle), C.byref(detail)) == OK
    assert lib.mxc_sandbox_id(handle) > 0
    lib.mxc_write_stream_free(P(lib.mxc_sandbox_take_stdin(handle)))
    stdout = P(lib.mxc_sandbox_take_stdout(handle))
    assert read_all(stdout) == "\u00fc\n".encode() and wait(handle) == (5, 0)
    lib.mxc_read_stream_free(stdout)
    lib.mxc_sandbox_free(handle)
    shown = json.dumps({"version": "1.0.0", "phase": "exec", **place, "process": {"commandLine": "stty size; read x; stty size; echo \u00fc; exit 6"}}).encode()
    assert lib.mxc_state_aware_exec_pty(shown, 0, C.c_uint16(31), C.c_uint16(97), C.byref(handle), C.byref(detail)) == OK
    terminal_of(handle)

    def attached():
        status = lib.mxc_exec_state_aware_attached_json(execution, 0, C.byref(outcome), C.byref(detail))
        return 100 + outcome.exit_code if (status, outcome.timed_out) == (OK, 0) else 1
    seen, code = in_a_terminal(attached)
    assert code == 105 and "\u00fc".encode() in seen and b"err" in seen, (seen, code)
    # who only reads meets its timeout, too, which no other thread looks at
    hanging = json.dumps({"version": "1.0.0", "phase": "exec", **place, "process": {"commandLine": "echo on; sleep 300", "timeout": 500}}).encode()
    assert lib.mxc_exec_state_aware_json(hanging, 0, C.byref(handle), C.byref(detail)) == OK
    stdout, seen = P(lib.mxc_sandbox_take_stdout(handle)), []
    reader = threading.Thread(target=lambda: seen.append(read_all(stdout)), daemon=True)
    reader.start()
    reader.join(30)
    assert seen in ([b"on\n"], [b""]), seen  # that it ends: how far it came in its time is the machine's affair
    assert wait(handle) == (-1, 1)
    lib.mxc_read_stream_free(stdout)
    lib.mxc_sandbox_free(handle)
    assert phase("stop", **place)[0] == OK
    assert phase("deprovision", **place)[0] == OK
    assert phase("start", **place)[0] == STALE


threads_before = threading.active_count()
for test in (what_is_known_of_it, telemetry, a_terminal, a_lifecycle, streams_one_by_one, untaken_output_is_read_away, descriptors_once, a_closer_ends_a_read, killed_and_freed_while_another_thread_waits,
             a_bounded_part_of_output_is_kept, what_is_wrong_is_told, a_specification_of_0_9):
    print(test.__name__, flush=True)
    test()
assert len(os.listdir("/proc/self/task")) == 1, "threads are left"
assert len(os.listdir("/proc/self/fd")) < 10, "descriptors are left"
if len(sys.argv) > 2:
    with open(sys.argv[2], encoding="utf-8") as binding:
        calls = set(re.findall(r'EntryPoint = "(mxc_\w+)"', binding.read())) - {"mxc_probe_request_json", "mxc_probe_request_json_with_error"}  # Windows's alone
    assert len(calls) == 44 and not calls - lib.called, calls - lib.called
