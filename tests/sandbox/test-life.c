/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a sandbox as the launcher lets it be seen: how it starts or fails to, what it is told, how it ends, and that
 * nothing of it outlives its end. test-life LAUNCHER MUTANT. TAP. */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "codec.h"
#include "fd.h"
#include "launcher.h"
#include "limits.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

static ExecPlan exec_of(const RigBox *box, const LaunchPlan *p, char **argv) {
        ExecPlan e = {
                .id = (char *)box->id, .argv = argv, .env = p->env, .n_env = p->n_env, .cwd = p->cwd
        };
        while (argv[e.n_argv])
                e.n_argv++;
        return e;
}

static bool said(const RigResult *result, const char *text) {
        return strstr(result->output, text) != NULL;
}

static void end(Rig *r, RigBox *box) {
        static RigResult result;
        need(pidfd_send_signal(box->pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, box, 0, &result);
        rig_release(r, box->id, 0);
}

static LaunchReport ask(Rig *r, LaunchVerb verb, const char *id, uint32_t exec, int number) {
        LaunchRequest q = { .verb = verb, .exec = exec, .number = number };
        (void)snprintf(q.id, sizeof(q.id), "%s", id);
        return rig_request(r, q, NULL, 0, NULL, NULL);
}

static bool was(const LaunchReport *report, LaunchEvent event, int error) {
        return report->event == event && report->error == error;
}

/* ---- ends ---- */

static const struct {
        const char *name, *script;
        int code, signal;
} ends[] = {
        { "success", "exit 0", 0, 0 },
        { "failure", "exit 7", 7, 0 },
        { "the highest code", "exit 255", 255, 0 },
        { "killed", "kill -9 $$", 0, SIGKILL },
        { "terminated", "kill -15 $$", 0, SIGTERM },
        { "a fault", "kill -11 $$", 0, SIGSEGV },
        { "a child that fails is not the end", "(exit 3); exit 0", 0, 0 },
};

static void ends_are_told(Rig *r) {
        static RigResult result;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                _cleanup_(launch_plan_freep) LaunchPlan *p = shell(r, ends[i].script);
                rig_run(r, p, &result);
                tell(result.started && result.code == ends[i].code && result.signal == ends[i].signal &&
                                                result.page.state == STATUS_EXITED &&
                                                result.page.code == ends[i].code &&
                                                result.page.signal == ends[i].signal,
                                "how it ended", ends[i].name);
        }
}

static void ends_of_execs_are_told(Rig *r) {
        static RigResult result;
        RigBox box, inner;
        _cleanup_(launch_plan_freep) LaunchPlan *p = rig_plan(r);
        need(rig_spawn(r, p, &box, &result), "a sandbox without a command");
        for (uint32_t i = 0; i < ELEMENTSOF(ends); i++) {
                char *argv[] = { (char *)"sh", (char *)"-c", (char *)ends[i].script, NULL };
                const ExecPlan e = exec_of(&box, p, argv);
                bool started = rig_exec(r, &e, i + 1, &inner, &result);
                if (started) {
                        rig_wait(r, &inner, i + 1, &result);
                        rig_release(r, box.id, i + 1);
                }
                tell(started && result.code == ends[i].code && result.signal == ends[i].signal,
                                "how an exec ended", ends[i].name);
        }
        end(r, &box);
}

/* ---- starts that fail ---- */

static void told_failure(
                Rig *r, LaunchPlan *p, LaunchStep step, int error, const char *detail, const char *name) {
        static RigResult result;
        rig_run(r, p, &result);
        bool ok = !result.started && result.step == step && result.error == error &&
                  (!detail || streq(result.detail, detail));
        if (!ok)
                print_output(&result);
        tell(ok, "told of a start that failed", name);
        launch_plan_free(p);
}

static LaunchPlan *command(Rig *r, const char *path) {
        LaunchPlan *p = rig_plan(r);
        const char *const argv[] = { path, NULL };
        plan_set_argv(p, argv);
        return p;
}

