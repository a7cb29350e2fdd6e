/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What Spawn, CreateSandbox, Plan and Exec are given: typed, bounded, a closed set of keys for each of them. Translates, decides nothing. */

#include <systemd/sd-bus.h>

#include "policy.h"

typedef enum RequestFor { REQUEST_FOR_SPAWN = 1, REQUEST_FOR_CREATE = 2, REQUEST_FOR_PLAN = 4, REQUEST_FOR_EXEC = 8 } RequestFor;

typedef struct SpawnRequest {
        char *agent;            /* "" : the caller's default one; not of Exec */
        char **argv;            /* NULL-terminated; NULL of CreateSandbox */
        char *policy, *workspace, *cwd; /* NULL: not said */
        char **env;             /* NULL-terminated or NULL */
        char **labels;          /* key, value, …, NULL; or NULL */
        int stdio[3];           /* the message's own, or -EBADF */
        bool pty, clamp, tie;
        uint32_t rows, columns;
        uint64_t timeout;       /* 0: none */
        Containment containment;
        PolicyRequest *needs;   /* what it cannot do without; targets are its own */
        size_t n_needs;
} SpawnRequest;

/* Reads the arguments of the method from where the message stands. -EINVAL and such with error set (InvalidArgument,
 * LimitReached) naming the option. */
int spawn_request_read(sd_bus_message *m, RequestFor what, SpawnRequest *ret, sd_bus_error *error);
void spawn_request_clear(SpawnRequest *q);
