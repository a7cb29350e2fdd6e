/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files as ways out: what is only to be read, what is denied, what is not granted, what must not be executed, and what root is
 * made to open for somebody else. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "attack.h"
#include "cleanup.h"
#include "fd-pass.h"

static PlanMount *grant(Stage *s, const char *word, PlanAccess access) {
        _cleanup_free_ char *path = stage_path(s, word);
        return plan_add_mount(s->plan, path, access);
}

static bool readonly(Stage *s) {
        stage_dir(s, "@dir/ro", 0755);
        stage_file(s, "@dir/ro/f", 0644);
        stage_dir(s, "@dir/ro/d", 0755);
        (void)grant(s, "@dir/ro", PLAN_READONLY);
        return true;
}

/* Another file system below it, as of a host that has /usr/local on a disk of its own: with none of the flags that the grant has. */
static bool readonly_with_mount(Stage *s) {
        (void)readonly(s);
        stage_mount(s, "@dir/ro/d");
        stage_file(s, "@dir/ro/d/f", 0644);
        return true;
}

/* ---- not to be executed ---- */

static bool not_executable(Stage *s) {
        stage_dir(s, "@dir/nx", 0755);
        stage_copy(s, attack_probe, "@dir/nx/p", 0755, RIG_UID);
        stage_copy(s, "/usr/bin/true", "@dir/nx/true", 0755, RIG_UID);
        grant(s, "@dir/nx", PLAN_READWRITE)->exec = false;
        return true;
}

static bool not_executable_with_mount(Stage *s) {
        (void)not_executable(s);
        stage_dir(s, "@dir/nx/d", 0755);
        stage_mount(s, "@dir/nx/d");
        return true;
}

static bool with_setuid(Stage *s) {
        stage_dir(s, "@dir/ro", 0755);
        stage_copy(s, attack_probe, "@dir/ro/suid", 04755, 0);
        (void)grant(s, "@dir/ro", PLAN_READONLY);
        return true;
}

static bool with_capability(Stage *s) {
        stage_dir(s, "@dir/ro", 0755);
        stage_copy(s, attack_probe, "@dir/ro/caps", 0755, 0);
        _cleanup_free_ char *path = stage_path(s, "@dir/ro/caps");
        const struct vfs_cap_data caps = {
                .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                .data[0].permitted = 1U << CAP_NET_RAW,
        };
        need(setxattr(path, "security.capability", &caps, sizeof(caps), 0) == 0, "security.capability");
        (void)grant(s, "@dir/ro", PLAN_READONLY);
        return true;
}

static bool with_device(Stage *s) {
        _cleanup_free_ char *path = stage_path(s, "@ws/null");
        need(mknod(path, S_IFCHR, makedev(1, 3)) == 0 && chmod(path, 0666) == 0, path);
        return true;
}

/* ---- not granted ---- */

static bool neighbour(Stage *s) {
        stage_dir(s, "@dir/other", 0755);
        stage_file(s, "@dir/other/f", 0644);
        return true;
}

static int listener = -EBADF; /* open while it may be connected to */

static bool service(Stage *s) {
        _cleanup_free_ char *path = stage_path(s, "@dir/sock");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        cleanup_closep(&listener);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                                        listen(listener, 1) == 0 && chmod(path, 0777) == 0,
                        path);
        return true;
}

static int handed_over = -EBADF;

static bool directory_as_stdin(Stage *s) {
        cleanup_closep(&handed_over);
        s->rig->input = handed_over = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return handed_over >= 0;
}

static bool name_as_stdin(Stage *s) {
        cleanup_closep(&handed_over);
        s->rig->input = handed_over = open("/", O_PATH | O_CLOEXEC);
        return handed_over >= 0;
}

/* Answers who redeems it, once, as mxc-porter does (common/ticket.h). */
static void keep_ticket(int socket, int kept) {
        char byte;
        int back;
        size_t n;
        if (fork() != 0)
                return; /* or nobody answers, which is no way in */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fd_take(socket, &byte, 1, &back, 1, &n, 0) == 1 && n == 1)
                (void)fd_pass(back, "", 1, &kept, 1, 0);
        _exit(EXIT_SUCCESS);
}

/* A way to the network that no rule is asked about. */
static bool connection_as_stdin(Stage *s) {
        static int listening = -EBADF;
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        _cleanup_close_ int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int pair[2];
        cleanup_closep(&handed_over);
        cleanup_closep(&listening);
        listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listening, (struct sockaddr *)&address, size) < 0 || listen(listening, 1) < 0 ||
                        getsockname(listening, (struct sockaddr *)&address, &size) < 0 ||
                        connect(connection, (struct sockaddr *)&address, size) < 0 ||
                        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return false;
        s->rig->input = handed_over = pair[0];
        keep_ticket(pair[1], connection);
        (void)close(pair[1]);
        return true;
}

