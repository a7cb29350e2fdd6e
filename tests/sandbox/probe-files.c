/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Acts with files, and executing them. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "probe.h"

/* ---- files ---- */

/* open PATH MODE: r, w, d (a directory), c (create) */
static void act_open(char **w) {
        const int flags = w[1][0] == 'w'   ? O_WRONLY
                          : w[1][0] == 'd' ? O_RDONLY | O_DIRECTORY
                          : w[1][0] == 'c' ? O_WRONLY | O_CREAT | O_EXCL
                                           : O_RDONLY;
        answer(open(w[0], flags | O_NONBLOCK | O_CLOEXEC, 0600));
}

/* By a descriptor that only names it, and then by that descriptor's name. */
static void act_reopen(char **w) {
        int fd = open(w[0], O_PATH | O_CLOEXEC);
        char path[64];
        if (fd < 0)
                answer(fd);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        answer(open(path, O_RDONLY | O_CLOEXEC));
}

static void act_mkdir(char **w) {
        answer(mkdir(w[0], 0700));
}

static void act_unlink(char **w) {
        answer(unlink(w[0]));
}

static void act_rmdir(char **w) {
        answer(rmdir(w[0]));
}

static void act_rename(char **w) {
        answer(rename(w[0], w[1]));
}

static void act_exchange(char **w) {
        answer(renameat2(AT_FDCWD, w[0], AT_FDCWD, w[1], RENAME_EXCHANGE));
}

/* Another way there, and then in. */
static void act_rename_open(char **w) {
        answer(rename(w[0], w[1]) < 0 ? -1 : open(w[2], O_RDONLY | O_CLOEXEC));
}

static void act_symlink_open(char **w) {
        answer(symlink(w[0], w[1]) < 0 ? -1 : open(w[1], O_RDONLY | O_CLOEXEC));
}

static void act_link(char **w) {
        answer(link(w[0], w[1]));
}

static void act_symlink(char **w) {
        answer(symlink(w[0], w[1]));
}

static void act_truncate(char **w) {
        answer(truncate(w[0], 0));
}

static void act_chmod(char **w) {
        answer(chmod(w[0], 0777));
}

static void act_utimes(char **w) {
        answer(utimensat(AT_FDCWD, w[0], NULL, 0));
}

static void act_setxattr(char **w) {
        answer(setxattr(w[0], "user.mxc", "x", 1, 0));
}

static void act_mkfifo(char **w) {
        answer(mkfifo(w[0], 0600));
}

/* A device, by which the host's memory or disks could be had; here the harmless one. */
static void act_mknod(char **w) {
        answer(mknod(w[0], S_IFCHR | 0666, makedev(1, 3)));
}

static void act_bind_unix(char **w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", w[0]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

/* Something that only the driver of a device answers to. */
static void act_device_ioctl(char **w) {
        int fd = open(w[0], O_RDWR | O_CLOEXEC);
        int value = 0;
        answer(fd < 0 ? fd : ioctl(fd, TIOCGPGRP, &value));
}

/* Up as far as it goes, and then down. */
static void act_climb(char **w) {
        for (int i = 0; i < 64; i++)
                if (chdir("..") < 0)
                        answer(-1);
        answer(open(w[0], O_RDONLY | O_CLOEXEC));
}

/* Relative to standard input. */
static void act_write_stdin(char **w) {
        answer(write(STDIN_FILENO, "x", 1) == 1 ? 0 : -1);
}

static void act_from_stdin(char **w) {
        answer(openat(STDIN_FILENO, w[0], O_RDONLY | O_CLOEXEC));
}

/* All names of a directory, sorted. */
static void act_list(char **w) {
        struct dirent **names;
        int n = scandir(w[0], &names, NULL, alphasort);
        if (n < 0)
                answer(n);
        for (int i = 0; i < n; i++)
                if (!streq(names[i]->d_name, ".") && !streq(names[i]->d_name, ".."))
                        printf("%s ", names[i]->d_name);
        exit(EXIT_SUCCESS);
}

static void act_read(char **w) {
        char text[512];
        int fd = open(w[0], O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n < 0)
                answer(n);
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        say(text);
}

static void act_last_line(char **w) {
        char text[4096];
        int fd = open(w[0], O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                answer(-1);
        text[n - 1] = 0;
        const char *line = strrchr(text, '\n');
        say(line ? line + 1 : text);
}

/* ---- execution ---- */

static void act_exec(char **w) {
        (void)execve(w[0], w, environ);
        answer(-1);
}

/* A program without the right to be executed, by way of the dynamic linker. */
static void act_by_linker(char **w) {
        pid_t pid = fork();
        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                (void)dup2(null, STDERR_FILENO);
                execl("/lib64/ld-linux-x86-64.so.2", "ld.so", w[0], NULL);
                _exit(126);
        }
        answer_child(pid);
}

static void act_map_exec(char **w) {
        int fd = open(w[0], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                answer(fd);
        answer(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
}

/* A copy of ourselves, executed from where it was put. */
static void act_copy_exec(char **w) {
        char data[65536];
        int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int out = open(w[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
        if (in < 0 || out < 0)
                answer(-1);
        for (ssize_t n; (n = read(in, data, sizeof(data))) > 0;)
                if (write(out, data, (size_t)n) != n)
                        answer(-1);
        (void)close(out); /* or it would be ETXTBSY */
        (void)execl(w[0], w[0], "ok", NULL);
        answer(-1);
}

static void act_ok(char **w) {
        say("ok");
}

static void act_euid(char **w) {
        printf("euid %u\n", geteuid());
        exit(EXIT_SUCCESS);
}

const Act file_acts[] = {
        { "bind-unix", 1, act_bind_unix },
        { "by-linker", 1, act_by_linker },
        { "chmod", 1, act_chmod },
        { "climb", 1, act_climb },
        { "copy-exec", 1, act_copy_exec },
        { "device-ioctl", 1, act_device_ioctl },
        { "euid", 0, act_euid },
        { "exchange", 2, act_exchange },
        { "exec", 1, act_exec },
        { "from-stdin", 1, act_from_stdin },
        { "last-line", 1, act_last_line },
        { "link", 2, act_link },
        { "list", 1, act_list },
        { "map-exec", 1, act_map_exec },
        { "mkdir", 1, act_mkdir },
        { "mkfifo", 1, act_mkfifo },
        { "mknod", 1, act_mknod },
        { "ok", 0, act_ok },
        { "open", 2, act_open },
        { "read", 1, act_read },
        { "rename", 2, act_rename },
        { "rename-open", 3, act_rename_open },
        { "reopen", 1, act_reopen },
        { "rmdir", 1, act_rmdir },
        { "setxattr", 1, act_setxattr },
        { "symlink", 2, act_symlink },
        { "symlink-open", 2, act_symlink_open },
        { "truncate", 1, act_truncate },
        { "unlink", 1, act_unlink },
        { "utimes", 1, act_utimes },
        { "write-stdin", 0, act_write_stdin },
        { NULL, 0, NULL },
};
