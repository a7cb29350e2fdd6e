/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls by number are libseccomp's business: a balanced tree over the plan's list. What depends on an argument is
 * written out below in BPF and put in front: it only ever refuses, it looks at the 32 bits that the kernel looks at
 * (CVE-2019-10063), and it can be read in one go.
 *
 * Answers: a call that the plan lists is allowed; one that was known when libseccomp's table was made is refused with
 * EPERM; a newer one, and clone3, whose flags no filter can see (CVE-2021-41133), with ENOSYS, so that programs fall
 * back. A call of a foreign architecture or of x32 kills the process. */

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cage.h"
#include "cleanup.h"
#include "fd.h"
#include "filter-code.h"
#include "filter.h"

#define HIGHEST_CALL 1024 /* of any architecture so far, and some */

DEFINE_CLEANUP(scmp_filter_ctx, seccomp_release);

/* Pid 1 and a command on its way to execve() need these whatever the plan says. They are taken away again
 * before execve(), by a second program, where the plan does not list them. */
static const char *const needed_by_init[] = { "brk", "chdir", "clock_gettime", "clock_nanosleep", "clone",
        "close", "close_range", "dup3", "execve", "exit_group", "fcntl", "fstat", "getdents64", "getpid",
        "getppid", "gettid", "getuid", "ioctl", "kill", "lseek", "madvise", "mmap", "mprotect", "mremap",
        "munmap", "newfstatat", "openat", "openat2", "pidfd_open", "ppoll", "pread64", "prctl", "read",
        "recvmsg", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "seccomp", "sendmsg",
        "set_robust_list", "set_tid_address", "setsid", "signalfd4", "statfs", "statx", "tgkill", "wait4",
        "write" };

/* To act in the place of a command where names are mediated; what it acts upon is read from that command's memory. */
static const char *const needed_by_mediator[] = { "bind", "chmod", "faccessat2", "fchdir", "fchmodat",
        "fchownat", "ftruncate", "getxattr", "inotify_add_watch", "linkat", "listxattr", "mkdirat",
        "mknodat", "open", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "readlink", "readlinkat",
        "removexattr", "renameat2", "setitimer", "setxattr", "symlinkat", "umask", "unlinkat", "utimensat" };

/* Into another process, and asked for by the plan's own word, not by the list. */
static const char *const debugging_calls[] = { "kcmp", "pidfd_getfd", "process_vm_readv",
        "process_vm_writev", "ptrace" };

/* Their operations pass no filter, so no other promise about system calls would hold. */
static const char *const never[] = { "io_uring_enter", "io_uring_register", "io_uring_setup" };

/* ---- the part in front ---- */

/* CLONE_NEWTIME shares its bit with the signal number in clone()'s flags, where it means nothing. */
#define NEW_NAMESPACES                                                                                      \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |       \
                        CLONE_NEWNET)
#define NEW_TIME_NAMESPACE 0x80U

static void put_namespace_rules(FilterCode *p) {
        unsigned short begin = filter_code_begin_call(p, SYS_clone);
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_any_bit(p, NEW_NAMESPACES, EPERM);
        filter_code_end_call(p, begin);
        begin = filter_code_begin_call(p, SYS_unshare);
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_any_bit(p, NEW_NAMESPACES | NEW_TIME_NAMESPACE, EPERM);
        filter_code_end_call(p, begin);
        begin = filter_code_begin_call(p, SYS_clone3);
        filter_code_refuse(p, ENOSYS);
        filter_code_end_call(p, begin);
}

static void put_ioctl_rules(FilterCode *p) {
        unsigned short begin = filter_code_begin_call(p, SYS_ioctl);
        filter_code_load_argument(p, 1);
        filter_code_refuse_if_equal(p, TIOCSTI, EPERM);
        filter_code_refuse_if_equal(p, TIOCLINUX, EPERM);
        filter_code_end_call(p, begin);
}

/* Unix, IP and route netlink; of IP streams and datagrams, which load no protocol module (SCTP, DCCP, …) either. */
static void put_socket_rules(FilterCode *p) {
        static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
        static const uint32_t protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
        unsigned short begin = filter_code_begin_call(p, SYS_socket);
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, families, ELEMENTSOF(families), EAFNOSUPPORT);
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, AF_NETLINK);
        filter_code_load_argument(p, 2);
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0 /* NETLINK_ROUTE */);
        filter_code_refuse(p, EPROTONOSUPPORT);
        filter_code_load_argument(p, 0);
        /* of the rest, unix is free in its type but for RAW, which the kernel takes for DGRAM */
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 8 + ELEMENTSOF(protocols), 0, AF_NETLINK);
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 7 + ELEMENTSOF(protocols), 0, AF_UNIX);
        filter_code_load_argument(p, 1);
        filter_code_put(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf); /* SOCK_TYPE_MASK */
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SOCK_STREAM);
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SOCK_DGRAM);
        filter_code_refuse(p, EPERM);
        filter_code_load_argument(p, 2);
        filter_code_refuse_unless_one_of(p, protocols, ELEMENTSOF(protocols), EPROTONOSUPPORT);
        filter_code_end_call(p, begin);

        static const uint32_t pair_families[] = { AF_UNIX };
        begin = filter_code_begin_call(p, SYS_socketpair);
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, pair_families, ELEMENTSOF(pair_families), EAFNOSUPPORT);
        filter_code_end_call(p, begin);
}

