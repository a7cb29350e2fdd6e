/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which calls are brought to pid 1. What is left out fails where it matters, at the cover; so this list is about what should
 * work. A call that the plan does not list stays refused. */

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "filter-table.h"
#include "mediate-internal.h"

#define F_SETDELEG 1040U /* Linux 6.19 */

/* One opened as O_PATH is good for nothing that is not asked again; the other flags mean nothing then. */
static void unless_writing(FilterCode *p, unsigned argument) {
        filter_code_load_argument(p, argument);
        filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, O_PATH);
        filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0,
                        O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY));
        filter_code_return(p, SECCOMP_RET_ALLOW);
}

static void flags_second(FilterCode *p) {
        unless_writing(p, 1);
}

static void flags_third(FilterCode *p) {
        unless_writing(p, 2);
}

static void unless_for_write(FilterCode *p, unsigned argument) {
        filter_code_load_argument(p, argument);
        filter_code_put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, W_OK);
        filter_code_return(p, SECCOMP_RET_ALLOW);
}

static void mode_second(FilterCode *p) {
        unless_for_write(p, 1);
}

static void mode_third(FilterCode *p) {
        unless_for_write(p, 2);
}

typedef enum When { ALWAYS, IF_DENIED /* something is denied */ } When;

static const struct {
        int number;
        When when;
        void (*unless)(FilterCode *p); /* where nothing is denied, it is not brought when this allows it */
} brought[] = {
        { SYS_openat, ALWAYS, flags_third },
        { SYS_mkdirat, ALWAYS, NULL },
        { SYS_mknodat, ALWAYS, NULL },
        { SYS_symlinkat, ALWAYS, NULL },
        { SYS_linkat, ALWAYS, NULL },
        { SYS_renameat, ALWAYS, NULL },
        { SYS_renameat2, ALWAYS, NULL },
        { SYS_unlinkat, ALWAYS, NULL },
        { SYS_bind, ALWAYS, NULL },
        { SYS_truncate, ALWAYS, NULL },
        { SYS_fchmod, ALWAYS, NULL },
        { SYS_fchmodat, ALWAYS, NULL },
        { SYS_fchown, ALWAYS, NULL },
        { SYS_fchownat, ALWAYS, NULL },
        { SYS_utimensat, ALWAYS, NULL },
        { SYS_setxattr, ALWAYS, NULL },
        { SYS_lsetxattr, ALWAYS, NULL },
        { SYS_fsetxattr, ALWAYS, NULL },
        { SYS_removexattr, ALWAYS, NULL },
        { SYS_lremovexattr, ALWAYS, NULL },
        { SYS_fremovexattr, ALWAYS, NULL },
        { SYS_faccessat, ALWAYS, mode_third },
        { SYS_faccessat2, ALWAYS, mode_third },
        { SYS_newfstatat, IF_DENIED, NULL },
        { SYS_statx, IF_DENIED, NULL },
        { SYS_readlinkat, IF_DENIED, NULL },
        { SYS_getxattr, IF_DENIED, NULL },
        { SYS_lgetxattr, IF_DENIED, NULL },
        { SYS_listxattr, IF_DENIED, NULL },
        { SYS_llistxattr, IF_DENIED, NULL },
        { SYS_inotify_add_watch, IF_DENIED, NULL },
        { SYS_execve, IF_DENIED, NULL },
        { SYS_execveat, IF_DENIED, NULL },
#ifdef SYS_open /* architectures that came later have none of these */
        { SYS_open, ALWAYS, flags_second },
        { SYS_creat, ALWAYS, NULL },
        { SYS_mkdir, ALWAYS, NULL },
        { SYS_mknod, ALWAYS, NULL },
        { SYS_symlink, ALWAYS, NULL },
        { SYS_link, ALWAYS, NULL },
        { SYS_rename, ALWAYS, NULL },
        { SYS_unlink, ALWAYS, NULL },
        { SYS_rmdir, ALWAYS, NULL },
        { SYS_chmod, ALWAYS, NULL },
        { SYS_chown, ALWAYS, NULL },
        { SYS_lchown, ALWAYS, NULL },
        { SYS_utime, ALWAYS, NULL },
        { SYS_utimes, ALWAYS, NULL },
        { SYS_futimesat, ALWAYS, NULL },
        { SYS_access, ALWAYS, mode_second },
        { SYS_stat, IF_DENIED, NULL },
        { SYS_lstat, IF_DENIED, NULL },
        { SYS_readlink, IF_DENIED, NULL },
#endif
};

/* A process that cannot be looked into could not be answered. */
static void check_prctl(FilterCode *p) {
        filter_code_load_argument(p, 0);
        filter_code_refuse_if_equal(p, PR_SET_DUMPABLE, EPERM);
}

/* Whoever has one of these makes everybody wait who opens the file, and all others behind us. */
static void check_fcntl(FilterCode *p) {
        filter_code_load_argument(p, 1);
        filter_code_refuse_if_equal(p, F_SETLEASE, EINVAL);
        filter_code_refuse_if_equal(p, F_SETDELEG, EINVAL);
}

static void replace(FilterTable *t, int number, uint32_t action, void (*check)(FilterCode *p)) {
        if (t->calls[number].action == SECCOMP_RET_ALLOW)
                t->calls[number] = (FilterVerdict){ action, check };
}

void mediate_filter_put(FilterTable *t, bool reads) {
        for (size_t i = 0; i < ELEMENTSOF(brought); i++)
                if (reads || brought[i].when != IF_DENIED)
                        replace(t, brought[i].number, SECCOMP_RET_USER_NOTIF,
                                        reads ? NULL : brought[i].unless);
        replace(t, SYS_openat2, SECCOMP_RET_ERRNO | ENOSYS, NULL); /* its flags are behind a pointer */
        /* we would act for a process that has locked itself in further than we are. As a kernel says it that has none */
        replace(t, SYS_landlock_create_ruleset, SECCOMP_RET_ERRNO | EOPNOTSUPP, NULL);
        replace(t, SYS_fcntl, SECCOMP_RET_ALLOW, check_fcntl);
        if (reads)
                replace(t, SYS_prctl, SECCOMP_RET_ALLOW, check_prctl);
}
