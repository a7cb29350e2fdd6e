/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "guard-table.h"
#include "guard.h"
#include "names.h"

#define OUT_OF_MEMORY_TRIES 200 /* the kernel refills its own pool of map elements between two calls */

static int bpf(enum bpf_cmd command, union bpf_attr *attr) {
        return (int)syscall(SYS_bpf, command, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static uint64_t pointer(const void *p) {
        return (uint64_t)(uintptr_t)p;
}

static int map_lookup(int map, const void *key, void *ret) {
        union bpf_attr attr = { .map_fd = (uint32_t)map, .key = pointer(key), .value = pointer(ret) };
        return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static int map_update(int map, const void *key, const void *value) {
        union bpf_attr attr = {
                .map_fd = (uint32_t)map, .key = pointer(key), .value = pointer(value), .flags = BPF_ANY
        };
        return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static int map_delete(int map, const void *key) {
        union bpf_attr attr = { .map_fd = (uint32_t)map, .key = pointer(key) };
        int r = bpf(BPF_MAP_DELETE_ELEM, &attr);
        return r == -ENOENT ? 0 : r;
}

static int map_next(int map, const void *key, void *ret) {
        union bpf_attr attr = { .map_fd = (uint32_t)map, .key = pointer(key), .next_key = pointer(ret) };
        return bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}

/* All of them, in order. */
static int map_fill(int map, const void *keys, size_t key_size, const void *values, size_t value_size,
                size_t n) {
        size_t done = 0;
        for (int tries = 0; done < n;) {
                union bpf_attr attr = { .batch = {
                                                        .keys = pointer((const char *)keys +
                                                                        done * key_size),
                                                        .values = pointer((const char *)values +
                                                                          done * value_size),
                                                        .count = (uint32_t)(n - done),
                                                        .map_fd = (uint32_t)map,
                                        } };
                int r = bpf(BPF_MAP_UPDATE_BATCH, &attr);
                if (r == 0)
                        return 0;
                if (attr.batch.count > n - done)
                        return r;
                done += r == -EFAULT ? 0 : attr.batch.count;
                if (r != -ENOMEM || ++tries == OUT_OF_MEMORY_TRIES)
                        return r == -E2BIG ? -ENOSPC : r;
                (void)usleep(100); /* worst case 20 ms, before the launch fails */
        }
        return 0;
}

/* All of them; what is not there is as good as deleted. */
static int map_delete_all(int map, const void *keys, size_t key_size, size_t n) {
        for (size_t done = 0; done < n;) {
                union bpf_attr attr = { .batch = {
                                                        .keys = pointer((const char *)keys +
                                                                        done * key_size),
                                                        .count = (uint32_t)(n - done),
                                                        .map_fd = (uint32_t)map,
                                        } };
                int r = bpf(BPF_MAP_DELETE_BATCH, &attr);
                if (r == 0)
                        return 0;
                if (r != -ENOENT || attr.batch.count >= n - done)
                        return r;
                done += attr.batch.count + 1;
        }
        return 0;
}

static int open_map(const char *name, uint32_t key_size, uint32_t value_size, int *ret) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s/%s", MXC_GUARD_DIR, GUARD_ABI, name) < 0)
                return -ENOMEM;
        union bpf_attr attr = { .pathname = pointer(path) };
        _cleanup_close_ int fd =
                        (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)); /* close-on-exec: bpf(2) */
        if (fd < 0)
                return -errno;
        struct bpf_map_info info = { 0 };
        union bpf_attr query = {
                .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = pointer(&info) }
        };
        int r = bpf(BPF_OBJ_GET_INFO_BY_FD, &query);
        if (r < 0)
                return r;
        if (info.type != BPF_MAP_TYPE_HASH || info.key_size != key_size || info.value_size != value_size)
                return -EPROTO;
        *ret = TAKE_FD(fd);
        return 0;
}

void guard_close(Guard *g) {
        int *fds[] = { &g->sandboxes, &g->anchors, &g->names, &g->journal, &g->identities };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                cleanup_closep(fds[i]);
                *fds[i] = -EBADF;
        }
}

/* The descriptors change hands; *g holds none afterwards. */
static Guard guard_take(Guard *g) {
        Guard taken = *g;
        *g = GUARD_NONE;
        return taken;
}

