/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/connection.h"

#include "common/cleanup.h"
#include "common/names.h"

#include <err.h>

#define BUCKETS 16384U /* so that what is measured with thousands is not the search for them */

static Job *jobs[BUCKETS];         /* those whose Exited signal is awaited, by path */
static char orphan_exits[64][128]; /* sandboxes that ended before their reply was read */
static size_t n_orphan_exits;

static _Noreturn void die(const char *what, int r) {
        errno = -r;
        err(EXIT_FAILURE, "%s", what);
}

static Job **bucket(const char *path) {
        uint32_t hash = 2166136261U; /* FNV-1a */

        for (; *path; path++)
                hash = (hash ^ (uint8_t)*path) * 16777619U;
        return jobs + hash % BUCKETS;
}

/* False: no job has that path. */
static bool job_finish(const char *path) {
        Job **at = bucket(path);

        while (*at && !streq((*at)->path, path))
                at = &(*at)->next;
        Job *job = *at;
        if (!job)
                return false;
        *at = job->next;
        job->exited = true;
        if (job->on_exited)
                job->on_exited(job);
        return true;
}

static int on_exited(sd_bus_message *m, _unused_ void *userdata, _unused_ sd_bus_error *error) {
        const char *path = sd_bus_message_get_path(m);
        uint32_t exec;

        if (sd_bus_message_read(m, "u", &exec) < 0 || exec != 0)
                return 0;
        if (job_finish(path))
                return 0;
        (void)snprintf(orphan_exits[n_orphan_exits++ % ELEMENTSOF(orphan_exits)], sizeof orphan_exits[0],
                        "%s", path);
        return 0;
}

sd_bus *connection_open(bool second) {
        sd_bus *bus = NULL;
        int r;

        if (second) {
                r = sd_bus_new(&bus);
                if (r >= 0)
                        r = sd_bus_set_address(bus, "unix:path=" MXC_PRIVATE_SOCKET);
                if (r >= 0)
                        r = sd_bus_negotiate_fds(bus, true);
                if (r >= 0)
                        r = sd_bus_start(bus);
        } else
                r = sd_bus_open_system(&bus);
        if (r < 0)
                die("cannot connect", r);
        r = sd_bus_match_signal(
                        bus, NULL, connection_peer(bus), NULL, MXC_IFACE_SANDBOX, "Exited", on_exited, NULL);
        if (r < 0)
                die("cannot watch for Exited", r);
        return bus;
}

const char *connection_peer(sd_bus *bus) {
        const char *unique;

        return sd_bus_get_unique_name(bus, &unique) >= 0 ? MXC_BUS_NAME : NULL;
}

static int on_reply(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error) {
        Job *job = userdata;
        const char *path;

        if (sd_bus_message_is_method_error(m, NULL))
                errx(EXIT_FAILURE, "refused: %s: %s", sd_bus_message_get_error(m)->name,
                                sd_bus_message_get_error(m)->message);
        int r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                die("cannot read the reply", r);
        job->slot = sd_bus_slot_unref(job->slot);
        (void)snprintf(job->path, sizeof job->path, "%s", path);
        Job **first = bucket(job->path);
        job->next = *first;
        *first = job;
        if (job->on_started)
                job->on_started(job);
        for (size_t i = 0; i < ELEMENTSOF(orphan_exits); i++)
                if (streq(orphan_exits[i], path)) {
                        orphan_exits[i][0] = '\0';
                        (void)job_finish(job->path); /* it is there */
                        break;
                }
        return 0;
}

void job_spawn(Job *job) {
        sd_bus_message *m = NULL;

        job->path[0] = '\0';
        job->exited = false;
        int r = sd_bus_message_new_method_call(
                        job->bus, &m, connection_peer(job->bus), MXC_BUS_PATH, MXC_IFACE_MANAGER, "Spawn");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", job->agent);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **)job->argv);
        if (r >= 0)
                r = job->stdout_fd >= 0 ? sd_bus_message_append(m, "a{sv}", 1, "stdout", "h", job->stdout_fd)
                                        : sd_bus_message_append(m, "a{sv}", 0);
        if (r >= 0)
                r = sd_bus_call_async(job->bus, &job->slot, m, on_reply, job, UINT64_C(60000000));
        sd_bus_message_unref(m);
        if (r < 0)
                die("cannot send", r);
        r = sd_bus_flush(job->bus);
        if (r < 0)
                die("cannot send", r);
}

void connection_turn(sd_bus *bus) {
        int r = sd_bus_process(bus, NULL);

        if (r < 0)
                die("connection lost", r);
        if (r == 0) {
                r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0 && r != -EINTR)
                        die("cannot wait", r);
        }
}
