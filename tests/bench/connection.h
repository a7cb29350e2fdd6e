/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A measuring client of org.mxc1: spawns without waiting, and is called when the answer and the end arrive. Ends the program with a
 * message whenever mxcd refuses: a benchmark has no use for half a result. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef struct Job Job;
typedef void (*JobCallback)(Job *job);

struct Job {
        sd_bus *bus;             /* not owned */
        const char *agent;       /* "" for the default one */
        const char *const *argv;
        int stdout_fd;           /* borrowed; -EBADF: /dev/null */
        JobCallback on_started;  /* optional: the reply has come, path is set */
        JobCallback on_exited;   /* optional */
        char path[128];          /* of the sandbox; "" before the reply */
        bool exited;             /* may come before the reply is looked at, not before it is sent */
        void *userdata;
        sd_bus_slot *slot;
        Job *next;               /* connection.c's own, as slot */
};

/* The second door (D-Bus without a broker), or the system bus when second is false. One Exited match is installed; jobs register
 * themselves with the connection until they have exited. */
sd_bus *connection_open(bool second);
/* The name to send to: NULL at the second door. */
const char *connection_peer(sd_bus *bus);
void job_spawn(Job *job);
/* One turn of the loop; waits when there is nothing to do. */
void connection_turn(sd_bus *bus);
