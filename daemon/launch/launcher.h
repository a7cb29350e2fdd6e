/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The standing process: one epoll loop, one client, and what lives between requests. It never waits for a cage: whatever
 * can take long (a path on a dead network file system) happens in the child, with a deadline. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "clock.h"
#include "guard.h"
#include "report.h"
#include "template.h"

#define LAUNCH_SETUP_USEC (UINT64_C(15) * 1000000) /* a cage that does not stand by then is given up */
#define LAUNCH_RELEASE_USEC (UINT64_C(15) * 1000000) /* a pid 1 that is not dead by then keeps its leaf for now */

typedef struct Launcher Launcher;

/* Something that epoll watches. One event is handled at a time, so a handler may free any source, its own too. */
typedef struct Source {
        int fd;
        void (*handle)(Launcher *l, void *owner);
        void *owner;        /* not owned */
        bool watched;
} Source;

/* An agent's scope as far as the launcher knows it: from SCOPE or the first SPAWN to DROP. */
typedef struct Scope {
        LIST_ENTRY(Scope) entries;
        char *path;
        size_t n_runs;
        pid_t anchor;       /* 0: none */
        Source anchor_end;  /* its pidfd */
} Scope;

/* An anchor whose scope does not exist yet. */
typedef struct Anchor {
        LIST_ENTRY(Anchor) entries;
        pid_t pid;
        Source end;
} Anchor;

typedef enum RunState { RUN_STARTING, RUN_RUNNING, RUN_EXITED } RunState;

/* A sandbox (exec 0: its pid 1 and command) or a command exec'd in one. */
typedef struct Run {
        LIST_ENTRY(Run) entries;          /* of its bucket, or of the spare ones */
        TAILQ_ENTRY(Run) starting;        /* while RUN_STARTING; of the remains when it is over */
        TAILQ_ENTRY(Run) releasing;       /* while release is set */
        TAILQ_ENTRY(Run) keeping;         /* while net is there and it is not over */
        char id[33];
        uint32_t exec;
        RunState state;
        uint64_t serial, connection;      /* of the request that waits for it */
        uint64_t deadline;
        pid_t pid;
        Source end;                       /* sandbox: pidfd; exec: end_pipe */
        Source farewell;                  /* sandbox: the end of control, which pid 1 closes when it is alone */
        Source setup;                     /* SetupMessage */
        bool ready;                       /* it said so */
        int pidfd, setup_fd;
        int pty;                          /* master, until STARTED is sent */
        int page;                         /* memfd */
        int control;                      /* sandbox: to its pid 1 */
        int end_pipe;                     /* exec: pid 1 writes ExecEnd */
        int net;                          /* sandbox, unless its network is steered: for net-remains.h */
        Scope *scope;                     /* sandbox; not owned */
        uint64_t leaf;                    /* sandbox: id of its cgroup, for the guard; 0: none */
        Template *proof;                  /* not a sandbox of mxcd's but the proof of this template; not owned */
        bool steered;                     /* its network is (steering.h) */
        struct Relay *relay;              /* sandbox whose network is steered */
        size_t n_execs;                   /* sandbox */
        int code, signal;                 /* RUN_EXITED */
        bool unsaid;                      /* RUN_EXITED, and its relay has not ended yet */
        uint64_t release;                 /* serial of a RELEASE that waits for the death of pid 1; 0: none */
        uint64_t release_connection;      /* that it came by */
        uint64_t release_deadline;
} Run;

typedef struct Message {
        STAILQ_ENTRY(Message) entries;
        LaunchReport report;
        int fds[LAUNCH_MAX_FDS];          /* owned */
        size_t n_fds;
} Message;

#define RUN_BUCKETS 4096U
#define SCOPE_BUCKETS 1024U

/* Descriptors that stay are kept above this number, where a sandbox's child leaves them when it parts from the launcher's table: with
 * thousands of sandboxes, a copy of all of them and the closing of it would take longer than the rest. */
#define LAUNCHER_FDS_LOW 512

/* What the next sandboxes take is made when nothing happened for so long, or when little is left of it: until then a sandbox is at work, or its
 * end is on its way to who waits for it, and helpers would take the processor from those. */
