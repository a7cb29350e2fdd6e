/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree that an agent sees: which of several paths wins, what is the cage's own, by whose eyes it was opened, and what somebody
 * who changes the host meanwhile can make of it. test-tree LAUNCHER MUTANT. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "codec.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

static PlanMount *grant(const Rig *r, LaunchPlan *p, const char *name, PlanAccess access) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/%s", r->dir, name) > 0, "memory");
        return plan_add_mount(p, path, access);
}

static void told_ok(Rig *r, LaunchPlan *p, const char *about, const char *name) {
        static RigResult result;
        rig_run(r, p, &result);
        bool ok = result.started && result.code == 0;
        if (!ok)
                print_output(&result);
        tell(ok, about, name);
        launch_plan_free(p);
}

/* ---- which path wins ---- */

static void deepest_wins(Rig *r) {
        prepare(r, "mkdir -p a/ro/rw a/shut/open; echo 1 >a/ro/f; echo 1 >a/shut/f; echo 1 >a/shut/open/f");
        LaunchPlan *p = shell(r, "echo 2 >a/f && ! echo 2 >a/ro/f && ! touch a/ro/new && echo 2 >a/ro/rw/f");
        (void)grant(r, p, "ws/a/ro", PLAN_READONLY);
        (void)grant(r, p, "ws/a/ro/rw", PLAN_READWRITE);
        told_ok(r, p, "the deepest path wins", "writable in read-only in writable");

        p = shell(r, "! cat a/shut/f && ! ls a/shut && grep -q 1 a/shut/open/f && echo 2 >a/shut/open/f");
        (void)grant(r, p, "ws/a/shut", PLAN_DENIED);
        (void)grant(r, p, "ws/a/shut/open", PLAN_READWRITE);
        told_ok(r, p, "the deepest path wins", "writable in denied in writable");

        prepare(r, "mkdir -p a a-b; echo 1 >a/f; echo 1 >a-b/f");
        p = shell(r, "! echo 2 >a/f && echo 2 >a-b/f");
        (void)grant(r, p, "ws/a", PLAN_READONLY);
        told_ok(r, p, "the deepest path wins", "and no name that only begins like it");

        prepare(r, "mkdir -p a/b");
        p = shell(r, "! ls a && ! ls a/b && ! touch a/b/x");
        (void)grant(r, p, "ws/a", PLAN_DENIED);
        told_ok(r, p, "what is denied", "is denied with all below it");

        p = shell(r, "ls /mxc-rig/.config | grep -qx absent && "
                     "ls /mxc-rig/.config/absent 2>&1 | grep -q 'Permission denied' && ! ls "
                     "/mxc-rig/.config/other");
        plan_add_mount(p, "/mxc-rig/.config/absent", PLAN_DENIED)->required = false;
        told_ok(r, p, "what is denied", "is closed where it does not exist");

        p = shell(r, "touch x && ! ls ..");
        plan_add_mount(p, r->dir, PLAN_DENIED)->required = false;
        told_ok(r, p, "what is denied", "is a way to what is granted below it, and no more");
}

/* ---- what is the cage's own ---- */

static void own_files(Rig *r) {
        told_ok(r,
                        shell(r, "test \"$(ls / | tr '\\n' ' ')\" = 'bin dev etc lib lib64 proc run sbin "
                                 "srv tmp usr var '"),
                        "in the root is", "what was granted and the cage's own");
        told_ok(r,
                        shell(r, "test \"$(ls /dev | tr '\\n' ' ')\" = 'fd full null ptmx pts random shm "
                                 "stderr stdin "
                                 "stdout tty urandom zero '"),
                        "in /dev is", "what does no harm");
        told_ok(r,
                        shell(r, "test -z \"$(ls /tmp /var/tmp /dev/shm | grep -v :)\" && echo 1 >/tmp/x && "
                                 "echo 1 "
                                 ">/var/tmp/x && echo 1 >/dev/shm/x && test ! -e /var/tmp/y"),
                        "directories for anybody", "are empty, and of use");
        told_ok(r, shell(r, "test ! -e /tmp/x && test ! -e /var/tmp/x && test ! -e /dev/shm/x"),
                        "directories for anybody", "are each sandbox's own");
        told_ok(r,
                        shell(r, "test $(ls -d /proc/[0-9]* | wc -l) -le 8 && read x </proc/self/stat && ! "
                                 "echo 1 "
                                 ">/proc/sys/vm/swappiness"),
                        "in /proc are", "one's own processes, and nothing to be set");
        told_ok(r,
                        shell(r, "printf x >/dev/null && head -c 4 /dev/urandom >/tmp/r && test $(wc -c "
                                 "</tmp/r) = 4 && "
                                 "! chmod 600 /dev/null && ! rm /dev/null"),
                        "devices", "work, and stay");
}

