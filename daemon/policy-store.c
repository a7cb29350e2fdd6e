/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "cleanup.h"
#include "config-file.h"
#include "config-watch.h"
#include "json.h"
#include "policy-store.h"

DEFINE_CLEANUP(Policy *, policy_unref);
DEFINE_CLEANUP(PolicyStore *, policy_store_free);

/* One document of the store, in one load. */
typedef struct Document {
        char *text; /* of the file that was read now; NULL where it could not be */
        size_t size;
        json_t *raw;  /* that as it stands, good or not; NULL: no JSON */
        json_t *json; /* of what is in force; NULL: nothing is */
        bool done;    /* json is settled */
} Document;

/* What is in force, and the documents it is made of. Both sorted by name, index by index. */
typedef struct Generation {
        StoredPolicy *policies;
        Document *documents;
        size_t n;
        Handoff *handoff;
        char *handoff_file, *handoff_error, *handoff_digest;
        UpstreamFile upstream;
} Generation;

struct PolicyStore {
        char **dirs; /* NULL-terminated */
        ConfigWatch *watch;
        Generation now;
        const Generation *loading; /* while one is built, what documents extend is looked up in it */
};

static void generation_clear(Generation *g) {
        for (size_t i = 0; i < g->n; i++) {
                free(g->policies[i].name);
                free(g->policies[i].file);
                free(g->policies[i].error);
                policy_unref(g->policies[i].policy);
                free(g->documents[i].text);
                json_decref(g->documents[i].raw);
                json_decref(g->documents[i].json);
        }
        free(g->policies);
        free(g->documents);
        handoff_free(g->handoff);
        free(g->handoff_file);
        free(g->handoff_error);
        free(g->handoff_digest);
        upstream_file_clear(&g->upstream);
        *g = (Generation){ 0 };
}

PolicyStore *policy_store_free(PolicyStore *s) {
        if (!s)
                return NULL;
        generation_clear(&s->now);
        config_watch_free(s->watch);
        for (size_t i = 0; s->dirs && s->dirs[i]; i++)
                free(s->dirs[i]);
        free(s->dirs);
        free(s);
        return NULL;
}

static int watch_layer(ConfigWatch *w, const char *dir) {
        _cleanup_free_ char *policies = NULL;
        if (asprintf(&policies, "%s/policies", dir) < 0) {
                policies = NULL;
                return -ENOMEM;
        }
        int r = config_watch_add(w, policies, NULL);
        if (r == 0)
                r = config_watch_add(w, dir, "ceiling.json");
        if (r == 0)
                r = config_watch_add(w, dir, "upstream.json");
        if (r == 0)
                r = config_watch_add(w, dir, "upstream-login.json");
        return r < 0 ? r : config_watch_add(w, dir, "handoff.json");
}

