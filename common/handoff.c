/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handoff.h"
#include "cleanup.h"
#include "json.h"
#include "limits.h"
#include "policy-internal.h"

DEFINE_CLEANUP(Handoff *, handoff_free);

Handoff *handoff_free(Handoff *h) {
        if (!h)
                return NULL;
        for (size_t i = 0; i < h->n; i++)
                free(h->items[i].path);
        free(h->items);
        free(h);
        return NULL;
}

/* A relative path is normal where it is normal below the root. */
static const char *complaint_of(const char *path) {
        _cleanup_free_ char *absolute = NULL;
        if (asprintf(&absolute, "/%s", path) < 0) {
                absolute = NULL;
                return "does not fit in memory";
        }
        if (*path == '\0' || *path == '/')
                return "must be relative to the place that its list means";
        return bound_path_complaint(absolute);
}

static int add_item(const JsonSource *source, const JsonPlace *place, json_t *value, Handoff *h,
                PlanHandoffWhere where) {
        const char *path;
        int r = json_read_text(source, place, value, LIMIT_PATH_BYTES - 1, &path);
        if (r < 0)
                return r;
        const char *complaint = complaint_of(path);
        if (complaint)
                return json_refuse(source, place, "the path %s", complaint);
        if (h->n >= LIMIT_PLAN_HANDOFF)
                return json_refuse(source, place, "there are more than %u names in all", LIMIT_PLAN_HANDOFF);
        for (size_t i = 0; i < h->n; i++)
                if (h->items[i].where == where && streq(h->items[i].path, path))
                        return json_refuse(source, place, "is in this list already");

        _cleanup_free_ char *copy = strdup(path);
        PlanHandoff *item = copy ? array_append(&h->items, &h->n, sizeof(PlanHandoff)) : NULL;
        if (!item)
                return -ENOMEM;
        *item = (PlanHandoff){ .where = where, .path = TAKE_PTR(copy) };
        return 0;
}

static int add_root(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_item(source, place, value, userdata, PLAN_HANDOFF_ROOT);
}

static int add_gitdir(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_item(source, place, value, userdata, PLAN_HANDOFF_GITDIR);
}

static int add_report(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_item(source, place, value, userdata, PLAN_HANDOFF_REPORT);
}

static int list_root(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_PLAN_HANDOFF, add_root, userdata);
}

static int list_gitdir(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_PLAN_HANDOFF, add_gitdir, userdata);
}

static int list_report(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_PLAN_HANDOFF, add_report, userdata);
}

static int check_schema(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const schemas[] = { "mxc-handoff/1" };
        int word;
        return json_read_word(source, place, value, schemas, ELEMENTSOF(schemas), &word);
}

static int compare_items(const void *a, const void *b) {
        const PlanHandoff *x = a, *y = b;
        if (x->where != y->where)
                return x->where < y->where ? -1 : 1;
        return strcmp(x->path, y->path);
}

int handoff_parse(const char *text, size_t size, Handoff **ret, PolicyError *error) {
        static const JsonKey keys[] = { { "schema", check_schema }, { "root", list_root },
                { "gitdir", list_gitdir }, { "report", list_report } };
        const JsonSource source = { .text = text, .size = size, .error = error };
        json_auto_t *value = NULL;
        int r = json_load_strict(&source, &value);
        if (r < 0)
                return r;

        _cleanup_(handoff_freep) Handoff *h = calloc(1, sizeof(Handoff));
        if (!h)
                return -ENOMEM;
        r = json_apply_object(&source, NULL, value, keys, ELEMENTSOF(keys), h);
        if (r < 0)
                return r;
        if (!json_object_get(value, "schema"))
                return json_refuse(&source, NULL,
                                "has no \"schema\"; this list begins with \"schema\": \"mxc-handoff/1\"");
        if (h->n > 0)
                qsort(h->items, h->n, sizeof(PlanHandoff), compare_items);
        *ret = TAKE_PTR(h);
        return 0;
}
