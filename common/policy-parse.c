/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "policy-internal.h"

/* From a document to a policy: the top of it, what it extends, and its small sections. A document is applied onto what it
 * extends (or onto nothing): words and numbers replace, lists add, and of paths the document's own entry for a path
 * replaces the base's. */

static int parse_name(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        const char *name;
        int r = json_read_text(source, place, value, SIZE_MAX, &name);
        if (r < 0)
                return r;
        if (!policy_name_is_valid(name))
                return json_refuse(source, place,
                                "a name is 1 to %u of a-z, 0-9 and \"-\", and does not begin with \"-\"",
                                LIMIT_NAME_BYTES);
        free(parse->policy->name);
        parse->policy->name = strdup(name);
        return parse->policy->name ? 0 : -ENOMEM;
}

static int parse_description(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        const char *text;
        int r = json_read_text(source, place, value, LIMIT_DESCRIPTION_BYTES, &text);
        if (r < 0)
                return r;
        free(parse->policy->description);
        parse->policy->description = strdup(text);
        return parse->policy->description ? 0 : -ENOMEM;
}

static int parse_containment(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, containment_words, _CONTAINMENT_MAX, &word);
        if (r == 0)
                parse->policy->containment = (Containment)word;
        return r;
}

static int ui_disable(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        return json_read_bool(source, place, value, &parse->policy->ui_disabled);
}

static int ui_clipboard(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, clipboard_words, _CLIPBOARD_MAX, &word);
        if (r == 0)
                parse->policy->clipboard = (Clipboard)word;
        return r;
}

static int ui_injection(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        return json_read_bool(source, place, value, &parse->policy->injection);
}

static int parse_ui(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "disable", ui_disable }, { "clipboard", ui_clipboard },
                { "injection", ui_injection } };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}

static int audit_level(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, audit_level_words, _AUDIT_LEVEL_MAX, &word);
        if (r < 0)
                return r;
        AuditLevel *level = streq(place->key, "files")  ? &parse->policy->audit_files
                            : streq(place->key, "exec") ? &parse->policy->audit_exec
                                                        : &parse->policy->audit_network;
        *level = (AuditLevel)word;
        return 0;
}

static int parse_audit(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "files", audit_level }, { "exec", audit_level },
                { "network", audit_level } };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}

static int violation_action(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int word, r = json_read_word(source, place, value, violation_action_words, _VIOLATION_ACTION_MAX,
                                  &word);
        if (r == 0)
                parse->policy->violation_action = (ViolationAction)word;
        return r;
}

static int violation_threshold(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        return json_read_integer(source, place, value, 1, INT64_MAX, &parse->policy->violation_threshold);
}

static int violation_window(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        int r = read_span(source, place, value, &parse->policy->violation_window_usec);
        if (r == 0 && parse->policy->violation_window_usec == RESOURCE_UNLIMITED)
                return json_refuse(source, place, "a window has a length");
        return r;
}

static int parse_violations(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "action", violation_action }, { "threshold", violation_threshold },
                { "window", violation_window } };
        Parse *parse = userdata;
        parse->policy->violation_action = VIOLATION_NONE;
        parse->policy->violation_threshold = RESOURCE_UNLIMITED;
        parse->policy->violation_window_usec = 0;

        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
        if (r < 0)
                return r;
        bool others = json_object_get(value, "threshold") && json_object_get(value, "window");
        if (!json_object_get(value, "action"))
                return json_refuse(source, place, "must have \"action\"");
        if (parse->policy->violation_action != VIOLATION_NONE && !others)
                return json_refuse(source, place, "an action needs \"threshold\" and \"window\"");
        if (parse->policy->violation_action == VIOLATION_NONE && json_object_size(value) > 1)
                return json_refuse(source, place,
                                "\"threshold\" and \"window\" mean nothing without an action");
        return 0;
}

static int delegation_spawn(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        return json_read_bool(source, place, value, &parse->policy->delegation_spawn);
}

static int delegation_depth(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Parse *parse = userdata;
        uint64_t depth;
        int r = json_read_integer(source, place, value, 1, LIMIT_POLICY_DELEGATION_DEPTH, &depth);
        if (r == 0)
                parse->policy->delegation_depth = (uint32_t)depth;
        return r;
}

static int parse_delegation(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "spawn", delegation_spawn }, { "depth", delegation_depth } };
        Parse *parse = userdata;
        parse->policy->delegation_spawn = false;
        parse->policy->delegation_depth = 1;

        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
        if (r < 0)
                return r;
        if (parse->policy->delegation_spawn)
                return 0;
        parse->policy->delegation_depth = 0;
        return json_object_get(value, "depth")
                               ? json_refuse(source, place,
                                                 "\"depth\" means nothing unless \"spawn\" is true")
                               : 0;
}

static int parse_schema(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const schemas[] = { "mxc-policy/1" };
        int word;
        return json_read_word(source, place, value, schemas, ELEMENTSOF(schemas), &word);
}

