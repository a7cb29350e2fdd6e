/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "syscall-profile.h"

/* The names are those of x86-64 and of the generic table that newer architectures share, as of Linux 6.1, less calls that
 * no supported kernel implements. A name that is not here cannot be allowed by any policy: calls newer than this table are
 * answered ENOSYS, and programs fall back. clone3 is named but is in no profile: its flags are behind a pointer, where a
 * filter cannot look, and libc falls back to clone on ENOSYS. */
const char *const syscall_table[] = { "accept", "accept4", "access", "acct", "add_key", "adjtimex", "alarm",
        "arch_prctl", "bind", "bpf", "brk", "capget", "capset", "chdir", "chmod", "chown", "chroot",
        "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep", "clock_settime", "clone",
        "clone3", "close", "close_range", "connect", "copy_file_range", "creat", "delete_module", "dup",
        "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
        "epoll_wait", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group", "faccessat",
        "faccessat2", "fadvise64", "fallocate", "fanotify_init", "fanotify_mark", "fchdir", "fchmod",
        "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "finit_module", "flistxattr",
        "flock", "fork", "fremovexattr", "fsconfig", "fsetxattr", "fsmount", "fsopen", "fspick", "fstat",
        "fstatfs", "fsync", "ftruncate", "futex", "futex_waitv", "futimesat", "get_mempolicy",
        "get_robust_list", "get_thread_area", "getcpu", "getcwd", "getdents", "getdents64", "getegid",
        "geteuid", "getgid", "getgroups", "getitimer", "getpeername", "getpgid", "getpgrp", "getpid",
        "getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid",
        "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "getxattr", "init_module",
        "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy",
        "io_getevents", "io_pgetevents", "io_setup", "io_submit", "io_uring_enter", "io_uring_register",
        "io_uring_setup", "ioctl", "ioperm", "iopl", "ioprio_get", "ioprio_set", "kcmp", "kexec_file_load",
        "kexec_load", "keyctl", "kill", "landlock_add_rule", "landlock_create_ruleset",
        "landlock_restrict_self", "lchown", "lgetxattr", "link", "linkat", "listen", "listxattr",
        "llistxattr", "lookup_dcookie", "lremovexattr", "lseek", "lsetxattr", "lstat", "madvise", "mbind",
        "membarrier", "memfd_create", "memfd_secret", "migrate_pages", "mincore", "mkdir", "mkdirat",
        "mknod", "mknodat", "mlock", "mlock2", "mlockall", "mmap", "modify_ldt", "mount", "mount_setattr",
        "move_mount", "move_pages", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
        "mq_timedsend", "mq_unlink", "mremap", "msgctl", "msgget", "msgrcv", "msgsnd", "msync", "munlock",
        "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat", "open", "open_by_handle_at",
        "open_tree", "openat", "openat2", "pause", "perf_event_open", "personality", "pidfd_getfd",
        "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pivot_root", "pkey_alloc", "pkey_free",
        "pkey_mprotect", "poll", "ppoll", "prctl", "pread64", "preadv", "preadv2", "prlimit64",
        "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "pselect6", "ptrace",
        "pwrite64", "pwritev", "pwritev2", "quotactl", "quotactl_fd", "read", "readahead", "readlink",
        "readlinkat", "readv", "reboot", "recvfrom", "recvmmsg", "recvmsg", "remap_file_pages",
        "removexattr", "rename", "renameat", "renameat2", "request_key", "restart_syscall", "rmdir", "rseq",
        "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
        "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_get_priority_max",
        "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
        "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
        "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "select", "semctl", "semget",
        "semop", "semtimedop", "sendfile", "sendmmsg", "sendmsg", "sendto", "set_mempolicy",
        "set_mempolicy_home_node", "set_robust_list", "set_thread_area", "set_tid_address", "setdomainname",
        "setfsgid", "setfsuid", "setgid", "setgroups", "sethostname", "setitimer", "setns", "setpgid",
        "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setsockopt",
        "settimeofday", "setuid", "setxattr", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
        "sigaltstack", "signalfd", "signalfd4", "socket", "socketpair", "splice", "stat", "statfs", "statx",
        "swapoff", "swapon", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "sysfs", "sysinfo",
        "syslog", "tee", "tgkill", "time", "timer_create", "timer_delete", "timer_getoverrun",
        "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
        "tkill", "truncate", "umask", "umount2", "uname", "unlink", "unlinkat", "unshare", "uselib",
        "userfaultfd", "ustat", "utime", "utimensat", "utimes", "vfork", "vhangup", "vmsplice", "wait4",
        "waitid", "write", "writev" };
