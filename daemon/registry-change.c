/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-file.h"
#include "registry-internal.h"

/* Changes of the registry: each is written first and true in memory after. */

static int write_record(Registry *r, const AgentRecord *record) {
        _cleanup_free_ char *text = agent_record_format(record), *file = NULL;
        if (!text || asprintf(&file, "%s.json", record->document.name) < 0) {
                file = NULL;
                return -ENOMEM;
        }
        return config_file_write(r->state, file, text, strlen(text));
}

/* What is written of an agent; the strings are borrowed. */
static AgentRecord record_of(const Entry *e) {
        const Agent *a = &e->agent;
        AgentRecord record = { .document = { .name = a->name,
                                               .policy = a->policy,
                                               .description = a->description,
                                               .owner = a->owner },
                .kind = e->kind,
                .state = a->state,
                .reason = a->reason };
        memcpy(record.uuid, a->uuid, sizeof(record.uuid));
        return record;
}

/* Of those that administrators make. Revoked ones do not count: their names stay taken, within a wider bound. Nor do what users have made for themselves, which has
 * bounds of its own. */
static bool has_room(const Registry *r) {
        size_t n = 0, taken = 0;
        for (size_t i = 0; i < r->table.n; i++) {
                const Entry *e = r->table.entries[i];
                n += !e->hidden && !e->agent.is_default && e->agent.state != AGENT_REVOKED;
                taken += e->has_record && e->kind != AGENT_FURTHER;
        }
        return n < LIMIT_AGENTS && taken < LIMIT_AGENT_RECORDS;
}

int registry_may_register(Registry *r, const AgentDocument *d) {
        uid_t uid;
        if (name_is_reserved(d->name, &uid))
                return -EPERM;
        bool own = agent_name_is_own(d->name, &uid);
        if (own && (uid == (uid_t)-1 || uid != d->owner))
                return -EPERM;
        const Entry *e = entries_find(&r->table, d->name);
        if (e && !own_gives_way(e))
                return -EEXIST;
        if (own)
                return own_room(r, uid);
        return has_room(r) ? 0 : -E2BIG;
}

int registry_register(Registry *r, const AgentDocument *d, const char *uuid, Agent **ret) {
        _cleanup_(entry_freep) Entry *e = NULL;
        int k = registry_may_register(r, d);
        if (k == 0)
                k = own_forget_revoked(r);
        if (k < 0)
                return k;
        uid_t uid;
        k = entry_new(d->name, agent_name_is_own(d->name, &uid) ? AGENT_FURTHER : AGENT_REGISTERED,
                        d->policy, d->description ? d->description : "", &e);
        if (k < 0)
                return k;
        e->has_record = true;
        e->agent.owner = d->owner;
        (void)snprintf(e->agent.uuid, sizeof(e->agent.uuid), "%s", uuid);
        const AgentRecord record = record_of(e);
        k = write_record(r, &record);
        if (k == 0)
                k = entries_insert(&r->table, e); /* out of memory: the next load brings it */
        if (k < 0)
                return k;
        *ret = &TAKE_PTR(e)->agent;
        return 0;
}

/* As a document can hold it: one line of so many bytes, not cut within a character. NULL when out of memory. */
static char *tidy(const char *reason) {
        size_t n = strlen(reason);
        if (n > LIMIT_DESCRIPTION_BYTES)
                for (n = LIMIT_DESCRIPTION_BYTES; n > 0 && ((unsigned char)reason[n] & 0xc0) == 0x80;)
                        n--;
        char *s = strndup(reason, n);
        for (char *p = s; p && *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = ' ';
        return s;
}

int registry_set_state(Registry *r, Agent *a, AgentState state, const char *reason) {
        Entry *e = (Entry *)a;
        if (a->state == AGENT_REVOKED)
                return -EPERM;
        _cleanup_free_ char *text = tidy(reason ? reason : "");
        if (!text)
                return -ENOMEM;
        AgentRecord record = record_of(e);
        record.state = state;
        record.reason = text;
        int k = write_record(r, &record);
        if (k < 0)
                return k;
        free(a->reason);
        a->reason = TAKE_PTR(text);
        a->state = state;
        a->is_ephemeral = false;
        e->has_record = true;
        return 0;
}

int registry_may_set_policy(const Agent *a, const char **ret_file) {
        const Entry *e = (const Entry *)a;
        if (a->state == AGENT_REVOKED)
                return -EPERM;
        if (e->kind != AGENT_FILE)
                return 0;
        if (ret_file)
                *ret_file = e->file ? e->file : "its file";
        return -EROFS;
}

int registry_set_policy(Registry *r, Agent *a, const char *policy) {
        Entry *e = (Entry *)a;
        int k = registry_may_set_policy(a, NULL);
        if (k < 0)
                return k;
        _cleanup_free_ char *copy = strdup(policy);
        if (!copy)
                return -ENOMEM;
        AgentRecord record = record_of(e);
        record.document.policy = copy;
        k = write_record(r, &record);
        if (k < 0)
                return k;
        free(a->policy);
        a->policy = TAKE_PTR(copy);
        a->is_ephemeral = false;
        e->has_record = true;
        return 0;
}
