/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent that wants a name it may not have, in ways that a shell has no words for: attacker ATTACK, in the workspace. It goes on
 * whatever is refused; the harm is looked for on the host. attacker prints what it could read of what is denied. */

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>

#include "cleanup.h"

#define WANTED ".envrc"
#define DENIED ".env"
#define ROUNDS 3000 /* of a race: without walls the first one wins */

static atomic_bool racing_on = true, racing_begun, won;

/* Refused or not: what counts is what the host finds. */
static void attempt(long result) {
        (void)result;
}

static void make_at(int dir, const char *path) {
        _cleanup_close_ int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0)
                attempt(write(fd, "x\n", 2));
}

static void make(const char *path) {
        make_at(AT_FDCWD, path);
}

static void print_file(int fd) {
        char text[256];
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return;
        text[n] = 0;
        won = strstr(text, "WORD") != NULL;
        printf("%s\n", text);
}

/* ---- other ways to say a path ---- */

static void openat2_(void) {
        struct open_how how = { .flags = O_WRONLY | O_CREAT, .mode = 0644 };
        (void)syscall(SYS_openat2, AT_FDCWD, WANTED, &how, sizeof(how));
}

static void creat_(void) {
        attempt(creat(WANTED, 0644));
}

static void proc_cwd(void) {
        make("/proc/self/cwd/" WANTED);
        make("/proc/thread-self/cwd/" WANTED);
}

static void proc_descriptor(void) {
        char path[64];
        int dir = open(".", O_RDONLY | O_DIRECTORY);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/" WANTED, dir);
        make(path);
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d/" WANTED, getpid(), dir);
        make(path);
        (void)snprintf(path, sizeof(path), "/dev/fd/%d/" WANTED, dir);
        make(path);
}

static void proc_root(void) {
        char here[512], path[600];
        if (!getcwd(here, sizeof(here)))
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/root%s/" WANTED, here);
        make(path);
}

static void path_descriptor(void) {
        make_at(open(".", O_PATH), WANTED);
}

static void dots(void) {
        attempt(mkdir("d", 0755));
        make("d/.././/" WANTED);
}

static void symlink_last(void) {
        attempt(symlink(WANTED, "l"));
        make("l");
}

static void symlink_chain(void) {
        char here[512], target[600];
        if (!getcwd(here, sizeof(here)))
                return;
        (void)snprintf(target, sizeof(target), "%s/" WANTED, here);
        attempt(symlink(target, "b"));
        attempt(symlink("b", "l"));
        make("l");
}

static void symlink_parent(void) {
        attempt(symlink(".", "d"));
        make("d/" WANTED);
}

static void symlink_to_proc(void) {
        attempt(symlink("/proc/self/cwd", "d"));
        make("d/" WANTED);
}

/* ---- other ways to make a name ---- */

static void temporary(void) {
        char path[64];
        int fd = open(".", O_TMPFILE | O_RDWR, 0644);
        attempt(write(fd, "x\n", 2));
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        attempt(linkat(AT_FDCWD, path, AT_FDCWD, WANTED, AT_SYMLINK_FOLLOW));
        attempt(linkat(fd, "", AT_FDCWD, WANTED, AT_EMPTY_PATH));
}

static void exchange(void) {
        make("f");
        attempt(renameat2(AT_FDCWD, "f", AT_FDCWD, WANTED, RENAME_EXCHANGE));
}

static void exchange_back(void) {
        make("f");
        attempt(renameat2(AT_FDCWD, WANTED, AT_FDCWD, "f", RENAME_EXCHANGE));
}

static void exchange_directories(void) {
        attempt(mkdir("d", 0755));
        make("d/settings.json");
        attempt(renameat2(AT_FDCWD, "d", AT_FDCWD, ".claude", RENAME_EXCHANGE));
}

static void noreplace(void) {
        make("f");
        attempt(renameat2(AT_FDCWD, "f", AT_FDCWD, WANTED, RENAME_NOREPLACE));
}

