/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each call is answered with: one that the plan lists is allowed, unless what is written out below in BPF refuses it for its
 * arguments (it looks at the 32 bits that the kernel looks at: CVE-2019-10063); one that libseccomp's table knows is refused with
 * EPERM; a newer one, and clone3, whose flags no filter can see (CVE-2021-41133), with ENOSYS, so that programs fall back. A
 * call of a foreign architecture or of x32 kills the process. */

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
#include "filter-table.h"
#include "filter.h"
#include "mediate.h"

/* Pid 1 and a command on its way to execve() need these whatever the plan says. They are taken away again
 * before execve(), by a second program, where the plan does not list them. */
static const char *const needed_by_init[] = { "brk", "chdir", "clock_gettime", "clock_nanosleep", "clone",
        "close", "close_range", "dup3", "execve", "exit_group", "fcntl", "fstat", "getdents64", "getpid",
        "getppid", "getsockopt", "gettid", "getuid", "ioctl", "kill", "lseek", "madvise", "mmap", "mprotect",
        "mremap", "munmap", "newfstatat", "openat", "openat2", "pidfd_open", "ppoll", "pread64", "prctl",
        "read", "recvmsg", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "seccomp", "sendmsg",
        "set_robust_list", "set_tid_address", "setsid", "signalfd4", "socketpair", "statfs", "statx",
        "tgkill", "wait4", "write" };

/* A command whose calls are brought to pid 1 sends the listener there once the program is loaded, and then loads its own. */
static const char *const needed_to_submit[] = { "seccomp", "sendmsg" };

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

/* ---- by arguments ---- */

/* CLONE_NEWTIME shares its bit with the signal number in clone()'s flags, where it means nothing. */
#define NEW_NAMESPACES                                                                                      \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |       \
                        CLONE_NEWNET)
#define NEW_TIME_NAMESPACE 0x80U

static void check_clone(FilterCode *p) {
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_any_bit(p, NEW_NAMESPACES, EPERM);
}

static void check_unshare(FilterCode *p) {
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_any_bit(p, NEW_NAMESPACES | NEW_TIME_NAMESPACE, EPERM);
}

static void check_ioctl(FilterCode *p) {
        filter_code_load_argument(p, 1);
        filter_code_refuse_if_equal(p, TIOCSTI, EPERM);
        filter_code_refuse_if_equal(p, TIOCLINUX, EPERM);
}

/* Unix, IP and route netlink; of IP streams and datagrams, which load no protocol module (SCTP, DCCP, …) either. */
static void check_socket(FilterCode *p) {
        static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
        static const uint32_t protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
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
}

static void check_socketpair(FilterCode *p) {
        static const uint32_t families[] = { AF_UNIX };
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, families, ELEMENTSOF(families), EAFNOSUPPORT);
}

/* Urgent data, which nobody speaks any more, has been a way into the kernel from behind every filter that allows Unix sockets
 * (CVE-2025-38236). Answered as by a kernel that was built without it. */
static void check_flags_third(FilterCode *p) {
        filter_code_load_argument(p, 2);
        filter_code_refuse_if_any_bit(p, MSG_OOB, EOPNOTSUPP);
}

static void check_flags_fourth(FilterCode *p) {
        filter_code_load_argument(p, 3);
        filter_code_refuse_if_any_bit(p, MSG_OOB, EOPNOTSUPP);
}

/* Asking, the two harmless ones, and for a debugger the fixed layout. READ_IMPLIES_EXEC and the likes are not. */
#define PERSONALITIES 0xffffffff, PER_LINUX, UNAME26, PER_LINUX32, PER_LINUX32 | UNAME26

static void check_personality(FilterCode *p) {
        static const uint32_t values[] = { PERSONALITIES };
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, values, ELEMENTSOF(values), EPERM);
}

static void check_personality_debugging(FilterCode *p) {
        static const uint32_t values[] = { PERSONALITIES, ADDR_NO_RANDOMIZE };
        filter_code_load_argument(p, 0);
        filter_code_refuse_unless_one_of(p, values, ELEMENTSOF(values), EPERM);
}

static void put_checks(FilterTable *t, bool debugging) {
        const struct {
                int number;
                void (*check)(FilterCode *p);
        } checks[] = {
                { SYS_clone, check_clone },
                { SYS_unshare, check_unshare },
                { SYS_ioctl, check_ioctl },
                { SYS_socket, check_socket },
                { SYS_socketpair, check_socketpair },
                { SYS_sendmsg, check_flags_third },
                { SYS_sendto, check_flags_fourth },
                { SYS_sendmmsg, check_flags_fourth },
                { SYS_personality, debugging ? check_personality_debugging : check_personality },
        };
        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                t->calls[checks[i].number].check = checks[i].check;
        t->calls[SYS_clone3] = (FilterVerdict){ SECCOMP_RET_ERRNO | ENOSYS, NULL };
}