static void failures_are_told(Rig *r) {
        told_failure(r, command(r, "no-such-program"), LAUNCH_STEP_EXEC, ENOENT, "no-such-program",
                        "no such command");
        told_failure(r, command(r, "/etc/passwd"), LAUNCH_STEP_EXEC, EACCES, "/etc/passwd",
                        "what is no program");
        LaunchPlan *p = command(r, "/usr/bin/true");
        free(p->cwd);
        p->cwd = strdup("/nowhere");
        told_failure(r, p, LAUNCH_STEP_CWD, ENOENT, "/nowhere", "no such directory to work in");
        p = command(r, "/usr/bin/true");
        (void)plan_add_mount(p, "/nowhere", PLAN_READONLY);
        told_failure(r, p, LAUNCH_STEP_OPEN, ENOENT, "/nowhere", "a path that must be there");
        p = command(r, "/usr/bin/true");
        free(p->scope);
        p->scope = strdup("/no-such.scope");
        told_failure(r, p, LAUNCH_STEP_CGROUP, ENOENT, NULL, "no such scope");
        p = command(r, "/usr/bin/true");
        (void)plan_add_mount(p, "/proc/sys", PLAN_READONLY);
        told_failure(r, p, LAUNCH_STEP_MOUNT, EPERM, "/proc/sys", "a grant in /proc");
        p = command(r, "/usr/bin/true");
        p->template.landlock_abi = 99;
        told_failure(r, p, LAUNCH_STEP_LANDLOCK, EOPNOTSUPP, NULL, "more of Landlock than there is");

        static RigResult result;
        p = command(r, "/usr/bin/true");
        plan_add_mount(p, "/nowhere", PLAN_READONLY)->required = false;
        rig_run(r, p, &result);
        tell(result.started && result.code == 0, "starts", "without a path that need not be there");
        launch_plan_free(p);
}

/* ---- signals ---- */

static void pid_1_hears_nobody_inside(Rig *r) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = shell(r, "for s in TERM KILL STOP INT HUP CHLD 34 64; "
                                                              "do kill -$s 1; done; sleep 0.1; echo alive");
        rig_run(r, p, &result);
        tell(result.started && result.code == 0 && said(&result, "alive"), "pid 1 hears", "nobody inside");
}

/* Waits for the command's own word that it is ready. */
static void await_word(const RigBox *box, const char *word) {
        char text[256] = "";
        size_t n = 0;
        while (!strstr(text, word)) {
                struct pollfd p = { .fd = box->output, .events = POLLIN };
                need(poll(&p, 1, 20000) == 1 && n < sizeof(text) - 1, word);
                ssize_t got = read(box->output, text + n, sizeof(text) - 1 - n);
                need(got > 0, word);
                n += (size_t)got;
                text[n] = 0;
        }
}

static void start_shell(Rig *r, const char *script, RigBox *ret) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = shell(r, script);
        if (!rig_spawn(r, p, ret, &result))
                rig_die(result.detail, result.error);
}

static void signals_reach_the_command(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, "trap 'exit 5' USR1; echo ready; while :; do sleep 0.05; done", &box);
        await_word(&box, "ready");
        LaunchReport report = ask(r, LAUNCH_SIGNAL, box.id, 0, SIGUSR1);
        rig_wait(r, &box, 0, &result);
        tell(report.event == LAUNCH_EVENT_OK && result.code == 5, "a signal", "to the command");
        report = ask(r, LAUNCH_SIGNAL, box.id, 0, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, EINVAL), "a signal", "that is none");
        rig_release(r, box.id, 0);
        report = ask(r, LAUNCH_SIGNAL, box.id, 0, SIGTERM);
        tell(was(&report, LAUNCH_EVENT_FAILED, ENOENT), "a signal", "to who is gone");
}

static void stop_is_kind_first(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, "trap 'echo asked; exit 9' TERM; echo ready; while :; do sleep 0.05; done", &box);
        await_word(&box, "ready");
        need(pidfd_send_signal(box.pidfd, SIGTERM, NULL, 0) == 0, "SIGTERM");
        rig_wait(r, &box, 0, &result);
        tell(said(&result, "asked") && result.code == 9, "SIGTERM to pid 1", "asks first");
        rig_release(r, box.id, 0);

        start_shell(r, "trap '' TERM; echo ready; while :; do sleep 0.05; done", &box);
        await_word(&box, "ready");
        need(pidfd_send_signal(box.pidfd, SIGTERM, NULL, 0) == 0, "SIGTERM");
        rig_wait(r, &box, 0, &result);
        tell(result.signal == SIGKILL, "SIGTERM to pid 1", "ends who does not listen");
        rig_release(r, box.id, 0);
}

/* ---- nothing stays ---- */

static bool is_empty(const Rig *r, const char *id) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        need(asprintf(&path, "%s/%s/cgroup.procs", r->scope_dir, id) > 0, "memory");
        need(fd_read_file_at(AT_FDCWD, path, 65536, &text, NULL) == 0, path);
        return text[0] == 0;
}

