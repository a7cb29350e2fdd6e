/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "codec.h"
#include "fd.h"
#include "rig.h"

static void check(int r, const char *what) {
        if (r < 0)
                rig_die(what, r == -1 ? errno : r);
}

static char *text(const char *format, ...) _printf_(1, 2);
static char *text(const char *format, ...) {
        va_list args;
        va_start(args, format);
        char *s;
        if (vasprintf(&s, format, args) < 0)
                rig_die("memory", ENOMEM);
        va_end(args);
        return s;
}

/* ---- what is left behind ---- */

#define SCRATCH "/srv" /* not below /tmp or /var/tmp: all of those is the agent's, also to Landlock */

static const char *cgroup_root(void) {
        return access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup/unified"
                                                                        : "/sys/fs/cgroup";
}

static int remove_file(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        if (remove(path) < 0)
                fprintf(stderr, "# %s: %s\n", path, strerror(errno));
        return 0;
}

/* 0: gone with all that was in it. */
static int remove_tree(const char *path) {
        /* nothing is mounted there, and on an overlay FTW_MOUNT would pass over files: they have another st_dev */
        if (nftw(path, remove_file, 16, FTW_DEPTH | FTW_PHYS) < 0)
                fprintf(stderr, "# %s: %s\n", path, strerror(errno));
        return access(path, F_OK) < 0 && errno == ENOENT ? 0 : -ENOTEMPTY;
}

static int remove_cgroup(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        if (flag == FTW_DP)
                (void)rmdir(path);
        return 0;
}

/* Everything of one rig that is there still: its scope with all that lives in it, its scratch directory. */
static void sweep_one(const char *dir, const char *name) {
        _cleanup_free_ char *path = text("%s/%s", dir, name);
        if (streq(dir, SCRATCH)) {
                (void)remove_tree(path);
                return;
        }
        _cleanup_free_ char *file = text("%s/cgroup.kill", path);
        (void)fd_write_file_at(
                        AT_FDCWD, file, "1"); /* older kernels have none; a leaf then stays, to be seen */
        for (int i = 0; i < 200 && nftw(path, remove_cgroup, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 &&
                        access(path, F_OK) == 0;
                        i++)
                (void)usleep(10000);
}

/* Of `pid`; 0: of every rig whose process is gone, killed in the middle. */
static void sweep(pid_t pid) {
        const char *const dirs[] = { cgroup_root(), SCRATCH };
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
                DIR *dir = opendir(dirs[i]);
                for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
                        int owner;
                        char next; /* of the scope a dot, of the directory a dash */
                        if (sscanf(e->d_name, "mxc-rig-%d%c", &owner, &next) != 2 ||
                                        (next != '.' && next != '-'))
                                continue;
                        if (pid != 0 ? owner == pid : kill(owner, 0) < 0 && errno == ESRCH)
                                sweep_one(dirs[i], e->d_name);
                }
                if (dir)
                        (void)closedir(dir);
        }
}

static pid_t running;     /* launcher */
static const char *relay; /* in the place of mxc-egress; NULL: none */

_Noreturn void rig_die(const char *what, int error) {
        fprintf(stderr, "Bail out! rig: %s: %s\n", what, strerror(error < 0 ? -error : error));
        if (running > 0) {
                (void)kill(running, SIGKILL);
                (void)waitpid(running, NULL, 0);
        }
        sweep(getpid());
        _exit(99);
}

void need(bool ok, const char *what) {
        if (!ok)
                rig_die(what, errno);
}

/* ---- the launcher and its scope ---- */

void rig_copy(const char *from, const char *to, mode_t mode, uid_t uid) {
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC),
                            out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        struct stat st;
        check(in, from);
        check(out, to);
        check(fstat(in, &st), from);
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
                if (n <= 0)
                        rig_die(from, n < 0 ? errno : ENODATA);
                left -= n;
        }
        check(fchown(out, uid, uid), to);
        check(fchmod(out, mode), to);
}

void rig_use_relay(const char *program) {
        relay = program;
}