/* ---- by whose eyes ---- */

static void owners_eyes(Rig *r) {
        static RigResult result;
        _cleanup_free_ char *team = NULL, *inner = NULL;
        need(asprintf(&team, "%s/team", r->dir) > 0 && asprintf(&inner, "%s/inner", team) > 0, "memory");
        need(mkdir(team, 0700) == 0 && mkdir(inner, 0755) == 0 && chown(team, 0, 54321) == 0 &&
                                        chmod(team, 0750) == 0 && chmod(inner, 0755) == 0,
                        team);

        LaunchPlan *p = shell(r, "true");
        (void)plan_add_mount(p, inner, PLAN_READONLY);
        rig_run(r, p, &result);
        tell(!result.started && result.step == LAUNCH_STEP_OPEN && result.error == EACCES,
                        "what is a group's", "is not opened for who is not in it");
        launch_plan_free(p);

        p = shell(r, "ls ../team/inner && test \"$(id -G)\" = 61235");
        p->groups = calloc(1, sizeof(uint32_t));
        need(p->groups, "memory");
        p->groups[0] = 54321;
        p->n_groups = 1;
        (void)plan_add_mount(p, inner, PLAN_READONLY);
        told_ok(r, p, "what is a group's", "is opened for who is in it, and the agent is not");

        p = shell(r, "ls ../team/inner");
        plan_add_mount(p, inner, PLAN_READONLY)->as_owner = false;
        told_ok(r, p, "what is a group's", "is opened for whoever an administrator grants it");
        need(rmdir(inner) == 0 && rmdir(team) == 0, team);
}

/* ---- while somebody changes it ---- */

/* The owner's other programs exchange a granted directory for a link, again and again. Whatever is then caught, it is the
 * directory itself or nothing: never what the link leads to. */
static void changing_tree(Rig *r) {
        static RigResult result;
        prepare(r, "mkdir deep; touch deep/right");
        _cleanup_free_ char *secret = NULL, *mark = NULL, *deep = NULL, *aside = NULL, *link = NULL;
        need(asprintf(&secret, "%s/secret", r->dir) > 0 && asprintf(&mark, "%s/wrong", secret) > 0 &&
                                        asprintf(&deep, "%s/deep", r->workspace) > 0 &&
                                        asprintf(&aside, "%s/aside", r->workspace) > 0 &&
                                        asprintf(&link, "%s/link", r->workspace) > 0,
                        "memory");
        need(mkdir(secret, 0755) == 0 && mkdir(mark, 0755) == 0 && symlink(secret, link) == 0, secret);
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0)
                for (;;) { /* each is one step, so that there is always something */
                        if (getppid() == 1)
                                _exit(EXIT_SUCCESS); /* nobody to stop us */
                        (void)renameat2(AT_FDCWD, deep, AT_FDCWD, link, RENAME_EXCHANGE);
                        (void)usleep(50);
                }
        size_t started = 0, refused = 0, wrong = 0;
        for (size_t i = 0; i < 150; i++) {
                _cleanup_(launch_plan_freep) LaunchPlan *p = shell(r, "test ! -e deep/wrong");
                (void)plan_add_mount(p, deep, PLAN_READONLY);
                rig_run(r, p, &result);
                started += result.started;
                refused += !result.started;
                wrong += result.started && result.code != 0;
                if (!result.started && result.error != ELOOP && result.error != ENOTDIR &&
                                result.error != ENOENT)
                        print_output(&result);
        }
        need(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "the racer");
        printf("# started %zu, refused %zu\n", started, refused);
        tell(wrong == 0 && started > 0 && refused > 0, "a link in the place of a directory",
                        "is never followed, whenever it comes");
        need(rmdir(mark) == 0 && rmdir(secret) == 0, secret);
        prepare(r, "true");
}

