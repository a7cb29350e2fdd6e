/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sandboxes use, from the cgroup files that everybody may read; cpu time needs two looks. */

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "again.h"
#include "bus.h"
#include "fd.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "sandbox-name.h"
#include "say.h"
#include "status.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define FILE_MAX_BYTES 65536U
#define UNKNOWN TABLE_UNKNOWN

DEFINE_CLEANUP(Table *, table_free);

enum { TOP_DELAY = 1, TOP_ITERATIONS, TOP_ORDER };
const Option top_options[] = {
        { TOP_DELAY, 'd', "delay", "SPAN", "Look again after this long (default: 1s)" },
        { TOP_ITERATIONS, 'n', "iterations", "N",
                        "Look N times, and end (default on a terminal: until q is pressed; else 1)" },
        { TOP_ORDER, 'o', "order", "COLUMN", "cpu, memory, tasks or io, the most first (default: cpu)" },
        { 0 },
};

typedef enum Use { USE_CPU, USE_MEMORY, USE_TASKS, USE_IO, _USE_MAX } Use;
static const char *const use_words[_USE_MAX] = { "cpu", "memory", "tasks", "io" };

typedef struct Sample {
        char *path, *agent, *command;
        uint64_t usec;          /* when it was taken */
        uint64_t use[_USE_MAX]; /* microseconds, bytes, number, bytes, since it began; UNKNOWN: no such controller */
        uint64_t shown[_USE_MAX]; /* cpu: millionths of a processor; io: bytes a second */
} Sample;

typedef struct Samples {
        Sample *list;
        size_t n;
} Samples;

static void samples_clear(Samples *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->list[i].path);
                free(s->list[i].agent);
                free(s->list[i].command);
        }
        free(s->list);
        *s = (Samples){ 0 };
}

