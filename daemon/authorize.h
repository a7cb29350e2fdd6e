/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* May this caller call this method? One table, method to polkit action; a method that is not in it is denied. A contract test compares
 * the table with the interfaces. Root passes, unless it is in a sandbox; for one's own (owner == caller's uid) the action is
 * MXC_ACTION_SPAWN, for other people's the row's. polkit is asked asynchronously; where it is not running everyone but root is refused.
 *
 * "yes" answers are remembered for AUTHORIZE_CACHE_USEC per (uid, unit, action), and forgotten when polkit says Changed: a spawn
 * must not wait for polkitd each time. polkit is first asked what holds without asking anybody, and only that is remembered: what a
 * person agreed to is agreed to once. While such a question is with polkit, others of the same three wait for its answer and are not asked: who is
 * refused a thousand times a second does not keep polkit from answering others. Where polkit does not answer it, the next one is asked
 * for itself. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "caller.h"

#define AUTHORIZE_CACHE_USEC (UINT64_C(5) * 1000000)
#define AUTHORIZE_LOOK_USEC (UINT64_C(1) * 1000000)

typedef enum AuthorizeScope {
        AUTHORIZE_OPEN,  /* anyone who reaches the door; answers are filtered by what is theirs */
        AUTHORIZE_OWN,   /* one's own by MXC_ACTION_SPAWN, other people's by the row's action */
        AUTHORIZE_ADMIN, /* always the row's action */
} AuthorizeScope;

typedef struct AuthorizeRow {
        const char *interface, *method;
        AuthorizeScope scope;
        const char *action; /* polkit; NULL with AUTHORIZE_OPEN */
} AuthorizeRow;

extern const AuthorizeRow authorize_table[];
extern const size_t n_authorize_table;

typedef struct Authorizer Authorizer;
/* system_bus may be NULL (tests): then only root passes. */
int authorizer_new(sd_bus *system_bus, Authorizer **ret);
Authorizer *authorizer_free(Authorizer *a); /* who waits is refused */

/* allowed: go on. Otherwise error (borrowed, of MXC_ERROR_DENIED or MXC_ERROR_INTERACTIVE_AUTH, with a sentence) is what the caller
 * gets. Called exactly once, perhaps before authorize() returns. */
typedef void (*AuthorizeDone)(bool allowed, const sd_bus_error *error, void *userdata);

/* 0, and done() was or will be called. A negative errno: it will not be, and the call must be refused.
 * owner: of the agent or sandbox that the call is about; the caller's own uid where it is about none. interactive: the message
 * allows polkit to ask (sd_bus_message_get_allow_interactive_authorization). */
int authorize(Authorizer *a, Caller *caller, const char *interface, const char *method, uid_t owner, bool interactive,
                AuthorizeDone done, void *userdata);

/* The same for an action that only what is asked for shows to be needed, whosoever's the thing is. action is static. */
int authorize_action(Authorizer *a, Caller *caller, const char *action, bool interactive, AuthorizeDone done, void *userdata);

/* The same for who only looks at a list, which has what is theirs in any case: MXC_ACTION_INSPECT, and nobody is asked for a password. polkit has
 * AUTHORIZE_LOOK_USEC; whoever is not answered by then sees their own. A no is remembered here, too, as is that there was no answer. */
int authorize_look(Authorizer *a, Caller *caller, AuthorizeDone done, void *userdata);

/* Whether such a call, where it is allowed, shows what is somebody else's to who is not root: by MXC_ACTION_INSPECT. */
bool authorize_inspects(const Caller *caller, const char *interface, const char *method, uid_t owner);

/* Whether such a call, where it is allowed, is so because the thing is the caller's own, and not by what administrators may. Root is one. */
bool authorize_is_own(const Caller *caller, const char *interface, const char *method, uid_t owner);

/* Whether this caller may see what belongs to owner without polkit being asked: its own, or root; or by an answer to MXC_ACTION_INSPECT that is
 * remembered, which is how an administrator who lists things can read their properties. */
bool authorize_sees(Authorizer *a, const Caller *caller, uid_t owner);