static void directory_descriptors(void) {
        int dir = open(".", O_RDONLY | O_DIRECTORY);
        attempt(symlinkat("f", dir, WANTED));
        attempt(mkdirat(dir, WANTED, 0755));
        attempt(mknodat(dir, WANTED, S_IFIFO | 0644, 0));
        make("f");
        attempt(linkat(dir, "f", dir, WANTED, 0));
        attempt(renameat(dir, "f", dir, WANTED));
}

static void node(void) {
        attempt(mknod(WANTED, S_IFREG | 0644, 0));
}

static void fifo(void) {
        attempt(mkfifo(WANTED, 0644));
}

static void socket_(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = WANTED };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        attempt(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
}

static void directory(void) {
        attempt(mkdir(WANTED, 0755));
}

/* ---- what is there ---- */

static void descriptor_mode(void) {
        attempt(fchmod(open(WANTED, O_RDONLY), 0755));
}

static void descriptor_times(void) {
        const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
        attempt(futimens(open(WANTED, O_RDONLY), old));
        attempt(utimensat(AT_FDCWD, WANTED, old, 0));
        attempt(utime(WANTED, &(struct utimbuf){ 1, 1 }));
}

static void attribute(void) {
        attempt(setxattr(WANTED, "user.x", "x", 1, 0));
        attempt(fsetxattr(open(WANTED, O_RDONLY), "user.x", "x", 1, 0));
}

