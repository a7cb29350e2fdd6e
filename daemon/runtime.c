/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "log.h"
#include "names.h"
#include "sandbox.h"

#define SANDBOXES MXC_RUN_DIR "/sandboxes"
#define EFFECTIVE MXC_RUN_DIR "/effective"
#define RECORD_MAX (4U * 1024 * 1024) /* an effective policy, or what is shown of argv and labels, escaped */
#define EFFECTIVE_BUCKETS 256U

static StoredEffective *effective[EFFECTIVE_BUCKETS];
static TAILQ_HEAD(, StoredEffective) idle = TAILQ_HEAD_INITIALIZER(
                idle); /* the one that nobody has for longest is first */
static size_t n_idle;
static bool keep;

DEFINE_CLEANUP(DIR *, closedir);

static int make_dir(const char *path) {
        return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int runtime_prepare(void) {
        int r = make_dir(SANDBOXES);
        return r < 0 ? r : make_dir(EFFECTIVE);
}

/* Nobody but root can be in these directories, so a fixed temporary name is nobody's prey. */
static int write_whole(const char *dir, const char *name, const char *text) {
        _cleanup_free_ char *path = NULL, *temporary = NULL;
        if (asprintf(&path, "%s/%s", dir, name) < 0)
                return -ENOMEM;
        if (asprintf(&temporary, "%s/.new", dir) < 0)
                return -ENOMEM;
        _cleanup_close_ int fd =
                        open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, text, strlen(text));
        if (r < 0)
                return r;
        return rename(temporary, path) < 0 ? -errno : 0;
}

static void remove_file(const char *dir, const char *name) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s", dir, name) >= 0 && unlink(path) < 0 && errno != ENOENT)
                log_warning("%s stays: %s", path, strerror(errno));
}

/* ---- effective policies ---- */

static StoredEffective **bucket(const char *digest) {
        unsigned n = 0;
        for (size_t i = 0; i < 2 && digest[i]; i++)
                n = n * 16 + (unsigned)(digest[i] >= 'a' ? digest[i] - 'a' + 10 : digest[i] - '0') % 16;
        return &effective[n % EFFECTIVE_BUCKETS];
}

static StoredEffective *find_effective(const char *digest) {
        for (StoredEffective *e = *bucket(digest); e; e = e->next)
                if (streq(e->policy->digest, digest))
                        return e;
        return NULL;
}

static int insert(Policy *p, StoredEffective **ret) {
        StoredEffective *e = calloc(1, sizeof(StoredEffective));
        if (!e)
                return -ENOMEM;
        StoredEffective **head = bucket(p->digest);
        *e = (StoredEffective){ .next = *head, .n_ref = 1, .policy = policy_ref(p) };
        *head = *ret = e;
        return 0;
}

static StoredEffective *use(StoredEffective *e) {
        if (e->n_ref++ == 0) {
                TAILQ_REMOVE(&idle, e, idle);
                n_idle--;
        }
        return e;
}

int runtime_effective_new(Policy *p, StoredEffective **ret) {
        StoredEffective *e = find_effective(p->digest);
        if (e) {
                *ret = use(e);
                return 0;
        }
        _cleanup_free_ char *text = policy_canonical(p);
        if (!text)
                return -ENOMEM;
        if (strlen(text) >
                        LIMIT_POLICY_BYTES) /* the next mxcd could not read it, and would end its sandboxes */
                return -E2BIG;
        int r = write_whole(EFFECTIVE, p->digest, text);
        return r < 0 ? r : insert(p, ret);
}

int runtime_effective_load(const char *digest, StoredEffective **ret) {
        StoredEffective *e = find_effective(digest);
        if (e) {
                *ret = use(e);
                return 0;
        }
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        if (asprintf(&path, EFFECTIVE "/%s", digest) < 0)
                return -ENOMEM;
        int r = fd_read_file_at(AT_FDCWD, path, RECORD_MAX, &text, &size);
        if (r < 0)
                return r;
        Policy *p;
        PolicyError error = { 0 };
        r = policy_parse(text, size, NULL, NULL, &p, &error);
        policy_error_clear(&error);
        if (r < 0)
                return r;
        r = streq(p->digest, digest) ? insert(p, ret) : -EBADMSG;
        policy_unref(p);
        return r;
}

static void forget_oldest(void) {
        StoredEffective *e = TAILQ_FIRST(&idle);
        StoredEffective **at = bucket(e->policy->digest);
        while (*at != e)
                at = &(*at)->next;
        *at = e->next;
        TAILQ_REMOVE(&idle, e, idle);
        n_idle--;
        if (!keep)
                remove_file(EFFECTIVE, e->policy->digest);
        policy_unref(e->policy);
        free(e);
}

/* What is idle now has no sandbox to read it for. */
void runtime_keep(void) {
        while (!TAILQ_EMPTY(&idle))
                forget_oldest();
        keep = true;
}

