/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent that means harm: probe ACT WORD… tries one thing inside the cage and prints one word: ok, the name of the errno, or
 * what it found. Static, so that it runs where nothing else does. What is done with the answer is the tests' business. */

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "cleanup.h"

static _Noreturn void answer(long result) {
        const char *name = result >= 0 ? "ok" : strerrorname_np(errno);
        printf("%s\n", name ? name : "an unknown error");
        exit(EXIT_SUCCESS);
}

static _Noreturn void say(const char *word) {
        printf("%s\n", word);
        exit(EXIT_SUCCESS);
}

static unsigned long number(const char *word) {
        return strtoul(word, NULL, 0);
}

/* What became of a child: ok, exit N, or the signal. */
static _Noreturn void answer_child(pid_t pid) {
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                answer(-1);
        if (WIFSIGNALED(status))
                printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0)
                printf("exit %d\n", WEXITSTATUS(status));
        else
                printf("ok\n");
        exit(EXIT_SUCCESS);
}

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

/* ---- other processes ---- */

static void act_kill(char **w) {
        answer(kill((pid_t)number(w[0]), (int)number(w[1])));
}

static void act_ptrace(char **w) {
        answer(ptrace(PTRACE_SEIZE, number(w[0]), NULL, NULL)); /* a stopped pid 1 would not end */
}

static void act_ptrace_child(char **w) {
        pid_t pid = fork();
        if (pid == 0)
                answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        (void)waitpid(pid, NULL, 0);
        exit(EXIT_SUCCESS);
}

static void act_vm_read(char **w) {
        char byte;
        struct iovec local = { &byte, 1 }, remote = { &byte, 1 };
        answer(process_vm_readv((pid_t)number(w[0]), &local, 1, &remote, 1, 0));
}

static void act_take_fd(char **w) {
        int pidfd = pidfd_open((pid_t)number(w[0]), 0);
        answer(pidfd < 0 ? pidfd : pidfd_getfd(pidfd, (int)number(w[1]), 0));
}

static void act_connect_tcp(char **w) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)number(w[0])),
                .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void act_connect_abstract(char **w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", w[0]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(w[0]))));
}

static void act_connect_unix(char **w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", w[0]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void act_shm(char **w) {
        answer(shmget((key_t)number(w[0]), 0, 0));
}

static void act_mq(char **w) {
        answer(mq_open(w[0], O_RDONLY));
}

/* In the session keyring. */
static void act_find_key(char **w) {
        answer(syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, -3L, "user", w[0], 0L));
}

/* ---- what we have and are ---- */

static void act_id(char **w) {
        uid_t r, e, s;
        gid_t rg, eg, sg;
        (void)getresuid(&r, &e, &s);
        (void)getresgid(&rg, &eg, &sg);
        printf("%u %u %u %u %u %u, %d groups\n", r, e, s, rg, eg, sg, getgroups(0, NULL));
        exit(EXIT_SUCCESS);
}

