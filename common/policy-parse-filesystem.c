/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* The sections filesystem and resources. */

static int read_path(const JsonSource *source, const JsonPlace *place, json_t *value, const char **ret) {
        const char *path;
        int r = json_read_text(source, place, value, SIZE_MAX, &path);
        if (r < 0)
                return r;
        const char *complaint = path_complaint(path);
        if (complaint)
                return json_refuse(source, place, "the path %s", complaint);
        *ret = path;
        return 0;
}

static int add_path(const JsonSource *source, const JsonPlace *place, json_t *value, Parse *parse,
                PathAccess access) {
        const char *path;
        int r = read_path(source, place, value, &path);
        if (r < 0)
                return r;
        for (size_t i = 0; i < parse->n_paths; i++)
                if (parse->paths[i].access == access && streq(parse->paths[i].path, path))
                        return json_refuse(source, place, "is in this list already");
        _cleanup_free_ char *clause = json_place_pointer(place);
        return clause ? paths_add(&parse->paths, &parse->n_paths, path, access, clause) : -ENOMEM;
}

static int add_denied(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_path(source, place, value, userdata, PATH_DENIED);
}

static int add_readonly(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_path(source, place, value, userdata, PATH_READONLY);
}

static int add_readwrite(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return add_path(source, place, value, userdata, PATH_READWRITE);
}

static int denied_paths(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PATHS, add_denied, userdata);
}

static int readonly_paths(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PATHS, add_readonly, userdata);
}

static int readwrite_paths(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PATHS, add_readwrite, userdata);
}

typedef struct PathList {
        char **paths;
        size_t n;
} PathList;

static int add_exec(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        PathList *list = userdata;
        const char *path;
        int r = read_path(source, place, value, &path);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->paths[i], path))
                        return json_refuse(source, place, "is in this list already");
        return strings_add(&list->paths, &list->n, path);
}

/* A list adds to the list of a base; to a base that says "readable" there is nothing to add, so the list replaces it. */
static int execute_paths(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "readable", "none" };
        Policy *p = ((Parse *)userdata)->policy;
        PathList list = { 0 };
        int word = -1, r;

        if (json_is_string(value))
                r = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
        else
                r = json_apply_list(source, place, value, LIMIT_POLICY_PATHS, add_exec, &list);
        if (r == 0 && word == 0)
                r = exec_add_all(&list.paths, &list.n);
        if (r == 0 && word < 0 && ((Parse *)userdata)->extended && !exec_is_all(p->exec, p->n_exec))
                for (size_t i = 0; i < p->n_exec && r == 0; i++)
                        r = strings_add(&list.paths, &list.n, p->exec[i]);

        strings_free(p->exec, p->n_exec);
        p->exec = list.paths;
        p->n_exec = list.n;
        return r;
}

static int workspace_mode(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, workspace_mode_words, _WORKSPACE_MAX, &word);
        if (r == 0)
                parse->policy->workspace_mode = (WorkspaceMode)word;
        return r;
}

static int handoff(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, handoff_words, ELEMENTSOF(handoff_words), &word);
        if (r == 0)
                parse->policy->handoff_allowed = word == 1;
        return r;
}

/* The document's entry for a path replaces the base's. */
static int lay_paths(Parse *parse) {
        Policy *p = parse->policy;
        paths_sort(parse->paths, &parse->n_paths);
        size_t kept = 0;
        for (size_t i = 0; i < p->n_paths; i++) {
                const PathRule *own = paths_find(parse->paths, parse->n_paths, p->paths[i].path);
                if (own && streq(own->path, p->paths[i].path)) {
                        free(p->paths[i].path);
                        free(p->paths[i].clause);
                } else
                        p->paths[kept++] = p->paths[i];
        }
        p->n_paths = kept;
        for (size_t i = 0; i < parse->n_paths; i++) {
                const PathRule *own = &parse->paths[i];
                int r = paths_add(&p->paths, &p->n_paths, own->path, own->access, own->clause);
                if (r < 0)
                        return r;
        }
        return 0;
}

int parse_filesystem(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = {
                { "readonlyPaths", readonly_paths },
                { "readwritePaths", readwrite_paths },
                { "deniedPaths", denied_paths },
                { "executePaths", execute_paths },
                { "workspace", workspace_mode },
                { "handoff", handoff },
        };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
        return r < 0 ? r : lay_paths(userdata);
}

static int refuse_amount(const JsonSource *source, const JsonPlace *place, int error, const char *form) {
        return error == -ERANGE ? json_refuse(source, place, "is too large a number")
                                : json_refuse(source, place, "must be %s", form);
}

int read_size(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min, uint64_t *ret) {
        if (!json_is_string(value))
                return json_read_integer(source, place, value, min, INT64_MAX, ret);
        int r = parse_size(json_string_value(value), ret);
        if (r < 0)
                return refuse_amount(source, place, r,
                                "a size such as 512M or 4G, a number of bytes, or \"infinity\"");
        return *ret < min ? json_refuse(source, place, "must not be zero") : 0;
}

int read_count(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min, uint64_t max,
                uint64_t *ret) {
        if (json_is_string(value) && streq(json_string_value(value), "infinity")) {
                *ret = RESOURCE_UNLIMITED;
                return 0;
        }
        return json_read_integer(source, place, value, min, max, ret);
}

int read_span(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t *ret) {
        static const char form[] =
                        "a time span such as \"90s\" or \"1h 30min\", or a whole number of seconds";
        int r = -EINVAL;
        if (json_is_string(value))
                r = parse_timespan(json_string_value(value), ret);
        else if (json_is_integer(value) && json_integer_value(value) >= 0)
                r = __builtin_mul_overflow((uint64_t)json_integer_value(value), 1000000, ret) ||
                                                    *ret > INT64_MAX
                                    ? -ERANGE
                                    : 0;
        if (r < 0)
                return refuse_amount(source, place, r, form);
        return *ret == 0 ? json_refuse(source, place, "must not be zero") : 0;
}

static int read_resource(const JsonSource *source, const JsonPlace *place, json_t *value, ResourceKind kind,
                uint64_t *ret) {
        int r;
        switch (kind) {
        case RESOURCE_MEMORY_MAX:
                return read_size(source, place, value, 1, ret);
        case RESOURCE_SWAP_MAX:
                return read_size(source, place, value, 0, ret);
        case RESOURCE_TASKS_MAX:
                return read_count(source, place, value, 1, INT64_MAX, ret);
        case RESOURCE_CPU_QUOTA:
                r = json_is_string(value) ? parse_percent(json_string_value(value), ret) : -EINVAL;
                if (r < 0 || *ret == 0)
                        return refuse_amount(source, place, r,
                                        "a percentage of one processor above zero, such as 150%");
                return 0;
        case RESOURCE_RUNTIME_MAX:
                return read_span(source, place, value, ret);
        case RESOURCE_IO_WEIGHT:
        case RESOURCE_CPU_WEIGHT:
                return read_count(source, place, value, 1, 10000, ret);
        case RESOURCE_FILES_MAX:
                return read_count(source, place, value, 1, 1048576,
                                ret); /* the kernel's own default ceiling, fs.nr_open */
        case _RESOURCE_MAX:
                break;
        }
        return -EINVAL;
}

static int parse_resource(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                if (streq(resource_keys[i], place->key))
                        return read_resource(
                                        source, place, value, (ResourceKind)i, &parse->policy->resources[i]);
        return -EINVAL;
}

int parse_resources(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        JsonKey keys[_RESOURCE_MAX];
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                keys[i] = (JsonKey){ resource_keys[i], parse_resource };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}