StoredEffective *runtime_effective_unref(StoredEffective *e) {
        if (!e || --e->n_ref > 0)
                return NULL;
        TAILQ_INSERT_TAIL(&idle, e, idle);
        n_idle++;
        while (n_idle > (keep ? 0 : RUNTIME_IDLE_MAX))
                forget_oldest();
        return NULL;
}

static bool is_known(const char *name) {
        return name[0] == '.' || find_effective(name);
}

void runtime_sweep(void) {
        _cleanup_(closedirp) DIR *dir = opendir(EFFECTIVE);
        struct dirent *entry;
        while (dir && (entry = readdir(dir)))
                if (!is_known(entry->d_name))
                        remove_file(EFFECTIVE, entry->d_name);
}

/* ---- records ---- */

static const char *const origin_words[_ORIGIN_MAX] = { "document", "store", "agent" };

static json_t *words(char *const *list) {
        json_t *a = json_array();
        for (; a && list && *list; list++)
                /* what is not UTF-8 cannot be JSON: the record keeps what can be shown */
                if (json_array_append_new(a, json_string(*list) ?: json_string("?")) < 0)
                        break;
        return a;
}

static json_t *grants(const Sandbox *s) {
        json_t *list = json_array();
        const Grant *g;
        LIST_FOREACH(g, &s->grants, entries)
                if (list && json_array_append_new(list, grant_to_json(g)) < 0)
                        list = (json_decref(list), NULL); /* and so there is no record */
        return list;
}

static bool has(const Command *c, RuntimeOfCommand what) {
        return what == RUNTIME_TIED ? c->tied : what == RUNTIME_ASKED ? c->asked_to_end : c->killed;
}

/* Numbers, of commands that are not over. */
static json_t *numbers(const Sandbox *s, RuntimeOfCommand what) {
        json_t *list = json_array();
        const Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (list && c->number > 0 && has(c, what) &&
                                json_array_append_new(list, json_integer((json_int_t)c->number)) < 0)
                        list = (json_decref(list), NULL);
        return list;
}

char *runtime_record(const Sandbox *s) {
        json_auto_t *record = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:o, s:s, "
                                        "s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:s, s:b, s:I, s:I, s:o, s:I, "
                                        "s:s, s:o, s:o, s:o, s:I, s:s}",
                        "agent", s->agent->name, "scope", s->scope->path, "uid", (json_int_t)s->owner.uid,
                        "gid", (json_int_t)s->owner.gid, "user", s->owner.name, "home",
                        s->owner.home ? s->owner.home : "", "caller", (json_int_t)s->caller, "policy",
                        s->policy, "digest", s->effective->policy->digest, "workspace", s->workspace, "argv",
                        words(s->argv), "labels", words(s->labels), "walls", s->walls, "unheld", s->unheld,
                        "started", (json_int_t)s->started, "startedBoottime",
                        (json_int_t)s->started_boottime, "deadline", (json_int_t)s->deadline, "tied",
                        s->tied, "command", s->has_command, "leader", (json_int_t)s->leader, "origin",
                        origin_words[s->origin], "leased", s->leased, "spentOut", (json_int_t)s->spent_out,
                        "spentIn", (json_int_t)s->spent_in, "grants", grants(s), "lastGrant",
                        (json_int_t)s->last_grant, "ending",
                        s->reason == END_EXITED ? "" : end_reason_to_string(s->reason), "ties",
                        numbers(s, RUNTIME_TIED), "asked", numbers(s, RUNTIME_ASKED), "killed",
                        numbers(s, RUNTIME_KILLED), "lastCommand", (json_int_t)s->last_command, "cut",
                        s->cut ? s->cut : "");
        return record ? json_dumps(record, JSON_COMPACT) : NULL;
}

int runtime_save(const Sandbox *s) {
        _cleanup_free_ char *text = runtime_record(s);
        return text ? write_whole(SANDBOXES, s->id, text) : -ENOMEM;
}

void runtime_remove(const char *id) {
        remove_file(SANDBOXES, id);
}

static bool is_id(const char *name) {
        return strlen(name) == 32 && name[strspn(name, "0123456789abcdef")] == 0;
}

int runtime_load_all(void (*each)(const char *id, const json_t *record, void *userdata), void *userdata) {
        _cleanup_(closedirp) DIR *dir = opendir(SANDBOXES);
        if (!dir)
                return -errno;
        struct dirent *entry;
        while ((entry = readdir(dir))) {
                if (!is_id(entry->d_name))
                        continue;
                _cleanup_free_ char *text = NULL;
                int r = fd_read_file_at(dirfd(dir), entry->d_name, RECORD_MAX, &text, NULL);
                json_auto_t *record = r < 0 ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
                if (!record)
                        log_warning("The record of sandbox %s cannot be read.", entry->d_name);
                each(entry->d_name, record, userdata);
        }
        return 0;
}

