/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The agents of the host. Registered ones are files: an administrator's own in MXC_LIBDIR/agents < /etc/mxc/agents < /run/mxc/agents
 * (read only, same rules as policies), and those made over the bus in /var/lib/mxc/agents (written whole: temp, fsync,
 * rename, fsync of the directory). What the daemon adds to a file-made agent (suspended, revoked) is kept in
 * /var/lib/mxc/agents too. A revoked name stays taken for ever: a new agent cannot step into an old one's records (of further ones, below, the uuid
 * tells them apart).
 *
 * A file NAME.json holds one agent:
 *   {"schema": "mxc-agent/1", "name": "NAME", "owner": "alice", "policy": "web-coder", "description": "…"}
 * name is the file's; owner is a uid, or the name of a user of /etc/passwd (others, of LDAP and the like, are given as uid: nothing here
 * waits for a network); policy names a policy of the store, which need not be there yet; description may be left out. RegisterAgent takes the
 * same, where schema and owner may be left out too. A file whose name is taken by an agent that was made over the bus is refused.
 *
 * In /var/lib/mxc/agents the schema is "mxc-agent-state/1" and there are "kind" (registered, file, default, further), "uuid", "state" and
 * "reason" besides. A file there that is not good is an agent nobody can say anything of: its name stays taken, it is refused.
 *
 * The default agent "user-UID" of each uid needs no registration: it is made when first asked for, has the policy
 * MXC_DEFAULT_POLICY, and is bound by the host's ceiling alone. Names "user-DIGITS" cannot be registered; what an administrator does
 * to one (suspend, revoke, another policy) is kept like any other. Of those of which nothing is kept at most LIMIT_AGENTS are
 * remembered: idle ones give way.
 *
 * Further ones of one's own: whoever may run agents may register "user-UID-ANYTHING" for that UID, LIMIT_AGENTS_OF_USER of them at a time and without an
 * administrator, and revoke them again: nothing is permitted to one that is not to user-UID, since all of them are bound by the ceiling alone, and what all have together of resources as well
 * (own-slice.h). Each user's first has room of its own, for LIMIT_AGENTS_FIRST users; of what LIMIT_AGENTS leaves beyond that one has a share (LIMIT_AGENTS_SHARE). What is
 * said against user-UID is said against them: suspended with it, revoked with it. Where one is revoked and runs nothing more its name
 * is free again, for nobody but that user: who made many does not use the names of others up. Its uuid tells it from the next one.
 * One that is suspended itself is an administrator's to revoke.
 * One that was registered under such a name before there were further ones has kind registered: its policy binds it, and it is no default agent.
 *
 * An Agent is borrowed until the next event of the loop, and longer only while its scope or n_sandboxes says that it is in use:
 * whoever waits for something looks it up again by its name. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "limits.h"

#define MXC_DEFAULT_POLICY "workspace"

typedef enum AgentState { AGENT_ACTIVE, AGENT_SUSPENDED, AGENT_REVOKED, _AGENT_STATE_MAX } AgentState;
const char *agent_state_to_string(AgentState s);

typedef struct Agent {
        char *name;
        char uuid[37];        /* random at registration; of a file-made agent without one, and of default agents: derived from machine-id and name */
        uid_t owner;
        AgentState state;
        char *policy;         /* name */
        char *description;    /* "" */
        char *reason;         /* of suspension or revocation; "" */
        bool is_default;      /* user-UID, or a further one of that user's: bound by the ceiling alone */
        bool is_ephemeral;    /* nothing of it is on disk */
        void *scope;          /* the yard's Scope, not owned here; NULL: runs nothing */
        size_t n_sandboxes;   /* counted by the yard */
} Agent;

typedef struct Registry Registry;

/* dirs: read-only layers, lowest first, NULL-terminated, each has agents/. state_dir: /var/lib/mxc; it must be there, its agents/ is made.
 * Nothing is read yet. */
int registry_new(const char *const *dirs, const char *state_dir, Registry **ret);
Registry *registry_free(Registry *r);

