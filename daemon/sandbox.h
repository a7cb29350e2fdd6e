/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One running confinement of an agent: a leaf in its scope, from the plan that was sent to the launcher until its end is recorded,
 * delivered and forgotten. What can happen to it is an event with one handler here:
 *
 *   STARTING ─STARTED─► RUNNING ◄─Freeze/Thaw─► FROZEN
 *   RUNNING, FROZEN ─Stop, timeout, tie, revoke, the scope's stop─► STOPPING
 *   RUNNING, FROZEN, STOPPING ─EXITED (or pidfd, without a launcher)─► EXITED ─delivered, execs over, RELEASE─► gone
 *   STARTING ─FAILED─► gone
 * While it exists its record is in /run/mxc (runtime.h), so that the next mxcd knows what the launcher tells it of. */

#include <sys/queue.h>

#include "grant.h"
#include "manager.h"
#include "runtime.h"
#include "scope.h"

#define SANDBOX_GRACE_USEC (UINT64_C(4) * 1000000) /* pid 1 gives its command 2 s; then the kernel ends it all */

typedef enum SandboxState { SANDBOX_STARTING, SANDBOX_RUNNING, SANDBOX_FROZEN, SANDBOX_STOPPING, SANDBOX_EXITED, _SANDBOX_STATE_MAX } SandboxState;
const char *sandbox_state_to_string(SandboxState s);

typedef enum EndReason { END_EXITED, END_KILLED, END_TIMEOUT, END_STOPPED, END_REVOKED, END_OOM, END_LOST, _END_REASON_MAX } EndReason;
const char *end_reason_to_string(EndReason r);

/* Where the policy that it asked for comes from: a document of the request, the store by its name, or its agent, whose policy it takes. */
typedef enum PolicyOrigin { ORIGIN_DOCUMENT, ORIGIN_STORE, ORIGIN_AGENT, _ORIGIN_MAX } PolicyOrigin;

/* How much is known of the beginning of an Exec's command: its Exec waits for that; it was found before, by an mxcd that is told no more of it; or it
 * has begun, and is in its control group. */
typedef enum CommandStart { COMMAND_AWAITED, COMMAND_FOUND, COMMAND_BEGUN } CommandStart;

/* A command in it: 0 is its own, the others are Exec's. */
typedef struct Command {
        LIST_ENTRY(Command) entries;
        Sandbox *sandbox;      /* not owned */
        uint32_t number;
        sd_bus *bus;           /* whom Exited goes to, a reference; NULL: nobody (yet) */
        char *sender;          /* on the system bus */
        CommandStart start;
        bool told;             /* the launcher that is there knows of it, and tells of its end; otherwise: */
        sd_event_source *watch; /* its group becomes empty, or NULL */
        bool tied, ended;
        bool lost;             /* it has ended so, and how nobody knows */
        bool killed;           /* before it had begun, perhaps: then the next mxcd knows it */
        bool asked_to_end;     /* by a signal: then what it leaves ends with it */
        int code, signal;
        uint64_t started;      /* CLOCK_BOOTTIME */
} Command;

struct Sandbox {
        LIST_ENTRY(Sandbox) entries;
        Manager *manager;      /* not owned */
        char id[33];
        char *object;          /* its path on the bus */
        Agent *agent;          /* not owned */
        Scope *scope;          /* held */
        char *leaf;            /* cgroup, below the root */
        SandboxState state;
        EndReason reason;
        bool adopted, has_command, delivered;
        bool over_early;       /* told to have ended before it was told to have started */

        User owner;            /* copied: what Exec's environment needs */
        uid_t caller;          /* who asked */
        uid_t charged;         /* whose it is: it runs as, and counts for; an agent's file may name another owner meanwhile */
        StoredEffective *effective; /* a reference: what it began with */
        Policy *live;          /* what its network is held to, where that is not what it began with: live.h */
        bool leased;           /* its relay has been told another lease than the effective policy says, or one with the host's proxy */
        uint64_t spent_out, spent_in; /* of its network's bytes, as its record says: relay_spent() */
        PolicyOrigin origin;
        GrantList grants;      /* in force; the newest first */
        uint32_t last_grant;
        sd_event_source *grants_end; /* when the first of them is over */
        char *policy;          /* name of the requested policy; "" of a document without one */
        char **argv;           /* NULL-terminated */
        char *workspace;       /* "" */
        char **labels;         /* key, value, …, NULL */
        char *walls, *unheld;  /* space separated: planner.h */
        char *cut;             /* cut.h; "" or NULL: nothing */
        uint64_t started, started_boottime, deadline; /* deadline: CLOCK_BOOTTIME, 0: none */
        bool tied;

