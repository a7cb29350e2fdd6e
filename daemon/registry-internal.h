/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files of the registry share: registry.c (the table), registry-load.c (from disk), registry-change.c (to disk) and
 * agent-document.c (the documents). */

#include "cleanup.h"
#include "config-watch.h"
#include "json.h"
#include "registry.h"

typedef enum AgentKind {
        AGENT_REGISTERED, /* made over the bus */
        AGENT_FILE,       /* an administrator's file; the record is what the daemon adds */
        AGENT_DEFAULT,    /* user-UID */
        AGENT_FURTHER,    /* user-UID-ANYTHING, of that uid; over the bus as well */
        _AGENT_KIND_MAX,
} AgentKind;

/* The daemon's own word on an agent, in the state directory. */
typedef struct AgentRecord {
        AgentDocument document; /* owner is a uid */
        AgentKind kind;
        char uuid[37];
        AgentState state;
        char *reason;
} AgentRecord;
void agent_record_clear(AgentRecord *r);

/* An administrator's file, and a record, of that name. 0, -ENOMEM, or -EINVAL with the source's error filled. */
int agent_file_parse(const JsonSource *source, const char *name, AgentDocument *ret);
int agent_record_parse(const JsonSource *source, const char *name, AgentRecord *ret);
/* NULL when out of memory; the caller frees. */
char *agent_record_format(const AgentRecord *r);

/* A name: an agent, or why there is none under it that anybody may use. */
typedef struct Entry {
        Agent agent;        /* first: an Agent of ours is an Entry */
        AgentKind kind;
        bool has_record;    /* in the state directory: the name is taken, and but for a further one's for ever */
        bool hidden;        /* no agent: its file or record is bad and never was good, or there is only a record left */
        char *file, *error; /* of the administrator's file, or of a record that is bad; NULL: none */
        uint64_t used;      /* when last asked for, in requests */
} Entry;

typedef struct Entries {
        Entry **entries;    /* sorted by name */
        size_t n, room;     /* there are, and fit in before it has to grow */
} Entries;

struct Registry {
        char **dirs;        /* NULL-terminated */
        char *state_dir;
        int state;          /* STATE_DIR/agents */
        ConfigWatch *watch;
        Entries table;
        Entry *would_be;    /* a default agent that is not there: registry_peek() */
        uint64_t requests;
};

Entry *entry_free(Entry *e);
DEFINE_CLEANUP(Entry *, entry_free);
/* Active, with no owner and no uuid yet. */
int entry_new(const char *name, AgentKind kind, const char *policy, const char *description, Entry **ret);
bool entry_is_in_use(const Entry *e);

Entry *entries_find(const Entries *t, const char *name);
int entries_insert(Entries *t, Entry *e); /* the name is not there yet; e is the table's then */
void entries_clear(Entries *t);
void entries_drop(Entries *t, size_t i); /* frees it */

/* "user-DIGITS"; *ret_uid is the uid where the digits are one as we write it, else -1. */
bool name_is_reserved(const char *name, uid_t *ret_uid);

/* Of further default agents: one that is revoked and runs nothing, and so leaves its name and its place to the next; whether there is room for one more,
 * those left aside: 0, -EDQUOT or -EUSERS; and forgetting them, with their records: 0 when none is left. */
bool own_gives_way(const Entry *e);
int own_room(const Registry *r, uid_t uid);
int own_forget_revoked(Registry *r);

/* The same for ever on this machine, and another on every other: an agent that nobody registered has one too. */
int agent_uuid_derive(const char *name, char ret[37]);
