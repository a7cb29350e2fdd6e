/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "running.h"

#include "cleanup.h"
#include "names.h"

#define KILL_AT 3U
#define LEAVE_AT 4U

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM }, others[] = { SIGUSR1, SIGUSR2 };

static void add(sigset_t *set, const int *numbers, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)sigaddset(set, numbers[i]);
}

void running_add_ending(sigset_t *set) {
        add(set, ending, ELEMENTSOF(ending));
}

void running_add_others(sigset_t *set) {
        add(set, others, ELEMENTSOF(others));
}

bool running_ends(int number) {
        for (size_t i = 0; i < ELEMENTSOF(ending); i++)
                if (ending[i] == number)
                        return true;
        return false;
}

int running_relays(unsigned *count, int number) {
        if (!running_ends(number))
                return number;
        ++*count;
        return *count >= LEAVE_AT ? 0 : *count == KILL_AT ? SIGKILL : number;
}

void running_keep(int *waiting, size_t *n, size_t max, int number) {
        if (*n == max)
                (*n)--;
        waiting[(*n)++] = number;
}

void running_kill(Door *d, const char *path, uint32_t exec, int number) {
        char whom[32] = "main";
        if (exec > 0)
                (void)snprintf(whom, sizeof whom, "exec:%u", exec); /* 16 bytes at most */
        WireWriter w;
        (void)door_begin(d, &w,
                        &(DoorCall){ .path = path,
                                        .interface = MXC_IFACE_SANDBOX,
                                        .member = "Kill",
                                        .signature = "si",
                                        .flags = WIRE_NO_REPLY });
        wire_string(&w, whom);
        wire_u32(&w, (uint32_t)number);
        (void)door_send(d, &w); /* a broken connection is noticed where it is read */
}

int running_attach(Door *d, const char *path, uint32_t exec, uint32_t *ret) {
        WireWriter w;
        uint32_t serial = door_begin(d, &w,
                        &(DoorCall){ .path = path,
                                        .interface = MXC_IFACE_SANDBOX,
                                        .member = "Attach",
                                        .signature = "u" });
        wire_u32(&w, exec);
        int r = door_send(d, &w);
        if (r == 0)
                *ret = serial;
        return r;
}

int running_end_read(const WireMessage *m, const char *path, uint32_t exec, RunningEnd *ret) {
        if (m->type != WIRE_SIGNAL || !streq(m->interface, MXC_IFACE_SANDBOX) ||
                        !streq(m->member, "Exited") || !streq(m->path, path))
                return 0;
        WireReader r = m->body;
        if (wire_read_u32(&r) != exec)
                return 0;
        RunningEnd end = { .code = (int)wire_read_u32(&r) };
        end.signal = (int)wire_read_u32(&r);
        end.reason = wire_read_string(&r);
        if (r.failed || !streq(m->signature, "uiisasa{sv}"))
                return -EBADMSG;
        end.rest = r;
        *ret = end;
        return 1;
}
