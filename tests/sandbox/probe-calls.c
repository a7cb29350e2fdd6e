/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Acts that are one system call. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "probe.h"

/* ---- system calls ---- */

static const struct {
        const char *name;
        long call;
} calls[] = {
        { "bpf", SYS_bpf },
        { "init_module", SYS_init_module },
        { "io_uring_setup", SYS_io_uring_setup },
        { "keyctl", SYS_keyctl },
        { "kcmp", SYS_kcmp },
        { "open_by_handle_at", SYS_open_by_handle_at },
        { "perf_event_open", SYS_perf_event_open },
        { "personality", SYS_personality },
        { "pidfd_open", SYS_pidfd_open },
        { "ptrace", SYS_ptrace },
        { "setns", SYS_setns },
        { "unshare", SYS_unshare },
        { "userfaultfd", SYS_userfaultfd },
};

/* call NAME WORD…: numbers, or p for a page of zeros */
static void act_call(char **w) {
        static char page[4096];
        long a[6] = { 0 };
        for (size_t i = 0; i < ELEMENTSOF(a) && w[i + 1]; i++)
                a[i] = streq(w[i + 1], "p") ? (long)page : (long)number(w[i + 1]);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                if (streq(calls[i].name, w[0]))
                        answer(syscall(calls[i].call, a[0], a[1], a[2], a[3], a[4], a[5]));
        say("what call?");
}

/* A call by its number, with arguments that mean nothing. */
static void act_number(char **w) {
        answer(syscall((long)number(w[0]), -1L, -1L, -1L, -1L, -1L, -1L));
}

/* Calls that no agent has any business with, in a form that does no harm when it gets through: how many are refused. */
static void act_kernel_doors(char **w) {
        static const long table[][2] = {
                { SYS_acct, -1 },
                { SYS_add_key, 0 },
                { SYS_bpf, 0 },
                { SYS_clock_settime, -1 },
                { SYS_fanotify_init, -1 },
                { SYS_fsconfig, -1 },
                { SYS_fsmount, -1 },
                { SYS_fsopen, 0 },
                { SYS_fspick, -1 },
                { SYS_keyctl, -1 },
                { SYS_mount, 0 },
                { SYS_mount_setattr, -1 },
                { SYS_move_mount, -1 },
                { SYS_open_by_handle_at, -1 },
                { SYS_open_tree, -1 },
                { SYS_perf_event_open, 0 },
                { SYS_pivot_root, 0 },
                { SYS_process_vm_writev, -1 },
                { SYS_ptrace, -1 },
                { SYS_reboot, 0 },
                { SYS_request_key, 0 },
                { SYS_setns, -1 },
                { SYS_swapoff, 0 },
                { SYS_swapon, 0 },
                { SYS_umount2, 0 },
                { SYS_userfaultfd, -1 },
        };
        size_t refused = 0;
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                long r = syscall(table[i][0], table[i][1], 0L, 0L, 0L, 0L, 0L);
                refused += r < 0 && (errno == EPERM || errno == ENOSYS);
        }
        say(refused == ELEMENTSOF(table) ? "all refused" : refused == 0 ? "none refused" : "some refused");
}

static void act_ioctl(char **w) {
        const char letter = 'x';
        answer(syscall(SYS_ioctl, 0, number(w[0]), &letter));
}

#ifdef __x86_64__
static void act_i386(char **w) {
        pid_t pid = fork();
        if (pid == 0) {
                long result;
                __asm__ volatile("int $0x80"
                                 : "=a"(result)
                                 : "a"(number(w[0]))
                                 : "memory", "r8", "r9", "r10", "r11");
                _exit(EXIT_SUCCESS);
        }
        answer_child(pid);
}

static void act_x32(char **w) {
        pid_t pid = fork();
        if (pid == 0) {
                (void)syscall((long)(0x40000000 | number(w[0])));
                _exit(EXIT_SUCCESS);
        }
        answer_child(pid);
}
#endif

/* A child with these flags. */
static void act_clone(char **w) {
        long pid = syscall(SYS_clone, number(w[0]) | SIGCHLD, NULL, NULL, NULL, 0UL);
        if (pid == 0)
                _exit(EXIT_SUCCESS);
        answer(pid);
}

static void act_clone3(char **w) {
        uint64_t args[8] = { number(w[0]) };
        args[4] = SIGCHLD;
        long pid = syscall(SYS_clone3, args, sizeof(args));
        if (pid == 0)
                _exit(EXIT_SUCCESS);
        answer(pid);
}

/* Root of a namespace of one's own, where mounts may be made. */
static void act_userns_mount(char **w) {
        long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0UL);
        if (pid < 0)
                answer(pid);
        if (pid > 0) {
                (void)waitpid((pid_t)pid, NULL, 0);
                exit(EXIT_SUCCESS);
        }
        answer(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static void act_socket(char **w) {
        answer(socket((int)number(w[0]), (int)number(w[1]), (int)number(w[2])));
}

static void act_socketpair(char **w) {
        int fds[2];
        answer(socketpair((int)number(w[0]), SOCK_STREAM, 0, fds));
}

/* send-urgent sendto|sendmsg|sendmmsg: between sockets of one's own */
static void act_send_urgent(char **w) {
        struct iovec part = { .iov_base = (void *)"x", .iov_len = 1 };
        struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
                answer(-1);
        answer(streq(w[0], "sendto")             ? send(fds[0], "x", 1, MSG_OOB)
                        : streq(w[0], "sendmsg") ? sendmsg(fds[0], &message.msg_hdr, MSG_OOB)
                                                 : sendmmsg(fds[0], &message, 1, MSG_OOB));
}

#ifdef __x86_64__
/* traced-call NUMBER: a tracer puts that number in the place of one that is allowed, when the call has begun. */
static void act_traced_call(char **w) {
        const size_t where = offsetof(struct user_regs_struct, orig_rax);
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        answer(-1);
                (void)raise(SIGSTOP);
                answer(syscall(SYS_getppid, 0L));
        }
        bool ok = waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
        while (ok) {
                ok = ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
                     WIFSTOPPED(status);
                if (ok && ptrace(PTRACE_PEEKUSER, pid, where, NULL) == SYS_getppid)
                        break;
        }
        if (ok && (ptrace(PTRACE_POKEUSER, pid, where, (long)number(w[0])) < 0 ||
                                  ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 ||
                                  waitpid(pid, &status, 0) != pid))
                answer(-1);
        if (WIFSIGNALED(status))
                say(sigabbrev_np(WTERMSIG(status)));
        exit(EXIT_SUCCESS); /* the other one has answered */
}
#endif

const Act call_acts[] = {
        { "call", 1, act_call },
        { "clone", 1, act_clone },
        { "clone3", 1, act_clone3 },
        { "ioctl", 1, act_ioctl },
        { "kernel-doors", 0, act_kernel_doors },
        { "number", 1, act_number },
        { "send-urgent", 1, act_send_urgent },
        { "socket", 3, act_socket },
        { "socketpair", 1, act_socketpair },
        { "userns-mount", 0, act_userns_mount },
#ifdef __x86_64__
        { "i386", 1, act_i386 },
        { "traced-call", 1, act_traced_call },
        { "x32", 1, act_x32 },
#endif
        { NULL, 0, NULL },
};
