/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Roots that are laid out ahead: that they are what a sandbox would have made, each one's alone, and that whoever lays them out is in
 * nobody's way. test-ahead LAUNCHER MUTANT. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "loose.h"
#include "net-pool.h"
#include "skeleton.h"
#include "template-cache.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

typedef struct Lines {
        char text[64][64];
        size_t n;
} Lines;

static void told_ok(Rig *r, LaunchPlan *p, const char *about, const char *name) {
        static RigResult result;
        rig_run(r, p, &result);
        bool ok = result.started && result.code == 0;
        if (!ok)
                print_output(&result);
        tell(ok, about, name);
        launch_plan_free(p);
}

/* What a command on the host says of $p. */
static Lines ask(const char *what, pid_t pid) {
        Lines l = { .n = 0 };
        char command[256];
        (void)snprintf(command, sizeof(command), "p=%d; %s", pid, what);
        FILE *f = popen(command, "r");
        need(f != NULL, command);
        while (l.n < ELEMENTSOF(l.text) && fgets(l.text[l.n], sizeof(l.text[0]), f)) {
                l.text[l.n][strcspn(l.text[l.n], "\n")] = 0;
                l.n++;
        }
        (void)pclose(f);
        return l;
}

static bool has(const Lines *l, const char *line) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->text[i], line))
                        return true;
        return false;
}

static bool same(const Lines *a, const Lines *b) {
        bool all = a->n == b->n;
        for (size_t i = 0; i < a->n; i++)
                all = all && has(b, a->text[i]);
        return all;
}

static Lines servants(const Rig *r) {
        return ask("pgrep -x -P $p mxc-mounts", r->launcher);
}

static pid_t servant(const Rig *r) {
        Lines l = servants(r);
        need(l.n > 0, "no helper");
        return (pid_t)atol(l.text[0]);
}

/* The mount namespaces that the launcher holds: "mnt:[4026532000]". */
static Lines held(const Rig *r) {
        return ask("readlink /proc/$p/fd/* | grep ^mnt:", r->launcher);
}

static bool wait_for(const Rig *r, Lines (*what)(const Rig *), size_t n) {
        for (int i = 0; i < 1000 && what(r).n < n; i++)
                (void)usleep(20000);
        return what(r).n >= n;
}

/* The networks: those that are ready, and those of sandboxes that are not buried yet. */
static Lines nets(const Rig *r) {
        return ask("readlink /proc/$p/fd/* | grep ^net:", r->launcher);
}

/* The template's, and as many as are kept ready. */
static bool wait_ready(const Rig *r) {
        return wait_for(r, held, 1 + SKELETONS_READY);
}

/* One that differs from all others in what is granted by the policy. */
static LaunchPlan *policy(const Rig *r, int number, const char *script) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/opt/mxc-none-%d", number);
        LaunchPlan *p = shell(r, script);
        (void)plan_add_template_mount(p, path, PLAN_READONLY);
        return p;
}

static void use(Rig *r, int number) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = policy(r, number, "true");
        rig_run(r, p, &result);
        need(result.started && result.code == 0, result.detail);
}

/* ---- each one's own ---- */

static void entered_once(Rig *r) {
        static RigResult result;
        static const char look[] = "readlink /proc/self/ns/mnt; ls -A /tmp /var/tmp /dev/shm; touch /tmp/x "
                                   "/var/tmp/x /dev/shm/x; "
                                   "! mkdir /new 2>/dev/null";
        use(r, 0);
        tell(wait_ready(r), "a helper", "lays out roots once a policy was used");
        for (int round = 0; round < 3; round++) {
                need(wait_ready(r), "roots that are ready");
                Lines before = held(r), inhabited = ask("readlink /proc/$p/ns/mnt", servant(r));
                LaunchPlan *p = policy(r, 0, look);
                rig_run(r, p, &result);
                result.output[strcspn(result.output, "\n")] = 0;
                bool ok = has(&before, result.output) && result.code == 0;
                if (!ok)
                        print_output(&result);
                Lines after = held(r);
                tell(ok, "a root that was laid out ahead", "is entered");
                tell(!has(&after, result.output), "a root that was laid out ahead",
                                "is entered by nobody else");
                tell(!has(&inhabited, result.output), "a root that was laid out ahead",
                                "is left by who has made it");
                tell(streq(result.output + strlen(result.output) + 1, "/dev/shm:\n\n/tmp:\n\n/var/tmp:\n"),
                                "a root that was laid out ahead", "has nothing of another sandbox");
                launch_plan_free(p);
        }
}

