/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher with walls taken out, to see each wall's test fail without the wall. It is linked from the very objects of
 * mxc-launch; what its walls are made of passes through here, by --wrap (ld(1)), so nothing of this is in what is installed.
 *
 * MXC_WITHOUT lists what is left out, separated by commas: rooms of launch_run() by their names, and single locks of walls
 * that have several, by the names below. A name that is neither ends the launcher: a misspelt one would prove
 * nothing. */

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "cage.h"
#include "cgroup.h"
#include "cleanup.h"
#include "command.h"
#include "exec-group.h"
#include "fd.h"
#include "filesystem.h"
#include "filter-table.h"
#include "filter.h"
#include "init.h"
#include "launcher.h"
#include "mediate.h"
#include "mount-table.h"
#include "relay.h"
#include "steering.h"
#include "template-cache.h"

static const char *const locks[] = {
        "bounding",      /* the launcher's empty bounding set */
        "build-end",     /* of a template that is made: something holds it up */
        "close-on-exec", /* of whatever is open when the command begins */
        "close-range",   /* of what came from the launcher */
        "core",          /* RLIMIT_CORE */
        "currency",      /* a template shows what the host has now */
        "dumpable",      /* pid 1 is closed to its own uid */
        "emptiness",     /* /root is in the cage's root */
        "environment",   /* is the plan's, not the launcher's */
        "exec-group",    /* a further command stays where pid 1 is */
        "hostname",
        "ipcns",
        "keyring",
        "kill-rest", /* pid 1 kills what its command leaves */
        "mask",      /* over what is denied */
        "mask-proc",
        "mounts",     /* of the host, below what is granted: a template is made again */
        "mediation",  /* this kernel cannot do it */
        "name-ahead", /* a sandbox is named again by the name that it has */
        "nodev",      /* of what is granted; likewise the next three */
        "noexec",
        "nosuid",
        "readonly",
        "nofollow", /* below what the agent can write */
        "owner",    /* opens what was named in his name */
        "peer",     /* of the launcher's channel is root */
        "pidns",
        "proc-readonly",
        "proof",
        "recursion",          /* of what is set on what is granted, to what is mounted below it */
        "relay-capabilities", /* steps of relay_run(): of what serves the network */
        "relay-clone",        /* it cannot be started */
        "relay-close",        /* of what came from the launcher */
        "relay-end",          /* with its sandbox */
        "relay-identity",
        "relay-limits",
        "relay-no-new-privs",
        "relay-parent", /* it goes with the launcher */
        "relay-securebits",
        "relay-session",
        "refuse", /* the kernel does not by itself */
        "seal",   /* read-only, of what is ours */
        "seals",  /* of a plan: it cannot change while it is read */
        "seccomp-architecture",
        "seccomp-clone3",
        "seccomp-command", /* the second program, which takes pid 1's own calls away */
        "seccomp-ioctl",
        "seccomp-kills",       /* mount() is answered, and nobody is killed for it */
        "seccomp-kills-early", /* the same of what a command begins with */
        "seccomp-list",        /* every call that has a name is allowed */
        "seccomp-namespaces",  /* flags of clone and unshare */
        "seccomp-oob",         /* flags of what is sent */
        "seccomp-personality",
        "seccomp-socket",
        "seccomp-unknown", /* calls that have no name yet are allowed */
        "servant-end",     /* of a helper that lays out roots: something holds it up */
        "session",
        "shm-noexec",
        "signals",
        "stdio",         /* may be no directory and no O_PATH */
        "steering",      /* this kernel cannot do it */
        "steering-late", /* what its probe sends comes late */
        "steering-made", /* it can, but not this once */
        "umask",
        "utsns",
};

static const char *room; /* the one that is being built */

static bool left_out(const char *name) {
        const char *list = getenv("MXC_WITHOUT");
        size_t n = strlen(name);
        for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
                if (strcspn(p, ",") == n && memcmp(p, name, n) == 0)
                        return true;
        return false;
}

static bool in_room(const char *name) {
        return room && streq(room, name);
}