int guard_open(Guard *ret) {
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        const struct {
                const char *name;
                size_t key, value;
                int *fd;
        } maps[] = {
                { "sandboxes", sizeof(uint64_t), sizeof(GuardSandbox), &g.sandboxes },
                { "anchors", sizeof(GuardAnchorKey), sizeof(GuardAnchor), &g.anchors },
                { "names", sizeof(GuardNameKey), sizeof(GuardName), &g.names },
                { "journal", sizeof(GuardJournalKey), sizeof(GuardJournal), &g.journal },
                { "identities", sizeof(uint64_t), sizeof(GuardIdentity), &g.identities },
        };
        for (size_t i = 0; i < ELEMENTSOF(maps); i++) {
                int r = open_map(maps[i].name, (uint32_t)maps[i].key, (uint32_t)maps[i].value, maps[i].fd);
                if (r < 0)
                        return r;
        }
        *ret = guard_take(&g);
        return 0;
}

/* What the kernel calls one object; *ret_one is untouched on failure. */
static int ask_identity(const Guard *g, uint64_t cgroup, int fd, GuardIdentity *ret) {
        GuardIdentity id = { 0 };
        int r = map_update(g->identities, &cgroup, &id);
        if (r < 0)
                return r;
        struct statfs fs;
        if (fstatfs(fd, &fs) == 0) /* nobody was there to refuse it */
                return -ENODATA;
        if (errno != GUARD_ANSWERED)
                return -errno;
        r = map_lookup(g->identities, &cgroup, &id);
        if (r < 0)
                return r;
        if (!id.seen)
                return -ENODATA;
        *ret = id;
        return 0;
}

static int ask_identities(
                const Guard *g, uint64_t cgroup, const GuardRule *rules, GuardIdentity *ret, size_t n) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                size_t same = 0;
                while (rules[same].fd != rules[i].fd)
                        same++;
                if (same < i)
                        ret[i] = ret[same];
                else
                        r = ask_identity(g, cgroup, rules[i].fd, &ret[i]);
        }
        int q = map_delete(g->identities, &cgroup);
        return r < 0 ? r : q;
}

/* First the list of what will be there, so that whatever is there can be found again. */
static int write_journal(const Guard *g, uint64_t cgroup, const GuardTable *t) {
        size_t n = t->n_anchors + t->n_names;
        _cleanup_free_ GuardJournalKey *keys = calloc(n + 1, sizeof(*keys));
        _cleanup_free_ GuardJournal *entries = calloc(n + 1, sizeof(*entries));
        if (!keys || !entries)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                keys[i] = (GuardJournalKey){ .cgroup = cgroup, .index = (uint32_t)i };
                entries[i].is_name = i >= t->n_anchors;
                if (entries[i].is_name)
                        entries[i].name = guard_table_name_key(t, i - t->n_anchors);
                else
                        entries[i].anchor = t->anchor_keys[i];
        }
        return map_fill(g->journal, keys, sizeof(*keys), entries, sizeof(*entries), n);
}

static int write_names(const Guard *g, const GuardTable *t) {
        _cleanup_free_ GuardNameKey *keys = calloc(t->n_names + 1, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_names; i++)
                keys[i] = guard_table_name_key(t, i);
        return map_fill(g->names, keys, sizeof(*keys), t->names, sizeof(*t->names), t->n_names);
}

static int write_table(const Guard *g, uint64_t cgroup, const GuardTable *t) {
        int r = write_journal(g, cgroup, t);
        if (r == 0)
                r = map_fill(g->anchors, t->anchor_keys, sizeof(*t->anchor_keys), t->anchors,
                                sizeof(*t->anchors), t->n_anchors);
        if (r == 0)
                r = write_names(g, t);
        if (r == 0) {
                GuardSandbox present = { 0 };
                r = map_fill(g->sandboxes, &cgroup, sizeof(cgroup), &present, sizeof(present), 1);
        }
        return r;
}

int guard_install(const Guard *g, uint64_t cgroup, const GuardRule *rules, size_t n) {
        _cleanup_(guard_table_clear) GuardTable table = { 0 };
        _cleanup_free_ GuardIdentity *identities = calloc(n + 1, sizeof(*identities));
        if (!identities)
                return -ENOMEM;
        int r = ask_identities(g, cgroup, rules, identities, n);
        if (r < 0)
                return r;
        r = guard_table_fill(&table, cgroup, rules, identities, n);
        if (r < 0)
                return r;
        r = write_table(g, cgroup, &table);
        if (r < 0)
                (void)guard_remove(g, cgroup); /* r says what went wrong first */
        return r;
}

/* One entry of the journal and what it stands for. */
static int remove_entry(const Guard *g, const GuardJournalKey *key) {
        GuardJournal entry;
        int r = map_lookup(g->journal, key, &entry);
        if (r == 0)
                r = entry.is_name ? map_delete(g->names, &entry.name)
                                  : map_delete(g->anchors, &entry.anchor);
        return r < 0 ? r : map_delete(g->journal, key);
}