static void no_descriptors(Rig *r) {
        static RigResult result;
        RigBox box;
        need(wait_ready(r), "roots that are ready");
        _cleanup_(launch_plan_freep) LaunchPlan *p = policy(r, 0, "echo there; read x");
        int pipe_ends[2];
        need(pipe2(pipe_ends, O_CLOEXEC) == 0, "pipe");
        r->input = pipe_ends[0];
        need(rig_spawn(r, p, &box, &result), result.detail);
        char first;
        need(read(box.output, &first, 1) == 1, "output"); /* it is there, and pid 1 has long let go */
        Lines l = ask("for q in $p $(pgrep -P $p); do readlink /proc/$q/fd/*; done | grep -E "
                      "'^(mnt|net|ipc):'",
                        box.pid);
        tell(l.n == 0, "a namespace by descriptor", "has neither pid 1 nor its command");
        (void)close(pipe_ends[1]);
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
        (void)close(pipe_ends[0]);
        r->input = -EBADF;
}

/* What a sandbox took is made anew while it runs and nothing else happens, which is all that tells the launcher to. What is ordered when: test-refill. */
static void made_when_idle(Rig *r) {
        static RigResult result;
        RigBox box;
        need(wait_ready(r), "roots that are ready");
        for (int i = 0; i < 1000 && nets(r).n != NET_POOL_SIZE; i++)
                (void)usleep(20000);
        need(nets(r).n == NET_POOL_SIZE, "networks that are ready, and no others");
        _cleanup_(launch_plan_freep) LaunchPlan *p = policy(r, 0, "echo there; read x");
        int pipe_ends[2];
        need(pipe2(pipe_ends, O_CLOEXEC) == 0, "pipe");
        r->input = pipe_ends[0];
        need(rig_spawn(r, p, &box, &result), result.detail);
        tell(wait_for(r, nets, NET_POOL_SIZE + 1), "a network that was taken",
                        "is followed by another while nothing happens");
        tell(wait_ready(r), "a root that was taken", "is followed by another while nothing happens");
        (void)close(pipe_ends[1]);
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
        (void)close(pipe_ends[0]);
        r->input = -EBADF;
}

/* ---- the same as without ---- */

/* What is mounted and what is there, without what the host changes meanwhile: order, ids, sizes, how many processes it has. */
static const char view[] =
                "sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' /proc/self/mountinfo | sort; "
                "for d in / /run /tmp /var /var/tmp /dev /dev/shm /dev/pts; do "
                "ls -lAd --time-style=+ $d $d/x $d/mxc-rig $d/mxc-rig/f 2>&1 | awk '{ $2 = $5 = \"\"; print "
                "}'; cat $d/mxc-rig/f 2>&1; "
                "touch $d/mxc-rig/g 2>&1 && echo \"written in $d\"; done; "
                "for d in / /run /var /dev /dev/pts; do mkdir $d/new 2>/dev/null && echo \"made in $d\"; "
                "done; "
                "for d in /tmp /var/tmp /dev/shm; do cp /bin/true $d/t 2>&1; $d/t && echo \"run in $d\"; "
                "rm -f $d/t; done; "
                "echo 0 2>&1 >/proc/self/oom_score_adj; touch /usr/mxc-rig 2>&1; head -c 1 /etc/passwd | wc "
                "-c; "
                "echo x 2>&1 >/dev/full; ls -d /opt/* 2>&1";

static void view_of(Rig *r, bool ahead, const char *path, PlanAccess access, RigResult *result) {
        use(r, 0); /* for what was dismissed before */
        use(r, 0);
        need(wait_ready(r), "roots that are ready");
        _cleanup_(launch_plan_freep) LaunchPlan *p = policy(r, 0, view);
        if (path)
                plan_add_mount(p, path, access)->required = false;
        if (!ahead) {
                need(kill(servant(r), SIGKILL) == 0, "the helper");
                for (int i = 0; i < 1000 && held(r).n > 1; i++)
                        (void)usleep(20000);
                need(held(r).n == 1, "the template's alone");
        }
        rig_run(r, p, result);
}