static bool is_known(const char *name, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(locks); i++)
                if (strlen(locks[i]) == n && memcmp(locks[i], name, n) == 0)
                        return true;
        for (const Room *r = launch_rooms; r->name; r++)
                if (strlen(r->name) == n && memcmp(r->name, name, n) == 0)
                        return true;
        return false;
}

/* ---- whole rooms ---- */

int __real_launcher_new(Launcher **ret, int listener, const char *relay_program);
int __wrap_launcher_new(Launcher **ret, int listener, const char *relay_program);
int __wrap_launcher_new(Launcher **ret, int listener, const char *relay_program) {
        const char *list = getenv("MXC_WITHOUT");
        for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
                if (!is_known(p, strcspn(p, ","))) {
                        fprintf(stderr, "Neither a room nor a lock: %s\n", p);
                        exit(EXIT_FAILURE);
                }
        return __real_launcher_new(ret, listener, relay_program);
}

_Noreturn void __wrap_launch_run(Cage *c);
_Noreturn void __wrap_launch_run(Cage *c) {
        for (const Room *r = launch_rooms; r->name; r++) {
                if (left_out(r->name)) {
                        /* it would stay in the launcher's, and what later rooms mount would be seen by the host */
                        if (streq(r->name, "root") &&
                                        (unshare(CLONE_NEWNS) < 0 ||
                                                        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) <
                                                                        0))
                                _exit(EXIT_FAILURE);
                        continue;
                }
                room = r->name;
                int error = launch_room(c, r);
                if (error < 0) {
                        cage_report_failure(c->report, r->step, -error, c->detail ? c->detail : r->name);
                        _exit(EXIT_FAILURE);
                }
        }
        room = NULL;
        init_run(c);
}

_Noreturn void __wrap_relay_run(const Relay *r, const char *program);
_Noreturn void __wrap_relay_run(const Relay *r, const char *program) {
        for (const RelayStep *step = relay_steps; step->name; step++) {
                char name[64];
                (void)snprintf(name, sizeof(name), "relay-%s", step->name);
                room = name;
                if (!left_out(name) && step->take(r) < 0)
                        _exit(EXIT_FAILURE);
        }
        relay_execute(program);
}

bool __real_relay_end(Launcher *l, Run *run);
bool __wrap_relay_end(Launcher *l, Run *run);
bool __wrap_relay_end(Launcher *l, Run *run) {
        return !left_out("relay-end") && __real_relay_end(l, run);
}

static bool probing; /* in whoever steering_probe() starts, too */

int __real_steering_probe(void);
int __wrap_steering_probe(void);
int __wrap_steering_probe(void) {
        probing = true;
        int r = left_out("steering") ? 0 : __real_steering_probe();
        probing = false;
        return r;
}

static bool sleeps(pid_t pid) {
        char path[32], text[256] = "";
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        const char *name_end = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strrchr(text, ')') : NULL;
        return !name_end || name_end[2] == 'S'; /* or is gone */
}

static bool is_late(const struct sockaddr *to) {
        return probing && to && to->sa_family == AF_INET6 && left_out("steering-late");
}

/* What is sent comes late: not before who sent it waits for it. 0: that moment, in a child; else what to go on with. */
static pid_t until_awaited(void) {
        pid_t parent = getpid(), pid = fork();
        while (pid == 0 && !sleeps(parent))
                (void)usleep(1000);
        return pid;
}