void rig_connect(Rig *r) {
        if (r->socket >= 0)
                (void)close(r->socket);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/launch.sock", r->dir);
        r->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        check(r->socket, "socket");
        for (int i = 0;; i++) {
                if (connect(r->socket, (struct sockaddr *)&address, sizeof(address)) == 0)
                        break;
                if (i == 500)
                        rig_die("connect to the launcher", errno);
                (void)usleep(10000);
        }
}

static void make_dirs(char *path, size_t from) {
        for (char *end = path + from; end;) {
                end = strchr(end + 1, '/');
                if (end)
                        *end = '\0';
                check(mkdir(path, 0755), path);
                if (end)
                        *end = '/';
        }
}

static void remove_dirs(char *path, size_t from) {
        char *end;
        do {
                check(rmdir(path), path);
                end = strrchr(path, '/');
                *end = '\0';
        } while (end > path + from);
}

/* MXC_RIG_BELOW, "/d/d…": so much deeper than usual, as in containers in containers. */
static void make_scope(Rig *r) {
        const char *below = getenv("MXC_RIG_BELOW");
        r->scope = text("/mxc-rig-%d.scope%s", getpid(), below ? below : "");
        r->scope_dir = text("%s%s", cgroup_root(), r->scope);
        make_dirs(r->scope_dir, strlen(cgroup_root()));
        LaunchReport anchor = rig_request(r, (LaunchRequest){ .verb = LAUNCH_ANCHOR }, NULL, 0, NULL, NULL);
        if (anchor.event != LAUNCH_EVENT_OK)
                rig_die("ANCHOR", anchor.error);
        _cleanup_free_ char *procs = text("%s/cgroup.procs", r->scope_dir), *pid = text("%d", anchor.pid);
        check(fd_write_file_at(AT_FDCWD, procs, pid), "what PID 1 does: the anchor into its scope");
        LaunchRequest q = { .verb = LAUNCH_SCOPE, .pid = anchor.pid };
        (void)snprintf(q.path, sizeof(q.path), "%s", r->scope);
        LaunchReport done = rig_request(r, q, NULL, 0, NULL, NULL);
        if (done.event != LAUNCH_EVENT_OK)
                rig_die("SCOPE", done.error);
}

static void start_launcher(Rig *r, const char *launcher, const char *without, void (*hook)(void)) {
        _cleanup_free_ char *socket_path = text("%s/launch.sock", r->dir),
                            *relay_path = relay ? text("%s/relay", r->dir) : NULL;
        pid_t parent = getpid();
        r->launcher = running = fork();
        check(r->launcher, "fork");
        if (r->launcher == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                        _exit(127);
                for (int n = 1; n < NSIG;
                                n++) /* whoever runs the tests in the background ignores some, and agents would be blamed */
                        (void)signal(n, SIG_DFL);
                if (without)
                        (void)setenv("MXC_WITHOUT", without, 1);
                if (hook)
                        hook();
                execl(launcher, launcher, socket_path, relay_path, NULL);
                _exit(127);
        }
}

static void greet(Rig *r) {
        LaunchReport ready = rig_request(r, (LaunchRequest){ .verb = LAUNCH_HELLO }, NULL, 0, NULL, NULL);
        if (ready.event != LAUNCH_EVENT_READY)
                rig_die("HELLO", ready.error);
        r->features = ready.features;
        ready = rig_next(r, NULL, NULL);
        if (ready.event != LAUNCH_EVENT_OK)
                rig_die("the end of HELLO", ready.error);
}

/* A helper that it was just beginning has its socket for a moment longer: who connected to that would be hung up on. Its name goes, so that there is
 * nothing to connect to until the next one is there. Where systemd has the socket, the next one has the same. */
void rig_crash(Rig *r, const char *launcher) {
        _cleanup_free_ char *path = text("%s/launch.sock", r->dir);
        (void)kill(r->launcher, SIGKILL);
        (void)waitpid(r->launcher, NULL, 0);
        check(unlink(path), path);
        start_launcher(r, launcher, NULL, NULL);
        rig_connect(r);
        greet(r);
}

void rig_start(Rig *r, const char *launcher, const char *without) {
        rig_start_hooked(r, launcher, without, NULL);
}