#define SURVIVOR "setsid sh -c 'trap \"\" TERM HUP; exec 0<&- 1>&- 2>&-; sleep 600 & sleep 600' & sleep 0.2"

static void kill_cgroup(const Rig *r, const RigBox *box) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/%s/cgroup.kill", r->scope_dir, box->id) > 0, "memory");
        need(fd_write_file_at(AT_FDCWD, path, "1") == 0, path);
}

static void the_end_takes_all_along(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, SURVIVOR, &box);
        rig_wait(r, &box, 0, &result);
        for (int i = 0; i < 200 && !is_empty(r, box.id); i++) /* pid 1 is on its way out when it is told */
                (void)usleep(10000);
        tell(is_empty(r, box.id), "nothing survives", "the end of the command");
        rig_release(r, box.id, 0);
}

static void set_frozen(const Rig *r, const char *value) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/cgroup.freeze", r->scope_dir) > 0, "memory");
        need(fd_write_file_at(AT_FDCWD, path, value) == 0, path);
}

/* A child that cannot take its first step, and shares the launcher's descriptors until it does. */
static void a_frozen_scope_holds_nobody_up(Rig *r) {
        LaunchPlan *p = rig_plan(r);
        static const char *const argv[] = { "true", NULL };
        plan_set_argv(p, argv);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int memfd = -EBADF, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        need(null >= 0 && launch_plan_encode(p, &data, &size) == 0 &&
                                        sealed_memfd_new(data, size, &memfd) == 0,
                        "plan");
        const int fds[] = { memfd, null, null, null };
        LaunchRequest q = {
                .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .serial = ++r->serial, .verb = LAUNCH_SPAWN
        };
        set_frozen(r, "1");
        need(launch_send(r->socket, &q, sizeof(q), fds, ELEMENTSOF(fds)) == 0, "send");
        LaunchReport report = ask(r, LAUNCH_SIGNAL, "00000000000000000000000000000000", 0, SIGTERM);
        tell(was(&report, LAUNCH_EVENT_FAILED, ENOENT), "a frozen scope", "holds nobody up");
        set_frozen(r, "0");
        do
                report = rig_next(r, NULL, NULL);
        while (report.event == LAUNCH_EVENT_STARTED);
        tell(report.event == LAUNCH_EVENT_EXITED && report.code == 0 && streq(report.id, p->id),
                        "a frozen scope", "goes on when it is thawed");
        rig_release(r, report.id, 0);
        launch_plan_free(p);
        (void)close(memfd);
        (void)close(null);
}

/* The mutants: what remains is there, and is seen to be. */
static void something_survives(Rig *r, const char *name) {
        static RigResult result;
        RigBox box;
        start_shell(r, SURVIVOR "; echo ready; exit 0", &box);
        await_word(&box, "ready");
        struct pollfd p = { .fd = box.pidfd, .events = POLLIN };
        tell(poll(&p, 1, 1000) == 0 && !is_empty(r, box.id), "something survives", name);
        kill_cgroup(r, &box);
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
}

static void the_cgroup_ends_it(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, SURVIVOR "; echo ready; sleep 600", &box);
        await_word(&box, "ready");
        kill_cgroup(r, &box);
        rig_wait(r, &box, 0, &result);
        tell(result.signal == SIGKILL && is_empty(r, box.id), "nothing survives", "cgroup.kill");
        rig_release(r, box.id, 0);
}

