/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-file.h"
#include "local-user.h"
#include "registry-internal.h"

/* The registry from disk: a table of what is there now is built beside the old one and then taken over, agent by agent in its
 * place, because sandboxes hold on to theirs. */

typedef void (*Changed)(const AgentChange *change, void *userdata);

static void agent_document_clearp(AgentDocument *d) {
        agent_document_clear(d);
}

static int set(char **s, const char *value) {
        char *copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        free(*s);
        *s = copy;
        return 0;
}

/* An entry under which there is no agent, only a reason. What was said against it may be what cannot be read: it bars whom it would. */
static int hide(Entries *t, const char *name, AgentKind kind, const char *file, char *error, Entry **ret) {
        _cleanup_free_ char *owned = error;
        _cleanup_(entry_freep) Entry *e = NULL;
        int r = entry_new(name, kind, "", "", &e);
        if (r == 0)
                r = set(&e->file, file);
        if (r == 0)
                r = set(&e->agent.reason, "what is kept of it cannot be read");
        if (r == 0)
                r = entries_insert(t, e);
        if (r < 0)
                return r;
        e->hidden = true;
        e->agent.state = AGENT_SUSPENDED;
        e->error = TAKE_PTR(owned);
        *ret = TAKE_PTR(e);
        return 0;
}

/* A registered one may have the name of a further one, from before there were such: it stays what it was, and its policy binds it. */
static bool record_is_ours(const AgentRecord *r) {
        uid_t uid;
        if (r->kind == AGENT_FURTHER)
                return agent_name_is_own(r->document.name, &uid) && uid == r->document.owner;
        bool reserved = name_is_reserved(r->document.name, &uid);
        return r->kind == AGENT_DEFAULT ? reserved && uid == r->document.owner : !reserved;
}

static int entry_of_record(const AgentRecord *record, Entry **ret) {
        _cleanup_(entry_freep) Entry *e = NULL;
        const AgentDocument *d = &record->document;
        int r = entry_new(d->name, record->kind, d->policy, d->description, &e);
        if (r == 0)
                r = set(&e->agent.reason, record->reason);
        if (r < 0)
                return r;
        e->has_record = true;
        e->agent.owner = d->owner;
        e->agent.state = record->state;
        memcpy(e->agent.uuid, record->uuid, sizeof(record->uuid));
        /* a file brings it back; until then only what was said against it counts */
        e->hidden = record->kind == AGENT_FILE && record->state == AGENT_ACTIVE;
        *ret = TAKE_PTR(e);
        return 0;
}

/* Of a record that does not say. */
static AgentKind kind_of_name(const char *name) {
        uid_t uid;
        return agent_name_is_own(name, &uid) ? AGENT_FURTHER : AGENT_REGISTERED;
}

static int add_record(Entries *t, ConfigFile *f) {
        _cleanup_(agent_record_clear) AgentRecord record = { 0 };
        PolicyError error = { 0 };
        const JsonSource source = { .text = f->text, .size = f->size, .error = &error };
        int r = f->error ? -EINVAL : agent_record_parse(&source, f->name, &record);
        if (r == 0 && !record_is_ours(&record))
                r = json_refuse(&source, NULL, "is not of the kind that its name is");
        Entry *e = NULL;
        if (r == -EINVAL) {
                char *text = f->error ? TAKE_PTR(f->error) : config_error(f->path, &error);
                r = text ? hide(t, f->name, kind_of_name(f->name), f->path, text, &e) : -ENOMEM;
                if (r == 0)
                        e->has_record = true;
        } else if (r == 0) {
                r = entry_of_record(&record, &e);
                if (r == 0 && (r = entries_insert(t, e)) < 0)
                        entry_free(e);
        }
        policy_error_clear(&error);
        return r;
}

static int parse_file(const ConfigFile *f, AgentDocument *ret, char **ret_error) {
        PolicyError error = { 0 };
        const JsonSource source = { .text = f->text, .size = f->size, .error = &error };
        const JsonPlace place = { .key = "owner" };
        _cleanup_(agent_document_clearp) AgentDocument d = { .owner = (uid_t)-1 };
        int r = agent_file_parse(&source, f->name, &d);
        if (r == 0 && d.owner_name && local_user_find(d.owner_name, &d.owner, NULL) < 0)
                r = json_refuse(&source, &place,
                                "there is no user \"%s\" in /etc/passwd; give the uid of one from elsewhere",
                                d.owner_name);
        if (r == -EINVAL) {
                *ret_error = config_error(f->path, &error);
                if (!*ret_error)
                        r = -ENOMEM;
        } else if (r == 0) {
                *ret = d;
                d = (AgentDocument){ 0 };
        }
        policy_error_clear(&error);
        return r;
}

