/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which calls are brought to pid 1. What is left out fails where it matters, at the cover; so this list is about what should
 * work. It is put before no other: a call that the plan does not list is refused as before, since a refusal is stronger than a
 * notification. */

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "filter-code.h"
#include "mediate-internal.h"

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the architecture is not known here"
#endif

#define F_SETDELEG 1040U /* Linux 6.19 */

typedef enum When {
        ALWAYS,
        IF_DENIED,    /* something is denied */
        IF_WRITING,   /* the argument has flags of open() */
        IF_FOR_WRITE, /* the argument is a mode of access() */
} When;

static const struct {
        int number;
        When when;
        unsigned argument;
} brought[] = {
        { SYS_openat, IF_WRITING, 2 },
        { SYS_mkdirat, ALWAYS, 0 },
        { SYS_mknodat, ALWAYS, 0 },
        { SYS_symlinkat, ALWAYS, 0 },
        { SYS_linkat, ALWAYS, 0 },
        { SYS_renameat, ALWAYS, 0 },
        { SYS_renameat2, ALWAYS, 0 },
        { SYS_unlinkat, ALWAYS, 0 },
        { SYS_bind, ALWAYS, 0 },
        { SYS_truncate, ALWAYS, 0 },
        { SYS_fchmod, ALWAYS, 0 },
        { SYS_fchmodat, ALWAYS, 0 },
        { SYS_fchown, ALWAYS, 0 },
        { SYS_fchownat, ALWAYS, 0 },
        { SYS_utimensat, ALWAYS, 0 },
        { SYS_setxattr, ALWAYS, 0 },
        { SYS_lsetxattr, ALWAYS, 0 },
        { SYS_fsetxattr, ALWAYS, 0 },
        { SYS_removexattr, ALWAYS, 0 },
        { SYS_lremovexattr, ALWAYS, 0 },
        { SYS_fremovexattr, ALWAYS, 0 },
        { SYS_faccessat, IF_FOR_WRITE, 2 },
        { SYS_faccessat2, IF_FOR_WRITE, 2 },
        { SYS_newfstatat, IF_DENIED, 0 },
        { SYS_statx, IF_DENIED, 0 },
        { SYS_readlinkat, IF_DENIED, 0 },
        { SYS_getxattr, IF_DENIED, 0 },
        { SYS_lgetxattr, IF_DENIED, 0 },
        { SYS_listxattr, IF_DENIED, 0 },
        { SYS_llistxattr, IF_DENIED, 0 },
        { SYS_inotify_add_watch, IF_DENIED, 0 },
        { SYS_execve, IF_DENIED, 0 },
        { SYS_execveat, IF_DENIED, 0 },
#ifdef SYS_open /* architectures that came later have none of these */
        { SYS_open, IF_WRITING, 1 },
        { SYS_creat, ALWAYS, 0 },
        { SYS_mkdir, ALWAYS, 0 },
        { SYS_mknod, ALWAYS, 0 },
        { SYS_symlink, ALWAYS, 0 },
        { SYS_link, ALWAYS, 0 },
        { SYS_rename, ALWAYS, 0 },
        { SYS_unlink, ALWAYS, 0 },
        { SYS_rmdir, ALWAYS, 0 },
        { SYS_chmod, ALWAYS, 0 },
        { SYS_chown, ALWAYS, 0 },
        { SYS_lchown, ALWAYS, 0 },
        { SYS_utime, ALWAYS, 0 },
        { SYS_utimes, ALWAYS, 0 },
        { SYS_futimesat, ALWAYS, 0 },
        { SYS_access, IF_FOR_WRITE, 1 },
        { SYS_stat, IF_DENIED, 0 },
        { SYS_lstat, IF_DENIED, 0 },
        { SYS_readlink, IF_DENIED, 0 },
#endif
};

static void put_condition(FilterCode *p, When when, unsigned argument) {
        if (when == ALWAYS || when == IF_DENIED)
                return;
        filter_code_load_argument(p, argument);
        if (when == IF_WRITING) {
                /* one opened as O_PATH is good for nothing that is not asked again; the other flags mean nothing then */
                filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, O_PATH);
                filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0,
                                O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY));
        } else
                filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, W_OK);
        filter_code_return(p, SECCOMP_RET_ALLOW);
}

/* A process that cannot be looked into could not be answered. */
static void put_refusal_to_hide(FilterCode *p) {
        unsigned short begin = filter_code_begin_call(p, SYS_prctl);
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_equal(p, PR_SET_DUMPABLE, EPERM);
        filter_code_end_call(p, begin);
}

static void put_refusals(FilterCode *p) {
        unsigned short begin = filter_code_begin_call(p, SYS_openat2); /* its flags are behind a pointer */
        filter_code_refuse(p, ENOSYS);
        filter_code_end_call(p, begin);
        /* we would act for a process that has locked itself in further than we are. As a kernel says it that has none */
        begin = filter_code_begin_call(p, SYS_landlock_create_ruleset);
        filter_code_refuse(p, EOPNOTSUPP);
        filter_code_end_call(p, begin);
        /* whoever has one of these makes everybody wait who opens the file, and all others behind us */
        begin = filter_code_begin_call(p, SYS_fcntl);
        filter_code_load_argument(p, 1);
        filter_code_refuse_if_equal(p, F_SETLEASE, EINVAL);
        filter_code_refuse_if_equal(p, F_SETDELEG, EINVAL);
        filter_code_end_call(p, begin);
}

static void compile(FilterCode *p, bool reads) {
        filter_code_put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
        filter_code_put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
        filter_code_return(p, SECCOMP_RET_ALLOW); /* of a foreign one: the plan's filter kills */
        put_refusals(p);
        if (reads)
                put_refusal_to_hide(p);
        for (size_t i = 0; i < ELEMENTSOF(brought); i++) {
                if (brought[i].when == IF_DENIED && !reads)
                        continue;
                unsigned short begin = filter_code_begin_call(p, brought[i].number);
                if (!reads)
                        put_condition(p, brought[i].when, brought[i].argument);
                filter_code_return(p, SECCOMP_RET_USER_NOTIF);
                filter_code_end_call(p, begin);
        }
        filter_code_return(p, SECCOMP_RET_ALLOW);
}

int mediate_filter_load(bool reads) {
        FilterCode p = { .n = 0 };
        compile(&p, reads);
        if (p.overflow)
                return -E2BIG;
        struct sock_fprog program = { .len = p.n, .filter = p.code };
        /* once we have begun with a call, a signal must not make it begin again: mkdir() would find its own directory */
        long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
        return fd < 0 ? -errno : (int)fd;
}