/* Nothing of a request comes to lie above or below the cage's own otherwise than where it is all laid out in one go. */
static void same_as_without(Rig *r) {
        static const struct {
                const char *path;
                PlanAccess access;
        } requests[] = {
                { NULL, PLAN_DENIED },
                { "/dev/shm", PLAN_DENIED },
                { "/dev/shm/x", PLAN_DENIED },
                { "/run", PLAN_READONLY },
                { "/run", PLAN_DENIED },
                { "/run/mxc-rig", PLAN_READONLY },
                { "/run/mxc-rig", PLAN_DENIED },
                { "/tmp", PLAN_DENIED },
                { "/tmp/mxc-rig", PLAN_READONLY },
                { "/tmp/mxc-rig", PLAN_DENIED },
                { "/var", PLAN_READONLY },
                { "/var", PLAN_DENIED },
                { "/var/run/mxc-rig", PLAN_READONLY },
                { "/var/tmp", PLAN_READONLY },
                { "/var/tmp/mxc-rig", PLAN_READONLY },
                { "/var/tmp/mxc-rig", PLAN_DENIED },
        };
        static RigResult results[2];
        need(system("for d in /run /tmp /var/tmp; do mkdir -p $d/mxc-rig && echo host >$d/mxc-rig/f; "
                    "done") == 0,
                        "something of the host's");
        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                char name[128];
                for (int k = 0; k < 2; k++)
                        view_of(r, k == 0, requests[i].path, requests[i].access, &results[k]);
                bool ok = results[0].started == results[1].started && results[0].error == results[1].error &&
                          streq(results[0].output, results[1].output);
                for (int k = 0; !ok && k < 2; k++)
                        print_output(&results[k]);
                (void)snprintf(name, sizeof(name), "is the same with %s %s",
                                requests[i].path ? requests[i].path : "nothing",
                                requests[i].access == PLAN_DENIED ? "denied" : "granted");
                tell(ok, "a root that was laid out ahead", name);
        }
        need(system("rm -r /run/mxc-rig /tmp/mxc-rig /var/tmp/mxc-rig") == 0, "something of the host's");
}

/* ---- who lays them out ---- */

static void a_helper_that_is_gone(Rig *r) {
        need(wait_ready(r), "roots that are ready");
        Lines before = servants(r);
        need(kill(servant(r), SIGKILL) == 0, "the helper");
        for (int i = 0; i < 8; i++)
                told_ok(r, policy(r, 0, "touch /tmp/x"), "without a helper", "a sandbox makes its own");
        need(wait_ready(r), "roots that are ready");
        Lines after = servants(r);
        tell(after.n > 0 && !same(&before, &after), "a helper that is gone", "is followed by another");
}

/* Services and containers mount in /run all day. What a policy grants there is another thing. */
static void mounts_come_and_go(Rig *r) {
        _cleanup_free_ char *granted = NULL, *below = NULL, *other = NULL, *script = NULL;
        need(asprintf(&granted, "/run/mxc-granted-%d", getpid()) > 0 &&
                                        asprintf(&below, "%s/below", granted) > 0 &&
                                        asprintf(&other, "/run/mxc-other-%d", getpid()) > 0 &&
                                        asprintf(&script, "ls %s/below", granted) > 0,
                        "memory");
        need(mkdir(granted, 0755) == 0 && mkdir(below, 0755) == 0 && mkdir(other, 0755) == 0, granted);
        LaunchPlan *plans[3];
        for (size_t i = 0; i < ELEMENTSOF(plans); i++) {
                plans[i] = policy(r, 99, i == 1 ? "true" : script);
                (void)plan_add_template_mount(plans[i], granted, PLAN_READONLY);
        }
        static RigResult result;
        rig_run(r, plans[0], &result); /* the template is begun */
        for (int i = 0; i < 500 && servants(r).n == 0; i++)
                (void)usleep(20000);
        need(wait_ready(r), "roots that are ready");
        rig_run(r, plans[0], &result);
        tell(result.code == 0 && result.output_size == 0, "what is granted in /run", "is there");
        need(wait_ready(r), "roots that are ready");
        Lines before = servants(r);
        need(mount("none", other, "tmpfs", 0, NULL) == 0, other);
        rig_run(r, plans[1], &result);
        Lines after = servants(r);
        tell(before.n > 0 && same(&before, &after), "a mount elsewhere", "leaves what is laid out as it is");
        need(mount("none", below, "tmpfs", 0, NULL) == 0, below);
        _cleanup_free_ char *file = NULL;
        need(asprintf(&file, "%s/new", below) > 0, "memory");
        int fd = open(file, O_CREAT | O_CLOEXEC | O_WRONLY, 0644);
        need(fd >= 0, file);
        (void)close(fd);
        rig_run(r, plans[2], &result);
        tell(result.code == 0 && result.output_size == 4 && memcmp(result.output, "new\n", 4) == 0,
                        "a mount below what is granted", "is seen by the next");
        need(umount(below) == 0 && umount(other) == 0 && rmdir(below) == 0 && rmdir(granted) == 0 &&
                                        rmdir(other) == 0,
                        granted);
        for (size_t i = 0; i < ELEMENTSOF(plans); i++)
                launch_plan_free(plans[i]);
}