/* A file that names somebody who is there already through the bus says nothing. */
static int refuse_file(Entry *e, const ConfigFile *f, const char *sentence) {
        free(e->error);
        if (asprintf(&e->error, "%s: %s", f->path, sentence) < 0) {
                e->error = NULL;
                return -ENOMEM;
        }
        return set(&e->file, f->path);
}

/* A good file, with what is kept of the agent in e (or e is new). */
static int apply_file(Entry *e, const ConfigFile *f, const AgentDocument *d) {
        int r = set(&e->file, f->path);
        if (r == 0)
                r = set(&e->agent.policy, d->policy);
        if (r == 0)
                r = set(&e->agent.description, d->description);
        if (r == 0 && !e->agent.uuid[0])
                r = agent_uuid_derive(d->name, e->agent.uuid);
        if (r < 0)
                return r;
        e->kind = AGENT_FILE;
        e->agent.owner = d->owner;
        e->hidden = false;
        return 0;
}

static int add_good_file(Entries *t, const ConfigFile *f, Entry *e) {
        _cleanup_(agent_document_clearp) AgentDocument d = { .owner = (uid_t)-1 };
        char *error = NULL;
        int r = parse_file(f, &d, &error);
        if (r == -EINVAL) {
                if (!e)
                        return hide(t, f->name, AGENT_FILE, f->path, error, &e);
                free(e->error);
                e->error = error;
                return set(&e->file, f->path);
        }
        if (r < 0)
                return r;
        if (e)
                return apply_file(e, f, &d);
        _cleanup_(entry_freep) Entry *fresh = NULL;
        r = entry_new(f->name, AGENT_FILE, "", "", &fresh);
        if (r == 0)
                r = apply_file(fresh, f, &d);
        if (r == 0)
                r = entries_insert(t, fresh);
        if (r == 0)
                (void)TAKE_PTR(fresh);
        return r;
}

static int add_file(Entries *t, ConfigFile *f) {
        uid_t uid;
        if (name_is_reserved(f->name, &uid) ||
                        agent_name_is_own(f->name,
                                        &uid)) { /* under a name that is nobody's: the default agent stays what it is */
                const char *base = strrchr(f->path, '/') + 1;
                char *error;
                Entry *e;
                if (asprintf(&error,
                                    "%s: names like user-1000 and user-1000-x are those of default agents; "
                                    "call it "
                                    "something else",
                                    f->path) < 0)
                        return -ENOMEM;
                return hide(t, base, AGENT_FILE, f->path, error, &e);
        }
        Entry *e = entries_find(t, f->name), *hidden;
        if (f->error && e)
                return set(&e->file, f->path) < 0 || set(&e->error, f->error) < 0 ? -ENOMEM : 0;
        if (f->error)
                return hide(t, f->name, AGENT_FILE, f->path, TAKE_PTR(f->error), &hidden);
        if (e && e->has_record && e->kind == AGENT_REGISTERED && !e->error)
                return refuse_file(e, f,
                                "the name is taken by an agent that was registered; call this one something "
                                "else");
        if (e && e->error)
                return 0; /* what the daemon knows of it cannot be read, and may be that it is revoked */
        return add_good_file(t, f, e);
}

static int read_all(Registry *r, Entries *t, char **ret_sentence) {
        _cleanup_(config_set_clear) ConfigSet records = { 0 }, files = { 0 };
        const char *const state[] = { r->state_dir, NULL };
        int k = config_set_load(state, "agents", LIMIT_AGENT_RECORDS + LIMIT_AGENTS + LIMIT_AGENTS_FIRST,
                        LIMIT_AGENT_BYTES, &records, ret_sentence);
        if (k == 0)
                k = config_set_load((const char *const *)r->dirs, "agents", LIMIT_AGENTS, LIMIT_AGENT_BYTES,
                                &files, ret_sentence);
        for (size_t i = 0; k == 0 && i < records.n; i++)
                k = add_record(t, &records.files[i]);
        for (size_t i = 0; k == 0 && i < files.n; i++)
                k = add_file(t, &files.files[i]);
        return k;
}

static bool same(const char *a, const char *b) {
        return a == b || (a && b && streq(a, b));
}

static bool has_changed(const Entry *a, const Entry *b) {
        return !same(a->file, b->file) || !same(a->error, b->error) ||
               !same(a->agent.policy, b->agent.policy) ||
               !same(a->agent.description, b->agent.description) || a->agent.owner != b->agent.owner ||
               a->hidden != b->hidden;
}

static void swap_strings(char **a, char **b) {
        char *s = *a;
        *a = *b;
        *b = s;
}

/* The agent's own file, or record, is bad or was never whole: what it was, it stays. */
static void keep(Entry *old, Entry *fresh) {
        swap_strings(&old->file, &fresh->file);
        swap_strings(&old->error, &fresh->error);
        old->has_record |= fresh->has_record;
}