/* So many at a time: a sandbox has some hundred entries, and its launcher others to serve. */
typedef struct Removal {
        GuardJournalKey entries[64];
        GuardAnchorKey anchors[64];
        GuardNameKey names[64];
        size_t n, n_anchors, n_names;
} Removal;

static int collect(const Guard *g, uint64_t cgroup, uint32_t index, Removal *ret) {
        ret->n = ret->n_anchors = ret->n_names = 0;
        for (; ret->n < ELEMENTSOF(ret->entries); ret->n++) {
                const GuardJournalKey key = { .cgroup = cgroup, .index = index + (uint32_t)ret->n };
                GuardJournal entry;
                int r = map_lookup(g->journal, &key, &entry);
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
                if (entry.is_name)
                        ret->names[ret->n_names++] = entry.name;
                else
                        ret->anchors[ret->n_anchors++] = entry.anchor;
                ret->entries[ret->n] = key;
        }
        return 0;
}

int guard_remove(const Guard *g, uint64_t cgroup) {
        Removal m = { 0 };
        uint32_t index = 0;
        int r;
        do {
                r = collect(g, cgroup, index, &m);
                if (r == 0)
                        r = map_delete_all(g->names, m.names, sizeof(*m.names), m.n_names);
                if (r == 0)
                        r = map_delete_all(g->anchors, m.anchors, sizeof(*m.anchors), m.n_anchors);
                if (r == 0) /* last, so that what stays when this fails can be found again */
                        r = map_delete_all(g->journal, m.entries, sizeof(*m.entries), m.n);
                index += (uint32_t)m.n;
        } while (r == 0 && m.n == ELEMENTSOF(m.entries));
        return r < 0 ? r : map_delete(g->sandboxes, &cgroup);
}

static int compare_ids(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

static bool is_among(uint64_t cgroup, const uint64_t *list, size_t n) {
        return n > 0 && bsearch(&cgroup, list, n, sizeof(*list), compare_ids);
}

/* Sorted, each once. Kept short by and by, since most keys of a map have the cgroup of others. */
typedef struct Ids {
        uint64_t *list;
        size_t n, sorted, size;
} Ids;

static void sort_ids(Ids *ids) {
        if (ids->n > 1)
                qsort(ids->list, ids->n, sizeof(uint64_t), compare_ids);
        size_t kept = 0;
        for (size_t i = 0; i < ids->n; i++)
                if (kept == 0 || ids->list[i] != ids->list[kept - 1])
                        ids->list[kept++] = ids->list[i];
        ids->n = ids->sorted = kept;
}

static int add_id(Ids *ids, uint64_t id) {
        if (is_among(id, ids->list, ids->sorted) || (ids->n > ids->sorted && ids->list[ids->n - 1] == id))
                return 0;
        if (ids->n == ids->size) {
                sort_ids(ids);
                size_t size = ids->n * 2 > 256 ? ids->n * 2 : 256;
                uint64_t *grown = reallocarray(ids->list, size, sizeof(uint64_t));
                if (!grown)
                        return -ENOMEM;
                ids->list = grown;
                ids->size = size;
        }
        ids->list[ids->n++] = id;
        return 0;
}

int guard_cgroups(const Guard *g, uint64_t **ret, size_t *ret_n) {
        Ids ids = { 0 };
        GuardJournalKey entry, next_entry;
        int r = 0;
        for (int q = map_next(g->journal, NULL, &entry); r == 0 && q == 0; entry = next_entry) {
                q = map_next(g->journal, &entry, &next_entry);
                r = add_id(&ids, entry.cgroup);
        }
        uint64_t cgroup, next;
        for (int q = map_next(g->sandboxes, NULL, &cgroup); r == 0 && q == 0; cgroup = next) {
                q = map_next(g->sandboxes, &cgroup, &next);
                r = add_id(&ids, cgroup);
        }
        if (r < 0) {
                free(ids.list);
                return r;
        }
        sort_ids(&ids);
        *ret = ids.list;
        *ret_n = ids.n;
        return 0;
}

int guard_sweep(const Guard *g, const uint64_t *alive, size_t n) {
        GuardJournalKey entry, next_entry;
        for (int r = map_next(g->journal, NULL, &entry); r == 0; entry = next_entry) {
                r = map_next(g->journal, &entry, &next_entry);
                int q = is_among(entry.cgroup, alive, n) ? 0 : remove_entry(g, &entry);
                if (q < 0)
                        return q;
        }
        uint64_t cgroup, next;
        for (int r = map_next(g->sandboxes, NULL, &cgroup); r == 0; cgroup = next) {
                r = map_next(g->sandboxes, &cgroup, &next);
                int q = is_among(cgroup, alive, n) ? 0 : map_delete(g->sandboxes, &cgroup);
                if (q < 0)
                        return q;
        }
        return 0;
}
