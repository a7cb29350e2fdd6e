/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#include "cleanup.h"
#include "config-watch.h"
#include "registry-internal.h"

DEFINE_CLEANUP(Registry *, registry_free);

/* For sd_id128_get_machine_app_specific(): the machine's own id is nobody's business. */
#define MXC_AGENT_SPACE SD_ID128_MAKE(3b, 57, 0e, 4a, 91, 2d, 4c, 66, a0, 1f, 8d, 6e, 52, c7, 19, b4)

Entry *entry_free(Entry *e) {
        if (!e)
                return NULL;
        free(e->agent.name);
        free(e->agent.policy);
        free(e->agent.description);
        free(e->agent.reason);
        free(e->file);
        free(e->error);
        free(e);
        return NULL;
}

Registry *registry_free(Registry *r) {
        if (!r)
                return NULL;
        entries_clear(&r->table);
        entry_free(r->would_be);
        config_watch_free(r->watch);
        for (size_t i = 0; r->dirs && r->dirs[i]; i++)
                free(r->dirs[i]);
        free(r->dirs);
        free(r->state_dir);
        if (r->state >= 0)
                (void)close(r->state); /* a directory */
        free(r);
        return NULL;
}

static int open_state(Registry *r, const char *state_dir) {
        _cleanup_close_ int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 || (mkdirat(dir, "agents", 0700) < 0 && errno != EEXIST))
                return -errno;
        r->state = openat(dir, "agents", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r->state < 0)
                return -errno;
        r->state_dir = strdup(state_dir);
        return r->state_dir ? 0 : -ENOMEM;
}

static int watch_layer(ConfigWatch *w, const char *dir) {
        _cleanup_free_ char *agents = NULL;
        if (asprintf(&agents, "%s/agents", dir) < 0) {
                agents = NULL;
                return -ENOMEM;
        }
        return config_watch_add(w, agents, NULL);
}

int registry_new(const char *const *dirs, const char *state_dir, Registry **ret) {
        _cleanup_(registry_freep) Registry *r = calloc(1, sizeof(Registry));
        size_t n = 0;
        while (dirs[n])
                n++;
        if (!r)
                return -ENOMEM;
        r->state = -EBADF;
        r->dirs = calloc(n + 1, sizeof(char *));
        if (!r->dirs)
                return -ENOMEM;
        int k = open_state(r, state_dir);
        if (k == 0)
                k = config_watch_new(&r->watch);
        for (size_t i = 0; k == 0 && i < n; i++) {
                r->dirs[i] = strdup(dirs[i]);
                k = r->dirs[i] ? watch_layer(r->watch, dirs[i]) : -ENOMEM;
        }
        if (k == 0)
                k = config_watch_arm(r->watch);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(r);
        return 0;
}

int registry_watch_fd(const Registry *r) {
        return config_watch_fd(r->watch);
}

bool registry_drain(Registry *r) {
        return config_watch_drain(r->watch);
}