void rig_start_hooked(Rig *r, const char *launcher, const char *without, void (*hook)(void)) {
        *r = (Rig){ .socket = -EBADF, .input = -EBADF };
        sweep(0);
        r->dir = text(SCRATCH "/mxc-rig-%d-XXXXXX", getpid());
        if (!mkdtemp(r->dir))
                rig_die("scratch directory", errno);
        check(chmod(r->dir, 0755), "chmod");
        r->workspace = text("%s/ws", r->dir);
        check(mkdir(r->workspace, 0700), "workspace");
        check(chown(r->workspace, RIG_UID, RIG_GID), "chown");
        if (relay) {
                _cleanup_free_ char *path = text("%s/relay", r->dir);
                rig_copy(relay, path, 0711, 0);
        }
        start_launcher(r, launcher, without, hook);
        rig_connect(r);
        greet(r);
        make_scope(r);
}

void rig_stop(Rig *r) {
        LaunchRequest q = { .verb = LAUNCH_DROP };
        (void)snprintf(q.path, sizeof(q.path), "%s", r->scope);
        LaunchReport done = rig_request(r, q, NULL, 0, NULL, NULL);
        for (int i = 0; done.event != LAUNCH_EVENT_OK && done.error == EBUSY && i < 500; i++) {
                (void)usleep(10000); /* a leaf stays until the last of its processes is gone */
                done = rig_request(r, q, NULL, 0, NULL, NULL);
        }
        if (done.event != LAUNCH_EVENT_OK)
                rig_die("DROP", done.error);
        (void)kill(r->launcher, SIGTERM);
        (void)waitpid(r->launcher, NULL, 0);
        running = 0;
        (void)close(r->socket);
        remove_dirs(r->scope_dir, strlen(cgroup_root())); /* unless a leaf was left behind */
        check(remove_tree(r->dir), r->dir);
        free(r->dir);
        free(r->workspace);
        free(r->scope);
        free(r->scope_dir);
}

/* ---- messages ---- */

LaunchReport rig_next(Rig *r, int *ret_fds, size_t *ret_n) {
        struct pollfd p = { .fd = r->socket, .events = POLLIN };
        int n = poll(&p, 1, 20000);
        if (n <= 0)
                rig_die("the launcher does not answer", n == 0 ? ETIMEDOUT : errno);
        LaunchReport report;
        int fds[LAUNCH_MAX_FDS];
        size_t n_fds;
        int received = launch_receive(r->socket, &report, sizeof(report), fds, &n_fds);
        if (received <= 0)
                rig_die("the launcher hung up", received == 0 ? ECONNRESET : received);
        for (size_t i = 0; i < n_fds; i++)
                if (ret_fds)
                        ret_fds[i] = fds[i];
                else
                        (void)close(fds[i]);
        if (ret_n)
                *ret_n = n_fds;
        return report;
}

LaunchReport rig_request(
                Rig *r, LaunchRequest q, const int *fds, size_t n_fds, int *ret_fds, size_t *ret_n) {
        q.magic = LAUNCH_MAGIC;
        q.version = LAUNCH_VERSION;
        q.serial = ++r->serial;
        check(launch_send(r->socket, &q, sizeof(q), fds, n_fds), "send");
        for (;;) {
                LaunchReport report = rig_next(r, ret_fds, ret_n);
                if (report.serial == q.serial)
                        return report;
                if (report.event != LAUNCH_EVENT_EXITED)
                        rig_die("an answer to something else", EPROTO);
        }
}

/* ---- plans ---- */

static char *copy(const char *s) {
        return text("%s", s);
}