static void pid_1_takes_all_along(Rig *r, bool walls) {
        static RigResult result;
        RigBox box;
        start_shell(r, SURVIVOR "; echo ready; exec 1>&- 2>&-; sleep 600", &box);
        await_word(&box, "ready");
        need(pidfd_send_signal(box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, &box, 0, &result);
        tell(result.signal == SIGKILL && is_empty(r, box.id) == walls,
                        walls ? "nothing survives" : "something survives without a pid namespace",
                        "SIGKILL of pid 1");
        kill_cgroup(r, &box);
        for (int i = 0; i < 200 && !is_empty(r, box.id); i++)
                (void)usleep(10000);
        rig_release(r, box.id, 0);
}

/* ---- releases, and launchers' memory ---- */

static uint64_t send_release(Rig *r, const char *id) {
        LaunchRequest q = { .magic = LAUNCH_MAGIC,
                .version = LAUNCH_VERSION,
                .verb = LAUNCH_RELEASE,
                .serial = ++r->serial };
        (void)snprintf(q.id, sizeof(q.id), "%s", id);
        need(launch_send(r->socket, &q, sizeof(q), NULL, 0) == 0, "send");
        return q.serial;
}

/* Who traces pid 1 and looks away keeps its parent from burying it. */
static void a_release_is_answered(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, "echo ready; exec sleep 600", &box);
        await_word(&box, "ready");
        need(ptrace(PTRACE_SEIZE, box.pid, NULL, NULL) == 0, "PTRACE_SEIZE");
        (void)ask(r, LAUNCH_SIGNAL, box.id, 0, SIGKILL);
        rig_wait(r, &box, 0, &result);
        uint64_t first = send_release(r, box.id), second = send_release(r, box.id);
        LaunchReport report = rig_next(r, NULL, NULL);
        tell(was(&report, LAUNCH_EVENT_FAILED, EAGAIN) && report.serial == second,
                        "a second release while one waits", "is refused at once");
        struct pollfd p = { .fd = r->socket, .events = POLLIN };
        need(poll(&p, 1, 60000) == 1, "an answer");
        report = rig_next(r, NULL, NULL);
        tell(was(&report, LAUNCH_EVENT_FAILED, EBUSY) && report.serial == first,
                        "a release of what does not finish dying", "is refused in the end");
        uint64_t third = send_release(r, box.id);
        need(waitpid(box.pid, NULL, __WALL) == box.pid, "waitpid");
        report = rig_next(r, NULL, NULL);
        tell(was(&report, LAUNCH_EVENT_OK, 0) && report.serial == third, "a release asked for again",
                        "is done when it is dead");
}

static bool has_leaf(const Rig *r, const char *id) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/%s", r->scope_dir, id) > 0, "memory");
        return access(path, F_OK) == 0;
}

/* Root of the host put something into the leaf: a process, and what rmdir(2) does not take. */
static void a_leaf_that_stays_is_not_forgotten(Rig *r) {
        static RigResult result;
        RigBox box;
        _cleanup_free_ char *procs = NULL, *child = NULL;
        start_shell(r, "read x", &box);
        need(asprintf(&procs, "%s/%s/cgroup.procs", r->scope_dir, box.id) > 0 &&
                                        asprintf(&child, "%s/%s/child", r->scope_dir, box.id) > 0,
                        "memory");
        pid_t guest = fork();
        if (guest == 0)
                for (;;)
                        (void)pause();
        _cleanup_free_ char *line = NULL;
        need(guest > 0 && asprintf(&line, "%d", guest) > 0, "fork");
        need(fd_write_file_at(AT_FDCWD, procs, line) == 0 && mkdir(child, 0755) == 0, "a guest in the leaf");
        rig_wait(r, &box, 0, &result); /* /dev/null ends it */
        LaunchReport report = ask(r, LAUNCH_RELEASE, box.id, 0, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, EBUSY) && has_leaf(r, box.id), "a leaf that stays",
                        "is told");
        int status;
        need(waitpid(guest, &status, 0) == guest, "waitpid");
        tell(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a leaf that stays",
                        "has nothing living in it");
        need(rmdir(child) == 0, "rmdir");
        report = ask(r, LAUNCH_RELEASE, box.id, 0, 0); /* says no path: what is forgotten is not found */
        tell(was(&report, LAUNCH_EVENT_OK, 0) && !has_leaf(r, box.id), "a leaf that stays",
                        "is asked for again");
}

static void release_is_once(Rig *r) {
        static RigResult result;
        RigBox box;
        start_shell(r, "read x", &box);
        LaunchReport report = ask(r, LAUNCH_RELEASE, box.id, 0, 0);
        if (report.event != LAUNCH_EVENT_OK) { /* else its end was told before, and passed by */
                rig_wait(r, &box, 0, &result); /* /dev/null ends it */
                rig_release(r, box.id, 0);
        }
        report = ask(r, LAUNCH_RELEASE, box.id, 0, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, ENOENT), "released", "no more than once");

        start_shell(r, "sleep 600", &box);
        report = ask(r, LAUNCH_RELEASE, box.id, 0, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, EAGAIN), "released", "not while it runs");
        LaunchRequest q = { .verb = LAUNCH_DROP };
        (void)snprintf(q.path, sizeof(q.path), "%s", r->scope);
        report = rig_request(r, q, NULL, 0, NULL, NULL);
        tell(was(&report, LAUNCH_EVENT_FAILED, EBUSY), "a scope is dropped",
                        "not while something runs in it");
        end(r, &box);
}

