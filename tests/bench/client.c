/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one connected client of mxcd sees. Times in microseconds, memory in KiB.
 *   client latency DOOR ROUNDS GAP_MS TICK    request to the first line of the agent's main(), and to its Exited signal
 *   client rate DOOR CALLERS ROUNDS TICK      so many callers, each with a connection, each spawning and awaiting: spawns a second
 *   client scale DOOR COUNT AGENTS PREFIX IDLE TICK
 *                                             COUNT idle sandboxes of AGENTS agents (PREFIX0…; an empty prefix: the default one)
 * DOOR is "bus" or "private". Each prints "NAME<TAB>VALUE" lines. */

#include "common/cleanup.h"
#include "common/names.h"
#include "tests/bench/connection.h"
#include "tests/bench/samples.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CGROUP "/sys/fs/cgroup"
#define WINDOW 32 /* requests under way while the population grows or ends; mxcd allows 64 of one uid */

static unsigned long number(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*text == '\0' || *end != '\0')
                errx(EXIT_FAILURE, "not a number: %s", text);
        return n;
}

static sd_bus *open_door(const char *door) {
        if (!streq(door, "bus") && !streq(door, "private"))
                errx(EXIT_FAILURE, "DOOR is bus or private");
        return connection_open(streq(door, "private"));
}

/* One spawn of tick, awaited. */
static void tick_once(sd_bus *bus, const char *agent, const char *tick, Samples *to_main, Samples *to_exit) {
        const char *const argv[] = { tick, NULL };
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                err(EXIT_FAILURE, "pipe");
        Job job = { .bus = bus, .agent = agent, .argv = argv, .stdout_fd = fds[1] };
        uint64_t start = now_ns(), main_ns = 0;
        job_spawn(&job);
        (void)close(fds[1]);
        while (!job.exited)
                connection_turn(bus);
        uint64_t end = now_ns();
        if (read(fds[0], &main_ns, sizeof main_ns) != sizeof main_ns)
                errx(EXIT_FAILURE, "the agent said nothing");
        (void)close(fds[0]);
        samples_add(to_main, main_ns - start);
        samples_add(to_exit, end - start);
}

static void measure_ticks(sd_bus *bus, const char *agent, const char *tick, unsigned long rounds,
                unsigned long gap_ms, const char *what) {
        Samples to_main = {}, to_exit = {};

        for (unsigned long i = 0; i < rounds + 3; i++) {
                if (gap_ms)
                        sleep_ns(gap_ms * 1000000);
                tick_once(bus, agent, tick, &to_main, &to_exit);
                if (i == 2) /* the first of an agent waits for PID 1, once */
                        to_main.n = to_exit.n = 0;
        }
        printf("%s main p50\t%" PRIu64 "\n%s main p99\t%" PRIu64 "\n", what,
                        samples_percentile(&to_main, 50) / 1000, what,
                        samples_percentile(&to_main, 99) / 1000);
        printf("%s exit p50\t%" PRIu64 "\n%s exit p99\t%" PRIu64 "\n", what,
                        samples_percentile(&to_exit, 50) / 1000, what,
                        samples_percentile(&to_exit, 99) / 1000);
        samples_clear(&to_main);
        samples_clear(&to_exit);
}

static int verb_latency(char **argv) {
        measure_ticks(open_door(argv[0]), "", argv[3], number(argv[1]), number(argv[2]), "latency");
        return EXIT_SUCCESS;
}

static void caller(const char *door, unsigned long rounds, const char *tick, int go) {
        sd_bus *bus = open_door(door);
        Samples a = {}, b = {};
        char byte;

        tick_once(bus, "", tick, &a, &b);
        if (read(go, &byte, 1) != 0) /* end of file: all start at once */
                errx(EXIT_FAILURE, "no start");
        for (unsigned long i = 0; i < rounds; i++)
                tick_once(bus, "", tick, &a, &b);
}

static int verb_rate(char **argv) {
        unsigned long callers = number(argv[1]), rounds = number(argv[2]);
        int go[2], status;

        if (pipe2(go, O_CLOEXEC) < 0)
                err(EXIT_FAILURE, "pipe");
        for (unsigned long i = 0; i < callers; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        err(EXIT_FAILURE, "fork");
                if (pid == 0) {
                        (void)close(go[1]);
                        caller(argv[0], rounds, argv[3], go[0]);
                        _exit(EXIT_SUCCESS);
                }
        }
        sleep_ns(1500000000); /* they connect and warm up meanwhile */
        uint64_t start = now_ns();
        (void)close(go[1]);
        for (unsigned long i = 0; i < callers; i++)
                if (wait(&status) < 0 || status != 0)
                        errx(EXIT_FAILURE, "a caller failed");
        printf("rate %lu\t%" PRIu64 "\n", callers,
                        (uint64_t)(callers * rounds) * UINT64_C(1000000000) / (now_ns() - start));
        return EXIT_SUCCESS;
}

/* --- scale */

/* Everything that is in use and is no page cache of a file: processes, slab, page tables, tmpfs. */
static uint64_t memory_used_kib(void) {
        static const char *const names[] = { "MemTotal:", "MemFree:", "Buffers:", "Cached:", "Shmem:" };
        uint64_t v[ELEMENTSOF(names)] = {}, value;
        char name[64];
        _cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");

        if (!f)
                err(EXIT_FAILURE, "/proc/meminfo");
        while (fscanf(f, "%63s %" SCNu64 "%*[^\n]", name, &value) == 2)
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (streq(name, names[i]))
                                v[i] = value;
        return v[0] - v[1] - v[2] - v[3] + v[4];
}