static void fill_syscalls(LaunchPlan *p) {
        /* what a shell, a C program and the probe need; the daemon's profiles are tested where they are */
        static const char *const names[] = { "access", "alarm", "arch_prctl", "bind", "brk", "capget",
                "capset", "chdir", "chmod", "chown", "clock_getres", "clock_gettime", "clock_nanosleep",
                "clone", "close", "close_range", "connect", "creat", "dup", "dup2", "dup3", "epoll_create1",
                "epoll_ctl", "epoll_wait", "eventfd2", "execve", "execveat", "exit", "exit_group",
                "faccessat", "faccessat2", "fadvise64", "fchdir", "fchmod", "fchmodat", "fchown", "fchownat",
                "fcntl", "flock", "fork", "fstat", "fstatfs", "fsync", "ftruncate", "futex", "getcwd",
                "getdents64", "getegid", "geteuid", "getgid", "getgroups", "getpeername", "getpgid",
                "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresuid", "getrlimit", "getsid",
                "getsockname", "getsockopt", "gettid", "getuid", "getxattr", "ioctl", "kill", "lchown",
                "lgetxattr", "link", "linkat", "listen", "lseek", "lstat", "madvise", "memfd_create",
                "mkdir", "mkdirat", "mknod", "mknodat", "mmap", "mprotect", "mremap", "munmap", "nanosleep",
                "newfstatat", "open", "openat", "openat2", "pause", "personality", "pidfd_open",
                "pidfd_send_signal", "pipe", "pipe2", "poll", "ppoll", "prctl", "pread64", "prlimit64",
                "pselect6", "pwrite64", "read", "readlink", "readlinkat", "recvfrom", "recvmsg", "rename",
                "renameat", "renameat2", "restart_syscall", "rmdir", "rseq", "rt_sigaction",
                "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
                "sched_getaffinity", "sched_yield", "seccomp", "select", "sendmsg", "sendto",
                "set_robust_list", "set_tid_address", "setgid", "setgroups", "setpgid", "setresgid",
                "setresuid", "setrlimit", "setsid", "setsockopt", "setuid", "setxattr", "shutdown",
                "sigaltstack", "signalfd4", "socket", "socketpair", "stat", "statfs", "statx", "symlink",
                "symlinkat", "sysinfo", "tgkill", "time", "truncate", "umask", "uname", "unlink", "unlinkat",
                "utime", "utimensat", "vfork", "wait4", "waitid", "write", "writev" };
        p->template.syscalls = calloc(ELEMENTSOF(names), sizeof(char *));
        p->template.n_syscalls = ELEMENTSOF(names);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                p->template.syscalls[i] = copy(names[i]);
}

static void fill_template(LaunchPlan *p) {
        static const char *const granted[] = { "/etc", "/usr" };
        p->template.n_mounts = ELEMENTSOF(granted);
        p->template.mounts = calloc(ELEMENTSOF(granted), sizeof(PlanMount));
        for (size_t i = 0; i < ELEMENTSOF(granted); i++)
                p->template.mounts[i] = (PlanMount){
                        .path = copy(granted[i]),
                        .access = PLAN_READONLY,
                        .exec = i == 1,
                        .required = true,
                };
        static const struct {
                const char *path, *target;
        } links[] = { { "/bin", "usr/bin" }, { "/lib", "usr/lib" }, { "/lib64", "usr/lib64" },
                { "/sbin", "usr/sbin" } };
        p->template.n_links = ELEMENTSOF(links);
        p->template.links = calloc(ELEMENTSOF(links), sizeof(PlanLink));
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                p->template.links[i] = (PlanLink){ copy(links[i].path), copy(links[i].target) };
        fill_syscalls(p);
}

LaunchPlan *rig_plan(const Rig *r) {
        LaunchPlan *p = calloc(1, sizeof(LaunchPlan));
        if (!p)
                rig_die("memory", ENOMEM);
        uint64_t random[2];
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                rig_die("getrandom", errno);
        p->id = text("%016" PRIx64 "%016" PRIx64, random[0], random[1]);
        p->scope = copy(r->scope);
        p->hostname = copy("cage");
        fill_template(p);
        p->template.landlock_abi = r->features.landlock_abi;
        p->uid = RIG_UID;
        p->gid = RIG_GID;
        p->cwd = copy(r->workspace);
        p->umask = 022;
        p->max_files = 1024;
        p->user = copy("");
        p->home = copy("");
        p->env = calloc(1, sizeof(char *));
        p->env[0] = copy("PATH=/usr/bin:/bin");
        p->n_env = 1;
        (void)plan_add_mount(p, r->workspace, PLAN_READWRITE);
        return p;
}

void plan_set_argv(LaunchPlan *p, const char *const *argv) {
        size_t n = 0;
        while (argv[n])
                n++;
        p->argv = calloc(n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++)
                p->argv[i] = copy(argv[i]);
        p->n_argv = n;
}

