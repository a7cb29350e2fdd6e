/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The mxc-egress of one sandbox, from here: the sockets of its network, and the process that serves them. The process is started when
 * something comes first, in a leaf of its own beside the sandbox's; when it ends before the sandbox does, what comes next starts
 * another one. It never outlives the sandbox, and not the launcher either. Between its lives nothing is
 * reached: there is no way out of that network but through it. */

#include <netinet/in.h>

#include "launcher.h"
#include "limits.h"
#include "steering.h"

#define RELAY_TASKS 8U
#define RELAY_MEMORY (64U * 1024 * 1024)
#define RELAY_FILES 16384U
#define RELAY_PATIENCE 3U             /* so many times it is started again at once, */
#define RELAY_PAUSE_USEC UINT64_C(1000000) /* and from then on so long after it ended */
#define RELAY_GRACE_USEC UINT64_C(5000000) /* from TERM, when its sandbox ended, to KILL: it may have begun just now */

typedef struct Relay {
        TAILQ_ENTRY(Relay) pausing; /* while until is not 0 */
        Run *run;                   /* not owned, and not for the process of the relay */
        char id[33];                /* of the sandbox, for that */
        uid_t uid;
        gid_t gid;
        Steering steering;
        int lease, channel;         /* for the process that is started next */
        int mxcd;                   /* the other end of the channel */
        int published[LIMIT_PUBLISHED]; /* listeners in the host's network */
        size_t n_published;
        int net;                    /* the sandbox's network, where something is published; else -EBADF */
        Source tcp, udp, datagrams, refused; /* while there is no process */
        Source calls[LIMIT_PUBLISHED]; /* the same of the listeners */
        pid_t launcher;             /* its parent */
        pid_t pid;                  /* 0: there is none */
        Source end;                 /* its pidfd */
        unsigned n_ends;
        bool over;                  /* so is the sandbox */
        uint64_t until;             /* 0: nothing is waited for. Before: it is not started again; over: it may tell what it has to tell */
} Relay;

/* Descriptors of a SPAWN: lease, table of refusals, channel, mxcd's end of the channel. */
#define RELAY_SPAWN_FDS 4

/* Takes the steering, and copies of the descriptors; run_free() undoes it. leaf: the sandbox's, where the kernel refuses from now on. */
int relay_new(Launcher *l, Run *run, const LaunchPlan *plan, Steering *steering, const int fds[RELAY_SPAWN_FDS], int leaf);

/* Before the sandbox is there: what it publishes is taken on the host, all of it or it is not begun. net: its network, of which a copy is
 * kept. On failure *ret_where is the one that cannot be had. */
int relay_publish(Relay *r, const LaunchPlan *plan, int net, const PlanListener **ret_where);
#define LISTENER_TEXT_SIZE (INET6_ADDRSTRLEN + 8)
void listener_format(const PlanListener *l, char ret[LISTENER_TEXT_SIZE]); /* "127.0.0.1:8080", "[::1]:8080" */

/* The sandbox runs: from now on what comes starts it. */
int relay_begin(Launcher *l, Run *run);

/* The sandbox ended: so does this, with a TERM, and KILL soon after. True where run_relay_ended() will tell that it has. */
bool relay_end(Launcher *l, Run *run);
bool relay_is_over(const Run *run); /* true where there is none */

/* A copy of mxcd's end of the channel, or a negative errno. */
int relay_copy_channel(const Run *run);

/* Frees all; a process that is still there is killed and waited for. */
void relay_free(Launcher *l, Run *run);

/* Removes the leaf of one that went with the launcher before us. */
void relay_release_unknown(int scope, const char *id);

/* Acts for those whose time is over; true while there are others. */
bool relay_expire(Launcher *l);

void verb_lease(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds);

/* relay-process.c: what the process does before it is mxc-egress. The list ends with a step that has no name; it is seen from outside
 * for the tests, which leave steps out. */
typedef struct RelayStep {
        const char *name;
        int (*take)(const Relay *r);
} RelayStep;
extern const RelayStep relay_steps[];
_Noreturn void relay_run(const Relay *r, const char *program);
_Noreturn void relay_execute(const char *program);