static void adopt(Entry *old, Entry *fresh) {
        Entry before = *old;
        *old = *fresh;
        *fresh = before;
        old->agent.scope = before.agent.scope;
        old->agent.n_sandboxes = before.agent.n_sandboxes;
        old->used = before.used;
}

/* Its file went while it runs something: it starts nothing any more. */
static void revoke_gone(Entry *e) {
        char *reason = strdup("its file is gone");
        if (reason) { /* without memory, without a reason */
                free(e->agent.reason);
                e->agent.reason = reason;
        }
        free(e->file);
        free(e->error);
        e->file = e->error = NULL;
        e->agent.state = AGENT_REVOKED;
        e->agent.is_ephemeral = true;
}

/* Whom its file makes known; a bad file of a name that was registered makes nobody known. */
static const Agent *agent_of_file(const Entry *e) {
        return e->kind == AGENT_FILE && !e->hidden ? &e->agent : NULL;
}

static void report_gone(const Entry *old, Changed changed, void *userdata) {
        if (old->file)
                changed(&(AgentChange){ .file = old->file,
                                        .name = old->agent.name,
                                        .agent = agent_of_file(old),
                                        .gone = true,
                                        .changed = true },
                                userdata);
}

static void report(const Entry *e, bool is_changed, bool other_policy, Changed changed, void *userdata) {
        if (e->file)
                changed(&(AgentChange){ .file = e->file,
                                        .name = e->agent.name,
                                        .error = e->error,
                                        .agent = agent_of_file(e),
                                        .changed = is_changed,
                                        .other_policy = other_policy },
                                userdata);
}

/* Makes the old entry what the fresh one says; the fresh one is for freeing then. */
static void merge(Entry *old, Entry *fresh, Changed changed, void *userdata) {
        bool is_changed = has_changed(old, fresh), other_policy = false;
        if (!fresh->file)
                report_gone(old, changed, userdata);
        if (fresh->error && !old->hidden && (fresh->hidden || fresh->kind == AGENT_FILE)) {
                is_changed = !same(old->error, fresh->error) || !same(old->file, fresh->file);
                keep(old, fresh);
        } else if (fresh->hidden && !fresh->error && entry_is_in_use(old))
                revoke_gone(old);
        else {
                other_policy = agent_of_file(old) && agent_of_file(fresh) && old->file &&
                               !same(old->agent.policy, fresh->agent.policy);
                adopt(old, fresh);
        }
        report(old, is_changed, other_policy, changed, userdata);
}

/* What is not on disk any more, or never was: stays, as what it is or as revoked, or goes. */
static bool stays(Entry *old, Changed changed, void *userdata) {
        if (old->agent.is_default && old->agent.is_ephemeral)
                return true;
        report_gone(old, changed, userdata);
        if (!entry_is_in_use(old))
                return false;
        revoke_gone(old);
        return true;
}

/* Both tables are sorted, and so is what comes of them. */
static void take_over(
                Registry *r, Entries *fresh, Entry **merged, size_t room, Changed changed, void *userdata) {
        size_t n = 0, i = 0, j = 0;
        while (i < r->table.n || j < fresh->n) {
                Entry *old = i < r->table.n ? r->table.entries[i] : NULL,
                      *now = j < fresh->n ? fresh->entries[j] : NULL;
                int c = !old ? 1 : !now ? -1 : strcmp(old->agent.name, now->agent.name);
                if (c < 0) {
                        i++;
                        if (stays(old, changed, userdata))
                                merged[n++] = old;
                        else
                                entry_free(old);
                } else if (c > 0) {
                        j++;
                        report(now, true, false, changed, userdata);
                        merged[n++] = now;
                } else {
                        i++;
                        j++;
                        merge(old, now, changed, userdata);
                        entry_free(now);
                        merged[n++] = old;
                }
        }
        free(r->table.entries);
        free(fresh->entries);
        r->table = (Entries){ .entries = merged, .n = n, .room = room };
        *fresh = (Entries){ 0 };
}

static void ignore_change(const AgentChange *change, void *userdata) {
}

int registry_load(Registry *r, void (*changed)(const AgentChange *change, void *userdata), void *userdata) {
        _cleanup_(entries_clear) Entries fresh = { 0 };
        _cleanup_free_ char *sentence = NULL;
        changed = changed ? changed : ignore_change;
        int k = read_all(r, &fresh, &sentence);
        if (k < 0) {
                _cleanup_free_ char *path = sentence ? strndup(sentence, strcspn(sentence, ":")) : NULL;
                if (path)
                        changed(&(AgentChange){ .file = path,
                                                .name = path,
                                                .error = sentence,
                                                .changed = true },
                                        userdata);
                return k;
        }
        size_t room = r->table.n + fresh.n + 1;
        Entry **merged = calloc(room, sizeof(Entry *));
        if (!merged)
                return -ENOMEM;
        take_over(r, &fresh, merged, room, changed, userdata);
        return 0;
}