static int parse_version(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_refuse_key(source, place,
                        "this is an MXC configuration and no policy: mxcctl policy translate makes one of "
                        "it, and lxc-exec runs it");
}

/* Done before the other keys, see apply_base(). */
static int parse_extends(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return 0;
}

static const JsonKey policy_keys[] = {
        { "schema", parse_schema },
        { "name", parse_name },
        { "description", parse_description },
        { "extends", parse_extends },
        { "containment", parse_containment },
        { "filesystem", parse_filesystem },
        { "process", parse_process },
        { "network", parse_network },
        { "ui", parse_ui },
        { "resources", parse_resources },
        { "audit", parse_audit },
        { "violations", parse_violations },
        { "delegation", parse_delegation },
        { "version", parse_version },
};

typedef struct Bases {
        PolicyLookup lookup;
        void *userdata;
        unsigned depth;
} Bases;

static int parse_document(const JsonSource *source, json_t *value, const Bases *bases, Policy **ret);

static int parse_base(const JsonSource *source, const JsonPlace *place, const char *name, const Bases *bases,
                Policy **ret) {
        if (!bases->lookup)
                return json_refuse(source, place, "nothing can be extended here; write the policy out");
        if (bases->depth >= LIMIT_POLICY_EXTENDS)
                return json_refuse(source, place, "extends %u policies in a row, or itself",
                                LIMIT_POLICY_EXTENDS + 1);
        json_auto_t *value = bases->lookup(name, bases->userdata);
        if (!value)
                return json_refuse(source, place, "there is no policy \"%s\" to extend", name);

        PolicyError error = { 0 };
        const JsonSource base = { .error = &error };
        const Bases deeper = {
                .lookup = bases->lookup, .userdata = bases->userdata, .depth = bases->depth + 1
        };
        int r = parse_document(&base, value, &deeper, ret);
        if (r == -EINVAL && bases->depth > 0 && streq(error.pointer, "/extends"))
                r = json_refuse(source, place, "%s",
                                error.sentence); /* once is enough of a row, or a ring */
        else if (r == -EINVAL)
                r = json_refuse(source, place, "\"%s\", which this extends, is refused at \"%s\": %s", name,
                                error.pointer, error.sentence);
        policy_error_clear(&error);
        return r;
}

/* What the document begins as: a copy of its base, or nothing but the defaults. */
static int apply_base(const JsonSource *source, json_t *value, const Bases *bases, Parse *parse) {
        json_t *extends = json_object_get(value, "extends");
        const JsonPlace place = { .key = "extends" };
        if (!extends) {
                int r = policy_new(&parse->policy);
                if (r < 0)
                        return r;
                (void)syscall_profile("agent", &parse->policy->syscalls); /* a name of its own */
                return exec_add_all(&parse->policy->exec, &parse->policy->n_exec);
        }
        const char *name;
        int r = json_read_text(source, &place, extends, SIZE_MAX, &name);
        if (r < 0)
                return r;
        if (!policy_name_is_valid(name))
                return json_refuse(source, &place, "is not the name of a policy");

        _cleanup_(policy_unrefp) Policy *base = NULL;
        r = parse_base(source, &place, name, bases, &base);
        if (r < 0)
                return r;
        free(base->name); /* clauses name it as the document does */
        base->name = strdup(name);
        r = base->name ? policy_copy(base, base, &parse->policy) : -ENOMEM;
        if (r < 0)
                return r;
        parse->extended = true;
        *parse->policy->name = *parse->policy->description = '\0';
        return 0;
}

static int apply_document(const JsonSource *source, json_t *value, const Bases *bases, Parse *parse) {
        if (!json_object_get(value, "schema") && !json_object_get(value, "version"))
                return json_refuse(source, NULL,
                                "has no \"schema\"; a policy begins with \"schema\": \"mxc-policy/1\"");
        int r = apply_base(source, value, bases, parse);
        if (r < 0)
                return r;
        r = json_apply_object(source, NULL, value, policy_keys, ELEMENTSOF(policy_keys), parse);
        if (r < 0)
                return r;
        r = policy_seal(parse->policy);
        return r == -E2BIG ? json_refuse(source, NULL,
                                             "outgrows the limits of a policy when it is written out in "
                                             "full")
                           : r;
}

static int parse_document(const JsonSource *source, json_t *value, const Bases *bases, Policy **ret) {
        Parse parse = { 0 };
        int r = apply_document(source, value, bases, &parse);
        paths_free(parse.paths, parse.n_paths);
        if (r < 0)
                policy_unref(parse.policy);
        else
                *ret = parse.policy;
        return r;
}

int policy_parse(const char *text, size_t size, PolicyLookup lookup, void *userdata, Policy **ret,
                PolicyError *error) {
        const JsonSource source = { .text = text, .size = size, .error = error };
        const Bases bases = { .lookup = lookup, .userdata = userdata };
        json_auto_t *value = NULL;
        int r = json_load_strict(&source, &value);
        return r < 0 ? r : parse_document(&source, value, &bases, ret);
}
