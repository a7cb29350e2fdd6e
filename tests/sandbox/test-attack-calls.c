/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls as ways out: terminals, architectures, namespaces, rings, sockets, and what only the kernel's owner should ask. */

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "attack.h"
#include "cleanup.h"
#include "fd.h"

/* What a kernel of today may be told to refuse by itself. */
static long sysctl(const char *path, long otherwise) {
        _cleanup_free_ char *text = NULL;
        return fd_read_file_at(-EBADF, path, 64, &text, NULL) < 0 ? otherwise : strtol(text, NULL, 10);
}

static bool typed_input(Stage *s) {
        if (sysctl("/proc/sys/dev/tty/legacy_tiocsti", 1) == 0)
                (void)snprintf(s->success, sizeof(s->success), "EIO");
        return true;
}

static bool rings(Stage *s) {
        return sysctl("/proc/sys/kernel/io_uring_disabled", 0) == 0;
}

/* One that the kernel has and libseccomp does not know. */
static bool new_call(Stage *s) {
        for (int number = 451; number < 600; number++) {
                _cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
                if (name || syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) != -1 || errno == ENOSYS)
                        continue;
                (void)snprintf(s->success, sizeof(s->success), "%s", strerrorname_np(errno));
                stage_word(s, 1, "%d", number);
                return true;
        }
        return false;
}

static bool modules(Stage *s) {
        return syscall(SYS_init_module, NULL, 0UL, "") < 0 && errno != EPERM && errno != ENOSYS;
}

static bool user_namespaces(void) {
        return sysctl("/proc/sys/kernel/unprivileged_userns_clone", 1) != 0 &&
               sysctl("/proc/sys/user/max_user_namespaces", 1) != 0;
}

static bool own_namespace(Stage *s) {
        return user_namespaces();
}

static bool listed_clone3(Stage *s) {
        plan_add_syscall(s->plan, "clone3");
        return user_namespaces();
}

static bool listed_unshare(Stage *s) {
        plan_add_syscall(s->plan, "unshare");
        return user_namespaces();
}

static bool unlisted_pidfd_open(Stage *s) {
        plan_remove_syscall(s->plan, "pidfd_open");
        return true;
}

static bool listed_ptrace(Stage *s) {
        plan_add_syscall(s->plan, "ptrace"); /* but the plan does not say debugging */
        return true;
}

static bool debugging(Stage *s) {
        s->plan->template.debugging = true;
        plan_add_syscall(s->plan, "ptrace");
#ifdef __x86_64__
        return true;
#else
        return false;
#endif
}

/* A kernel that knows urgent data of Unix sockets. */
static bool urgent(Stage *s) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return false;
        bool known = send(fds[0], "x", 1, MSG_OOB) == 1;
        (void)close(fds[0]);
        (void)close(fds[1]);
        plan_add_syscall(s->plan, "sendmmsg");
        return known;
}

static bool listed_ring(Stage *s) {
        plan_add_syscall(s->plan, "io_uring_setup");
        return true;
}

static bool can_have(int family, int type, int protocol) {
        _cleanup_close_ int fd = socket(family, type | SOCK_CLOEXEC, protocol);
        return fd >= 0;
}

static bool vsock(Stage *s) {
        return can_have(AF_VSOCK, SOCK_STREAM, 0);
}

static bool crypto(Stage *s) {
        return can_have(AF_ALG, SOCK_SEQPACKET, 0);
}

static bool multipath(Stage *s) {
        return can_have(AF_INET, SOCK_STREAM, 262);
}

static bool sctp(Stage *s) {
        return can_have(AF_INET, SOCK_STREAM, 132);
}