int __real_connect(int fd, const struct sockaddr *to, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size) {
        if (!is_late(to))
                return __real_connect(fd, to, size);
        pid_t pid = until_awaited();
        if (pid == 0)
                _exit(__real_connect(fd, to, size) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        return pid < 0 ? -1 : 0;
}

ssize_t __real_sendto(
                int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t n);
ssize_t __wrap_sendto(
                int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t n);
ssize_t __wrap_sendto(
                int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t n) {
        if (!is_late(to))
                return __real_sendto(fd, data, size, flags, to, n);
        pid_t pid = until_awaited();
        if (pid == 0)
                _exit(__real_sendto(fd, data, size, flags, to, n) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        return pid < 0 ? -1 : (ssize_t)size;
}

int __real_refuse_probe(void);
int __wrap_refuse_probe(void);
int __wrap_refuse_probe(void) {
        return left_out("refuse") ? 0 : __real_refuse_probe();
}

int __real_refuse_make(Refuse *ret);
int __wrap_refuse_make(Refuse *ret);
int __wrap_refuse_make(Refuse *ret) {
        return left_out("refuse") ? -EPERM : __real_refuse_make(ret);
}

int __real_steering_make(Steering *ret);
int __wrap_steering_make(Steering *ret);
int __wrap_steering_make(Steering *ret) {
        return left_out("steering-made") ? -EMFILE : __real_steering_make(ret);
}

/* The proof needs a terminal, which not every cage with something taken out has. */
_Noreturn void __real_command_run(const Command *c);
_Noreturn void __wrap_command_run(const Command *c);
_Noreturn void __wrap_command_run(const Command *c) {
        if (!c->prove || !left_out("proof"))
                __real_command_run(c);
        const SetupMessage ready = { LAUNCH_MAGIC, LAUNCH_VERSION, .step = LAUNCH_STEP_NONE };
        _exit(launch_send(c->report, &ready, sizeof(ready), NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int __real_exec_group_enter(int procs);
int __wrap_exec_group_enter(int procs);
int __wrap_exec_group_enter(int procs) {
        return left_out("exec-group") ? close(procs) : __real_exec_group_enter(procs);
}

/* ---- system calls by number ---- */

static void allow(FilterVerdict *v) {
        v->check = NULL;
        if (v->action != SECCOMP_RET_USER_NOTIF) /* those are the room "mediate" */
                v->action = SECCOMP_RET_ALLOW;
}

static void allow_all(FilterTable *t) {
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                allow(&t->calls[i]);
        t->beyond = t->foreign = SECCOMP_RET_ALLOW;
}

static void leave_out_of(FilterTable *t) {
        static const struct {
                const char *lock;
                int number;
        } calls[] = {
                { "seccomp-clone3", SYS_clone3 },
                { "seccomp-ioctl", SYS_ioctl },
                { "seccomp-namespaces", SYS_clone },
                { "seccomp-namespaces", SYS_unshare },
                { "seccomp-oob", SYS_sendmmsg },
                { "seccomp-oob", SYS_sendmsg },
                { "seccomp-oob", SYS_sendto },
                { "seccomp-personality", SYS_personality },
                { "seccomp-socket", SYS_socket },
                { "seccomp-socket", SYS_socketpair },
        };
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                if ((t->calls[i].action == (SECCOMP_RET_ERRNO | EPERM) && left_out("seccomp-list")) ||
                                (t->calls[i].action == (SECCOMP_RET_ERRNO | ENOSYS) && i != SYS_clone3 &&
                                                left_out("seccomp-unknown")))
                        t->calls[i].action =
                                        SECCOMP_RET_ALLOW; /* by its number; its arguments are another lock */
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                FilterVerdict *v = &t->calls[calls[i].number];
                if (left_out(calls[i].lock) && calls[i].number == SYS_clone3)
                        allow(v);
                else if (left_out(calls[i].lock))
                        v->check = NULL;
        }
        if (left_out("seccomp-kills"))
                t->calls[SYS_mount] = (FilterVerdict){ .action = SECCOMP_RET_KILL_PROCESS };
        if (left_out("seccomp-kills-early"))
                t->calls[SYS_setsid] = (FilterVerdict){ .action = SECCOMP_RET_KILL_PROCESS };
        if (left_out("seccomp-unknown"))
                t->beyond = SECCOMP_RET_ALLOW;
        if (left_out("seccomp-architecture"))
                t->foreign = SECCOMP_RET_ALLOW;
}

int __real_filter_table_compile(const FilterTable *t, FilterProgram *ret);
int __wrap_filter_table_compile(const FilterTable *t, FilterProgram *ret);
int __wrap_filter_table_compile(const FilterTable *t, FilterProgram *ret) {
        static FilterTable changed;
        changed = *t;
        if (left_out("seccomp"))
                allow_all(&changed);
        else
                leave_out_of(&changed);
        return __real_filter_table_compile(&changed, ret);
}

long __real_syscall(long number, ...);

/* A caller of fewer words leaves the rest to chance, and the kernel does not look at them. */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        va_list args;
        va_start(args, number);
        const long a = va_arg(args, long), b = va_arg(args, long), c = va_arg(args, long),
                   d = va_arg(args, long), e = va_arg(args, long), f = va_arg(args, long);
        va_end(args);
        if (number == SYS_keyctl && a == KEYCTL_JOIN_SESSION_KEYRING && left_out("keyring"))
                return 0;
        return __real_syscall(number, a, b, c, d, e, f);
}

int __real_filter_load(const FilterProgram *program);
int __wrap_filter_load(const FilterProgram *program);
int __wrap_filter_load(
                const FilterProgram *program) { /* from command.c; the room calls it within its own file */
        return left_out("seccomp-command") ? 0 : __real_filter_load(program);
}

/* ---- files ---- */

int __real_mount_setattr(int fd, const char *path, unsigned flags, struct mount_attr *attr, size_t size);
int __wrap_mount_setattr(int fd, const char *path, unsigned flags, struct mount_attr *attr, size_t size);
int __wrap_mount_setattr(int fd, const char *path, unsigned flags, struct mount_attr *attr, size_t size) {
        static const struct {
                const char *lock;
                uint64_t attribute;
        } granted[] = {
                { "nodev", MOUNT_ATTR_NODEV },
                { "noexec", MOUNT_ATTR_NOEXEC },
                { "nosuid", MOUNT_ATTR_NOSUID },
                { "readonly", MOUNT_ATTR_RDONLY },
        };
        struct mount_attr changed = *attr;
        bool is_grant = (flags & AT_RECURSIVE) != 0;
        for (size_t i = 0; i < ELEMENTSOF(granted); i++)
                if (is_grant && left_out(granted[i].lock)) {
                        changed.attr_set &= ~granted[i].attribute;
                        changed.attr_clr |= granted[i].attribute; /* the host's mount may have it too */
                }
        if (is_grant && left_out("recursion"))
                flags &= ~(unsigned)AT_RECURSIVE;
        if (!is_grant && attr->attr_set == MOUNT_ATTR_RDONLY && left_out("seal"))
                return 0;
        return __real_mount_setattr(fd, path, flags, &changed, size);
}

int __real_fsmount(int context, unsigned flags, unsigned attributes);
int __wrap_fsmount(int context, unsigned flags, unsigned attributes);
int __wrap_fsmount(int context, unsigned flags, unsigned attributes) {
        const unsigned both = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY;
        if ((attributes & both) == both && left_out("proc-readonly"))
                attributes &= ~(unsigned)MOUNT_ATTR_RDONLY;
        if ((attributes & both) == MOUNT_ATTR_NOEXEC && left_out("shm-noexec"))
                attributes &= ~(unsigned)MOUNT_ATTR_NOEXEC;
        return __real_fsmount(context, flags, attributes);
}

int __real_fd_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve);
int __wrap_fd_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve);
int __wrap_fd_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve) {
        if (left_out("nofollow"))
                resolve &= ~(uint64_t)(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
        return __real_fd_openat2(dir, path, flags, resolve);
}

int __real_filesystem_mask(int mask, int target);
int __wrap_filesystem_mask(int mask, int target);
int __wrap_filesystem_mask(int mask, int target) {
        return left_out("mask") ? 0 : __real_filesystem_mask(mask, target);
}

int __real_filesystem_finish(PlaceKind kind, int tree, const PlaceContext *c);
int __wrap_filesystem_finish(PlaceKind kind, int tree, const PlaceContext *c);
int __wrap_filesystem_finish(PlaceKind kind, int tree, const PlaceContext *c) {
        return kind == PLACE_PROC && left_out("mask-proc") ? 0 : __real_filesystem_finish(kind, tree, c);
}

static _Noreturn void hold_up(void) {
        (void)prctl(PR_SET_NAME, "mxc-held-up");
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* what holds it up ends with the test */
        for (;;)
                (void)pause();
}

int __real_filesystem_new_root(void);
int __wrap_filesystem_new_root(void);
int __wrap_filesystem_new_root(void) {
        if (!room && left_out("build-end"))
                hold_up();
        int tree = __real_filesystem_new_root();
        if (tree >= 0 && left_out("emptiness"))
                (void)mkdirat(tree, "root", 0755); /* the test sees whether it is there */
        return tree;
}

uint64_t __real_mount_table_number(const MountWays *w, const char *table);
uint64_t __wrap_mount_table_number(const MountWays *w, const char *table);
uint64_t __wrap_mount_table_number(const MountWays *w, const char *table) {
        return left_out("mounts") ? 0 : __real_mount_table_number(w, table);
}

bool __real_mount_ways_equal(const MountWays *a, const MountWays *b);
bool __wrap_mount_ways_equal(const MountWays *a, const MountWays *b);
bool __wrap_mount_ways_equal(const MountWays *a, const MountWays *b) {
        return left_out("mounts") || __real_mount_ways_equal(a, b);
}

bool __real_template_is_current(const Template *t);
bool __wrap_template_is_current(const Template *t);
bool __wrap_template_is_current(const Template *t) {
        return left_out("currency") || __real_template_is_current(t);
}

int __real_mediator_probe(void);
int __wrap_mediator_probe(void);
int __wrap_mediator_probe(void) {
        return left_out("mediation") ? 0 : __real_mediator_probe();
}

/* ---- identity ---- */

/* What setfsuid() and setfsgid() would say, had they done something. */
static int pretend(int *now, unsigned id) {
        int old = *now;
        if (id != UINT32_MAX)
                *now = (int)id;
        return old;
}

int __real_setfsuid(uid_t uid);
int __wrap_setfsuid(uid_t uid);
int __wrap_setfsuid(uid_t uid) {
        static int now;
        return left_out("owner") ? pretend(&now, uid) : __real_setfsuid(uid);
}

int __real_setfsgid(gid_t gid);
int __wrap_setfsgid(gid_t gid);
int __wrap_setfsgid(gid_t gid) {
        static int now;
        return left_out("owner") ? pretend(&now, gid) : __real_setfsgid(gid);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...) {
        va_list args;
        va_start(args, option);
        unsigned long a = va_arg(args, unsigned long), b = va_arg(args, unsigned long),
                      c = va_arg(args, unsigned long), d = va_arg(args, unsigned long);
        va_end(args);
        if (option == PR_CAPBSET_DROP && left_out("bounding"))
                return 0;
        if (option == PR_SET_DUMPABLE && left_out("dumpable"))
                a = 1; /* a change of uid takes it away as well */
        return __real_prctl(option, a, b, c, d);
}

/* ---- the process ---- */

int __real_unshare(int flags);
int __wrap_unshare(int flags);
int __wrap_unshare(int flags) {
        if (left_out("utsns")) /* the launcher leaves the host's as well */
                flags &= ~CLONE_NEWUTS;
        return __real_unshare(left_out("ipcns") ? flags & ~CLONE_NEWIPC : flags);
}

/* Of a relay, by the name of its leaf. */
static bool is_of_a_relay(int cgroup) {
        static const char suffix[] = ".egress";
        char link[64], path[4096];
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup);
        const ssize_t n = cgroup < 0 ? -1 : readlink(link, path, sizeof(path));
        const size_t end = sizeof(suffix) - 1;
        return n > (ssize_t)end && memcmp(path + (size_t)n - end, suffix, end) == 0;
}