static void act_descriptors(char **w) {
        for (int fd = 0; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        printf("%d ", fd);
        exit(EXIT_SUCCESS);
}

static void act_environment(char **w) {
        for (char **e = environ; *e; e++)
                printf("%s ", *e);
        exit(EXIT_SUCCESS);
}

static void act_variable(char **w) {
        const char *value = getenv(w[0]);
        say(value ? value : "unset");
}

/* status FIELD [PID]: of /proc/self/status, without leading blanks */
static void act_status(char **w) {
        char path[64], line[512];
        (void)snprintf(path, sizeof(path), "/proc/%s/status", w[1] ? w[1] : "self");
        FILE *f = fopen(path, "re");
        if (!f)
                answer(-1);
        size_t n = strlen(w[0]);
        while (fgets(line, sizeof(line), f))
                if (strncmp(line, w[0], n) == 0 && line[n] == ':') {
                        printf("%s", line + n + 1 + strspn(line + n + 1, " \t"));
                        exit(EXIT_SUCCESS);
                }
        say("no such field");
}

/* capabilities PID [held]: whether any is in any set of a process; held: in any but the bounding set. */
static void act_capabilities(char **w) {
        char path[64], line[512];
        (void)snprintf(path, sizeof(path), "/proc/%s/status", w[0]);
        FILE *f = fopen(path, "re");
        if (!f)
                answer(-1);
        unsigned long long sets = 0, all = 0, set;
        const unsigned long long wanted = w[1] ? 4 : 5;
        while (fgets(line, sizeof(line), f))
                if (strncmp(line, "Cap", 3) == 0 && (!w[1] || strncmp(line, "CapBnd", 6) != 0) &&
                                sscanf(line + 7, "%llx", &set) == 1) {
                        sets++;
                        all |= set;
                }
        say(sets != wanted ? "sets are missing" : all == 0 ? "none" : "some");
}

/* namespace KIND INODE: own, or that of the host */
static void act_namespace(char **w) {
        char path[64];
        struct stat st;
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", w[0]);
        if (stat(path, &st) < 0)
                answer(-1);
        say(st.st_ino == number(w[1]) ? "the host's" : "own");
}

static void act_raise_core(char **w) {
        const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        answer(setrlimit(RLIMIT_CORE, &limit));
}

static void act_raise_files(char **w) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max != number(w[0]))
                say("not what was said");
        limit.rlim_max++;
        answer(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Moves itself to another cgroup. */
static void act_move(char **w) {
        int fd = open(w[0], O_WRONLY | O_CLOEXEC);
        answer(fd < 0 ? -1 : write(fd, "0", 1));
}

static void act_session(char **w) {
        say(getsid(0) == getpid() ? "own" : "another's");
}

/* ---- */

static const struct {
        const char *name;
        int n; /* words that must be there */
        void (*act)(char **w);
} acts[] = {
        { "bind-unix", 1, act_bind_unix },
        { "by-linker", 1, act_by_linker },
        { "call", 1, act_call },
        { "capabilities", 1, act_capabilities },
        { "chmod", 1, act_chmod },
        { "climb", 1, act_climb },
        { "clone", 1, act_clone },
        { "clone3", 1, act_clone3 },
        { "connect-abstract", 1, act_connect_abstract },
        { "connect-tcp", 1, act_connect_tcp },
        { "connect-unix", 1, act_connect_unix },
        { "copy-exec", 1, act_copy_exec },
        { "descriptors", 0, act_descriptors },
        { "device-ioctl", 1, act_device_ioctl },
        { "environment", 0, act_environment },
        { "euid", 0, act_euid },
        { "exchange", 2, act_exchange },
        { "exec", 1, act_exec },
        { "find-key", 1, act_find_key },
        { "from-stdin", 1, act_from_stdin },
        { "id", 0, act_id },
        { "ioctl", 1, act_ioctl },
        { "kernel-doors", 0, act_kernel_doors },
        { "kill", 2, act_kill },
        { "last-line", 1, act_last_line },
        { "link", 2, act_link },
        { "list", 1, act_list },
        { "map-exec", 1, act_map_exec },
        { "mkdir", 1, act_mkdir },
        { "mkfifo", 1, act_mkfifo },
        { "mknod", 1, act_mknod },
        { "move", 1, act_move },
        { "mq", 1, act_mq },
        { "namespace", 2, act_namespace },
        { "number", 1, act_number },
        { "ok", 0, act_ok },
        { "open", 2, act_open },
        { "ptrace", 1, act_ptrace },
        { "ptrace-child", 0, act_ptrace_child },
        { "raise-core", 0, act_raise_core },
        { "raise-files", 1, act_raise_files },
        { "read", 1, act_read },
        { "rename", 2, act_rename },
        { "rename-open", 3, act_rename_open },
        { "reopen", 1, act_reopen },
        { "rmdir", 1, act_rmdir },
        { "session", 0, act_session },
        { "setxattr", 1, act_setxattr },
        { "shm", 1, act_shm },
        { "socket", 3, act_socket },
        { "socketpair", 1, act_socketpair },
        { "status", 1, act_status },
        { "symlink", 2, act_symlink },
        { "symlink-open", 2, act_symlink_open },
        { "take-fd", 2, act_take_fd },
        { "truncate", 1, act_truncate },
        { "unlink", 1, act_unlink },
        { "userns-mount", 0, act_userns_mount },
        { "utimes", 1, act_utimes },
        { "variable", 1, act_variable },
        { "vm-read", 1, act_vm_read },
#ifdef __x86_64__
        { "i386", 1, act_i386 },
        { "x32", 1, act_x32 },
#endif
};

int main(int argc, char **argv) {
        (void)setvbuf(stdout, NULL, _IOFBF, 0); /* nothing of it twice, in a child */
        for (size_t i = 0; i < ELEMENTSOF(acts); i++)
                if (argc > 1 && streq(argv[1], acts[i].name) && argc - 2 >= acts[i].n)
                        acts[i].act(argv + 2);
        fprintf(stderr, "Usage: %s ACT WORD…\n", argv[0]);
        return EXIT_FAILURE;
}