const size_t n_syscall_table = ELEMENTSOF(syscall_table);
_Static_assert(ELEMENTSOF(syscall_table) <= SYSCALL_WORDS * 64, "syscall_table outgrew SyscallSet");

/* Compute, files, threads, processes, signals. No sockets, no extended attributes written, no SysV or POSIX queues, no
 * scheduling of others. A python or a compiler runs in it. */
static const char *const strict_calls[] = { "access", "alarm", "arch_prctl", "brk", "capget", "chdir",
        "chmod", "chown", "clock_getres", "clock_gettime", "clock_nanosleep", "clone", "close",
        "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "epoll_create", "epoll_create1",
        "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "execve",
        "execveat", "exit", "exit_group", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir",
        "fchmod", "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock",
        "fork", "fstat", "fstatfs", "fsync", "ftruncate", "futex", "futex_waitv", "futimesat",
        "get_robust_list", "get_thread_area", "getcpu", "getcwd", "getdents", "getdents64", "getegid",
        "geteuid", "getgid", "getgroups", "getitimer", "getpgid", "getpgrp", "getpid", "getppid",
        "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid",
        "gettimeofday", "getuid", "getxattr", "ioctl", "kill", "lchown", "lgetxattr", "link", "linkat",
        "listxattr", "llistxattr", "lseek", "lstat", "madvise", "membarrier", "mincore", "mkdir", "mkdirat",
        "mlock", "mlock2", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap", "nanosleep",
        "newfstatat", "open", "openat", "openat2", "pause", "pipe", "pipe2", "poll", "ppoll", "prctl",
        "pread64", "preadv", "preadv2", "prlimit64", "pselect6", "pwrite64", "pwritev", "pwritev2", "read",
        "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "restart_syscall",
        "rmdir", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
        "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_get_priority_max",
        "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
        "sched_getscheduler", "sched_rr_get_interval", "sched_yield", "select", "sendfile",
        "set_robust_list", "set_thread_area", "set_tid_address", "setitimer", "setpgid", "setrlimit",
        "setsid", "sigaltstack", "signalfd", "signalfd4", "splice", "stat", "statfs", "statx", "symlink",
        "symlinkat", "sync_file_range", "sysinfo", "tee", "tgkill", "time", "timer_create", "timer_delete",
        "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime",
        "timerfd_settime", "times", "tkill", "truncate", "umask", "uname", "unlink", "unlinkat", "utime",
        "utimensat", "utimes", "vfork", "wait4", "waitid", "write", "writev" };

/* What developers' tools use beside. Left out on purpose: namespaces and mounts (unshare setns mount fsopen open_tree
 * chroot …), bpf, perf_event_open, keyrings, io_uring (its operations pass no filter), userfaultfd, modules, kexec, swap,
 * reboot, accounting, quotas, setting clocks, handles (open_by_handle_at reads past path rules), fanotify, port i/o,
 * vhangup, lookup_dcookie. personality and clone are narrowed by argument in the launcher. */