pid_t __real_cgroup_clone(int cgroup, uint64_t flags, int *ret_pidfd);
pid_t __wrap_cgroup_clone(int cgroup, uint64_t flags, int *ret_pidfd);
pid_t __wrap_cgroup_clone(int cgroup, uint64_t flags, int *ret_pidfd) {
        static const struct {
                const char *lock;
                uint64_t flag;
        } namespaces[] = { { "pidns", CLONE_NEWPID }, { "utsns", CLONE_NEWUTS } };
        for (size_t i = 0; i < ELEMENTSOF(namespaces); i++)
                if (left_out(namespaces[i].lock))
                        flags &= ~namespaces[i].flag;
        if (left_out("relay-clone") && is_of_a_relay(cgroup))
                return -EAGAIN;
        return __real_cgroup_clone(cgroup, flags, ret_pidfd);
}

static bool is_called(pid_t pid, const char *line) {
        char path[64];
        _cleanup_free_ char *name = NULL;
        (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        return fd_read_file_at(AT_FDCWD, path, 64, &name, NULL) == 0 && streq(name, line);
}

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number) {
        /* "everything" of a pid 1 that is not one would be everything of its uid on the host */
        if (pid == -1 && (left_out("kill-rest") || left_out("pidns")))
                return 0;
        if (left_out("servant-end") && is_called(pid, "mxc-mounts\n"))
                return 0;
        if (left_out("build-end") && is_called(pid, "mxc-held-up\n"))
                return 0;
        return __real_kill(pid, number);
}