/* A mount of the host that changes what a policy grants, made in a directory of our own while roots of that policy are laid out: the
 * next sandbox sees what is there now. */
static const struct {
        const char *name, *prepare, *granted, *act,
                        *look; /* look: below what is granted, where "new" is to be read */
        bool alone;            /* nothing but the mount table tells: what is granted stays the same object */
} changes[] = {
        { "below it", "mkdir -p g/below", "g", "mount -t tmpfs none g/below; echo new >g/below/f", "below/f",
                        true },
        { "below it, by a point of many bytes",
                        "for i in 1 2 3 4 5 6; do d=$d/$(printf '%0200d' 0 | tr 0 ' '); done; "
                        "mkdir -p \"g$d\"; ln -s \".$d\" g/below",
                        "g", "mount -t tmpfs none g/below/; echo new >g/below/f", "below/f", true },
        { "below where a symlink leads", "mkdir -p real/below; ln -s real g", "g",
                        "mount -t tmpfs none real/below; echo new >real/below/f", "below/f", true },
        { "over it, through a symlink", "mkdir real; ln -s real g", "g",
                        "mount -t tmpfs none g; echo new >real/f", "f", false },
        { "over where a symlink is", "mkdir -p a real; ln -s ../real a/g", "a/g",
                        "mount -t tmpfs none a; mkdir a/g; echo new >a/g/f", "f", false },
        { "over a directory in between", "mkdir -p a/b/g", "a/b/g",
                        "mount -t tmpfs none a/b; mkdir a/b/g; echo new >a/b/g/f", "f", false },
        { "over a parent, by bind", "mkdir -p a/g o/g; echo new >o/g/f", "a/g", "mount --bind o a", "f",
                        false },
        { "over a parent, by bind, with the same object",
                        "mkdir -p a/g/below o; mount --bind a o; mount -t tmpfs none o/g/below; echo new "
                        ">o/g/below/f",
                        "a/g", "mount --rbind o a", "below/f", true },
        { "moved below it", "mkdir -p g/below away; mount -t tmpfs none away; echo new >away/f", "g",
                        "mount --move away g/below", "below/f", true },
        { "moved away from below it",
                        "mkdir -p g/below away; echo new >g/below/f; mount -t tmpfs none g/below", "g",
                        "mount --move g/below away", "below/f", true },
        { "gone from below it", "mkdir -p g/below; echo new >g/below/f; mount -t tmpfs none g/below", "g",
                        "umount g/below", "below/f", true },
        { "below the same object by another way",
                        "mkdir -p one/d/below two; mount --bind one two; ln -s one l", "l/d",
                        "rm l; ln -s two l; mount -t tmpfs none two/d/below; echo new >two/d/below/f",
                        "below/f", true },
};

/* In a directory that no service mounts in. */
static int in_base(const char *base, const char *script) {
        _cleanup_free_ char *whole = NULL;
        need(asprintf(&whole, "cd %s && set -e && %s", base, script) > 0, "memory");
        return system(whole);
}

static bool reads_new(Rig *r, LaunchPlan *p) {
        static RigResult result;
        rig_run(r, p, &result);
        bool new = result.started &&strncmp(result.output, "new\n", 4) == 0;
        if (!result.started)
                print_output(&result);
        return new;
}