#define LAUNCHER_IDLE_MSEC 5

#define LEAVING_MAX 256U

struct Launcher {
        int epoll;
        Source listener, client;
        uint64_t connection;              /* counts clients */
        STAILQ_HEAD(, Message) outgoing;  /* what the socket did not take yet */
        bool sending;                     /* EPOLLOUT is on, and requests are left unread */
        int cgroup;                       /* root */
        rlim_t ample;                     /* descriptors of lower numbers are no more than half of what there may be */
        LaunchFeatures features;
        Guard guard;                      /* while features.guard */
        ino_t guard_tried;                /* which pin was tried last, so that one that fails is not tried again */
        LIST_HEAD(, Run) runs[RUN_BUCKETS];
        LIST_HEAD(, Scope) scopes[SCOPE_BUCKETS];
        LIST_HEAD(, Anchor) anchors;
        TAILQ_HEAD(RunList, Run) starting, releasing, kept, remains; /* the oldest first */
        LIST_HEAD(, Run) spare;           /* memory for the next ones, as runs and we ourselves own-memory.h's: no child may look at either */
        size_t n_runs;
        TAILQ_HEAD(RelayList, Relay) pausing;
        pid_t leaving[LEAVING_MAX];       /* leaving.h */
        size_t n_leaving;
        const char *relay_program;        /* mxc-egress; not owned */
        struct TemplateCache *templates;
        struct NetPool *net;
        struct Skeletons *skeletons;
};

/* launcher.c */
int launcher_new(Launcher **ret, int listener, const char *relay_program); /* takes the descriptor */
int launcher_loop(Launcher *l);                 /* returns only on failure */
int launcher_watch(Launcher *l, Source *s, int fd, void (*handle)(Launcher *, void *), void *owner);
int launcher_watch_for(Launcher *l, Source *s, int fd, uint32_t events, void (*handle)(Launcher *, void *), void *owner);
/* Moves a descriptor that stays out of the way; on failure it is where it was. 0 or a negative errno. */
int launcher_move_up(int *fd);
void launcher_unwatch(Launcher *l, Source *s);  /* any state, a zeroed one too; the descriptor stays open */

/* Queues a report; takes over the descriptors. Without a client it is dropped: HELLO tells the next one the state of things. */
void launcher_send(Launcher *l, const LaunchReport *report, const int *fds, size_t n_fds);
void launcher_reply_ok(Launcher *l, uint64_t serial, pid_t pid);
void launcher_reply_failed(Launcher *l, uint64_t serial, LaunchStep step, int error, const char *detail);

/* scope.c */
Scope *scope_find(Launcher *l, const char *path);
int scope_ref(Launcher *l, const char *path, Scope **ret);  /* finds or makes, n_runs + 1 */
void scope_unref(Launcher *l, Scope *s);
void verb_anchor(Launcher *l, const LaunchRequest *q);
void verb_scope(Launcher *l, const LaunchRequest *q);
void verb_drop(Launcher *l, const LaunchRequest *q);

/* run-table.c */
Run *run_find(Launcher *l, const char *id, uint32_t exec);
int run_new(Launcher *l, const char *id, uint32_t exec, const LaunchRequest *q, Run **ret);
void run_free(Launcher *l, Run *run);
int run_watch(Launcher *l, Run *run);                       /* setup_fd, and pidfd or end_pipe */
void run_abandon(Launcher *l, Run *run, bool with_leaf);       /* kills, removes, frees; the caller replies */
void run_expire(Launcher *l);                               /* gives up what takes too long, and says of a death that does that it does */
void run_report_all(Launcher *l, uint64_t serial);          /* the answer to HELLO: sandboxes, then what else runs in them */
void run_relay_ended(Launcher *l, Run *run);                /* that of a sandbox which ended before */
void verb_signal(Launcher *l, const LaunchRequest *q);
void verb_release(Launcher *l, const LaunchRequest *q);

/* spawn.c: fds are borrowed */
void verb_spawn(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds);
void verb_probe(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds);
void verb_exec(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds);