void plan_set_owner(LaunchPlan *p, const char *user, const char *home) {
        free(p->user);
        free(p->home);
        p->user = copy(user);
        p->home = copy(home);
}

void plan_set_env(LaunchPlan *p, const char *const *env, size_t n) {
        for (size_t i = 0; i < p->n_env; i++)
                free(p->env[i]);
        free(p->env);
        p->env = calloc(n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++)
                p->env[i] = copy(env[i]);
        p->n_env = n;
}

static int compare_mounts(const void *a, const void *b) {
        return strcmp(((const PlanMount *)a)->path, ((const PlanMount *)b)->path);
}

PlanMount *plan_add_template_mount(LaunchPlan *p, const char *path, PlanAccess access) {
        PlanTemplate *t = &p->template;
        t->mounts = reallocarray(t->mounts, t->n_mounts + 1, sizeof(PlanMount));
        t->mounts[t->n_mounts++] = (PlanMount){ .path = copy(path), .access = access };
        qsort(t->mounts, t->n_mounts, sizeof(PlanMount), compare_mounts);
        for (size_t i = 0; i < t->n_mounts; i++)
                if (streq(t->mounts[i].path, path))
                        return &t->mounts[i];
        return NULL;
}

PlanMount *plan_add_mount(LaunchPlan *p, const char *path, PlanAccess access) {
        p->mounts = reallocarray(p->mounts, p->n_mounts + 1, sizeof(PlanMount));
        p->mounts[p->n_mounts++] = (PlanMount){
                .path = copy(path), .access = access, .exec = true, .as_owner = true, .required = true
        };
        qsort(p->mounts, p->n_mounts, sizeof(PlanMount), compare_mounts);
        for (size_t i = 0; i < p->n_mounts; i++)
                if (streq(p->mounts[i].path, path))
                        return &p->mounts[i];
        return NULL;
}

void plan_add_handoff(LaunchPlan *p, PlanHandoffWhere where, const char *path) {
        p->handoff = reallocarray(p->handoff, p->n_handoff + 1, sizeof(PlanHandoff));
        p->handoff[p->n_handoff++] = (PlanHandoff){ where, copy(path) };
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void plan_add_syscall(LaunchPlan *p, const char *name) {
        PlanTemplate *t = &p->template;
        t->syscalls = reallocarray(t->syscalls, t->n_syscalls + 1, sizeof(char *));
        t->syscalls[t->n_syscalls++] = copy(name);
        qsort(t->syscalls, t->n_syscalls, sizeof(char *), compare_names);
}

void plan_remove_syscall(LaunchPlan *p, const char *name) {
        PlanTemplate *t = &p->template;
        for (size_t i = 0; i < t->n_syscalls; i++)
                if (streq(t->syscalls[i], name)) {
                        free(t->syscalls[i]);
                        memmove(&t->syscalls[i], &t->syscalls[i + 1],
                                        (t->n_syscalls - i - 1) * sizeof(char *));
                        t->n_syscalls--;
                        return;
                }
}

/* ---- sandboxes ---- */

static uint64_t now(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The request with its plan and, unless it has a pty, /dev/null and a pipe as stdio. */
static bool begin(Rig *r, LaunchRequest q, const uint8_t *data, size_t size, bool pty, bool steered,
                RigBox *ret, RigResult *result) {
        *ret = (RigBox){
                .pidfd = -EBADF, .page = -EBADF, .pty = -EBADF, .output = -EBADF, .channel = -EBADF
        };
        *result = (RigResult){ 0 };
        int plan, pipe_ends[2];
        check(sealed_memfd_new(data, size, &plan), "plan memfd");
        check(pipe2(pipe_ends, O_CLOEXEC), "pipe");
        int input = r->input >= 0 ? fcntl(r->input, F_DUPFD_CLOEXEC, 3)
                                  : open("/dev/null", O_RDONLY | O_CLOEXEC);
        check(input, "/dev/null");
        int fds[LAUNCH_MAX_FDS] = { plan, input, pipe_ends[1], pipe_ends[1] }, lease = -EBADF,
            table = -EBADF, channel[2] = { -EBADF, -EBADF };
        size_t n_fds = pty ? 1 : 4;
        if (steered) {
                check(sealed_memfd_new((const uint8_t *)RIG_LEASE, strlen(RIG_LEASE), &lease),
                                "lease memfd");
                check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), "socketpair");
                check(sealed_memfd_new((const uint8_t *)RIG_LEASE, strlen(RIG_LEASE), &table),
                                "table memfd");
                fds[n_fds++] = lease;
                fds[n_fds++] = table; /* of no table's size: nothing is refused by the kernel */
                fds[n_fds++] = channel[1];
                fds[n_fds++] = channel[0];
        }
        int got[LAUNCH_MAX_FDS];
        size_t n = 0;
        uint64_t start = now();
        LaunchReport report = rig_request(r, q, fds, n_fds, got, &n);
        result->usec = now() - start;
        (void)close(plan);
        (void)close(input);
        (void)close(pipe_ends[1]);
        cleanup_closep(&lease);
        cleanup_closep(&table);
        cleanup_closep(&channel[1]);
        ret->channel = channel[0];
        ret->output = pipe_ends[0];
        if (report.event != LAUNCH_EVENT_STARTED) {
                result->step = report.step;
                result->error = report.error;
                (void)snprintf(result->detail, sizeof(result->detail), "%s", report.detail);
                (void)close(ret->output);
                cleanup_closep(&ret->channel);
                ret->output = ret->channel = -EBADF;
                return false;
        }
        result->started = true;
        size_t i = 0;
        ret->pidfd = i < n ? got[i++] : -EBADF;
        if (q.verb == LAUNCH_SPAWN)
                ret->page = i < n ? got[i++] : -EBADF;
        if (pty)
                ret->pty = i < n ? got[i++] : -EBADF;
        ret->pid = report.pid;
        (void)snprintf(ret->id, sizeof(ret->id), "%.32s", report.id);
        return true;
}