        pid_t leader;
        int pidfd, page;       /* -EBADF: none */
        struct Relay *relay;   /* where its policy reaches anything */
        sd_event_source *end, *late, *timer, *grace, *freezing;
        unsigned freeze_tries;
        uint32_t quiet;        /* what pid 1 is to leave on its page before */
        bool freeze_begun;     /* written; before that, pid 1 finishes what it does for others */
        sd_bus_message *freeze_waiter;
        sd_bus_slot *asking;   /* PID 1, whether it stops the scope */
        bool asked;
        LIST_HEAD(, Command) commands; /* the first is number 0 */
        uint32_t n_commands, last_command;
        json_t *of_commands[_RUNTIME_OF_COMMAND_MAX]; /* numbers of Exec's, as its record had them, of an adopted one; or NULL */
        sd_bus_message **stop_waiters;
        size_t n_stop_waiters;
};

/* As what spawn.c fills is complete: in the table, charged. Takes nothing on failure. */
int sandbox_new(Manager *m, const char *id, Agent *a, Sandbox **ret);
Sandbox *sandbox_find(Manager *m, const char *id);
void sandbox_free(Sandbox *s);      /* whatever its state; does not touch the processes */
void sandbox_for_each(Manager *m, void (*each)(Sandbox *s, void *userdata), void *userdata);

AuditSubject sandbox_subject(const Sandbox *s, const Caller *caller);
/* Sends Exited of command to bus (and sender on the system bus) and lets a tie hold to it. A negative errno where whoever asked has
 * gone meanwhile: nothing is begun for nobody. */
int command_new(Sandbox *s, uint32_t number, sd_bus *bus, const char *sender, bool tied, Command **ret);
int command_attach(Sandbox *s, Command *c, sd_bus *bus, const char *sender, bool tied);
Command *command_find(Sandbox *s, uint32_t number);
void command_free(Sandbox *s, Command *c);
/* Its group was written to or taken away: where nobody is in it, and nobody tells of its end, the loop does, for the kernel keeps back a second word
 * of that for 10 ms, and says nothing once the group has gone. */
void command_look_again(Sandbox *s, Command *c);

/* The launcher said STARTED (or ADOPT): takes pidfd and page. */
void sandbox_started(Sandbox *s, pid_t leader, int pidfd, int page);
void sandbox_set_state(Sandbox *s, SandboxState state);
/* A command is over. */
void sandbox_exited(Sandbox *s, uint32_t number, int code, int signal);
/* The end is learnt from the pidfd as well, or not. */
void sandbox_watch_end(Sandbox *s, bool watch);
/* Nobody tells of ends any more: the sandbox's own is watched for, and where that has been the others are over too. May free s. */
void sandbox_launcher_gone(Sandbox *s);
/* The launcher that is there has told of all that it knows: the ends of other commands are seen by their groups. */
void sandbox_watch_untold(Sandbox *s);
void sandbox_deliver(Sandbox *s, Command *c);
void sandbox_settle(Sandbox *s);    /* forgets it once all is over and told */
void sandbox_answer_freeze(Sandbox *s, bool frozen); /* whoever waits for it to stand still */

/* The acts. Those that end it are recorded by the caller first; stop does everything after that. */
void sandbox_stop(Sandbox *s, EndReason reason);
/* The first reason counts; it is kept for the next mxcd, too. */
void sandbox_ends_for(Sandbox *s, EndReason reason);
int sandbox_kill_all(Sandbox *s);                   /* cgroup.kill */
/* cgroup.kill of the group of an Exec's command: all that it began, and nothing else. One that has not begun does not begin any more, whichever
 * mxcd there is by then. -ENOENT: it has no group, as an mxc-launch of before began it, and it alone is killed. */
int sandbox_kill_exec(Sandbox *s, Command *c);
/* Somebody is in that group: it has begun, and it or what it began is alive. */
bool sandbox_exec_is_in_its_group(const Sandbox *s, uint32_t number);
int sandbox_write(const Sandbox *s, const char *file, const char *text);
/* Makes it stand still, as a whole or not at all: sandbox_answer_freeze() is called when that is known, never from here. */
int sandbox_freeze(Sandbox *s);
int sandbox_thaw(Sandbox *s);
bool sandbox_stands_still(const Sandbox *s);
int sandbox_signal_all(Sandbox *s, int signal);     /* each process that lives in the leaf now */
int sandbox_arm_timer(Sandbox *s);                  /* by deadline */

/* Somebody stops the scope: PID 1 ends what is in it. */
void sandbox_scope_stops(Manager *m, Scope *scope);
/* A sender has left the system bus, or a connection at the second door is over: nobody to tell, and what was tied to it ends. */
void sandbox_sender_gone(Manager *m, const char *sender);
void sandbox_connection_gone(Manager *m, sd_bus *bus);
void sandbox_end_untied(Manager *m);                /* sandboxes and commands that were adopted, are tied, and were not attached in time */