/* For the owner to find. */
static void has_attribute(void) {
        char text[8];
        exit(getxattr(WANTED, "user.x", text, sizeof(text)) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void truncation(void) {
        attempt(truncate(WANTED, 0));
        attempt(open(WANTED, O_RDONLY | O_TRUNC));
}

static void reopening(void) {
        char path[64];
        int fd = open(WANTED, O_RDONLY);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int again = open(path, O_RDWR | O_TRUNC);
        attempt(write(again, "x\n", 2));
}

static void alias(void) {
        int fd = open("l", O_WRONLY | O_TRUNC);
        attempt(write(fd, "x\n", 2));
}

/* ---- from a process that is special ---- */

static void hidden(void) {
        (void)prctl(PR_SET_DUMPABLE, 0);
        make(WANTED);
}

static void child_of_vfork(void) {
        pid_t pid = fork();
        if (pid == 0) {
                (void)setsid();
                make(WANTED);
                _exit(0);
        }
        (void)waitpid(pid, NULL, 0);
}

/* A filter of one's own cannot take a notification back, nor listen to one. */
static void own_filter(void) {
        struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
        struct sock_fprog program = { 1, code };
        (void)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        (void)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
        make(WANTED);
}

/* Whatever pid 1 has begun for us (opening pipes waits, and is done by children of it) is ended in the middle. */
static void helpers(void) {
        attempt(mkfifo("p", 0644));
        for (int i = 0; i < 4; i++)
                if (fork() == 0) {
                        attempt(open("p", O_RDONLY));
                        make(WANTED);
                        _exit(EXIT_SUCCESS);
                }
        for (int turn = 0; turn < 20; turn++) {
                (void)usleep(20000);
                for (pid_t pid = 2; pid < 200; pid++) {
                        char path[64];
                        int parent = 0;
                        (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
                        FILE *f = fopen(path, "re");
                        if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == 1 &&
                                        pid != getpid() && pid != getppid())
                                (void)kill(pid, SIGKILL);
                        if (f)
                                (void)fclose(f);
                }
                make(WANTED);
        }
        int writer = open("p", O_RDWR | O_NONBLOCK); /* whoever still waits goes on */
        while (waitpid(-1, NULL, 0) > 0)
                ;
        (void)close(writer);
}

/* What pid 1 has open leads beneath the covers. */
static void pid_1(void) {
        static const char *const ways[] = { "/proc/1/cwd", "/proc/1/root", "cwd", "root" };
        char here[400], path[512];
        if (!getcwd(here, sizeof(here)) || chdir("/proc/1") < 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s/" WANTED, ways[i], i % 2 == 1 ? here + 1 : "");
                make(path);
        }
        for (int fd = 0; fd < 64; fd++) {
                (void)snprintf(path, sizeof(path), "fd/%d/" WANTED, fd);
                make(path);
                (void)snprintf(path, sizeof(path), "/proc/1/fd/%d/" WANTED, fd);
                make(path);
                (void)snprintf(path, sizeof(path), "task/1/fd/%d/" WANTED, fd);
                make(path);
        }
}

/* A file that pid 1 opened is beneath the cover: nothing leads from it to its directory. */
static void injected(void) {
        char path[64];
        int fd = open("f", O_RDWR | O_CREAT, 0644);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/../" WANTED, fd);
        make(path);
        make_at(fd, "../" WANTED);
        attempt(fchdir(fd));
        make(WANTED);
}

/* ---- races ---- */

static char racing[64];

/* For the kernel to see, or pid 1: the compiler must not think that nobody reads it. */
static void set_racing(const char *text) {
        memcpy(racing, text, strlen(text) + 1);
        __asm__ volatile("" : : "r"(racing) : "memory");
}

static void *flip_text(void *unused) {
        while (racing_on) {
                racing_begun = true;
                set_racing("envrc");
                set_racing(WANTED);
        }
        return unused;
}

static void *flip_names(void *unused) {
        while (racing_on) {
                racing_begun = true;
                attempt(renameat2(AT_FDCWD, "d", AT_FDCWD, "s", RENAME_EXCHANGE));
        }
        return unused;
}

static void *flip_directory(void *up) {
        while (racing_on) {
                racing_begun = true;
                attempt(chdir("d"));
                attempt(chdir(up));
        }
        return NULL;
}

static int flipped;

static void *flip_descriptor(void *unused) {
        int here = open(".", O_RDONLY | O_DIRECTORY), there = open("d", O_RDONLY | O_DIRECTORY);
        while (racing_on) {
                racing_begun = true;
                attempt(dup2(here, flipped));
                attempt(dup2(there, flipped));
        }
        return unused;
}

/* Until the harm is done, or long enough. */
static void race(void *(*flip)(void *), void *argument, void (*act)(void), const char *harm) {
        pthread_t thread;
        struct stat st;
        if (pthread_create(&thread, NULL, flip, argument) != 0)
                exit(EXIT_FAILURE);
        while (!racing_begun)
                (void)sched_yield();
        for (int i = 0; i < ROUNDS && !won && (!harm || lstat(harm, &st) < 0); i++) {
                act();
                (void)sched_yield(); /* the other one may have no processor of its own */
        }
        racing_on = false;
        (void)pthread_join(thread, NULL);
}

static void make_racing(void) {
        make(racing);
        attempt(unlink("envrc"));
}
static void mkdir_racing(void) {
        attempt(mkdir(racing, 0755));
        attempt(rmdir("envrc"));
}
static void move_racing(void) {
        make("f");
        attempt(rename("f", racing));
}
static void read_racing(void) {
        _cleanup_close_ int fd = open(racing, O_RDONLY);
        print_file(fd);
}
static void make_in_names(void) {
        make("d/" WANTED);
        make("s/" WANTED);
        attempt(unlink("real/" WANTED));
}
static void make_here(void) {
        make(WANTED);
        attempt(unlink("d/" WANTED));
}
static void make_in_descriptor(void) {
        make_at(flipped, WANTED);
        attempt(unlink("d/" WANTED));
}

static void race_text(void) {
        race(flip_text, NULL, make_racing, WANTED);
}
static void race_text_mkdir(void) {
        race(flip_text, NULL, mkdir_racing, WANTED);
}
static void race_text_rename(void) {
        race(flip_text, NULL, move_racing, WANTED);
}
static void race_symlink(void) {
        attempt(mkdir("d", 0755));
        attempt(symlink(".", "s"));
        race(flip_names, NULL, make_in_names, WANTED);
}
static void race_directory(void) {
        char here[512];
        attempt(mkdir("d", 0755));
        if (getcwd(here, sizeof(here)))
                race(flip_directory, here, make_here, NULL);
}
static void race_descriptor(void) {
        attempt(mkdir("d", 0755));
        flipped = open("d", O_RDONLY | O_DIRECTORY);
        race(flip_descriptor, NULL, make_in_descriptor, WANTED);
}

/* ---- what is denied, and came to be only now ---- */

static void *flip_denied(void *unused) {
        while (racing_on) {
                racing_begun = true;
                set_racing("open");
                set_racing(DENIED);
        }
        return unused;
}

static void wait_for_host(void) {
        struct stat st;
        printf("ready\n");
        (void)fflush(stdout);
        while (stat("go", &st) < 0)
                (void)usleep(20000);
}

static void read_by(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY);
        print_file(fd);
}

static void denied_paths(void) {
        static const char *const paths[] = { DENIED, "./" DENIED, "/proc/self/cwd/" DENIED, "l", "hard" };
        wait_for_host();
        attempt(symlink(DENIED, "l"));
        attempt(link(DENIED, "hard"));
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                read_by(paths[i]);
}

static void denied_reopened(void) {
        char path[64];
        wait_for_host();
        int fd = open(DENIED, O_PATH);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        read_by(path);
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
        read_by(path);
}

static void denied_moved(void) {
        wait_for_host();
        attempt(rename(DENIED, "moved"));
        attempt(renameat2(AT_FDCWD, "open", AT_FDCWD, DENIED, RENAME_EXCHANGE));
        read_by("moved");
        read_by("open");
}

static void denied_metadata(void) {
        struct stat st;
        struct statx stx;
        char text[64] = "";
        wait_for_host();
        if (stat(DENIED, &st) == 0 || lstat(DENIED, &st) == 0 || access(DENIED, F_OK) == 0 ||
                        syscall(SYS_statx, AT_FDCWD, DENIED, 0, STATX_SIZE, &stx) == 0 ||
                        syscall(SYS_faccessat2, AT_FDCWD, DENIED, R_OK, 0) == 0 ||
                        readlink(DENIED, text, sizeof(text)) >= 0 || errno != EACCES ||
                        getxattr(DENIED, "user.x", text, sizeof(text)) >= 0 || errno != EACCES)
                printf("WORD: there is something\n");
}

static void denied_executed(void) {
        wait_for_host();
        pid_t pid = fork();
        if (pid == 0) {
                (void)execl(DENIED, DENIED, NULL);
                _exit(127);
        }
        (void)waitpid(pid, NULL, 0);
}

static void denied_race(void) {
        wait_for_host();
        race(flip_denied, NULL, read_racing, NULL);
}

/* ---- no attacks, but work that a shell has no words for ---- */

static void check(bool holds, const char *what) {
        if (holds)
                return;
        printf("%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void on_alarm(int number) {
        (void)number; /* it is there to interrupt */
}

/* What was begun is not begun again when a signal comes. */
static void signals(void) {
        const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
        const struct itimerval often = { { 0, 300 }, { 0, 300 } };
        check(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0, "timer");
        for (int i = 0; i < 1000; i++) {
                check(mkdir("d", 0755) == 0, "mkdir");
                check(rename("d", "e") == 0, "rename");
                check(rmdir("e") == 0, "rmdir");
        }
}

/* The call that brought the listener to pid 1. */
static void message(void) {
        int pair[2];
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "a pair");
        struct iovec part = { .iov_base = (void *)"x", .iov_len = 1 };
        const struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n = sendmsg(pair[0], &m, 0);
        check(n == 1 || errno == EPERM, "how it is refused");
        if (n == 1)
                check(close(open("sent", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0, "told");
}

static void sockets(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "d/s" };
        check(mkdir("d", 0755) == 0, "mkdir");
        int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
        (void)umask(077);
        check(bind(a, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(a, 1) == 0, "bind");
        check(connect(b, (const struct sockaddr *)&address, sizeof(address)) == 0, "connect");
        struct stat st;
        check(stat("d/s", &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0700, "its mode");
        check(bind(b, (const struct sockaddr *)&address, sizeof(address)) < 0, "bound twice");
        struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0mxc-test" };
        int c = socket(AF_UNIX, SOCK_STREAM, 0);
        check(bind(c, (const struct sockaddr *)&abstract, sizeof(abstract)) == 0, "an abstract name");
}

static void temporary_files(void) {
        char path[64];
        struct stat st;
        int fd = open(".", O_TMPFILE | O_RDWR, 0640);
        check(fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0600) == 0, "O_TMPFILE");
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        check(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0, "linkat");
        check(stat("named", &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 1, "stat");
        check(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) < 0 && errno == EEXIST, "again");
        check(open("named", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST, "O_EXCL");
        check(open("named", O_WRONLY | O_DIRECTORY) < 0 && errno == ENOTDIR, "O_DIRECTORY");
        check(symlink("named", "l") == 0 && open("l", O_WRONLY | O_NOFOLLOW) < 0 && errno == ELOOP,
                        "O_NOFOLLOW");
        check(open(".", O_WRONLY) < 0 && errno == EISDIR, "a directory");
        int other = open("l", O_WRONLY | O_APPEND | O_CLOEXEC);
        check(other >= 0 && fcntl(other, F_GETFD) == FD_CLOEXEC && (fcntl(other, F_GETFL) & O_APPEND),
                        "flags");
        char *text = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        check(text != MAP_FAILED && (text[0] = 'y') && ftruncate(fd, 100) == 0, "mmap");
        check(setxattr("named", "user.a", "b", 1, 0) == 0 || errno == EOPNOTSUPP, "setxattr");
        check(access("named", W_OK) == 0 && truncate("named", 5) == 0, "truncate");
}

/* Where nothing is denied, it can still work on what is the cage's own. */
static void hidden_work(void) {
        struct stat st;
        bool denied = prctl(PR_SET_DUMPABLE, 0) < 0;
        make("/tmp/f");
        check(stat("/tmp/f", &st) == 0, "a file of the cage");
        check(!denied || errno == EPERM || st.st_size == 2, "and what it says");
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                void (*act)(void);
        } attacks[] = { { "openat2", openat2_ }, { "creat", creat_ }, { "proc-cwd", proc_cwd },
                { "proc-descriptor", proc_descriptor }, { "proc-root", proc_root },
                { "path-descriptor", path_descriptor }, { "dots", dots }, { "symlink-last", symlink_last },
                { "symlink-chain", symlink_chain }, { "symlink-parent", symlink_parent },
                { "symlink-to-proc", symlink_to_proc }, { "temporary", temporary }, { "exchange", exchange },
                { "exchange-back", exchange_back }, { "exchange-directories", exchange_directories },
                { "noreplace", noreplace }, { "directory-descriptors", directory_descriptors },
                { "node", node }, { "fifo", fifo }, { "socket", socket_ }, { "directory", directory },
                { "descriptor-mode", descriptor_mode }, { "descriptor-times", descriptor_times },
                { "attribute", attribute }, { "has-attribute", has_attribute }, { "truncation", truncation },
                { "reopening", reopening }, { "alias", alias }, { "hidden", hidden },
                { "child", child_of_vfork }, { "helpers", helpers }, { "own-filter", own_filter },
                { "pid-1", pid_1 }, { "injected", injected }, { "race-text", race_text },
                { "race-text-mkdir", race_text_mkdir }, { "race-text-rename", race_text_rename },
                { "race-symlink", race_symlink }, { "race-directory", race_directory },
                { "race-descriptor", race_descriptor }, { "signals", signals }, { "sockets", sockets },
                { "message", message }, { "temporary-files", temporary_files },
                { "hidden-work", hidden_work }, { "denied-paths", denied_paths },
                { "denied-reopened", denied_reopened }, { "denied-moved", denied_moved },
                { "denied-metadata", denied_metadata }, { "denied-executed", denied_executed },
                { "denied-race", denied_race } };
        for (size_t i = 0; argc == 2 && i < ELEMENTSOF(attacks); i++)
                if (streq(attacks[i].name, argv[1])) {
                        attacks[i].act();
                        return EXIT_SUCCESS;
                }
        fprintf(stderr, "Not an attack: %s\n", argc == 2 ? argv[1] : "(none)");
        return 2;
}