bool rig_spawn(Rig *r, const LaunchPlan *p, RigBox *ret, RigResult *result) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        check(launch_plan_encode(p, &data, &size), "encode");
        return begin(r, (LaunchRequest){ .verb = LAUNCH_SPAWN }, data, size, p->pty, p->relay_uid != 0, ret,
                        result);
}

bool rig_exec(Rig *r, const ExecPlan *p, uint32_t number, RigBox *ret, RigResult *result) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        check(exec_plan_encode(p, &data, &size), "encode");
        return begin(r, (LaunchRequest){ .verb = LAUNCH_EXEC, .exec = number }, data, size, p->pty, false,
                        ret, result);
}

static void read_output(const RigBox *b, RigResult *result) {
        int fd = b->pty >= 0 ? b->pty : b->output;
        while (result->output_size < sizeof(result->output) - 1) {
                ssize_t n = read(fd, result->output + result->output_size,
                                sizeof(result->output) - 1 - result->output_size);
                if (n <= 0)
                        return; /* of a pty, EIO is the end */
                result->output_size += (size_t)n;
        }
}

void rig_wait(Rig *r, const RigBox *b, uint32_t exec, RigResult *result) {
        read_output(b, result);
        for (;;) {
                LaunchReport report = rig_next(r, NULL, NULL);
                if (report.event != LAUNCH_EVENT_EXITED || !streq(report.id, b->id) || report.exec != exec)
                        continue;
                result->code = report.code;
                result->signal = report.signal;
                break;
        }
        if (b->page >= 0)
                check(fd_pread_all(b->page, &result->page, sizeof(result->page), 0), "status page");
        const int fds[] = { b->pidfd, b->page, b->pty, b->output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]);
}

void rig_release(Rig *r, const char *id, uint32_t exec) {
        LaunchRequest q = { .verb = LAUNCH_RELEASE, .exec = exec };
        (void)snprintf(q.id, sizeof(q.id), "%s", id);
        LaunchReport done = rig_request(r, q, NULL, 0, NULL, NULL);
        if (done.event != LAUNCH_EVENT_OK)
                rig_die("RELEASE", done.error);
}

void rig_run(Rig *r, const LaunchPlan *p, RigResult *ret) {
        RigBox box;
        if (!rig_spawn(r, p, &box, ret))
                return;
        rig_wait(r, &box, 0, ret);
        rig_release(r, box.id, 0);
}
