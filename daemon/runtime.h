/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the next mxcd must know: one record per sandbox in /run/mxc/sandboxes, and the effective policies of those that live, once per digest,
 * in /run/mxc/effective. Written whole (temporary file, rename) before the launcher is asked; /run is volatile, so nothing is synced.
 * Only root writes there; a record that cannot be read is told and treated as none. */

#include <jansson.h>
#include <sys/queue.h>

#include "policy.h"

typedef struct Manager Manager;
typedef struct Sandbox Sandbox;

/* So many effective policies that no sandbox has any more stay for the next one: to write one takes a tenth of a spawn. */
#define RUNTIME_IDLE_MAX 32U

/* An effective policy that sandboxes share. */
typedef struct StoredEffective {
        struct StoredEffective *next;
        TAILQ_ENTRY(StoredEffective) idle; /* where n_ref is 0 */
        unsigned n_ref;
        Policy *policy;
} StoredEffective;

int runtime_prepare(void); /* makes the directories */
void runtime_sweep(void);  /* removes effective policies that an earlier mxcd has left and no sandbox has */

/* Takes a reference to p, and writes it when it is the first of its digest. */
int runtime_effective_new(Policy *p, StoredEffective **ret);
int runtime_effective_load(const char *digest, StoredEffective **ret);
StoredEffective *runtime_effective_unref(StoredEffective *e); /* what nobody has goes in its turn, with its file */
void runtime_keep(void); /* from now on files stay: mxcd ends and its sandboxes go on */

int runtime_save(const Sandbox *s);
char *runtime_record(const Sandbox *s); /* what that writes; the caller frees. NULL: out of memory */
void runtime_remove(const char *id);
/* Calls each with the records there are. */
int runtime_load_all(void (*each)(const char *id, const json_t *record, void *userdata), void *userdata);
/* Fills what a record says into a sandbox that sandbox_new() made. -EBADMSG for one that does not say it all. */
int runtime_restore(Sandbox *s, const json_t *record);
/* Of one that was restored: whether its record says that of this command of Exec. No number that it knows is given to another one. */
typedef enum RuntimeOfCommand {
        RUNTIME_TIED,
        RUNTIME_ASKED,  /* to end, by a signal */
        RUNTIME_KILLED, /* and yet to begin */
        _RUNTIME_OF_COMMAND_MAX,
} RuntimeOfCommand;
bool runtime_had(const Sandbox *s, RuntimeOfCommand what, uint32_t exec);
/* Of a record: the agent's name (borrowed) and owner, to find the agent with. */
int runtime_record_agent(const json_t *record, const char **ret_name, uid_t *ret_owner);