typedef struct AgentChange {
        const char *file, *name, *error; /* error NULL: good, or gone */
        const Agent *agent; /* whom the file makes known: as it is now, or was before it went; NULL: it never was good */
        bool gone;
        bool changed;
        bool other_policy;  /* it is known by a file since before, and had another policy */
} AgentChange;
/* Reads everything again; agents that run something are kept even when their file went (state revoked, reason "its file is gone").
 * A bad file keeps the last good agent. -EPERM and the like: a directory is not to be trusted or cannot be read; changed is called
 * once with its path, and nothing else is touched. changed may not call the registry. */
int registry_load(Registry *r, void (*changed)(const AgentChange *change, void *userdata), void *userdata);
/* As of the policy store. The state directory is the daemon's own and not watched. */
int registry_watch_fd(const Registry *r);
bool registry_drain(Registry *r);

Agent *registry_find(Registry *r, const char *name); /* borrowed; default agents that exist already too */
/* "", or "user-CALLER", or any "user-UID" for uid 0: the default agent, made if need be. Otherwise as find. NULL: no such agent, or no
 * room for it. */
Agent *registry_get(Registry *r, const char *name, uid_t caller);
/* As find; and of a default agent that is not there, what it would be. That is not made: anybody may ask for anybody's. Borrowed, until another
 * one's is asked for. */
const Agent *registry_peek(Registry *r, const char *name);
void registry_for_each(Registry *r, void (*each)(Agent *a, void *userdata), void *userdata); /* sorted by name */

/* What RegisterAgent was given: {"name": …, "owner": user name or uid, "policy": name, "description": …}, owner, description and
 * schema optional. -EINVAL with *ret_sentence (free it): of more than LIMIT_AGENT_BYTES, too, which are not read. owner_name is NULL where the document has a number or nothing (then owner is
 * (uid_t)-1 for nothing). */
typedef struct AgentDocument {
        char *name, *policy, *description, *owner_name;
        uid_t owner;
        bool has_schema;
} AgentDocument;
void agent_document_clear(AgentDocument *d);
int agent_document_parse(const char *json, size_t size, AgentDocument *ret, char **ret_sentence);

/* "user-UID-ANYTHING"; *ret is the UID, -1 where that is none. An agent of that name is a further one where is_default says so. */
bool agent_name_is_own(const char *name, uid_t *ret);
/* Who is suspended or revoked, so that this agent may start nothing: itself, or the default one that it is a further one of; suspended is also
 * one whose record cannot be read, and whom registry_find() does not know. NULL: nobody. */
const Agent *registry_against(Registry *r, const Agent *a);

/* What is done to p as a whole is done to a: it is p, or a further one of that default agent. */
bool agent_goes_with(const Agent *a, const Agent *p);

/* Each writes first and changes memory after; a failure changes nothing (but that a further one that was revoked may be forgotten). -EEXIST: name taken (also by a revoked agent). -E2BIG:
 * LIMIT_AGENTS. -EDQUOT: LIMIT_AGENTS_OF_USER. -EUSERS: what all users have made leaves this one none, or no first one. -EPERM: a reserved name, or one of another user's. d->owner is the uid, whatever owner_name says. */
int registry_register(Registry *r, const AgentDocument *d, const char *uuid, Agent **ret); /* uuid: drawn before, for what is on record */
int agent_uuid_random(char ret[37]);
/* Whether one of these stands against it, before anything is on record. Does nothing. */
int registry_may_register(Registry *r, const AgentDocument *d);
int registry_set_state(Registry *r, Agent *a, AgentState state, const char *reason); /* -EPERM: out of revoked */
int registry_set_policy(Registry *r, Agent *a, const char *policy); /* as the next */
/* Whether it can be set, before that is on record. -EPERM: revoked. -EROFS: a file says it, *ret_file (optional, the agent's): change that. */
int registry_may_set_policy(const Agent *a, const char **ret_file);