/* mxcd comes back: one sandbox runs on, another ended while nobody listened. */
static void ends_are_kept(Rig *r) {
        RigBox runs, ends_meanwhile;
        start_shell(r, "sleep 600", &runs);
        start_shell(r, "sleep 0.2; exit 4", &ends_meanwhile);
        (void)close(r->socket);
        r->socket = -EBADF;
        struct pollfd p = { .fd = ends_meanwhile.pidfd, .events = POLLIN };
        need(poll(&p, 1, 20000) == 1, "the end");
        rig_connect(r);

        LaunchRequest q = {
                .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .verb = LAUNCH_HELLO, .serial = ++r->serial
        };
        need(launch_send(r->socket, &q, sizeof(q), NULL, 0) == 0, "HELLO");
        size_t adopted = 0, with_fds = 0, exited = 0;
        for (;;) {
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                LaunchReport report = rig_next(r, fds, &n);
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]);
                if (report.event == LAUNCH_EVENT_ADOPT) {
                        adopted += streq(report.id, runs.id) || streq(report.id, ends_meanwhile.id);
                        with_fds += n == 2 && streq(report.path, r->scope);
                }
                exited += report.event == LAUNCH_EVENT_EXITED && streq(report.id, ends_meanwhile.id) &&
                          report.code == 4;
                if (report.event == LAUNCH_EVENT_OK)
                        break;
        }
        tell(adopted == 2 && with_fds == 2, "told to who comes back", "all that is there");
        tell(exited == 1, "told to who comes back", "an end that nobody heard");
        rig_release(r, ends_meanwhile.id, 0);
        end(r, &runs);
        const int fds[] = { ends_meanwhile.pidfd, ends_meanwhile.page, ends_meanwhile.output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
}

/* ---- execs ---- */