int policy_store_new(const char *const *dirs, PolicyStore **ret) {
        _cleanup_(policy_store_freep) PolicyStore *s = calloc(1, sizeof(PolicyStore));
        size_t n = 0;
        while (dirs[n])
                n++;
        if (!s || !(s->dirs = calloc(n + 1, sizeof(char *))))
                return -ENOMEM;
        int r = config_watch_new(&s->watch);
        for (size_t i = 0; r == 0 && i < n; i++) {
                s->dirs[i] = strdup(dirs[i]);
                r = s->dirs[i] ? watch_layer(s->watch, dirs[i]) : -ENOMEM;
        }
        if (r == 0)
                r = config_watch_arm(s->watch);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int policy_store_watch_fd(const PolicyStore *s) {
        return config_watch_fd(s->watch);
}

bool policy_store_drain(PolicyStore *s) {
        return config_watch_drain(s->watch);
}

static int compare_name(const void *key, const void *element) {
        return strcmp(key, ((const StoredPolicy *)element)->name);
}

/* The index of name, or n. */
static size_t find(const Generation *g, const char *name) {
        if (g->n == 0)
                return 0;
        const StoredPolicy *p = bsearch(name, g->policies, g->n, sizeof(StoredPolicy), compare_name);
        return p ? (size_t)(p - g->policies) : g->n;
}

json_t *policy_store_lookup(const char *name, void *userdata) {
        PolicyStore *s = userdata;
        const Generation *g = s->loading ? s->loading : &s->now;
        size_t i = find(g, name);
        if (i == g->n)
                return NULL;
        const Document *d = &g->documents[i];
        return json_incref(d->done ? d->json : d->raw); /* not done: a circle, which the parser refuses */
}

/* What was in force of that name is so still, and is what others extend: as it was compiled, because what it extended itself may be
 * another by now, or gone. */
static int keep_last_good(const Generation *before, StoredPolicy *p, Document *d) {
        d->done = true;
        size_t i = find(before, p->name);
        if (i == before->n || !before->policies[i].policy)
                return 0;
        p->policy = policy_ref(before->policies[i].policy);
        d->json = policy_to_json(p->policy);
        return d->json ? 0 : -ENOMEM;
}

static int check_name(const JsonSource *source, const StoredPolicy *p, const Policy *policy) {
        const JsonPlace place = { .key = "name" };
        if (streq(policy->name, p->name))
                return 0;
        return json_refuse(source, &place, "must be \"%s\", as the file is called", p->name);
}

/* Sets what is in force of one name: the file that was read, or the last good one. */
static int settle(PolicyStore *s, StoredPolicy *p, Document *d) {
        PolicyError error = { 0 };
        const JsonSource source = { .text = d->text, .size = d->size, .error = &error };
        _cleanup_(policy_unrefp) Policy *policy = NULL;
        if (p->error)
                return keep_last_good(&s->now, p, d);
        bool is_ceiling = streq(p->name, "ceiling");
        int r = policy_parse(d->text, d->size, is_ceiling ? NULL : policy_store_lookup, s, &policy, &error);
        if (r == 0)
                r = check_name(&source, p, policy);
        if (r == -EINVAL) {
                p->error = config_error(p->file, &error);
                r = p->error ? keep_last_good(&s->now, p, d) : -ENOMEM;
        } else if (r == 0) {
                d->done = true;
                p->policy = TAKE_PTR(policy);
                d->json = json_incref(d->raw);
        }
        policy_error_clear(&error);
        free(d->text); /* the object says it all */
        d->text = NULL;
        return r;
}

/* The base of a document is settled before it, so that it extends what is in force of that name. */
static bool is_ready(const Generation *g, const Document *d) {
        const char *extends = json_string_value(json_object_get(d->raw, "extends"));
        size_t i = extends ? find(g, extends) : g->n;
        return i == g->n || g->documents[i].done;
}

static int settle_all(PolicyStore *s, Generation *g) {
        for (bool progress = true; progress;) {
                progress = false;
                for (size_t i = 0; i < g->n; i++) {
                        if (g->documents[i].done || !is_ready(g, &g->documents[i]))
                                continue;
                        int r = settle(s, &g->policies[i], &g->documents[i]);
                        if (r < 0)
                                return r;
                        progress = true;
                }
        }
        for (size_t i = 0; i < g->n;
                        i++) { /* a circle: the first in it is refused, and so it is none any more */
                int r = g->documents[i].done ? 0 : settle(s, &g->policies[i], &g->documents[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_files(const void *a, const void *b) {
        return strcmp(((const ConfigFile *)a)->name, ((const ConfigFile *)b)->name);
}

/* Once there was a ceiling there always is one: a file that somebody removed by mistake must neither stop every agent of the machine nor
 * free it. 1: f says so; 0: there never was one. */
static int recall_ceiling(const Generation *before, ConfigFile *f) {
        size_t i = find(before, "ceiling");
        if (i == before->n)
                return 0;
        const char *file = before->policies[i].file;
        if (asprintf(&f->error, "%s: there is no ceiling any more; the last good one stays in force", file) <
                        0)
                f->error = NULL;
        f->name = strdup("ceiling");
        f->path = strdup(file);
        if (f->error && f->name && f->path)
                return 1;
        config_file_clear(f);
        return -ENOMEM;
}

/* The files of policies/ and the ceiling, as one set. */
static int read_files(PolicyStore *s, ConfigSet *set, char **ret_sentence) {
        const char *const *dirs = (const char *const *)s->dirs;
        int r = config_set_load(dirs, "policies", LIMIT_POLICIES, LIMIT_POLICY_BYTES, set, ret_sentence);
        if (r < 0)
                return r;
        for (size_t i = 0; i < set->n; i++) {
                ConfigFile *f = &set->files[i];
                if (!streq(f->name, "ceiling"))
                        continue;
                free(f->name);
                free(f->error);
                f->name = strdup("ceiling.json");
                if (asprintf(&f->error,
                                    "%s: the ceiling is one directory higher; no other policy can have its "
                                    "name",
                                    f->path) < 0)
                        f->error = NULL;
                if (!f->name || !f->error)
                        return -ENOMEM;
        }
        ConfigFile *grown = reallocarray(set->files, set->n + 1, sizeof(ConfigFile));
        if (!grown)
                return -ENOMEM;
        set->files = grown;
        set->files[set->n] = (ConfigFile){ 0 };
        r = config_file_load(dirs, "ceiling", LIMIT_POLICY_BYTES, &set->files[set->n], ret_sentence);
        if (r == 0)
                r = recall_ceiling(&s->now, &set->files[set->n]);
        if (r < 0)
                return r;
        set->n += (size_t)r;
        if (set->n > 0)
                qsort(set->files, set->n, sizeof(ConfigFile), compare_files);
        return 0;
}

/* Takes the contents of the set over; nothing is settled yet. */
static int take_files(ConfigSet *set, Generation *g) {
        g->policies = calloc(set->n > 0 ? set->n : 1, sizeof(StoredPolicy));
        g->documents = calloc(set->n > 0 ? set->n : 1, sizeof(Document));
        if (!g->policies || !g->documents)
                return -ENOMEM;
        for (size_t i = 0; i < set->n; i++) {
                ConfigFile *f = &set->files[i];
                g->policies[i] = (StoredPolicy){
                        .name = TAKE_PTR(f->name), .file = TAKE_PTR(f->path), .error = TAKE_PTR(f->error)
                };
                g->documents[i] = (Document){ .text = TAKE_PTR(f->text), .size = f->size };
                Document *d = &g->documents[i];
                if (d->text) /* what is wrong with it is said when it is parsed */
                        (void)json_load_strict(&(JsonSource){ .text = d->text, .size = d->size }, &d->raw);
        }
        g->n = set->n;
        return 0;
}

static int load_handoff(PolicyStore *s, Generation *g, char **ret_sentence) {
        _cleanup_(config_file_clear) ConfigFile f = { 0 };
        int r = config_file_load(
                        (const char *const *)s->dirs, "handoff", LIMIT_POLICY_BYTES, &f, ret_sentence);
        if (r <= 0)
                return r;
        PolicyError error = { 0 };
        r = f.error ? -EINVAL : handoff_parse(f.text, f.size, &g->handoff, &error);
        if (r == -EINVAL) {
                g->handoff_error = f.error ? TAKE_PTR(f.error) : config_error(f.path, &error);
                r = g->handoff_error ? 0 : -ENOMEM;
        } else if (r == 0) {
                g->handoff_digest = config_digest(f.text, f.size);
                r = g->handoff_digest ? 0 : -ENOMEM;
        }
        policy_error_clear(&error);
        g->handoff_file = TAKE_PTR(f.path);
        return r;
}

/* What is there now, beside what is in force. */
static int generation_load(PolicyStore *s, Generation *g, char **ret_sentence) {
        _cleanup_(config_set_clear) ConfigSet set = { 0 };
        int r = read_files(s, &set, ret_sentence);
        if (r == 0)
                r = take_files(&set, g);
        if (r == 0) {
                s->loading = g;
                r = settle_all(s, g);
                s->loading = NULL;
        }
        if (r == 0)
                r = load_handoff(s, g, ret_sentence);
        return r < 0 ? r
                     : upstream_file_load((const char *const *)s->dirs, &s->now.upstream, &g->upstream,
                                       ret_sentence);
}

static bool same(const char *a, const char *b) {
        return a == b || (a && b && streq(a, b));
}

static bool policy_changed(const StoredPolicy *a, const StoredPolicy *b) {
        return !same(a->file, b->file) || !same(a->error, b->error) ||
               !same(a->policy ? a->policy->digest : NULL, b->policy ? b->policy->digest : NULL);
}

static void report_policies(
                const Generation *before, const Generation *after, PolicyChanged changed, void *userdata) {
        for (size_t i = 0; i < before->n; i++)
                if (find(after, before->policies[i].name) == after->n)
                        changed(&(PolicyChange){ .file = before->policies[i].file,
                                                .name = before->policies[i].name,
                                                .changed = true },
                                        userdata);
        for (size_t i = 0; i < after->n; i++) {
                const StoredPolicy *p = &after->policies[i];
                size_t j = find(before, p->name);
                changed(&(PolicyChange){ .file = p->file,
                                        .name = p->name,
                                        .policy = p->policy,
                                        .digest = p->policy ? p->policy->digest : NULL,
                                        .error = p->error,
                                        .changed = j == before->n ||
                                                   policy_changed(&before->policies[j], p) },
                                userdata);
        }
}

static void report_handoff(
                const Generation *before, const Generation *after, PolicyChanged changed, void *userdata) {
        const char *file = after->handoff_file ? after->handoff_file : before->handoff_file;
        if (!file)
                return;
        changed(&(PolicyChange){ .file = file,
                                .name = "handoff",
                                .digest = after->handoff_digest,
                                .error = after->handoff_error,
                                .changed = !same(before->handoff_file, after->handoff_file) ||
                                           !same(before->handoff_digest, after->handoff_digest) ||
                                           !same(before->handoff_error, after->handoff_error) },
                        userdata);
}

static void report_upstream(
                const Generation *before, const Generation *after, PolicyChanged changed, void *userdata) {
        const UpstreamFile *a = &before->upstream, *b = &after->upstream;
        const char *file = b->file ? b->file : a->file;
        if (file)
                changed(&(PolicyChange){ .file = file,
                                        .name = "upstream",
                                        .digest = b->digest,
                                        .error = b->error,
                                        .changed = !same(a->file, b->file) || !same(a->error, b->error) ||
                                                   a->number != b->number },
                                userdata);
}

/* The same for the handoff list; its last good one is handed on when the generations change. */
static int recall_handoff(const Generation *before, Generation *g) {
        if (g->handoff || !before->handoff)
                return 0;
        if (!g->handoff_file)
                g->handoff_file = strdup(before->handoff_file);
        if (!g->handoff_error && g->handoff_file &&
                        asprintf(&g->handoff_error,
                                        "%s: there is none any more; the last good one stays in force",
                                        g->handoff_file) < 0)
                g->handoff_error = NULL;
        g->handoff_digest = strdup(before->handoff_digest);
        return g->handoff_file && g->handoff_error && g->handoff_digest ? 0 : -ENOMEM;
}

/* sentence is "PATH: …" */
static void report_layer(const char *sentence, PolicyChanged changed, void *userdata) {
        _cleanup_free_ char *path = strndup(sentence, strcspn(sentence, ":"));
        if (path)
                changed(&(PolicyChange){ .file = path, .name = path, .error = sentence, .changed = true },
                                userdata);
}

static void ignore_change(const PolicyChange *change, void *userdata) {
}

int policy_store_load(PolicyStore *s, PolicyChanged changed, void *userdata) {
        _cleanup_(generation_clear) Generation g = { 0 };
        _cleanup_free_ char *sentence = NULL;
        changed = changed ? changed : ignore_change;
        int r = generation_load(s, &g, &sentence);
        if (r == 0)
                r = recall_handoff(&s->now, &g);
        if (r < 0) {
                if (sentence)
                        report_layer(sentence, changed, userdata);
                return r;
        }

        Generation before = s->now;
        size_t i = find(&g, "ceiling");
        bool whole = (g.handoff || before.handoff) && i < g.n && g.policies[i].policy;
        if (whole) {
                if (!g.handoff)
                        g.handoff = TAKE_PTR(before.handoff);
                s->now = g;
        }
        report_policies(&before, &g, changed, userdata);
        report_handoff(&before, &g, changed, userdata);
        report_upstream(&before, &g, changed, userdata);
        if (!whole)
                return -ENODATA;
        g = before; /* and goes now */
        return 0;
}

const Policy *policy_store_find(const PolicyStore *s, const char *name) {
        size_t i = find(&s->now, name);
        return i < s->now.n ? s->now.policies[i].policy : NULL;
}

const Policy *policy_store_ceiling(const PolicyStore *s) {
        return policy_store_find(s, "ceiling");
}

const Handoff *policy_store_handoff(const PolicyStore *s) {
        return s->now.handoff;
}

const Upstream *policy_store_upstream(const PolicyStore *s, uint64_t *ret_number) {
        *ret_number = s->now.upstream.number;
        return &s->now.upstream.upstream;
}

const StoredPolicy *policy_store_list(const PolicyStore *s, size_t *ret_n) {
        *ret_n = s->now.n;
        return s->now.policies;
}