static void change(const char *launcher, size_t i, bool walls) {
        char base[] = "/opt/mxc-mounts-XXXXXX";
        Rig r;
        rig_start(&r, launcher, walls ? NULL : "mounts");
        need(mkdtemp(base) && chmod(base, 0755) == 0 && in_base(base, changes[i].prepare) == 0,
                        changes[i].prepare);
        _cleanup_free_ char *granted = NULL, *script = NULL, *clean = NULL;
        need(asprintf(&granted, "%s/%s", base, changes[i].granted) > 0 &&
                                        asprintf(&script, "cat '%s/%s'", granted, changes[i].look) > 0 &&
                                        asprintf(&clean,
                                                        "tac /proc/self/mountinfo | cut -d' ' -f5 | grep "
                                                        "^%s/ | while read -r "
                                                        "m; do umount -l \"$(printf %%b \"$m\")\"; done; rm "
                                                        "-r %s",
                                                        base, base) > 0,
                        "memory");
        _cleanup_(launch_plan_freep) LaunchPlan *p = policy(&r, 0, script);
        (void)plan_add_template_mount(p, granted, PLAN_READONLY);
        bool before = reads_new(&r, p);
        need(wait_ready(&r), "roots that are ready");
        need(in_base(base, changes[i].act) == 0, changes[i].act);
        bool after = reads_new(&r, p);
        tell(!before && after == walls,
                        walls ? "seen by the next, a mount" : "not seen without the walls, a mount",
                        changes[i].name);
        need(system(clean) == 0, clean);
        rig_stop(&r);
}

static void mounts_elsewhere(const char *launcher) {
        Rig r;
        rig_start(&r, launcher, NULL);
        use(&r, 0);
        need(wait_ready(&r), "roots that are ready");
        Lines before = servants(&r);
        char base[] = "/opt/mxc-mounts-XXXXXX";
        need(mkdtemp(base) && in_base(base, "mkdir a; mount -t tmpfs none a; mount --bind a a; umount a; "
                                            "umount a; rmdir a") == 0,
                        base);
        need(rmdir(base) == 0, base);
        use(&r, 0);
        Lines after = servants(&r);
        tell(same(&before, &after), "a mount elsewhere, and not where services do",
                        "leaves what is laid out as it is");
        need(mount("none", "/", "tmpfs", 0, NULL) == 0,
                        "a mount over /"); /* ours alone, and no way leads there */
        for (int i = 0; i < 1000 && held(&r).n > 0; i++)
                (void)usleep(20000);
        tell(held(&r).n == 0, "a mount over /", "leaves nothing of what is laid out");
        rig_stop(&r);
}

/* Ours alone: what is shared cannot be moved. */
static void change_all(const char *launcher, const char *mutant) {
        need(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
                        "a mount namespace");
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                change(launcher, i, true);
                if (changes[i].alone)
                        change(mutant, i, false);
        }
        mounts_elsewhere(launcher);
}

/* More than have a helper: they must not take it from each other, each for nothing. */
static void policies_in_turn(Rig *r) {
        for (int i = 0; i < (int)SKELETON_SERVANTS; i++) {
                use(r, i);
                need(wait_for(r, servants, (size_t)i + 1), "a helper for each");
        }
        Lines before = servants(r);
        for (int round = 0; round < 3; round++)
                for (int i = 0; i < 2 * (int)SKELETON_SERVANTS; i++)
                        use(r, i);
        Lines after = servants(r);
        tell(before.n == SKELETON_SERVANTS && same(&before, &after), "helpers",
                        "are not taken from each other by many policies in turn");
        const int other = 2 * (int)SKELETON_SERVANTS - 1;
        for (int i = 0; i < 500 && same(&before, &after); i++) {
                use(r, other);
                after = servants(r);
        }
        tell(!same(&before, &after), "a policy that is used more than others", "gets one");
}

/* Landlock's rules come along. They are all that holds where mounts can be written. */
static void rules_come_along(const char *mutant) {
        static RigResult result;
        Rig r;
        struct stat st;
        rig_start(&r, mutant, "proof,readonly");
        _cleanup_free_ char *dir = NULL, *file = NULL, *script = NULL;
        need(asprintf(&dir, "/opt/mxc-rules-%d", getpid()) > 0 && asprintf(&file, "%s/x", dir) > 0 &&
                                        asprintf(&script, "readlink /proc/self/ns/mnt; ls %s; ! touch %s",
                                                        dir, file) > 0,
                        "memory");
        need(mkdir(dir, 0700) == 0 && chmod(dir, 0777) == 0, dir);
        for (int round = 0; round < 3; round++) {
                Lines before = held(&r);
                _cleanup_(launch_plan_freep) LaunchPlan *p = policy(&r, 7, script);
                (void)plan_add_template_mount(p, dir, PLAN_READONLY);
                rig_run(&r, p, &result);
                need(result.started && wait_ready(&r), "roots that are ready");
                if (round < 2)
                        continue; /* the first finds none ready */
                result.output[strcspn(result.output, "\n")] = 0;
                tell(has(&before, result.output) && result.code == 0 && stat(file, &st) < 0,
                                "what no rule grants", "is denied in a root that was laid out ahead");
        }
        (void)unlink(file); /* of a wall that does not hold */
        need(rmdir(dir) == 0, dir);
        rig_stop(&r);
}