/* Commands 2 to n + 1 of a sandbox that is killed: each end is told, in whatever order. */
static void go_together(Rig *r, RigBox *box, uint32_t n) {
        need(pidfd_send_signal(box->pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        uint32_t killed = 0;
        bool sandbox = false;
        while (killed < n || !sandbox) {
                LaunchReport report = rig_next(r, NULL, NULL);
                if (report.event != LAUNCH_EVENT_EXITED || report.signal != SIGKILL)
                        break;
                killed += report.exec > 0;
                sandbox = sandbox || report.exec == 0;
        }
        tell(killed == n && sandbox, "execs", "go with their sandbox");
        LaunchReport report = ask(r, LAUNCH_RELEASE, box->id, 0, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, EAGAIN), "released", "not before its execs are");
        for (uint32_t exec = 2; exec <= n + 1; exec++)
                rig_release(r, box->id, exec);
        rig_release(r, box->id, 0);
        const int fds[] = { box->pidfd, box->page, box->output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
}

/* ---- what is left of it ---- */

static bool launcher_holds(const Rig *r, const char *what) {
        char path[64], target[64];
        (void)snprintf(path, sizeof(path), "/proc/%d/fd", r->launcher);
        DIR *dir = opendir(path);
        need(dir != NULL, path);
        bool found = false;
        for (struct dirent *e; !found && (e = readdir(dir));) {
                ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
                target[n > 0 ? n : 0] = 0;
                found = streq(target, what);
        }
        (void)closedir(dir);
        return found;
}

/* Its network, as the launcher's descriptors call it. */
static void look_at_network(Rig *r, RigResult *ret) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = shell(r, "readlink /proc/self/ns/net");
        rig_run(r, p, ret);
        need(ret->started && ret->code == 0, ret->detail);
        ret->output[strcspn(ret->output, "\n")] = 0;
}

static void networks_go(Rig *r) {
        static RigResult result;
        look_at_network(r, &result);
        for (int i = 0; i < 1000 && launcher_holds(r, result.output); i++)
                (void)usleep(20000);
        tell(!launcher_holds(r, result.output), "a network", "goes when its sandbox has, and there is time");
        look_at_network(r, &result);
        for (int i = 0; i < 400000 && (i % 256 != 0 || launcher_holds(r, result.output)); i++)
                (void)ask(r, LAUNCH_SIGNAL, "nobody", 0, SIGTERM); /* something to do */
        tell(!launcher_holds(r, result.output), "a network", "goes also where there is none");
}

static void few_descriptors(void) {
        const struct rlimit few = { .rlim_cur = LAUNCHER_FDS_LOW + 128, .rlim_max = LAUNCHER_FDS_LOW + 128 };
        need(setrlimit(RLIMIT_NOFILE, &few) == 0, "RLIMIT_NOFILE");
}

/* Three of each sandbox's are needed. A fourth, for a network that is to go later, is in the way of the last of these. */
static void networks_give_way(const char *launcher) {
        enum { AT_ONCE = 36 };
        static RigResult result;
        static RigBox boxes[AT_ONCE];
        Rig r;
        rig_start_hooked(&r, launcher, NULL, few_descriptors);
        size_t n = 0;
        for (bool more = true; more && n < AT_ONCE; n += more) {
                _cleanup_(launch_plan_freep) LaunchPlan *p = rig_plan(&r);
                more = rig_spawn(&r, p, &boxes[n], &result);
        }
        tell(n == AT_ONCE, "networks that are to go later",
                        "do not take the descriptors of sandboxes to come");
        while (n > 0)
                end(&r, &boxes[--n]);
        rig_stop(&r);
}

static void execs_are_bounded(Rig *r) {
        static RigResult result;
        static RigBox inner[LIMIT_EXECS_PER_SANDBOX + 1];
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = rig_plan(r);
        need(rig_spawn(r, p, &box, &result), "a sandbox without a command");
        char *argv[] = { (char *)"sleep", (char *)"600", NULL };
        const ExecPlan e = exec_of(&box, p, argv);
        uint32_t n = 0;
        while (n < LIMIT_EXECS_PER_SANDBOX && rig_exec(r, &e, n + 1, &inner[n], &result))
                n++;
        tell(n == LIMIT_EXECS_PER_SANDBOX, "execs", "as many as the limit");
        bool more = rig_exec(r, &e, n + 1, &inner[n], &result);
        tell(!more && result.error == EMFILE, "execs", "not one more");
        LaunchReport report = ask(r, LAUNCH_SIGNAL, box.id, 1, SIGTERM);
        rig_wait(r, &inner[0], 1, &result);
        rig_release(r, box.id, 1);
        tell(report.event == LAUNCH_EVENT_OK && result.signal == SIGTERM, "execs",
                        "a signal to one of them");
        more = rig_exec(r, &e, n + 1, &inner[0], &result);
        tell(more, "execs", "one in the place of one that is gone");
        more = rig_exec(r, &e, 2, &inner[n], &result);
        tell(!more && result.error == EEXIST, "execs", "no number twice");
        report = ask(r, LAUNCH_RELEASE, box.id, 2, 0);
        tell(was(&report, LAUNCH_EVENT_FAILED, EAGAIN), "execs", "none is released while it runs");
        go_together(r, &box, n);
        for (uint32_t i = 0; i < n; i++) {
                (void)close(inner[i].pidfd);
                (void)close(inner[i].output);
        }
}

/* ---- terminals ---- */

static void terminal(Rig *r) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p =
                        shell(r, "stty size; tty; ps -o tty= 2>/dev/null; test -t 0 && test -t 1 && test -t "
                                 "2 && : </dev/tty && echo controls");
        p->pty = true;
        p->rows = 33;
        p->columns = 111;
        rig_run(r, p, &result);
        bool ok = result.started && said(&result, "33 111") && said(&result, "/dev/pts/0") &&
                  said(&result, "controls");
        if (!ok)
                print_output(&result);
        tell(ok, "a terminal", "of its own, of the size that was asked for");
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        rig_start(&r, argv[1], NULL);
        ends_are_told(&r);
        ends_of_execs_are_told(&r);
        failures_are_told(&r);
        pid_1_hears_nobody_inside(&r);
        signals_reach_the_command(&r);
        stop_is_kind_first(&r);
        the_end_takes_all_along(&r);
        a_frozen_scope_holds_nobody_up(&r);
        the_cgroup_ends_it(&r);
        pid_1_takes_all_along(&r, true);
        release_is_once(&r);
        a_leaf_that_stays_is_not_forgotten(&r);
        a_release_is_answered(&r);
        ends_are_kept(&r);
        networks_go(&r);
        execs_are_bounded(&r);
        terminal(&r);
        rig_stop(&r);
        networks_give_way(argv[1]);
        rig_start(&r, argv[2], "kill-rest");
        something_survives(&r, "a pid 1 that kills nobody");
        rig_stop(&r);
        rig_start(&r, argv[2], "pidns,proof");
        pid_1_takes_all_along(&r, false);
        rig_stop(&r);
        return tell_end();
}
