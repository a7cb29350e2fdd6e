/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit-bounds.h"

#include <fcntl.h>

#include "cleanup.h"
#include "fd.h"

#define UNIT_FILE_MAX (64U * 1024)

/* RESOURCE_UNLIMITED is "infinity" to systemd and, of a weight, "not set". */
static const struct {
        ResourceKind kind;
        const char *property, *key; /* as the bus and as unit files call it */
        bool is_weight;
} bounds[] = {
        { RESOURCE_MEMORY_MAX, "MemoryMax", "MemoryMax", false },
        { RESOURCE_SWAP_MAX, "MemorySwapMax", "MemorySwapMax", false },
        { RESOURCE_TASKS_MAX, "TasksMax", "TasksMax", false },
        { RESOURCE_CPU_QUOTA, "CPUQuotaPerSecUSec", "CPUQuota", false },
        { RESOURCE_CPU_WEIGHT, "CPUWeight", "CPUWeight", true },
        { RESOURCE_IO_WEIGHT, "IOWeight", "IOWeight", true },
};
_Static_assert(ELEMENTSOF(bounds) == UNIT_BOUNDS, "each has its place");

int unit_bounds_append(sd_bus_message *m, const Policy *p) {
        int r = 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(bounds); i++) {
                uint64_t value = p->resources[bounds[i].kind];
                if (value != RESOURCE_UNLIMITED)
                        r = sd_bus_message_append(m, "(sv)", bounds[i].property, "t", value);
        }
        return r;
}

/* What SetUnitProperties has written until the next boot is no file of anybody's. */
static bool is_ours(const char *path) {
        return strncmp(path, "/run/systemd/system.control/", strlen("/run/systemd/system.control/")) == 0 ||
               strncmp(path, "/run/systemd/transient/", strlen("/run/systemd/transient/")) == 0;
}

/* Whether there is a line about that. What it says is for systemd to understand. */
static bool is_said(const char *text, const char *key) {
        const size_t n = strlen(key);
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += strspn(line, " \t\r\n");
                if (strncmp(line, key, n) == 0 && line[n + strspn(line + n, " \t")] == '=')
                        return true;
        }
        return false;
}

/* Of what no file of theirs speaks, the value is ours of before. One that cannot be read may speak of all. */
static void read_file(const char *path, UnitBounds *now) {
        _cleanup_free_ char *text = NULL;
        if (path[0] == 0 || is_ours(path))
                return;
        int r = fd_read_file_at(AT_FDCWD, path, UNIT_FILE_MAX, &text, NULL);
        for (size_t i = 0; i < ELEMENTSOF(bounds); i++)
                now->theirs[i] = now->theirs[i] || r < 0 || is_said(text, bounds[i].key);
}

static int read_drop_ins(sd_bus_message *m, UnitBounds *now) {
        const char *path;
        int r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &path)) > 0)
                read_file(path, now);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

/* A scope that was started by a call has one as well. */
static int read_fragment(sd_bus_message *m, UnitBounds *now) {
        const char *path;
        int r = sd_bus_message_read(m, "v", "s", &path);
        if (r >= 0)
                read_file(path, now);
        return r;
}

static int read_property(sd_bus_message *m, UnitBounds *now) {
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(bounds); i++)
                if (streq(name, bounds[i].property)) {
                        now->known[i] = true;
                        return sd_bus_message_read(m, "v", "t", &now->value[i]);
                }
        if (r >= 0 && streq(name, "DropInPaths"))
                return read_drop_ins(m, now);
        if (r >= 0 && streq(name, "FragmentPath"))
                return read_fragment(m, now);
        return r >= 0 ? sd_bus_message_skip(m, "v") : r;
}

int unit_bounds_read(sd_bus_message *m, UnitBounds *ret) {
        *ret = (UnitBounds){ .known = { false } };
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(m, ret);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

/* Without a word of the policy's it is systemd's own default that holds, as it did when the scope was started. */
static uint64_t wanted(const Policy *p, uint64_t tasks_default, size_t i) {
        uint64_t value = p->resources[bounds[i].kind];
        return value == RESOURCE_UNLIMITED && bounds[i].kind == RESOURCE_TASKS_MAX ? tasks_default : value;
}

static bool is_to_be_set(const UnitBounds *now, size_t i, uint64_t value, bool stricter) {
        if (!now->known[i] || now->value[i] == value ||
                        (bounds[i].kind == RESOURCE_TASKS_MAX && value == 0)) /* not known */
                return false;
        if (!stricter || !now->theirs[i])
                return true;
        return bounds[i].is_weight ? now->value[i] == RESOURCE_UNLIMITED : now->value[i] > value;
}

static int add_words(char **words, const char *property, uint64_t value) {
        _cleanup_free_ char *before = *words;
        const char *so_far = before ? before : "", *space = before ? " " : "";
        int r = value == RESOURCE_UNLIMITED
                                ? asprintf(words, "%s%s%s=infinity", so_far, space, property)
                                : asprintf(words, "%s%s%s=%" PRIu64, so_far, space, property, value);
        if (r >= 0)
                return 0;
        *words = NULL;
        return -ENOMEM;
}

static int append_changed(sd_bus_message *m, const Policy *p, uint64_t tasks_default, const UnitBounds *now,
                bool stricter, char **words) {
        int r = 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(bounds); i++) {
                uint64_t value = wanted(p, tasks_default, i);
                if (!is_to_be_set(now, i, value, stricter))
                        continue;
                r = add_words(words, bounds[i].property, value);
                if (r >= 0)
                        r = sd_bus_message_append(m, "(sv)", bounds[i].property, "t", value);
        }
        return r;
}

int unit_bounds_message(sd_bus *bus, const char *unit, const Policy *p, uint64_t tasks_default,
                const UnitBounds *now, bool stricter, sd_bus_message **ret, char **ret_words) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *words = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD, "SetUnitProperties");
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", unit, 1); /* at runtime */
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = append_changed(m, p, tasks_default, now, stricter, &words);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0 || !words)
                return r < 0 ? r : 0;
        *ret = TAKE_PTR(m);
        *ret_words = TAKE_PTR(words);
        return 1;
}