/* ---- by number ---- */

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

typedef enum For { FOR_COMMAND, FOR_MEDIATED, FOR_INIT, FOR_MEDIATOR } For;

static bool is_needed(For whom, const char *name) {
        return (whom == FOR_MEDIATED && lists(needed_to_submit, ELEMENTSOF(needed_to_submit), name)) ||
               (whom >= FOR_INIT && lists(needed_by_init, ELEMENTSOF(needed_by_init), name)) ||
               (whom == FOR_MEDIATOR && lists(needed_by_mediator, ELEMENTSOF(needed_by_mediator), name));
}

static void fill(FilterTable *t, const PlanTemplate *plan, For whom) {
        *t = (FilterTable){ .beyond = SECCOMP_RET_ERRNO | ENOSYS, .foreign = SECCOMP_RET_KILL_PROCESS };
        for (int number = 0; number < FILTER_NUMBERS; number++) {
                _cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
                bool allowed = name && (plan_allows(plan, name) || is_needed(whom, name));
                t->calls[number].action =
                                allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (name ? EPERM : ENOSYS);
        }
        put_checks(t, plan->debugging);
}

static int compile(FilterTable *t, const PlanTemplate *plan, For whom, FilterProgram *ret) {
        fill(t, plan, whom);
        return filter_table_compile(t, ret);
}

static int compile_brought(FilterTable *t, const PlanTemplate *plan, bool reads, FilterProgram *ret) {
        fill(t, plan, FOR_MEDIATED);
        mediate_filter_put(t, reads);
        return filter_table_compile(t, ret);
}

/* Whether the plan has all of it anyway. */
static bool has_all(const PlanTemplate *t, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!plan_allows(t, names[i]))
                        return false;
        return true;
}

int filter_compile(const PlanTemplate *plan, bool mediate, Filters *ret, const char **ret_detail) {
        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                if (lists((const char *const *)plan->syscalls, plan->n_syscalls, never[i])) {
                        *ret_detail = never[i];
                        return -EPERM;
                }
        _cleanup_free_ FilterTable *t = calloc(1, sizeof(FilterTable));
        *ret = (Filters){ 0 };
        int r = t ? compile(t, plan, FOR_INIT, &ret->init) : -ENOMEM;
        if (r == 0 && !has_all(plan, needed_by_init, ELEMENTSOF(needed_by_init)))
                r = compile(t, plan, FOR_COMMAND, &ret->command);
        if (r == 0 && mediate)
                r = compile(t, plan, FOR_MEDIATOR, &ret->mediator);
        for (int reads = 0; r == 0 && mediate && reads < 2; reads++)
                r = compile_brought(t, plan, reads, &ret->mediated[reads]);
        if (r < 0)
                filters_clear(ret);
        return r;
}

void filters_clear(Filters *f) {
        filter_program_clear(&f->init);
        filter_program_clear(&f->command);
        filter_program_clear(&f->mediator);
        for (size_t i = 0; i < ELEMENTSOF(f->mediated); i++)
                filter_program_clear(&f->mediated[i]);
}

void filter_program_clear(FilterProgram *p) {
        free(p->code);
        *p = (FilterProgram){ 0 };
}

static int load(const FilterProgram *program, unsigned flags) {
        struct sock_fprog f = { .len = program->length, .filter = program->code };
        long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f);
        return r < 0 ? -errno : (int)r;
}

int filter_load(const FilterProgram *program) {
        return program->length == 0 ? 0 : load(program, 0);
}

int filter_load_listener(const FilterProgram *program) {
        /* once we have begun with a call, a signal must not make it begin again: mkdir() would find its own directory */
        return load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

/* Where pid 1 needs more than its command may have, each loads its own program: the command before execve(), pid 1 when the command
 * is away, and before it listens to anything. A proof is made behind pid 1's. */
bool filter_comes_later(const Cage *c) {
        return c->plan->n_argv > 0 && !c->prove && (c->mediator || c->template->filters.command.length > 0);
}

int filter_load_init(const Cage *c) {
        return filter_load(c->mediator ? &c->template->filters.mediator : &c->template->filters.init);
}

int wall_seccomp(Cage *c) {
        return filter_comes_later(c) ? 0 : filter_load_init(c);
}