typedef struct Population {
        Job *jobs;
        char (*agents)[64];
        char **scopes; /* of each agent: the directory that holds its leaves */
        unsigned long n_agents, wanted, asked, started, exited;
        unsigned long killed, kills; /* agents: asked for, and answered */
        const char *const *argv;
        sd_bus *bus;
} Population;

static Population population;

static void on_idle_exited(_unused_ Job *job) {
        population.exited++;
}

static void on_idle_started(_unused_ Job *job) {
        population.started++;
}

static void populate(void) {
        Population *p = &population;

        while (p->started < p->wanted) {
                while (p->asked < p->wanted && p->asked - p->started < WINDOW) {
                        Job *job = p->jobs + p->asked;

                        *job = (Job){ .bus = p->bus,
                                .agent = p->agents[p->asked % p->n_agents],
                                .argv = p->argv,
                                .stdout_fd = -EBADF,
                                .on_exited = on_idle_exited,
                                .on_started = on_idle_started };
                        p->asked++;
                        job_spawn(job);
                }
                connection_turn(p->bus);
                if (p->exited > 0)
                        errx(EXIT_FAILURE, "an idle sandbox ended by itself");
        }
}

static void kill_more(void);

static int on_killed(sd_bus_message *m, _unused_ void *userdata, _unused_ sd_bus_error *error) {
        if (sd_bus_message_is_method_error(m, NULL))
                errx(EXIT_FAILURE, "KillAll refused: %s", sd_bus_message_get_error(m)->message);
        population.kills++;
        kill_more();
        return 0;
}

static void kill_agent(sd_bus *bus, const char *name) {
        _cleanup_free_ char *path = NULL;
        char self[64];

        if (*name == '\0') {
                (void)snprintf(self, sizeof self, "user-%u", (unsigned)getuid());
                name = self;
        }
        int r = sd_bus_path_encode(MXC_AGENT_PATH_PREFIX, name, &path);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, connection_peer(bus), path, MXC_IFACE_AGENT,
                                "KillAll", on_killed, NULL, "");
        if (r < 0)
                errx(EXIT_FAILURE, "cannot ask for KillAll");
}

static void kill_more(void) {
        Population *p = &population;

        while (p->killed < p->n_agents && p->killed - p->kills < WINDOW)
                kill_agent(p->bus, p->agents[p->killed++]);
}

static char *find_scope(const char *sandbox) {
        _cleanup_free_ char *leaf = NULL;
        char *scope;
        int r = sd_bus_get_property_string(population.bus, connection_peer(population.bus), sandbox,
                        MXC_IFACE_SANDBOX, "ControlGroup", NULL, &leaf);

        if (r < 0 || asprintf(&scope, CGROUP "%s", leaf) < 0)
                errx(EXIT_FAILURE, "no control group of %s", sandbox);
        *strrchr(scope, '/') = '\0';
        return scope;
}

/* A directory of this file system has two links, and one more for each within. */
static bool has_leaves(const char *scope) {
        struct stat st;

        return stat(scope, &st) == 0 && st.st_nlink > 2 + 1; /* that of the anchor stays */
}

/* Whoever waits is told when all processes are dead and that is recorded. What is left then is ours to tidy up: it counts as well. */
static void stop_all(void) {
        Population *p = &population;
        uint64_t start = now_ns();

        kill_more();
        while (p->exited < p->wanted)
                connection_turn(p->bus);
        printf("told ms\t%" PRIu64 "\n", (now_ns() - start) / 1000000);
        for (unsigned long i = 0; i < p->n_agents; i++)
                while (has_leaves(p->scopes[i]))
                        sleep_ns(1000000);
        printf("stop ms\t%" PRIu64 "\n", (now_ns() - start) / 1000000);
}

static int verb_scale(char **argv) {
        Population *p = &population;
        const char *const idle[] = { argv[4], NULL };
        const char *prefix = argv[3];

        p->bus = open_door(argv[0]);
        p->wanted = number(argv[1]);
        p->n_agents = number(argv[2]);
        p->argv = idle;
        p->jobs = calloc(p->wanted, sizeof *p->jobs);
        p->agents = calloc(p->n_agents, sizeof *p->agents);
        p->scopes = calloc(p->n_agents, sizeof *p->scopes);
        if (!p->jobs || !p->agents || !p->scopes || p->n_agents == 0 || p->wanted < p->n_agents)
                errx(EXIT_FAILURE, "no memory");
        for (unsigned long i = 0; i < p->n_agents && *prefix; i++)
                (void)snprintf(p->agents[i], sizeof p->agents[i], "%s%lu", prefix, i);

        measure_ticks(p->bus, p->agents[0], argv[5], 50, 5, "empty");
        uint64_t before = memory_used_kib(), start = now_ns();
        populate();
        printf("populate ms\t%" PRIu64 "\n", (now_ns() - start) / 1000000);
        for (unsigned long i = 0; i < p->n_agents; i++)
                p->scopes[i] = find_scope(p->jobs[i].path); /* they took turns */
        sleep_ns(1000000000);
        printf("memory each\t%" PRIu64 "\n", (memory_used_kib() - before) / p->wanted);
        measure_ticks(p->bus, p->agents[0], argv[5], 50, 5, "full");
        stop_all();
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                int n_args;
                int (*run)(char **argv);
        } verbs[] = { { "latency", 4, verb_latency }, { "rate", 4, verb_rate }, { "scale", 6, verb_scale } };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (argc > 1 && streq(argv[1], verbs[i].name) && argc == verbs[i].n_args + 2)
                        return verbs[i].run(argv + 2);
        errx(EXIT_FAILURE, "usage: see the head of client.c");
}