int __real_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags) {
        if (in_room("fds") && left_out("close-range"))
                return 0;
        if (in_room("relay-descriptors") && left_out("relay-close"))
                return 0;
        if (flags == (int)CLOSE_RANGE_CLOEXEC && left_out("close-on-exec"))
                return 0;
        return __real_close_range(first, last, flags);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...) {
        va_list args;
        va_start(args, command);
        long argument = va_arg(args, long);
        va_end(args);
        if (command == F_GET_SEALS && left_out("seals"))
                return F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        int r = __real_fcntl64(fd, command, argument);
        return r >= 0 && command == F_GETFL && in_room("fds") && left_out("stdio") ? r & ~O_PATH : r;
}

int __real_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st) {
        int r = __real_statx(dir, path, flags, mask, st);
        if (r == 0 && in_room("fds") && left_out("stdio"))
                st->stx_mode = S_IFIFO;
        return r;
}

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
        int r = __real_getsockopt(fd, level, name, value, size);
        if (r == 0 && level == SOL_SOCKET && name == SO_PEERCRED && left_out("peer"))
                ((struct ucred *)value)->uid = 0;
        if (r == 0 && level == SOL_SOCKET && name == SO_DOMAIN && in_room("fds") && left_out("stdio"))
                *(int *)value = AF_UNIX;
        return r;
}