static bool process_of_the_host(Stage *s) {
        stage_word(s, 1, "/proc/%d/status", s->rig->launcher);
        return true;
}

static bool sysrq(Stage *s) {
        return access("/proc/sysrq-trigger", F_OK) == 0;
}

/* ---- denied ---- */

static bool denied(Stage *s) {
        stage_file(s, "@ws/secret", 0644);
        stage_dir(s, "@ws/d", 0755);
        stage_file(s, "@ws/d/secret", 0644);
        stage_dir(s, "@ws/closed", 0755);
        stage_file(s, "@ws/other", 0644);
        (void)grant(s, "@ws/secret", PLAN_DENIED);
        (void)grant(s, "@ws/d/secret", PLAN_DENIED);
        (void)grant(s, "@ws/closed", PLAN_DENIED);
        return true;
}

static bool by_proc(Stage *s) {
        stage_word(s, 1, "/proc/self/root%s/secret", s->rig->workspace);
        return denied(s);
}

static bool far_down(Stage *s) {
        char word[1024] = "@ws";
        for (size_t i = 0; i < 3; i++) {
                size_t n = strlen(word);
                word[n] = '/';
                memset(word + n + 1, 'a', 250);
                word[n + 251] = 0;
                stage_dir(s, word, 0755);
        }
        size_t n = strlen(word);
        (void)snprintf(word + n, sizeof(word) - n, "/secret");
        stage_file(s, word, 0644);
        (void)grant(s, word, PLAN_DENIED);
        _cleanup_free_ char *path = stage_path(s, word);
        stage_word(s, 1, "%s", path);
        return true;
}

static bool linked_before(Stage *s) {
        (void)denied(s);
        _cleanup_free_ char *from = stage_path(s, "@ws/secret"), *to = stage_path(s, "@ws/alias");
        need(link(from, to) == 0, to);
        return s->rig->features.guard; /* without it this is a hole: it is in the README */
}

/* ---- the confused deputy ---- */

static bool beyond_the_owner(Stage *s) {
        stage_dir(s, "@dir/closed", 0755);
        stage_dir(s, "@dir/closed/in", 0755);
        stage_file(s, "@dir/closed/in/f", 0644);
        _cleanup_free_ char *path = stage_path(s, "@dir/closed");
        need(chown(path, 0, 0) == 0 && chmod(path, 0700) == 0, path);
        (void)grant(s, "@dir/closed/in", PLAN_READONLY);
        return true;
}

static bool not_the_owners(Stage *s) {
        stage_dir(s, "@dir/rootdir", 0755);
        stage_file(s, "@dir/rootdir/f", 0644);
        _cleanup_free_ char *path = stage_path(s, "@dir/rootdir");
        need(chown(path, 0, 0) == 0, path);
        (void)grant(s, "@dir/rootdir", PLAN_READWRITE);
        return true;
}

static char run_file[] = "/run/mxc-rig-XXXXXX"; /* for the host only */

/* An agent before left a link where a later request has a directory of its own. */
static bool planted_link(Stage *s) {
        static bool made;
        if (!made) {
                _cleanup_close_ int fd = mkstemp(run_file);
                made = fd >= 0 && fchmod(fd, 0644) == 0;
                need(made, run_file);
        }
        _cleanup_free_ char *path = stage_path(s, "@ws/deep");
        need(symlink("/run", path) == 0, path);
        (void)grant(s, "@ws/deep", PLAN_READONLY);
        stage_word(s, 1, "%s", run_file);
        return true;
}

