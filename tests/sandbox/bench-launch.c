/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long from a request to the agent's main(), and how many a second: bench-launch LAUNCHER TICK [SAMPLES]. The
 * launcher alone, with one connected client; tests/machine/bench.sh measures the whole. */

#include <fcntl.h>
#include <poll.h>

#include "cleanup.h"
#include "codec.h"
#include "rig.h"
#include "tests/bench/samples.h"

/* As many names as the vendor's list has, in a workspace that is a repository. */
static bool with_names;

static void add_names(LaunchPlan *p) {
        static const char *const gitdir[] = { "commondir", "config", "config.worktree", "gitdir", "hooks",
                "info/attributes" };
        for (int i = 0; with_names && i < 84; i++) {
                _cleanup_free_ char *root = NULL, *report = NULL;
                if (asprintf(&root, ".root-%d/settings", i) < 0 || asprintf(&report, ".report-%d", i) < 0)
                        rig_die("memory", ENOMEM);
                plan_add_handoff(p, PLAN_HANDOFF_ROOT, root);
                if (i < 46)
                        plan_add_handoff(p, PLAN_HANDOFF_REPORT, report);
        }
        for (size_t i = 0; with_names && i < ELEMENTSOF(gitdir); i++)
                plan_add_handoff(p, PLAN_HANDOFF_GITDIR, gitdir[i]);
}

/* Request to main(), in nanoseconds: the agent writes its clock. */
static uint64_t sample(Rig *r, const char *tick) {
        static RigResult result;
        LaunchPlan *p = rig_plan(r);
        plan_set_argv(p, (const char *const[]){ tick, NULL });
        add_names(p);
        RigBox box;
        uint64_t begin = now_ns();
        if (!rig_spawn(r, p, &box, &result)) {
                fprintf(stderr, "step %s: %s (%s)\n", launch_step_to_string(result.step),
                                strerror(result.error), result.detail);
                exit(EXIT_FAILURE);
        }
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
        (void)launch_plan_free(p);
        uint64_t main_at;
        if (result.output_size != sizeof(main_at))
                rig_die("the agent did not write its clock", EPROTO);
        memcpy(&main_at, result.output, sizeof(main_at));
        return main_at - begin;
}

static void latency(Rig *r, const char *tick, size_t n, uint64_t pause_ns, const char *name) {
        Samples s = { 0 };
        for (size_t i = 0; i < n; i++) {
                if (pause_ns > 0)
                        sleep_ns(pause_ns);
                samples_add(&s, sample(r, tick));
        }
        printf("request to main, %-6s p50 %7.3f ms  p90 %7.3f ms  p99 %7.3f ms  min %7.3f ms\n", name,
                        (double)samples_percentile(&s, 50) / 1e6, (double)samples_percentile(&s, 90) / 1e6,
                        (double)samples_percentile(&s, 99) / 1e6, (double)samples_percentile(&s, 1) / 1e6);
        samples_clear(&s);
}

static void send_request(Rig *r, LaunchRequest q, const int *fds, size_t n) {
        q.magic = LAUNCH_MAGIC;
        q.version = LAUNCH_VERSION;
        q.serial = ++r->serial;
        int e = launch_send(r->socket, &q, sizeof(q), fds, n);
        if (e < 0)
                rig_die("send", e);
}

static void send_spawn(Rig *r, const char *tick, int null) {
        LaunchPlan *p = rig_plan(r);
        plan_set_argv(p, (const char *const[]){ tick, NULL });
        add_names(p);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int plan = -EBADF, e = launch_plan_encode(p, &data, &size);
        if (e == 0)
                e = sealed_memfd_new(data, size, &plan);
        if (e < 0)
                rig_die("plan", e);
        send_request(r, (LaunchRequest){ .verb = LAUNCH_SPAWN }, (const int[]){ plan, null, null, null }, 4);
        (void)close(plan);
        (void)launch_plan_free(p);
}

/* So many at a time, each from its request to its RELEASE. */
static void rate(Rig *r, const char *tick, size_t n, size_t outstanding) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t sent = 0, done = 0, released = 0;
        uint64_t begin = now_ns();
        while (sent < outstanding) {
                send_spawn(r, tick, null);
                sent++;
        }
        while (released < n) {
                LaunchReport report = rig_next(r, NULL, NULL);
                if (report.event == LAUNCH_EVENT_FAILED)
                        rig_die(report.detail, report.error);
                released += report.event == LAUNCH_EVENT_OK;
                if (report.event != LAUNCH_EVENT_EXITED)
                        continue;
                LaunchRequest q = { .verb = LAUNCH_RELEASE };
                memcpy(q.id, report.id, sizeof(q.id));
                send_request(r, q, NULL, 0);
                if (++done + outstanding <= n) {
                        send_spawn(r, tick, null);
                        sent++;
                }
        }
        uint64_t took = now_ns() - begin;
        printf("%zu at a time: %.0f spawns/s\n", outstanding, (double)n * 1e9 / (double)took);
        (void)close(null);
}

/* The first of them with git, the others as copies. */
static void make_repositories(const Rig *r, const char *first, const char *copies) {
        _cleanup_free_ char *script = NULL;
        if (asprintf(&script,
                            "cd '%s' && git init -q %s && for i in %s; do cp -r %s nested-$i; done && chown "
                            "-R %u .",
                            r->workspace, first, copies, first, RIG_UID) < 0)
                rig_die("memory", ENOMEM);
        if (system(script) != 0)
                rig_die(script, EIO);
}

int main(int argc, char **argv) {
        if (argc < 3) {
                fprintf(stderr, "Usage: %s LAUNCHER TICK [SAMPLES]\n", argv[0]);
                return EXIT_FAILURE;
        }
        long wanted = argc > 3 ? atol(argv[3]) : 200;
        size_t n = wanted > 0 ? (size_t)wanted : 200;
        Rig r;
        rig_start(&r, argv[1], NULL);
        _cleanup_free_ char *tick = NULL, *copy = NULL;
        if (asprintf(&tick, "%s/tick", r.workspace) < 0 ||
                        asprintf(&copy, "cp '%s' '%s'", argv[2], tick) < 0)
                rig_die("memory", ENOMEM);
        if (system(copy) != 0)
                rig_die(copy, EIO);
        (void)sample(&r, tick); /* the template */
        latency(&r, tick, n, 0, "hot");
        latency(&r, tick, n, 20 * 1000000, "paced");
        with_names = true;
        make_repositories(&r, ".", "");
        latency(&r, tick, n, 0, "names");
        make_repositories(&r, "nested", "$(seq 200)");
        latency(&r, tick, n, 0, "nested");
        for (size_t outstanding = 1; outstanding <= 8; outstanding *= 2)
                rate(&r, tick, n * 4, outstanding);
        rig_stop(&r);
        return EXIT_SUCCESS;
}
