/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call: what it says, what belongs to the thread that made it, and its answer. A thread is known by a number, which becomes another
 * one's when it ends; it does not end while its call waits, so whatever was read before call_check() was its own. */

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "cleanup.h"
#include "mediate-internal.h"
#include "mediate-text.h"

#define ERESTARTNOINTR 513 /* include/linux/errno.h */

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

#define PAGE                                                                                                \
        4096U /* no page of any architecture is smaller: a string is never read beyond the one that it ends in */

int call_check(const Call *c) {
        uint64_t id = c->id;
        return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -ESRCH : 0;
}

/* ---- its memory ---- */

static ssize_t read_some(const Call *c, uint64_t from, void *to, size_t size) {
        const struct iovec local = { .iov_base = to, .iov_len = size };
        const struct iovec remote = { .iov_base = (void *)(uintptr_t)from, .iov_len = size };
        ssize_t n = process_vm_readv(c->thread, &local, 1, &remote, 1, 0);
        return n >= 0 ? n : errno == EPERM ? -CALL_IS_CLOSED : -errno;
}

int call_read(const Call *c, uint64_t from, void *to, size_t size) {
        ssize_t n = read_some(c, from, to, size);
        return n < 0 ? (int)n : (size_t)n == size ? 0 : -EFAULT;
}

int call_read_text(const Call *c, uint64_t from, char *to, size_t size) {
        for (size_t used = 0; used < size;) {
                size_t step = PAGE - (from + used) % PAGE;
                if (step > size - used)
                        step = size - used;
                ssize_t n = read_some(c, from + used, to + used, step);
                if (n <= 0)
                        return n < 0 ? (int)n : -EFAULT;
                if (memchr(to + used, 0, (size_t)n))
                        return 0;
                used += (size_t)n;
        }
        return -ENAMETOOLONG;
}

int call_write(const Call *c, uint64_t to, const void *from, size_t size) {
        const struct iovec local = { .iov_base = (void *)(uintptr_t)from, .iov_len = size };
        const struct iovec remote = { .iov_base = (void *)(uintptr_t)to, .iov_len = size };
        ssize_t n = process_vm_writev(c->thread, &local, 1, &remote, 1, 0);
        return n < 0 ? -errno : (size_t)n == size ? 0 : -EFAULT;
}

/* ---- what else it has ---- */

/* A name below its directory in /proc. */
static int open_own(const Call *c, int flags, const char *name) {
        char path[48];
        (void)snprintf(path, sizeof(path), "%d/%s", c->thread, name);
        int fd = openat(c->m->proc, path, flags | O_CLOEXEC);
        return fd >= 0 ? fd : errno == EACCES ? -CALL_IS_CLOSED : -errno;
}

int call_open(const Call *c, int fd) {
        char name[16];
        if (fd == AT_FDCWD)
                return open_own(c, O_PATH, "cwd");
        (void)snprintf(name, sizeof(name), "fd/%d", fd);
        int r = fd < 0 ? -EBADF : open_own(c, O_PATH, name);
        return r == -ENOENT ? -EBADF : r;
}

int call_copy(const Call *c, int fd, pid_t process) {
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, c->thread, PIDFD_THREAD);
        if (pidfd < 0 && errno == EINVAL)
                pidfd = pidfd_open(process, 0);
        int copy = pidfd < 0 ? -1 : pidfd_getfd(pidfd, fd, 0);
        return copy < 0 ? -errno : copy;
}

/* A small file of /proc that is the waiting thread's. */
static int read_own(const Call *c, const char *name, char *text, size_t size) {
        _cleanup_close_ int fd = open_own(c, O_RDONLY, name);
        if (fd < 0)
                return fd;
        ssize_t n = read(fd, text, size - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        return call_check(c);
}

int call_identify(const Call *c, pid_t *ret_process, mode_t *ret_umask) {
        char text[1024];
        int r = read_own(c, "status", text, sizeof(text));
        return r < 0 ? r : status_parse(text, ret_process, ret_umask);
}

int call_terminal(const Call *c, dev_t *ret) {
        char text[1024];
        int r = read_own(c, "stat", text, sizeof(text));
        if (r == 0)
                r = stat_parse_terminal(text, ret);
        return r < 0 ? r : *ret == 0 ? -ENXIO : 0;
}

void path_argument_clear(PathArgument *p) {
        cleanup_closep(&p->base);
        p->base = -EBADF;
}

int call_take_path(const Call *c, int dirfd, uint64_t path, bool may_be_empty, PathArgument *ret) {
        int r = 0;
        if (path == 0 && may_be_empty) /* Linux 6.11 takes no pointer for an empty path */
                ret->path[0] = 0;
        else
                r = call_read_text(c, path, ret->path, sizeof(ret->path));
        if (r < 0)
                return r;
        if (!ret->path[0] && !may_be_empty)
                return -ENOENT;
        if (ret->path[0] == '/')
                return call_check(c);
        ret->base = call_open(c, dirfd);
        return ret->base < 0 ? ret->base : call_check(c);
}

/* ---- the answer ---- */

int call_inject(const Call *c, int fd, bool close_on_exec) {
        struct seccomp_notif_addfd add = {
                .id = c->id,
                .flags = SECCOMP_ADDFD_FLAG_SEND,
                .srcfd = (uint32_t)fd,
                .newfd_flags = close_on_exec ? O_CLOEXEC : 0,
        };
        if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
                return CALL_ANSWERED;
        return errno == ENOENT ? CALL_ANSWERED
                               : -errno; /* it is gone; or its limit of descriptors is reached */
}

void call_answer(const Call *c, int result) {
        if (result == CALL_ANSWERED)
                return;
        struct seccomp_notif_resp answer = { .id = c->id };
        if (result == CALL_CONTINUE)
                answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        else if (result < 0)
                answer.error = result;
        else
                answer.val = result;
        (void)ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* ENOENT: it is gone */
}

/* The kernel makes a call anew whose result is ERESTARTNOINTR, but only on a way back to the program on which it looks for signals. SIGSTOP
 * has it look, and SIGCONT, which takes that back before it is seen, leaves it at that. (A program that was being stopped by a
 * terminal at this very moment goes on.) */
void call_restart(const Call *c) {
        struct seccomp_notif_resp answer = { .id = c->id, .error = -ERESTARTNOINTR };
        pid_t process;
        mode_t mask;
        if (call_identify(c, &process, &mask) < 0 || call_check(c) < 0)
                return; /* it is gone, or is told by mediator_reaped() that it failed */
        if (tgkill(process, c->thread, SIGSTOP) < 0 || tgkill(process, c->thread, SIGCONT) < 0)
                answer.error = -EINTR;
        (void)ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* ENOENT: it is gone */
}