/* Kernels without IA32 emulation know no such call: it is a fault, in a cage and out of it. */
static bool calls_of_i386(Stage *s) {
#ifdef __x86_64__
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                long result;
                __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
                _exit(result > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == EXIT_SUCCESS;
#else
        return false;
#endif
}

#define ALL_RIGHTS "identity,bounding,securebits,capabilities,landlock"

static const Attack attacks[] = {
        { "input typed into one's own terminal", { "ioctl", "0x5412" }, "EPERM", "xok",
                        .locks = { { "seccomp-ioctl" } }, .pty = true, .prepare = typed_input },
        { "the same with a bit that the kernel does not see", { "ioctl", "0x100005412" }, "EPERM", "xok",
                        .locks = { { "seccomp-ioctl" } }, .pty = true, .prepare = typed_input },
        { "input typed into the caller's terminal", { "ioctl", "0x5412" }, "EPERM", "ok",
                        .locks = { { "seccomp-ioctl" }, { "session" } }, .prepare = typed_input },
        { "the console's clipboard", { "ioctl", "0x541C" }, "EPERM", "ENOTTY",
                        .locks = { { "seccomp-ioctl" } }, .pty = true },
        { "the same with bits that the kernel does not see", { "ioctl", "0xf0f000000000541C" }, "EPERM",
                        "ENOTTY", .locks = { { "seccomp-ioctl" } }, .pty = true },

        { "a call of i386", { "i386", "20" }, "SIGSYS", "ok", .locks = { { "seccomp-architecture" } },
                        .prepare = calls_of_i386 },
        { "a call of x32", { "x32", "39" }, "SIGSYS", "ok", .locks = { { "seccomp-architecture" } } },
        { "no call at all", { "number", "-1" }, "ENOSYS", NULL },
        { "a call newer than the filter", { "number", "" }, "ENOSYS", NULL,
                        .locks = { { "seccomp-unknown" } }, .prepare = new_call },

        { "a ring, whose operations pass no filter", { "call", "io_uring_setup", "4", "p" }, "EPERM", "ok",
                        .locks = { { "seccomp-list" } }, .prepare = rings },
        { "a ring that the plan lists", { "call", "io_uring_setup", "4", "p" }, "seccomp: EPERM", NULL,
                        .prepare = listed_ring },

        { "a user namespace by clone", { "clone", "0x10000000" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .prepare = own_namespace },
        { "a user namespace by clone3, which the plan lists", { "clone3", "0x10000000" }, "ENOSYS", "ok",
                        .locks = { { "seccomp-clone3" } }, .prepare = listed_clone3 },
        { "a user namespace by unshare, which the plan lists", { "call", "unshare", "0x10000000" }, "EPERM",
                        "ok", .locks = { { "seccomp-namespaces" } }, .prepare = listed_unshare },
        { "a time namespace by unshare, which the plan lists", { "call", "unshare", "0x80" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .without = ALL_RIGHTS, .as_root = true,
                        .prepare = listed_unshare },
        { "a mount in a user namespace", { "userns-mount" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" }, { "seccomp-list" }, { "landlock" } },
                        .prepare = own_namespace },
        { "a mount namespace", { "clone", "0x00020000" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .without = ALL_RIGHTS },
        { "a cgroup namespace", { "clone", "0x02000000" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .without = ALL_RIGHTS },
        { "a uts namespace", { "clone", "0x04000000" }, "EPERM", "ok", .locks = { { "seccomp-namespaces" } },
                        .without = ALL_RIGHTS },
        { "an ipc namespace", { "clone", "0x08000000" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .without = ALL_RIGHTS },
        { "a pid namespace", { "clone", "0x20000000" }, "EPERM", "ok", .locks = { { "seccomp-namespaces" } },
                        .without = ALL_RIGHTS },
        { "a network namespace", { "clone", "0x40000000" }, "EPERM", "ok",
                        .locks = { { "seccomp-namespaces" } }, .without = ALL_RIGHTS },

        { "every door of the kernel", { "kernel-doors" }, "all refused", "none refused",
                        .locks = { { "seccomp-list" } }, .without = ALL_RIGHTS, .as_root = true },
        { "a module for the kernel", { "call", "init_module", "p", "0", "p" }, "EPERM", "ENOEXEC",
                        .locks = { { "seccomp-list" } }, .without = ALL_RIGHTS, .as_root = true,
                        .prepare = modules },
        { "data that is code", { "call", "personality", "0x0400000" }, "EPERM", "ok",
                        .locks = { { "seccomp-personality" } } },
        { "a layout without chance", { "call", "personality", "0x0040000" }, "EPERM", "ok",
                        .locks = { { "seccomp-personality" } } },
        { "a call that only pid 1 needs", { "call", "pidfd_open", "1" }, "EPERM", "ok",
                        .locks = { { "seccomp-command" } }, .prepare = unlisted_pidfd_open },
        { "being traced, where the plan does not say debugging", { "ptrace-child" }, "EPERM", "ok",
                        .locks = { { "seccomp-list" } }, .prepare = listed_ptrace },

        { "a call that a tracer leaves out", { "traced-call", "-1" }, "ENOSYS", NULL, .prepare = debugging },
        { "a call that a tracer makes another", { "traced-call", "272" /* unshare */ }, "EPERM", "ok",
                        .locks = { { "seccomp-list" } }, .prepare = debugging },
        { "a call that a tracer makes one of x32", { "traced-call", "0x40000027" }, "SYS", "ENOSYS",
                        .locks = { { "seccomp-architecture" } }, .prepare = debugging },

        { "urgent data", { "send-urgent", "sendto" }, "EOPNOTSUPP", "ok", .locks = { { "seccomp-oob" } },
                        .prepare = urgent },
        { "urgent data in a message", { "send-urgent", "sendmsg" }, "EOPNOTSUPP", "ok",
                        .locks = { { "seccomp-oob" } }, .prepare = urgent },
        { "urgent data in one of many messages", { "send-urgent", "sendmmsg" }, "EOPNOTSUPP", "ok",
                        .locks = { { "seccomp-oob" } }, .prepare = urgent },

        { "a socket to the virtual machine's host", { "socket", "40", "1", "0" }, "EAFNOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } }, .prepare = vsock },
        { "a socket to the kernel's ciphers", { "socket", "38", "5", "0" }, "EAFNOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } }, .prepare = crypto },
        { "a socket for packets", { "socket", "17", "3", "0" }, "EAFNOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } }, .without = ALL_RIGHTS, .as_root = true },
        { "a raw socket", { "socket", "2", "3", "255" }, "EPERM", "ok", .locks = { { "seccomp-socket" } },
                        .without = ALL_RIGHTS, .as_root = true },
        { "the audit", { "socket", "16", "3", "9" }, "EPROTONOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } } },
        { "the packet filter", { "socket", "16", "3", "12" }, "EPROTONOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } } },
        { "a stream that goes several ways", { "socket", "2", "1", "262" }, "EPROTONOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } }, .prepare = multipath },
        { "a protocol that is a module", { "socket", "2", "1", "132" }, "EPROTONOSUPPORT", "ok",
                        .locks = { { "seccomp-socket" } }, .prepare = sctp },
        { "a pair of strange sockets", { "socketpair", "40" }, "EAFNOSUPPORT", "EOPNOTSUPP",
                        .locks = { { "seccomp-socket" } }, .prepare = vsock },
};

int main(int argc, char **argv) {
        return attack_main(argc, argv, attacks, ELEMENTSOF(attacks));
}