static const Attack attacks[] = {
        { "writing what is read-only", { "open", "@dir/ro/f", "w" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "truncating it", { "truncate", "@dir/ro/f" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES", .abi = 3 } },
                        .prepare = readonly },
        { "a new file in it", { "open", "@dir/ro/x", "c" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "a new directory in it", { "mkdir", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "a link in it", { "symlink", "/etc/passwd", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "a hard link in it", { "link", "@dir/ro/f", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "a pipe in it", { "mkfifo", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "a socket in it", { "bind-unix", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "removing from it", { "unlink", "@dir/ro/f" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "removing a directory from it", { "rmdir", "@dir/ro/d" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "renaming in it", { "rename", "@dir/ro/f", "@dir/ro/x" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "exchanging in it", { "exchange", "@dir/ro/f", "@dir/ro/d" }, "EROFS", "ok",
                        .locks = { { "readonly" }, { "landlock", "EACCES" } }, .prepare = readonly },
        { "its mode", { "chmod", "@dir/ro/f" }, "EROFS", "ok", .locks = { { "readonly" } },
                        .prepare = readonly },
        { "its times", { "utimes", "@dir/ro/f" }, "EROFS", "ok", .locks = { { "readonly" } },
                        .prepare = readonly },
        { "its attributes", { "setxattr", "@dir/ro/f" }, "EROFS", "ok", .locks = { { "readonly" } },
                        .prepare = readonly },
        { "writing what is mounted below it", { "open", "@dir/ro/d/f", "w" }, "EROFS", "ok",
                        .locks = { { "recursion" }, { "landlock", "EACCES" } },
                        .prepare = readonly_with_mount },
        { "the mode of what is mounted below it", { "chmod", "@dir/ro/d/f" }, "EROFS", "ok",
                        .locks = { { "recursion" } }, .prepare = readonly_with_mount },

        { "executing what is not to be", { "exec", "@dir/nx/p", "ok" }, "EACCES", "ok",
                        .locks = { { "noexec" }, { "landlock" } }, .prepare = not_executable },
        { "executing a copy there", { "copy-exec", "@dir/nx/x" }, "EACCES", "ok",
                        .locks = { { "noexec" }, { "landlock" } }, .prepare = not_executable },
        { "executing a copy in what is mounted below", { "copy-exec", "@dir/nx/d/x" }, "EACCES", "ok",
                        .locks = { { "recursion" }, { "landlock" } }, .prepare = not_executable_with_mount },
        { "executing it by the linker", { "by-linker", "@dir/nx/true" }, "exit 127", "ok",
                        .locks = { { "noexec" } }, .prepare = not_executable },
        { "mapping it as code", { "map-exec", "@dir/nx/p" }, "EPERM", "ok", .locks = { { "noexec" } },
                        .prepare = not_executable },
        { "executing from shared memory", { "copy-exec", "/dev/shm/x" }, "EACCES", "ok",
                        .locks = { { "shm-noexec" }, { "landlock" } } },
        { "a setuid program", { "exec", "@dir/ro/suid", "euid" }, "euid 61234", "euid 0",
                        .locks = { { "nosuid" }, { "no-new-privs" } }, .without = "landlock,seccomp",
                        .prepare = with_setuid },
        { "a program with capabilities", { "exec", "@dir/ro/caps", "capabilities", "self", "held" }, "none",
                        "some", .locks = { { "nosuid" }, { "no-new-privs" }, { "bounding", "EPERM" } },
                        .without = "landlock,seccomp,capabilities", .prepare = with_capability },
        { "a device that somebody left", { "open", "@ws/null", "r" }, "EACCES", "ok",
                        .locks = { { "nodev" } }, .prepare = with_device },
        { "talking to a device that somebody left", { "device-ioctl", "@ws/null" }, "EACCES", "ENOTTY",
                        .locks = { { "nodev" }, { "landlock", .abi = 5 } }, .prepare = with_device },

        { "files of the host", { "open", "/var/lib/dpkg/status", "r" }, "ENOENT", "ok",
                        .locks = { { "root" }, { "landlock", "EACCES" } } },
        { "what the kernel tells of devices", { "open", "/sys/class", "d" }, "ENOENT", "ok",
                        .locks = { { "root" } } },
        { "homes", { "open", "/home", "d" }, "ENOENT", "ok", .locks = { { "root" } } },
        { "a neighbour of what is granted", { "open", "@dir/other/f", "r" }, "ENOENT", "ok",
                        .locks = { { "root" }, { "landlock", "EACCES" } }, .prepare = neighbour },
        { "up from the working directory", { "climb", "var/lib/dpkg/status" }, "ENOENT", "ok",
                        .locks = { { "root" }, { "landlock", "EACCES" } } },
        { "a service of the host", { "connect-unix", "@dir/sock" }, "ENOENT", "ok", .locks = { { "root" } },
                        .prepare = service },
        { "a directory as standard input", { "from-stdin", "var/lib/dpkg/status" }, "fds: EINVAL", "ok",
                        .locks = { { "stdio" }, { "landlock", "EACCES" } }, .prepare = directory_as_stdin },
        { "a name as standard input", { "from-stdin", "var/lib/dpkg/status" }, "fds: EINVAL", "ok",
                        .locks = { { "stdio" }, { "landlock", "EACCES" } }, .prepare = name_as_stdin },
        { "a connection of the host's as standard input", { "write-stdin" }, "fds: EINVAL", "ok",
                        .locks = { { "stdio" } }, .prepare = connection_as_stdin },

        { "processes of the host", { "open", "", "r" }, "ENOENT", "ok", .locks = { { "pidns" } },
                        .prepare = process_of_the_host },
        { "addresses of the kernel", { "open", "/proc/kallsyms", "r" }, "EACCES", "ok",
                        .locks = { { "mask-proc" } } },
        { "keys of the host", { "open", "/proc/keys", "r" }, "EACCES", "ok", .locks = { { "mask-proc" } } },
        { "what the host's devices do", { "open", "/proc/interrupts", "r" }, "EACCES", "ok",
                        .locks = { { "mask-proc" } } },
        { "what only root may see of the kernel", { "open", "/proc/vmallocinfo", "r" }, "EACCES", "ok",
                        .locks = { { "mask-proc" } }, .as_root = true },
        { "settings of the kernel", { "open", "/proc/sys/kernel/hostname", "w" }, "EROFS", "ok",
                        .locks = { { "proc-readonly" }, { "landlock", "EACCES" } }, .as_root = true },
        { "keys of the console", { "open", "/proc/sysrq-trigger", "w" }, "EROFS", "ok",
                        .locks = { { "proc-readonly" }, { "mask-proc" }, { "landlock", "EACCES" } },
                        .as_root = true, .prepare = sysrq },
        { "a new directory in the root", { "mkdir", "/x" }, "EROFS", "ok",
                        .locks = { { "seal" }, { "landlock", "EACCES" } }, .as_root = true },
        { "a new file in /dev", { "open", "/dev/x", "c" }, "EROFS", "ok",
                        .locks = { { "seal" }, { "landlock", "EACCES" } }, .as_root = true },
        { "a device of one's own", { "mknod", "/tmp/x" }, "EPERM", "ok",
                        .locks = { { "bounding" }, { "securebits" },
                                        { "capabilities", "capabilities: EPERM" } },
                        .without = "landlock", .as_root = true },

        { "a denied file", { "open", "@ws/secret", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file, to be written", { "open", "@ws/secret", "w" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied directory", { "open", "@ws/closed", "d" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file with two slashes", { "open", "@ws//secret", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file by dots", { "open", "@ws/./d/../secret", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file by /proc/self/root", { "open", "", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = by_proc },
        { "a denied file by /proc/self/cwd", { "open", "/proc/self/cwd/secret", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file by a descriptor", { "reopen", "@ws/secret" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file by a link", { "symlink-open", "@ws/secret", "@ws/x" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file by a hard link", { "link", "@ws/secret", "@ws/x" }, "EXDEV", "ok",
                        .locks = { { "mask" }, { "guard", "EACCES", .guard = true },
                                        { "mediate", "EACCES", .mediate = true } },
                        .prepare = denied },
        { "a denied file by a hard link that was there", { "open", "@ws/alias", "r" }, "EACCES", "ok",
                        .locks = { { "guard" } }, .without = "mask", .prepare = linked_before },
        { "a denied file by its directory renamed", { "rename-open", "@ws/d", "@ws/e", "@ws/e/secret" },
                        "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = denied },
        { "a denied file renamed", { "rename", "@ws/secret", "@ws/x" }, "EACCES", "ok",
                        .locks = { { "mask", "EBUSY" }, { "guard", "EACCES", .guard = true },
                                        { "mediate", "EACCES", .mediate = true } },
                        .prepare = denied },
        { "a denied file exchanged", { "exchange", "@ws/secret", "@ws/other" }, "EACCES", "ok",
                        .locks = { { "mask", "EBUSY" }, { "guard", "EACCES", .guard = true },
                                        { "mediate", "EACCES", .mediate = true } },
                        .prepare = denied },
        /* of a mount point the kernel says this before it asks the guard */
        { "a denied file removed", { "unlink", "@ws/secret" }, "EACCES", "ok", .guarded = "EBUSY",
                        .locks = { { "mask", "EBUSY" }, { "guard", "EACCES", .guard = true },
                                        { "mediate", "EACCES", .mediate = true } },
                        .prepare = denied },
        { "a denied file with a long path", { "open", "", "r" }, "EACCES", "ok",
                        .locks = { { "mask" }, { "guard", .guard = true }, { "mediate", .mediate = true } },
                        .prepare = far_down },

        { "a directory that its owner cannot reach", { "open", "@dir/closed/in/f", "r" }, "open: EACCES",
                        "ok", .locks = { { "owner" } }, .prepare = beyond_the_owner },
        { "a directory that its owner cannot write", { "open", "@dir/rootdir/f", "r" }, "open: EACCES", "ok",
                        .locks = { { "owner" } }, .prepare = not_the_owners },
        { "a link planted where a directory is granted", { "open", "", "r" }, "open: ELOOP", "ok",
                        .locks = { { "nofollow" } }, .prepare = planted_link },
};

int main(int argc, char **argv) {
        /* what is mounted here ends with us, and is seen by the launchers that we start */
        need(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mounts");
        int r = attack_main(argc, argv, attacks, ELEMENTSOF(attacks));
        cleanup_closep(&listener);
        cleanup_closep(&handed_over);
        (void)unlink(run_file);
        return r;
}