/* A host whose /dev/null is a link: what is mounted in a cage must be the device. */
static void false_device(const char *launcher) {
        static RigResult result;
        need(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                                        mount("none", "/dev", "tmpfs", 0, NULL) == 0,
                        "a /dev of our own");
        static const char *const names[] = { "zero", "full", "random", "urandom", "tty" };
        static const unsigned minors[] = { 5, 7, 8, 9, 0 };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = NULL;
                need(asprintf(&path, "/dev/%s", names[i]) > 0, "memory");
                dev_t device = (dev_t)(streq(names[i], "tty") ? 5 : 1) << 8 | minors[i];
                need(mknod(path, S_IFCHR | 0666, device) == 0, path);
        }
        need(mkdir("/dev/pts", 0755) == 0 && mkdir("/dev/shm", 01777) == 0, "/dev");
        Rig r;
        rig_start(&r, launcher, NULL);
        static const struct {
                const char *name, *target;
                int error;
        } falses[] = { { "a link", "/etc/shadow", ENODEV }, { "a file", NULL, ENODEV } };
        int input = open("/etc/hostname", O_RDONLY | O_CLOEXEC); /* /dev/null would be the rig's own input */
        need(input >= 0, "input");
        r.input = input;
        for (size_t i = 0; i < ELEMENTSOF(falses); i++) {
                (void)unlink("/dev/null");
                need(falses[i].target ? symlink(falses[i].target, "/dev/null") == 0
                                      : mknod("/dev/null", S_IFREG | 0666, 0) == 0,
                                "/dev/null");
                _cleanup_(launch_plan_freep) LaunchPlan *p = shell(&r, "true");
                rig_run(&r, p, &result);
                bool ok = !result.started && result.error == falses[i].error;
                if (!ok)
                        print_output(&result);
                tell(ok, "in the place of a device", falses[i].name);
        }
        (void)close(input);
        rig_stop(&r);
}

/* ---- a path that hangs ---- */

/* A file system in user space whose server never answers. */
static int mount_that_hangs(const char *path) {
        _cleanup_close_ int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        _cleanup_free_ char *options = NULL;
        if (fuse < 0 || asprintf(&options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse) <
                                        0)
                return -EBADF;
        if (mkdir(path, 0755) < 0 || mount("hangs", path, "fuse", MS_NODEV | MS_NOSUID, options) < 0)
                return -EBADF;
        return TAKE_FD(fuse);
}

/* Others are served meanwhile, and in the end who waits is told. */
static void hanging_path(Rig *r) {
        _cleanup_free_ char *path = NULL, *below = NULL;
        need(asprintf(&path, "%s/hangs", r->dir) > 0 && asprintf(&below, "%s/below", path) > 0, "memory");
        _cleanup_close_ int fuse = mount_that_hangs(path);
        if (fuse < 0) {
                printf("# no file systems in user space here\n");
                return;
        }
        LaunchPlan *p = shell(r, "true");
        (void)plan_add_mount(p, below, PLAN_READONLY);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        need(launch_plan_encode(p, &data, &size) == 0, "encode");
        launch_plan_free(p);
        _cleanup_close_ int memfd = -EBADF, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        need(sealed_memfd_new(data, size, &memfd) == 0, "memfd");
        const int fds[] = { memfd, null, null, null };
        const uint64_t serial = r->serial + 1000;
        const LaunchRequest q = {
                .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .verb = LAUNCH_SPAWN, .serial = serial
        };
        need(launch_send(r->socket, &q, sizeof(q), fds, 4) == 0, "send");
        told_ok(r, shell(r, "true"), "while a path hangs", "others are served");
        LaunchReport report = rig_next(r, NULL, NULL);
        tell(report.serial == serial && report.event == LAUNCH_EVENT_FAILED && report.error == ETIMEDOUT,
                        "a path that hangs", "is given up");
        (void)close(TAKE_FD(fuse)); /* whoever still waits is let go */
        need(umount2(path, MNT_DETACH) == 0 && rmdir(path) == 0, path);
}

/* ---- rooms that nothing goes without ---- */

/* ---- small files of the policy's own, which a template has copies of ---- */

/* Beside the rig's directory: below it the workspace is, and a cage with grants there is made from nothing. */
typedef struct Conf {
        char dir[64], path[80];
} Conf;

static void conf_write(const Conf *f, const char *text, bool in_place) {
        _cleanup_free_ char *script = NULL;
        int n = in_place ? asprintf(&script, "printf '%s' >%s", text, f->path)
                         : asprintf(&script, "cd %s && printf '%s' >new && chmod 755 new && mv new conf",
                                           f->dir, text);
        need(n > 0, "memory");
        need(system(script) == 0, script);
}