static void put_personality_rules(FilterCode *p, bool debugging) {
        /* asking, the two harmless ones, and for a debugger the fixed layout. READ_IMPLIES_EXEC and the likes are not */
        static const uint32_t values[] = { 0xffffffff, PER_LINUX, UNAME26, PER_LINUX32,
                PER_LINUX32 | UNAME26, ADDR_NO_RANDOMIZE };
        unsigned short begin = filter_code_begin_call(p, SYS_personality);
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, values, ELEMENTSOF(values) - (debugging ? 0 : 1), EPERM);
        filter_code_end_call(p, begin);
}

/* ---- the tree ---- */

static bool lists(const char *const *names, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(names[i], name))
                        return true;
        return false;
}

static bool plan_allows(const PlanTemplate *t, const char *name) {
        if (!t->debugging && lists(debugging_calls, ELEMENTSOF(debugging_calls), name))
                return false;
        return lists((const char *const *)t->syscalls, t->n_syscalls, name);
}

typedef enum For { FOR_COMMAND, FOR_INIT, FOR_MEDIATOR } For;

static bool is_needed(For whom, const char *name) {
        return (whom >= FOR_INIT && lists(needed_by_init, ELEMENTSOF(needed_by_init), name)) ||
               (whom == FOR_MEDIATOR && lists(needed_by_mediator, ELEMENTSOF(needed_by_mediator), name));
}

static int add_rules(scmp_filter_ctx filter, const PlanTemplate *t, For whom) {
        for (int number = 0; number < HIGHEST_CALL; number++) {
                _cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
                if (!name)
                        continue;
                bool allowed = plan_allows(t, name) || is_needed(whom, name);
                int r = seccomp_rule_add_exact(
                                filter, allowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM), number, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Appends what libseccomp makes of the list. It writes to descriptors only. */
static int export_tree(scmp_filter_ctx filter, const FilterCode *p, FilterProgram *ret) {
        _cleanup_close_ int fd = memfd_create("mxc-filter", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = seccomp_export_bpf(filter, fd);
        if (r < 0)
                return r;
        off_t size = lseek(fd, 0, SEEK_END);
        size_t n = (size_t)size / sizeof(struct sock_filter);
        if (size <= 0 || n + p->n > BPF_MAXINSNS)
                return -E2BIG;
        _cleanup_free_ struct sock_filter *code = calloc(n + p->n, sizeof(struct sock_filter));
        if (!code)
                return -ENOMEM;
        memcpy(code, p->code, p->n * sizeof(struct sock_filter));
        r = fd_pread_all(fd, code + p->n, n * sizeof(struct sock_filter), 0);
        if (r < 0)
                return r;
        *ret = (FilterProgram){ TAKE_PTR(code), (unsigned short)(n + p->n) };
        return 0;
}

static int compile(const PlanTemplate *t, For whom, FilterProgram *ret) {
        _cleanup_(seccomp_releasep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        if (!filter)
                return -ENOMEM;
        int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        if (r == 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE,
                                2); /* a tree: the kernel runs it for every number */
        if (r == 0)
                r = add_rules(filter, t, whom);
        if (r < 0)
                return r;
        FilterCode p = { .n = 0 };
        put_namespace_rules(&p);
        put_ioctl_rules(&p);
        put_socket_rules(&p);
        put_personality_rules(&p, t->debugging);
        return p.overflow ? -E2BIG : export_tree(filter, &p, ret);
}

/* Whether the plan has all of it anyway. */
static bool has_all(const PlanTemplate *t, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!plan_allows(t, names[i]))
                        return false;
        return true;
}

int filter_compile(const PlanTemplate *t, FilterProgram *ret_init, FilterProgram *ret_mediator,
                FilterProgram *ret_command, const char **ret_detail) {
        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                if (lists((const char *const *)t->syscalls, t->n_syscalls, never[i])) {
                        *ret_detail = never[i];
                        return -EPERM;
                }
        bool same = has_all(t, needed_by_init, ELEMENTSOF(needed_by_init)) &&
                    (!ret_mediator || has_all(t, needed_by_mediator, ELEMENTSOF(needed_by_mediator)));
        FilterProgram init = { 0 }, mediator = { 0 }, command = { 0 };
        int r = compile(t, FOR_INIT, &init);
        if (r == 0 && ret_mediator)
                r = compile(t, FOR_MEDIATOR, &mediator);
        if (r == 0 && !same)
                r = compile(t, FOR_COMMAND, &command);
        if (r < 0) {
                filter_program_clear(&init);
                filter_program_clear(&mediator);
                return r;
        }
        *ret_init = init;
        *ret_command = command;
        if (ret_mediator)
                *ret_mediator = mediator;
        return 0;
}

void filter_program_clear(FilterProgram *p) {
        free(p->code);
        *p = (FilterProgram){ 0 };
}

int filter_load(const FilterProgram *program) {
        if (program->length == 0)
                return 0;
        struct sock_fprog f = { .len = program->length, .filter = program->code };
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f) < 0 ? -errno : 0;
}

int wall_seccomp(Cage *c) {
        return filter_load(c->mediator ? &c->template->mediator : &c->template->init);
}
