/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan for people to read. Every field is there, so that what is shown is what would be done. */

#include <arpa/inet.h>

#include <jansson.h>

#include "plan-internal.h"

static const char *const access_words[_PLAN_ACCESS_MAX] = { "denied", "readonly", "readwrite" };
static const char *const handoff_words[_PLAN_HANDOFF_MAX] = { "root", "gitdir", "report", "grant" };
static const char *const limit_words[_PLAN_LIMIT_MAX] = { "memoryMax", "memorySwapMax", "tasksMax",
        "cpuQuotaUsec", "cpuWeight", "ioWeight" };

/* A word of a command can be any bytes; JSON takes UTF-8 only. What is not is shown as "?". */
static json_t *text(const char *s) {
        json_t *value = json_string(s);
        if (value)
                return value;
        _cleanup_free_ char *shown = strdup(s);
        for (char *p = shown; p && *p; p++)
                if ((unsigned char)*p >= 0x80)
                        *p = '?';
        return shown ? json_string(shown) : NULL;
}

/* Takes value, which may be NULL: then false. */
static bool put(json_t *object, const char *key, json_t *value) {
        return json_object_set_new(object, key, value) == 0;
}

static json_t *words(char *const *list, size_t n) {
        json_auto_t *array = json_array();
        for (size_t i = 0; array && i < n; i++)
                if (json_array_append_new(array, text(list[i])) < 0)
                        return NULL;
        return json_incref(array);
}

static json_t *mount(const PlanMount *m) {
        return json_pack("{s:o, s:s, s:b, s:s, s:b}", "path", text(m->path), "access",
                        access_words[m->access], "exec", m->exec, "openedAs", m->as_owner ? "owner" : "root",
                        "required", m->required);
}

static json_t *mounts(const PlanMount *list, size_t n) {
        json_auto_t *array = json_array();
        for (size_t i = 0; array && i < n; i++)
                if (json_array_append_new(array, mount(&list[i])) < 0)
                        return NULL;
        return json_incref(array);
}

static json_t *links(const PlanLink *list, size_t n) {
        json_auto_t *object = json_object();
        for (size_t i = 0; object && i < n; i++)
                if (!put(object, list[i].path, text(list[i].target)))
                        return NULL;
        return json_incref(object);
}

static json_t *template(const PlanTemplate *t) {
        json_auto_t *o = json_object();
        if (!o || !put(o, "mounts", mounts(t->mounts, t->n_mounts)) ||
                        !put(o, "links", links(t->links, t->n_links)) ||
                        !put(o, "syscalls", words(t->syscalls, t->n_syscalls)) ||
                        !put(o, "debugging", json_boolean(t->debugging)) ||
                        !put(o, "landlockAbi", json_integer(t->landlock_abi)))
                return NULL;
        return json_incref(o);
}

static json_t *handoff(const LaunchPlan *p) {
        json_auto_t *object = json_object();
        for (size_t w = 0; object && w < _PLAN_HANDOFF_MAX; w++)
                if (!put(object, handoff_words[w], json_array()))
                        return NULL;
        for (size_t i = 0; object && i < p->n_handoff; i++) {
                json_t *list = json_object_get(object, handoff_words[p->handoff[i].where]);
                if (json_array_append_new(list, text(p->handoff[i].path)) < 0)
                        return NULL;
        }
        return json_incref(object);
}

static json_t *groups(const LaunchPlan *p) {
        json_auto_t *array = json_array();
        for (size_t i = 0; array && i < p->n_groups; i++)
                if (json_array_append_new(array, json_integer(p->groups[i])) < 0)
                        return NULL;
        return json_incref(array);
}

/* jansson's integers are signed; policies take nothing above 2^63-1, and a plan is made of them. */
static json_t *number(uint64_t n) {
        return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *limits(const LaunchPlan *p) {
        json_auto_t *object = json_object();
        for (size_t i = 0; object && i < p->n_limits; i++)
                if (!put(object, limit_words[p->limits[i].kind], number(p->limits[i].value)))
                        return NULL;
        return json_incref(object);
}

static bool put_command(json_t *o, const LaunchPlan *p) {
        return put(o, "argv", words(p->argv, p->n_argv)) && put(o, "environment", words(p->env, p->n_env)) &&
               put(o, "cwd", text(p->cwd)) && put(o, "umask", json_sprintf("%04o", p->umask)) &&
               put(o, "pty", json_boolean(p->pty)) && put(o, "rows", json_integer(p->rows)) &&
               put(o, "columns", json_integer(p->columns));
}

static json_t *published(const LaunchPlan *p) {
        json_auto_t *array = json_array();
        for (size_t i = 0; array && i < p->n_published; i++) {
                const PlanListener *l = &p->published[i];
                char address[INET6_ADDRSTRLEN] = "";
                (void)inet_ntop((int)l->family, l->address, address, sizeof(address)); /* one of two */
                if (json_array_append_new(array, json_sprintf(l->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
                                                                 address, l->port)) < 0)
                        return NULL;
        }
        return json_incref(array);
}

json_t *plan_to_json(const LaunchPlan *p) {
        json_auto_t *o = json_object();
        if (!o || !put(o, "id", text(p->id)) || !put(o, "scope", text(p->scope)) ||
                        !put(o, "hostname", text(p->hostname)) ||
                        !put(o, "template", template(&p->template)) ||
                        !put(o, "mounts", mounts(p->mounts, p->n_mounts)) ||
                        !put(o, "handoff", handoff(p)) || !put(o, "uid", json_integer(p->uid)) ||
                        !put(o, "gid", json_integer(p->gid)) || !put(o, "groups", groups(p)) ||
                        !put_command(o, p) || !put(o, "limits", limits(p)) ||
                        !put(o, "maxFiles", number(p->max_files)) || !put(o, "published", published(p)) ||
                        !put(o, "user", text(p->user)) || !put(o, "home", text(p->home)))
                return NULL;
        return json_incref(o);
}