static const char *const agent_calls[] = { "accept", "accept4", "bind", "capset", "connect", "fremovexattr",
        "fsetxattr", "getpeername", "getsockname", "getsockopt", "inotify_add_watch", "inotify_init",
        "inotify_init1", "inotify_rm_watch", "ioprio_get", "ioprio_set", "landlock_add_rule",
        "landlock_create_ruleset", "landlock_restrict_self", "listen", "lremovexattr", "lsetxattr",
        "memfd_create", "mknod", "mknodat", "mlockall", "mq_getsetattr", "mq_notify", "mq_open",
        "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "munlockall",
        "personality", "pidfd_open", "pidfd_send_signal", "pkey_alloc", "pkey_free", "pkey_mprotect",
        "recvfrom", "recvmmsg", "recvmsg", "removexattr", "sched_setaffinity", "sched_setattr",
        "sched_setparam", "sched_setscheduler", "seccomp", "semctl", "semget", "semop", "semtimedop",
        "sendmmsg", "sendmsg", "sendto", "setfsgid", "setfsuid", "setgid", "setgroups", "setpriority",
        "setregid", "setresgid", "setresuid", "setreuid", "setsockopt", "setuid", "setxattr", "shmat",
        "shmctl", "shmdt", "shmget", "shutdown", "socket", "socketpair", "sync", "syncfs" };

/* Asynchronous i/o, memory policy and what else heavy builds and their tests (databases, allocators) reach for. */
static const char *const build_calls[] = { "get_mempolicy", "io_cancel", "io_destroy", "io_getevents",
        "io_pgetevents", "io_setup", "io_submit", "mbind", "memfd_secret", "move_pages", "process_madvise",
        "remap_file_pages", "set_mempolicy", "vmsplice" };

/* Into another process of the same sandbox. */
static const char *const debug_calls[] = { "kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev",
        "ptrace" };

int syscall_index(const char *name) {
        size_t low = 0, high = n_syscall_table;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(name, syscall_table[middle]);
                if (c == 0)
                        return (int)middle;
                if (c < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return -ENOENT;
}

bool syscall_set_has(const SyscallSet *s, int index) {
        return index >= 0 && index < SYSCALL_WORDS * 64 && (s->bits[index / 64] >> (index % 64) & 1) != 0;
}

void syscall_set_add(SyscallSet *s, int index) {
        if (index >= 0 && index < SYSCALL_WORDS * 64)
                s->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

void syscall_set_remove(SyscallSet *s, int index) {
        if (index >= 0 && index < SYSCALL_WORDS * 64)
                s->bits[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

SyscallSet syscall_set_meet(const SyscallSet *a, const SyscallSet *b) {
        SyscallSet m;
        for (size_t i = 0; i < SYSCALL_WORDS; i++)
                m.bits[i] = a->bits[i] & b->bits[i];
        return m;
}

int syscall_set_first_beyond(const SyscallSet *a, const SyscallSet *b) {
        for (int i = 0; i < SYSCALL_WORDS * 64; i++)
                if (syscall_set_has(a, i) && !syscall_set_has(b, i))
                        return i;
        return -1;
}

static void add_calls(SyscallSet *s, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                syscall_set_add(s, syscall_index(names[i]));
}

SyscallSet syscall_set_debugging(void) {
        SyscallSet s = { 0 };
        add_calls(&s, debug_calls, ELEMENTSOF(debug_calls));
        return s;
}

bool syscall_profile(const char *name, SyscallSet *ret) {
        static const char *const names[] = { "none", "strict", "agent", "build", "debug" };
        static const struct {
                bool strict, agent, build, debug;
        } parts[] = {
                { false, false, false, false },
                { true, false, false, false },
                { true, true, false, false },
                { true, true, true, false },
                { true, true, false, true },
        };
        _Static_assert(ELEMENTSOF(names) == ELEMENTSOF(parts), "a profile without its parts");

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (!streq(names[i], name))
                        continue;
                SyscallSet s = { 0 };
                if (parts[i].strict)
                        add_calls(&s, strict_calls, ELEMENTSOF(strict_calls));
                if (parts[i].agent)
                        add_calls(&s, agent_calls, ELEMENTSOF(agent_calls));
                if (parts[i].build)
                        add_calls(&s, build_calls, ELEMENTSOF(build_calls));
                if (parts[i].debug)
                        add_calls(&s, debug_calls, ELEMENTSOF(debug_calls));
                *ret = s;
                return true;
        }
        return false;
}