int runtime_record_agent(const json_t *record, const char **ret_name, uid_t *ret_owner) {
        const json_t *uid = json_object_get(record, "uid");
        const char *name = json_string_value(json_object_get(record, "agent"));
        if (!name || !json_is_integer(uid))
                return -EBADMSG;
        *ret_name = name;
        *ret_owner = (uid_t)json_integer_value(uid);
        return 0;
}

static int read_text(const json_t *record, const char *key, char **ret) {
        const char *text = json_string_value(json_object_get(record, key));
        if (!text)
                return -EBADMSG;
        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int read_words(const json_t *record, const char *key, char ***ret) {
        const json_t *list = json_object_get(record, key);
        if (!json_is_array(list))
                return -EBADMSG;
        char **copy = calloc(json_array_size(list) + 1, sizeof(char *));
        if (!copy)
                return -ENOMEM;
        *ret = copy; /* the sandbox's, filled or not */
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *word = json_string_value(json_array_get(list, i));
                copy[i] = strdup(word ? word : "");
                if (!copy[i])
                        return -ENOMEM;
        }
        return 0;
}

static uint64_t number(const json_t *record, const char *key) {
        return (uint64_t)json_integer_value(json_object_get(record, key));
}

/* One that cannot be read is over. */
static void restore_grants(Sandbox *s, const json_t *list) {
        for (size_t i = json_array_size(list); i-- > 0;) {
                Grant *g = grant_from_json(json_array_get(list, i));
                if (g)
                        LIST_INSERT_HEAD(&s->grants, g, entries);
                else
                        log_warning("A grant of sandbox %s cannot be read, and is over.", s->id);
        }
}

/* END_EXITED: nobody has begun to end it. */
static EndReason read_reason(const json_t *record) {
        const char *word = json_string_value(json_object_get(record, "ending"));
        for (EndReason r = 0; word && r < _END_REASON_MAX; r++)
                if (streq(word, end_reason_to_string(r)))
                        return r;
        return END_EXITED;
}

int runtime_restore(Sandbox *s, const json_t *record) {
        const struct {
                const char *key;
                char **to;
        } texts[] = {
                { "user", &s->owner.name },
                { "home", &s->owner.home },
                { "policy", &s->policy },
                { "walls", &s->walls },
                { "workspace", &s->workspace },
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                int r = read_text(record, texts[i].key, texts[i].to);
                if (r < 0)
                        return r;
        }
        if (read_text(record, "unheld", &s->unheld) < 0) { /* not of every mxcd before this one */
                s->unheld = strdup("");
                if (!s->unheld)
                        return -ENOMEM;
        }
        if (json_object_get(record, "cut")) { /* the same */
                int r = read_text(record, "cut", &s->cut);
                if (r < 0)
                        return r;
        }
        if (s->owner.home[0] == 0)
                s->owner.home = (free(s->owner.home), NULL);
        int r = read_words(record, "argv", &s->argv);
        if (r == 0)
                r = read_words(record, "labels", &s->labels);
        if (r == 0 && json_array_size(json_object_get(record, "labels")) % 2 != 0)
                r = -EBADMSG; /* key, value, … */
        const char *digest = json_string_value(json_object_get(record, "digest"));
        if (r == 0)
                r = digest ? runtime_effective_load(digest, &s->effective) : -EBADMSG;
        s->owner.uid = (uid_t)number(record, "uid");
        s->owner.gid = (gid_t)number(record, "gid");
        s->caller = (uid_t)number(record, "caller");
        s->started = number(record, "started");
        s->started_boottime = number(record, "startedBoottime");
        s->deadline = number(record, "deadline");
        s->tied = json_is_true(json_object_get(record, "tied"));
        s->has_command = json_is_true(json_object_get(record, "command"));
        s->leader = (pid_t)number(record, "leader");
        s->reason = read_reason(record);
        s->leased = json_is_true(json_object_get(record, "leased"));
        s->spent_out = number(record, "spentOut"); /* 0: not of every mxcd before this one */
        s->spent_in = number(record, "spentIn");
        s->last_grant = (uint32_t)number(record, "lastGrant");
        restore_grants(s, json_object_get(record, "grants"));
        /* NULL: not of every mxcd before this one */
        s->of_commands[RUNTIME_TIED] = json_incref(json_object_get(record, "ties"));
        s->of_commands[RUNTIME_ASKED] = json_incref(json_object_get(record, "asked"));
        s->of_commands[RUNTIME_KILLED] = json_incref(json_object_get(record, "killed"));
        s->last_command = (uint32_t)number(record, "lastCommand");
        const char *origin = json_string_value(json_object_get(record, "origin"));
        for (size_t i = 0; origin && i < _ORIGIN_MAX; i++)
                if (streq(origin, origin_words[i]))
                        s->origin = (PolicyOrigin)i;
        return r;
}

bool runtime_had(const Sandbox *s, RuntimeOfCommand what, uint32_t exec) {
        const json_t *list = s->of_commands[what];
        for (size_t i = 0; i < json_array_size(list); i++)
                if (json_integer_value(json_array_get(list, i)) == (json_int_t)exec)
                        return true;
        return false;
}