int __real_sethostname(const char *name, size_t size);
int __wrap_sethostname(const char *name, size_t size);
int __wrap_sethostname(const char *name, size_t size) {
        /* without a namespace of its own it would be the host's */
        return left_out("hostname") || left_out("utsns") ? 0 : __real_sethostname(name, size);
}

int __real_uname(struct utsname *ret);
int __wrap_uname(struct utsname *ret);
int __wrap_uname(struct utsname *ret) {
        int r = __real_uname(ret);
        if (r == 0 && left_out("name-ahead"))
                ret->nodename[0] = 0;
        return r;
}

int __real_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit) {
        return resource == RLIMIT_CORE && left_out("core") ? 0 : __real_setrlimit64(resource, limit);
}

mode_t __real_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask) {
        return in_room("process") && left_out("umask") ? mask : __real_umask(mask);
}

int __real_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old) {
        return left_out("signals") ? 0 : __real_sigaction(number, action, old);
}

pid_t __real_setsid(void);
pid_t __wrap_setsid(void);
pid_t __wrap_setsid(void) {
        return left_out("session") ? 0 : __real_setsid();
}

int __real_execve(const char *path, char *const *argv, char *const *env);
int __wrap_execve(const char *path, char *const *argv, char *const *env);
int __wrap_execve(const char *path, char *const *argv, char *const *env) {
        return __real_execve(path, argv, left_out("environment") ? environ : env);
}
