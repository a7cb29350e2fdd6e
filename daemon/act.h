/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One call on its way in: who asks, whether they may, and then the method itself. The message is held and answered exactly once. Every
 * method of every interface comes through here; there is no second way in.
 *
 * act_begin() ─► who (caller.h) ─► charge the uid ─► owner() ─► may (authorize.h) ─► run() [─► its turn (turns.h)]
 *
 * What is charged stays so until the call is answered. More than LIMIT_PENDING_PER_UID are refused, and that is recorded and counted as
 * every refusal is. */

#include "bus.h"
#include "manager.h"

struct ActKind {
        const char *interface, *method;
        /* Whose the thing is that the call is about. NULL: the caller's own. Sets an error when it is not there. */
        int (*owner)(Act *a, uid_t *ret, sd_bus_error *error);
        /* Does it: replies itself (act_reply…), now or later, or returns a negative errno with error set. */
        int (*run)(Act *a, sd_bus_error *error);
        /* Records a refusal; NULL: as an event of kind CONTROL. */
        int (*record_refusal)(Act *a, DecisionReason reason, const char *sentence);
        /* It is put on record before it is done: while such acts wait for the journal, it waits behind them, and none overtakes another, but
         * what administrators do what owners do with their own (record-wait.h). */
        bool changes;
};

struct Act {
        Manager *manager;        /* not owned */
        const ActKind *kind;
        sd_bus_message *message; /* NULL once answered */
        Caller *caller;          /* from `owner` on */
        uid_t owner;             /* whose the thing is; the caller's own where it is about none */
        char *object;            /* id of the sandbox, name of the agent; "" of the manager */
        bool charged;
        int (*then)(Act *a, sd_bus_error *error); /* when its turn comes */
        sd_bus_error denied;     /* what authorize() said, until it is on record */
        bool sees_all;           /* of a list: somebody was asked whether it may have what is others' */
        bool agreed;             /* by an administrator, where only what is asked for shows that one is needed */
        uint64_t record_by;      /* CLOCK_BOOTTIME; 0: its record has not been waited for */
        AuditOrder order;        /* of what ends something or takes it away: stored, when that is over */
        void *data;              /* of run(), until it has answered */
        void (*free_data)(void *data);
};

/* The handler of a method: takes a reference to the message. 1, or a negative errno with error set. */
int act_begin(Manager *m, sd_bus_message *message, const ActKind *kind, const char *object, sd_bus_error *error);

/* For what takes long: then(), which is as run(), is called when it is the caller's turn. 0, or a negative errno. */
int act_in_turn(Act *a, int (*then)(Act *a, sd_bus_error *error));

/* For run(), whose record could not be made (r) and which has done nothing yet, and whatever it calls later: the kind's run() is called anew when the
 * journal has room, and decides anew; and after LIMIT_AUDIT_WAIT_USEC for a last time, with another order. What it made (data) is given back first, and
 * is not there any more when this returns 0. A negative errno: error is set. */
int act_unrecorded(Act *a, int r, sd_bus_error *error);

/* Each ends the act and frees it. */
void act_reply(Act *a, const char *types, ...);
void act_reply_message(Act *a, sd_bus_message *reply); /* takes the reference */
void act_end(Act *a); /* somebody else has taken over the message, and a->message is NULL */
void act_reply_error(Act *a, const sd_bus_error *error);
void act_refuse(Act *a, DecisionReason reason, const char *sentence); /* records it first */