static uint64_t now_usec(void) {
        struct timespec t = { 0 };
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t digits_at(const char *s) {
        uint64_t v = 0;
        if (*s < '0' || *s > '9')
                return UNKNOWN;
        for (; *s >= '0' && *s <= '9'; s++)
                v = 10 * v + (uint64_t)(*s - '0');
        return v;
}

/* The number behind each "key" in a file of the kernel's, summed; behind "" the first one. */
static uint64_t read_number(int dir, const char *file, const char *key) {
        _cleanup_free_ char *text = NULL;
        if (fd_read_file_at(dir, file, FILE_MAX_BYTES, &text, NULL) < 0)
                return UNKNOWN;
        if (!*key)
                return digits_at(text);
        uint64_t sum = 0;
        for (const char *p = text; (p = strstr(p, key)); p += strlen(key)) {
                uint64_t v = digits_at(p + strlen(key));
                sum += v != UNKNOWN ? v : 0;
        }
        return sum;
}

static void measure(Sample *s, const char *cgroup) {
        _cleanup_free_ char *path = NULL;
        for (size_t i = 0; i < _USE_MAX; i++)
                s->use[i] = UNKNOWN;
        if (asprintf(&path, CGROUP_ROOT "%s", cgroup) < 0) {
                path = NULL;
                return;
        }
        _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        s->usec = now_usec();
        if (dir < 0)
                return; /* gone since */
        s->use[USE_CPU] = read_number(dir, "cpu.stat", "usage_usec ");
        s->use[USE_MEMORY] = read_number(dir, "memory.current", "");
        s->use[USE_TASKS] = read_number(dir, "pids.current", "");
        uint64_t in = read_number(dir, "io.stat", "rbytes="), out = read_number(dir, "io.stat", "wbytes=");
        s->use[USE_IO] = in == UNKNOWN || out == UNKNOWN ? UNKNOWN : in + out;
}

static const Sample *find(const Samples *s, const char *path) {
        for (size_t i = 0; s && i < s->n; i++)
                if (streq(s->list[i].path, path))
                        return &s->list[i];
        return NULL;
}

static uint64_t per_second(const Sample *now, const Sample *before, Use use) {
        uint64_t a = before ? before->use[use] : 0, b = now->use[use];
        if (!before || a == UNKNOWN || b == UNKNOWN || b < a || now->usec <= before->usec)
                return b == UNKNOWN ? UNKNOWN : 0;
        return (uint64_t)((double)(b - a) * 1e6 / (double)(now->usec - before->usec));
}

static bool is_wanted(const json_t *sandbox, const Options *o) {
        for (size_t i = 0; i < o->n_words; i++)
                if (streq(o->argv[i], member_text(sandbox, "Agent")))
                        return true;
        return o->n_words == 0;
}

static int take_samples(sd_bus *bus, const Options *o, const Samples *before, Samples *ret) {
        json_auto_t *list = NULL;
        int status = objects_list(bus, "ListSandboxes", &list);
        if (status != 0)
                return status;
        Samples s = { .list = calloc(json_array_size(list) + 1, sizeof(Sample)) };
        if (!s.list)
                return fail(STATUS_TROUBLE, "out of memory");
        size_t i;
        json_t *row;
        json_array_foreach(list, i, row) {
                if (!is_wanted(row, o))
                        continue;
                Sample *one = &s.list[s.n];
                *one = (Sample){ .path = strdup(member_text(row, "Path")),
                        .agent = strdup(member_text(row, "Agent")),
                        .command = words_shown(json_object_get(row, "Argv")) };
                s.n++;
                if (!one->path || !one->agent) {
                        samples_clear(&s);
                        return fail(STATUS_TROUBLE, "out of memory");
                }
                measure(one, member_text(row, "ControlGroup"));
                const Sample *old = find(before, one->path);
                memcpy(one->shown, one->use, sizeof one->shown);
                one->shown[USE_CPU] = per_second(one, old, USE_CPU);
                one->shown[USE_IO] = per_second(one, old, USE_IO);
        }
        *ret = s;
        return 0;
}

static Use order; /* of qsort(), which hands nothing on */

static int compare(const void *a, const void *b) {
        const Sample *x = a, *y = b;
        uint64_t u = x->shown[order] == UNKNOWN ? 0 : x->shown[order],
                 w = y->shown[order] == UNKNOWN ? 0 : y->shown[order];
        return u > w ? -1 : u < w ? 1 : strcmp(x->path, y->path);
}

static void add_sample(Table *t, const Sample *s) {
        table_addf(t, "%.*s", settings.full ? 64 : SANDBOX_ID_SHOWN, sandbox_id_of(s->path));
        table_add(t, s->agent, COLOUR_NONE);
        if (s->shown[USE_TASKS] == UNKNOWN)
                table_add(t, NULL, COLOUR_NONE);
        else
                table_addf(t, "%" PRIu64, s->shown[USE_TASKS]);
        if (s->shown[USE_CPU] == UNKNOWN)
                table_add(t, NULL, COLOUR_NONE);
        else
                table_addf(t, "%.1f", (double)s->shown[USE_CPU] / 1e4);
        table_add_bytes(t, s->shown[USE_MEMORY]);
        table_add_bytes(t, s->shown[USE_IO]);
        table_add(t, s->command, COLOUR_NONE);
}

static int print_samples(const Samples *s, size_t rows) {
        static const Column columns[] = { { "SANDBOX" }, { "AGENT" }, { "TASKS", .right = true },
                { "%CPU", .right = true }, { "MEMORY", .right = true }, { "IO/s", .right = true },
                { "COMMAND" } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        if (s->n > 0)
                qsort(s->list, s->n, sizeof(Sample), compare);
        for (size_t i = 0; i < s->n && i < rows; i++)
                add_sample(t, &s->list[i]);
        settings.no_pager = true;
        return table_print(t, s->n == 0 ? "sandboxes" : NULL, "sandboxes");
}

typedef struct Top {
        uint64_t iterations; /* 0: for ever */
        Again again;
} Top;

/* Until the next look. False when it is to end. */
static bool wait_for_next(Top *top, uint64_t delay) {
        char keys[_USE_MAX + 1] = "";
        for (size_t i = 0; i < _USE_MAX; i++)
                keys[i] = use_words[i][0];
        const char key = again_wait(&top->again, delay, keys);
        for (size_t i = 0; i < _USE_MAX; i++)
                if (key == keys[i])
                        order = (Use)i;
        return key != 'q';
}

static int look_again(sd_bus *bus, const Options *o, Top *top) {
        Samples before = { 0 };
        int status = 0;
        /* the first look is only what the second is compared with */
        for (uint64_t i = 0; status == 0 && (top->iterations == 0 || i <= top->iterations); i++) {
                Samples now = { 0 };
                status = take_samples(bus, o, &before, &now);
                if (status == 0 && i > 0) {
                        const size_t rows = again_begin(&top->again);
                        status = print_samples(&now, rows > 2 ? rows - 2 : SIZE_MAX);
                        if (!top->again.interactive && i < top->iterations)
                                putchar('\n');
                        (void)fflush(stdout); /* print_samples() has looked at it */
                }
                samples_clear(&before);
                before = now;
                if (status != 0 || (top->iterations > 0 && i == top->iterations))
                        break;
                if (!wait_for_next(top, i == 0 ? top->again.delay / 4 : top->again.delay))
                        break;
        }
        again_end(&top->again);
        samples_clear(&before);
        return status;
}

static int take_option(const Verb *v, Top *top, int id, const char *value) {
        char *end;
        switch (id) {
        case TOP_DELAY:
                return again_take_delay(&top->again, v, value);
        case TOP_ITERATIONS:
                top->iterations = strtoull(value, &end, 10);
                if (!*value || *end || strspn(value, "0123456789") != strlen(value) || top->iterations == 0)
                        return verb_misused(v, "--iterations=%s: it is a number from 1", value);
                return 0;
        default:
                for (size_t i = 0; i < _USE_MAX; i++)
                        if (streq(use_words[i], value)) {
                                order = (Use)i;
                                return 0;
                        }
                return verb_misused(v, "--order=%s: it is cpu, memory, tasks or io", value);
        }
}

/* One that there is not has no sandboxes, which is not what was asked. */
static int find_agent(sd_bus *bus, const char *name) {
        _cleanup_free_ char *path = NULL;
        json_auto_t *agent = NULL;
        int status = bus_agent_path(name, &path);
        return status != 0 ? status : bus_properties(bus, path, MXC_IFACE_AGENT, &agent);
}

int top_sandboxes(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        Top top = { .again = { .delay = 1000000 } };
        int id, status;
        while ((id = verb_next(v, o, &status)) > 0) {
                status = take_option(v, &top, id, o->value);
                if (status != 0)
                        return status;
        }
        if (id < 0)
                return status;
        if (settings.host)
                return fail(STATUS_TROUBLE,
                                "top looks at this machine's control groups; use ssh -t %s mxcctl top",
                                settings.host);
        top.again.interactive = top.iterations == 0 && again_is_interactive();
        if (top.iterations == 0 && !top.again.interactive)
                top.iterations = 1;
        status = bus_open(&bus);
        for (size_t i = 0; status == 0 && i < o->n_words; i++)
                status = find_agent(bus, o->argv[i]);
        return status != 0 ? status : look_again(bus, o, &top);
}