static size_t place_of(const Entries *t, const char *name, bool *ret_found) {
        size_t low = 0, high = t->n;
        *ret_found = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(t->entries[middle]->agent.name, name);
                if (c == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

Entry *entries_find(const Entries *t, const char *name) {
        bool found;
        size_t i = place_of(t, name, &found);
        return found ? t->entries[i] : NULL;
}

int entries_insert(Entries *t, Entry *e) {
        bool found;
        size_t i = place_of(t, e->agent.name, &found);
        if (t->n == t->room) {
                size_t room = t->room > 0 ? 2 * t->room : 64;
                Entry **grown = reallocarray(t->entries, room, sizeof(Entry *));
                if (!grown)
                        return -ENOMEM;
                t->entries = grown;
                t->room = room;
        }
        memmove(t->entries + i + 1, t->entries + i, (t->n - i) * sizeof(Entry *));
        t->entries[i] = e;
        t->n++;
        return 0;
}

void entries_clear(Entries *t) {
        for (size_t i = 0; i < t->n; i++)
                entry_free(t->entries[i]);
        free(t->entries);
        *t = (Entries){ 0 };
}

void entries_drop(Entries *t, size_t i) {
        entry_free(t->entries[i]);
        t->n--;
        memmove(t->entries + i, t->entries + i + 1, (t->n - i) * sizeof(Entry *));
}

bool entry_is_in_use(const Entry *e) {
        return e->agent.scope || e->agent.n_sandboxes > 0;
}

bool name_is_reserved(const char *name, uid_t *ret_uid) {
        static const char prefix[] = "user-";
        const size_t n = strlen(prefix);
        *ret_uid = (uid_t)-1;
        if (strncmp(name, prefix, n) != 0 || !name[n] || strspn(name + n, "0123456789") != strlen(name + n))
                return false;
        uint64_t uid = 0;
        for (const char *p = name + n; *p && uid <= UINT32_MAX; p++)
                uid = 10 * uid + (uint64_t)(*p - '0');
        if (uid < UINT32_MAX && (name[n] != '0' || !name[n + 1]))
                *ret_uid = (uid_t)uid;
        return true;
}

static void uuid_format(sd_id128_t id, char ret[37]) {
        char s[SD_ID128_STRING_MAX];
        sd_id128_to_string(id, s);
        (void)snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", s, s + 8, s + 12, s + 16, s + 20);
}

int agent_uuid_derive(const char *name, char ret[37]) {
        union {
                unsigned char bytes[EVP_MAX_MD_SIZE];
                sd_id128_t id;
        } hash;
        unsigned char text[sizeof(sd_id128_t) + LIMIT_NAME_BYTES];
        sd_id128_t machine = SD_ID128_NULL; /* a machine that has no id yet is like every other */
        size_t n = strnlen(name, LIMIT_NAME_BYTES);
        (void)sd_id128_get_machine_app_specific(MXC_AGENT_SPACE, &machine);
        memcpy(text, &machine, sizeof(machine));
        memcpy(text + sizeof(machine), name, n);
        if (EVP_Digest(text, sizeof(machine) + n, hash.bytes, NULL, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        hash.bytes[6] = (hash.bytes[6] & 0x0f) | 0x40; /* RFC 4122: as random ones */
        hash.bytes[8] = (hash.bytes[8] & 0x3f) | 0x80;
        uuid_format(hash.id, ret);
        return 0;
}

int agent_uuid_random(char ret[37]) {
        sd_id128_t id;
        int r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        uuid_format(id, ret);
        return 0;
}

int entry_new(const char *name, AgentKind kind, const char *policy, const char *description, Entry **ret) {
        _cleanup_(entry_freep) Entry *e = calloc(1, sizeof(Entry));
        if (!e)
                return -ENOMEM;
        e->kind = kind;
        e->agent.owner = (uid_t)-1;
        e->agent.is_default = kind == AGENT_DEFAULT || kind == AGENT_FURTHER;
        e->agent.name = strdup(name);
        e->agent.policy = strdup(policy);
        e->agent.description = strdup(description);
        e->agent.reason = strdup("");
        if (!e->agent.name || !e->agent.policy || !e->agent.description || !e->agent.reason)
                return -ENOMEM;
        *ret = TAKE_PTR(e);
        return 0;
}

Agent *registry_find(Registry *r, const char *name) {
        Entry *e = entries_find(&r->table, name);
        return e && !e->hidden ? &e->agent : NULL;
}

/* Of the default agents of which nothing is kept, the one that was asked for least recently gives way. */
static void make_room(Registry *r) {
        size_t n = 0, oldest = r->table.n;
        for (size_t i = 0; i < r->table.n; i++) {
                const Entry *e = r->table.entries[i];
                if (!e->agent.is_default || !e->agent.is_ephemeral)
                        continue;
                n++;
                if (!entry_is_in_use(e) &&
                                (oldest == r->table.n || e->used < r->table.entries[oldest]->used))
                        oldest = i;
        }
        if (n >= LIMIT_AGENTS && oldest < r->table.n)
                entries_drop(&r->table, oldest);
}

static size_t count_ephemeral(const Registry *r) {
        size_t n = 0;
        for (size_t i = 0; i < r->table.n; i++)
                n += r->table.entries[i]->agent.is_default && r->table.entries[i]->agent.is_ephemeral;
        return n;
}

static Entry *default_new(const char *name, uid_t uid) {
        _cleanup_(entry_freep) Entry *e = NULL;
        if (entry_new(name, AGENT_DEFAULT, MXC_DEFAULT_POLICY, "", &e) < 0)
                return NULL;
        e->agent.owner = uid;
        e->agent.is_ephemeral = true;
        return agent_uuid_derive(name, e->agent.uuid) < 0 ? NULL : TAKE_PTR(e);
}

static Entry *make_default(Registry *r, const char *name, uid_t uid) {
        make_room(r);
        _cleanup_(entry_freep) Entry *e = count_ephemeral(r) < LIMIT_AGENTS ? default_new(name, uid) : NULL;
        return e && entries_insert(&r->table, e) == 0 ? TAKE_PTR(e) : NULL;
}

const Agent *registry_peek(Registry *r, const char *name) {
        uid_t uid;
        const Entry *e = entries_find(&r->table, name);
        if (e || !name_is_reserved(name, &uid) || uid == (uid_t)-1)
                return e && !e->hidden ? &e->agent : NULL;
        if (!r->would_be || !streq(r->would_be->agent.name, name)) {
                entry_free(r->would_be);
                r->would_be = default_new(name, uid);
        }
        return r->would_be ? &r->would_be->agent : NULL;
}

Agent *registry_get(Registry *r, const char *name, uid_t caller) {
        char own[sizeof("user-4294967295")];
        uid_t uid;
        if (!*name) {
                (void)snprintf(own, sizeof(own), "user-%u", caller);
                name = own;
        }
        Entry *e = entries_find(&r->table, name);
        if (!e && name_is_reserved(name, &uid) && uid != (uid_t)-1 && (uid == caller || caller == 0))
                e = make_default(r, name, uid);
        if (!e || e->hidden)
                return NULL;
        e->used = ++r->requests;
        return &e->agent;
}

void registry_for_each(Registry *r, void (*each)(Agent *a, void *userdata), void *userdata) {
        for (size_t i = 0; i < r->table.n; i++)
                if (!r->table.entries[i]->hidden)
                        each(&r->table.entries[i]->agent, userdata);
}