static void conf_new(Conf *ret) {
        (void)snprintf(ret->dir, sizeof(ret->dir), "/opt/mxc-rig-%d", getpid());
        (void)snprintf(ret->path, sizeof(ret->path), "%s/conf", ret->dir);
        need(mkdir(ret->dir, 0755) == 0, ret->dir);
        conf_write(ret, "#!/bin/sh\necho one\n", false);
        (void)usleep(300000); /* a file that was changed just now is not copied: the next change might not show */
}

static void conf_remove(const Conf *f) {
        (void)unlink(f->path);
        (void)rmdir(f->dir);
}

static bool run_with_conf(Rig *r, const Conf *f, const char *script, const char *expected) {
        static RigResult result;
        LaunchPlan *p = shell(r, script);
        (void)plan_add_template_mount(p, f->path, PLAN_READONLY);
        rig_run(r, p, &result);
        bool ok = result.started && result.code == 0 && (!expected || strstr(result.output, expected));
        if (!ok)
                print_output(&result);
        launch_plan_free(p);
        return ok;
}

static void copies_are_kept(Rig *r) {
        Conf f;
        struct stat st;
        char script[1024];
        conf_new(&f);
        need(stat(f.path, &st) == 0, f.path);
        (void)run_with_conf(
                        r, &f, "true", NULL); /* the template is made while this one is made from nothing */
        (void)usleep(300000);
        (void)snprintf(script, sizeof(script), "test $(stat -c %%d %s) != %llu && stat -c %%a:%%s:%%Y %s",
                        f.path, (unsigned long long)st.st_dev, f.path);
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "755:%lld:%lld", (long long)st.st_size,
                        (long long)st.st_mtim.tv_sec);
        tell(run_with_conf(r, &f, script, expected), "a copy", "has what the file had");
        (void)snprintf(script, sizeof(script),
                        "! %s && ! echo x >%s && ! chmod 777 %s && ! rm %s && ! touch %s/x && grep -q one "
                        "%s",
                        f.path, f.path, f.path, f.path, f.dir, f.path);
        tell(run_with_conf(r, &f, script, NULL), "a copy", "is neither executed nor changed");
        (void)snprintf(script, sizeof(script), "cat %s", f.path);
        conf_write(&f, "#!/bin/sh\necho two\n", true);
        tell(run_with_conf(r, &f, script, "two"), "a copy", "is not shown when the file was written to");
        (void)usleep(300000);
        tell(run_with_conf(r, &f, script, "two"), "a copy", "is made again");
        (void)usleep(300000);
        conf_write(&f, "#!/bin/sh\necho six\n", false);
        tell(run_with_conf(r, &f, script, "six"), "a copy", "is not shown when the file was replaced");
        conf_remove(&f);
}

static void copies_without_currency(const char *mutant) {
        Rig r;
        Conf f;
        char script[128];
        rig_start(&r, mutant, "currency");
        conf_new(&f);
        (void)snprintf(script, sizeof(script), "cat %s", f.path);
        (void)run_with_conf(&r, &f, "true", NULL);
        (void)usleep(300000);
        conf_write(&f, "#!/bin/sh\necho two\n", true);
        tell(run_with_conf(&r, &f, script, "one"), "an old copy", "is shown without currency");
        conf_remove(&f);
        rig_stop(&r);
}

static void no_start_without(const char *mutant, const char *room) {
        static RigResult result;
        Rig r;
        rig_start(&r, mutant, room);
        _cleanup_(launch_plan_freep) LaunchPlan *p = shell(&r, "true");
        rig_run(&r, p, &result);
        tell(!result.started, "no cage without", room);
        rig_stop(&r);
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        rig_start(&r, argv[1], NULL);
        deepest_wins(&r);
        own_files(&r);
        owners_eyes(&r);
        changing_tree(&r);
        hanging_path(&r);
        copies_are_kept(&r);
        rig_stop(&r);
        copies_without_currency(argv[2]);
        static const char *const rooms[] = { "open", "template", "root", "identity", "no-new-privs" };
        for (size_t i = 0; i < ELEMENTSOF(rooms); i++)
                no_start_without(argv[2], rooms[i]);
        false_device(argv[1]);
        return tell_end();
}