/* The kernel wakes whoever watches the name of the host, the journal for one, when anybody names anything in any namespace. Others on this
 * host may do that too, so one quiet time in many is enough. */
static bool names_quietly(Rig *r) {
        bool quiet = false;
        for (int i = 0; i < 20 && !quiet; i++) {
                char name[256];
                _cleanup_close_ int fd = open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC);
                struct pollfd p = { .fd = fd, .events = POLLPRI };
                need(fd >= 0 && poll(&p, 1, 0) >= 0 && read(fd, name, sizeof(name)) > 0, "the host's name");
                use(r, 0);
                quiet = poll(&p, 1, 0) == 0;
        }
        return quiet;
}

static void names_ahead(const char *launcher, const char *mutant) {
        static RigResult result;
        Rig r;
        rig_start(&r, launcher, NULL);
        tell(names_quietly(&r), "the name of a sandbox", "wakes nobody when it is the one before's");
        for (int i = 0; i < 4; i++) {
                LaunchPlan *p = policy(&r, 0, "cat /proc/sys/kernel/hostname");
                free(p->hostname);
                p->hostname = strdup(i % 2 == 0 ? "even" : "odd");
                need(p->hostname, "memory");
                rig_run(&r, p, &result);
                tell(streq(result.output, i % 2 == 0 ? "even\n" : "odd\n"), "agents in turn",
                                "have their own names");
                launch_plan_free(p);
        }
        rig_stop(&r);
        rig_start(&r, mutant, "name-ahead");
        tell(!names_quietly(&r), "a name that is not given ahead", "wakes who watches the host's");
        rig_stop(&r);
}

static void use_granting(Rig *r, const char *path) {
        LaunchPlan *p = policy(r, 0, "true");
        (void)plan_add_template_mount(p, path, PLAN_READONLY);
        told_ok(r, p, "a helper that does not die", "is not waited for");
}

/* It looks at the host's file systems. One that does not answer holds up whoever looks, even after it was killed. */
static void a_helper_that_is_held_up(const char *mutant) {
        Rig r;
        rig_start(&r, mutant, "servant-end");
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/new", r.dir) > 0 && mkdir(path, 0755) == 0, "a directory");
        use_granting(&r, path);
        need(wait_ready(&r), "roots that are ready");
        pid_t held_up = servant(&r);
        need(kill(held_up, SIGSTOP) == 0, "the helper");
        need(mount("none", path, "tmpfs", 0, NULL) == 0, path);
        use_granting(&r, path);
        use_granting(&r, path);
        tell(wait_for(&r, servants, 2), "a helper that does not die", "is followed by another");
        need(umount(path) == 0 && rmdir(path) == 0, path);
        need(kill(held_up, SIGKILL) == 0, "the helper");
        rig_stop(&r);
}

/* Likewise what makes the template. */
static void a_template_that_is_held_up(const char *mutant) {
        Rig r;
        rig_start(&r, mutant, "build-end");
        told_ok(&r, policy(&r, 0, "true"), "who makes a template and is held up",
                        "holds nothing of a sandbox's");
        for (int i = 1; i <= (int)TEMPLATE_CACHE_MAX; i++) /* the last one takes the place of the first */
                use(&r, i);
        told_ok(&r, policy(&r, 0, "true"), "who makes a template and does not die", "is not waited for");
        rig_stop(&r);
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        rig_start(&r, argv[1], NULL);
        entered_once(&r);
        no_descriptors(&r);
        made_when_idle(&r);
        same_as_without(&r);
        a_helper_that_is_gone(&r);
        policies_in_turn(&r);
        rig_stop(&r);
        rig_start(&r, argv[1], NULL);
        mounts_come_and_go(&r);
        rig_stop(&r);
        names_ahead(argv[1], argv[2]);
        rules_come_along(argv[2]);
        a_helper_that_is_held_up(argv[2]);
        a_template_that_is_held_up(argv[2]);
        change_all(argv[1], argv[2]);
        return tell_end();
}
