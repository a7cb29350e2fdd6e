/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-spec.h"

#include <jansson.h>

/* One field of the specification and its name in a configuration; new_only: where that is of version 0.9 or later. NULL: read elsewhere. */
typedef struct Field {
        const char *from, *to;
        bool new_only;
} Field;

typedef struct Conversion {
        bool is_new;
        MxcError *error;
} Conversion;

static int refuse(const Conversion *c, const char *where, const char *key) {
        return mxc_refuse(c->error, MXC_MALFORMED_REQUEST,
                        "failed to parse request JSON: unknown field `%s`%s%s", key, where ? " in " : "",
                        where ? where : "");
}

/* The fields of one object into another: each that is there, and no other. */
static int convert(const Conversion *c, const char *where, json_t *from, const Field *fields, json_t *to) {
        const char *key;
        json_t *value;
        if (!from)
                return 0;
        if (!json_is_object(from))
                return mxc_refuse(c->error, MXC_MALFORMED_REQUEST,
                                "failed to parse request JSON: %s is no object", where ? where : "it");
        json_object_foreach(from, key, value) {
                const Field *f = fields;
                while (f->from && strcmp(f->from, key) != 0)
                        f++;
                if (!f->from)
                        return refuse(c, where, key);
                if (f->to && (c->is_new || !f->new_only) && !json_is_null(value) &&
                                json_object_set(to, f->to, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static const Field root_fields[] = { { "policy", NULL, false }, { "command", NULL, false },
        { "containment", NULL, false }, { "containerName", "containerId", false },
        { "workingDirectory", NULL, false }, { "environment", NULL, false },
        { "inheritDefaultEnv", NULL, false }, { "experimental", NULL, false }, { 0 } };
static const Field policy_fields[] = { { "version", "version", false }, { "filesystem", NULL, false },
        { "network", NULL, false }, { "ui", NULL, false }, { "timeoutMs", NULL, false },
        { "telemetry", "telemetry", true }, { 0 } };
static const Field process_fields[] = { { "policy", NULL, false }, { "command", "commandLine", false },
        { "containment", NULL, false }, { "containerName", NULL, false },
        { "workingDirectory", "cwd", false }, { "environment", NULL, false },
        { "inheritDefaultEnv", "inheritDefaultEnv", true }, { "experimental", NULL, false }, { 0 } };
static const Field filesystem_fields[] = { { "readwritePaths", "readwritePaths", false },
        { "readonlyPaths", "readonlyPaths", false }, { "deniedPaths", "deniedPaths", false },
        { "clearPolicyOnExit", NULL, false }, { 0 } };
static const Field network_fields[] = { { "allowOutbound", NULL, false },
        { "allowLocalNetwork", "allowLocalNetwork", false }, { "allowedHosts", "allowedHosts", false },
        { "blockedHosts", "blockedHosts", false }, { "proxy", "proxy", false },
        { "egress", "egress", false }, { "ingress", "ingress", false }, { "runtimeConfig", NULL, false },
        { 0 } };
static const Field ui_fields[] = { { "allowWindows", NULL, false }, { "clipboard", "clipboard", false },
        { "allowInputInjection", "injection", false }, { 0 } };

static int convert_environment(const Conversion *c, json_t *map, json_t *process) {
        const char *name;
        json_t *value, *list = map ? json_array() : NULL;
        if (!map)
                return 0;
        if (!list || json_object_set_new(process, "env", list) < 0)
                return -ENOMEM;
        json_object_foreach(map, name, value) {
                if (!json_is_string(value))
                        return mxc_refuse(c->error, MXC_MALFORMED_REQUEST,
                                        "failed to parse request JSON: environment: a value is no string");
                if (json_array_append_new(list, json_sprintf("%s=%s", name, json_string_value(value))) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int convert_process(const Conversion *c, json_t *spec, json_t *policy, json_t *to) {
        json_t *process = json_object(), *timeout = json_object_get(policy, "timeoutMs");
        if (!process || json_object_set_new(to, "process", process) < 0)
                return -ENOMEM;
        int r = convert(c, NULL, spec, process_fields, process);
        if (r == 0 && timeout && !json_is_null(timeout) && json_object_set(process, "timeout", timeout) < 0)
                r = -ENOMEM;
        return r < 0 ? r : convert_environment(c, json_object_get(spec, "environment"), process);
}

/* A section of the policy, if it is there. */
static int convert_section(const Conversion *c, json_t *policy, const char *name, const Field *fields,
                json_t *to, json_t **ret) {
        json_t *from = json_object_get(policy, name), *section = from ? json_object() : NULL;
        *ret = section;
        if (!from)
                return 0;
        if (!section || json_object_set_new(to, name, section) < 0)
                return -ENOMEM;
        return convert(c, name, from, fields, section);
}

static int convert_network(const Conversion *c, json_t *policy, json_t *to) {
        json_t *network, *from = json_object_get(policy, "network");
        int r = convert_section(c, policy, "network", network_fields, to, &network);
        if (r < 0 || !network)
                return r;
        const json_t *outbound = json_object_get(from, "allowOutbound");
        json_t *runtime = json_object_get(from, "runtimeConfig");
        if (json_is_boolean(outbound) &&
                        json_object_set_new(network, "defaultPolicy",
                                        json_string(json_is_true(outbound) ? "allow" : "block")) < 0)
                return -ENOMEM;
        if (runtime && json_object_set(to, "runtimeConfig", runtime) < 0)
                return -ENOMEM;
        return json_object_size(network) == 0 && json_object_del(to, "network") < 0 ? -ENOMEM : 0;
}

static int convert_ui(const Conversion *c, json_t *policy, json_t *to) {
        json_t *ui;
        int r = convert_section(c, policy, "ui", ui_fields, to, &ui);
        if (r < 0 || !ui)
                return r;
        const json_t *windows = json_object_get(json_object_get(policy, "ui"), "allowWindows");
        return json_object_set_new(ui, "disable", json_boolean(!json_is_true(windows))) < 0 ? -ENOMEM : 0;
}

/* "isolationSession" and its settings, where they have a name there. */
static int convert_containment(const Conversion *c, json_t *containment, json_t *to) {
        static const struct {
                const char *type, *word, *section;
        } kinds[] = { { "process", "process", NULL }, { "bubblewrap", "bubblewrap", NULL },
                { "lxc", "lxc", "lxc" }, { "processContainer", "processcontainer", "processContainer" },
                { "wslc", "wslc", "wslc" }, { "seatbelt", "seatbelt", "seatbelt" },
                { "isolationSession", "isolation_session", NULL } };
        if (!containment || json_is_null(containment))
                return 0;
        const char *type = json_string_value(json_object_get(containment, "type"));
        json_auto_t *settings = json_deep_copy(containment);
        if (!settings || json_object_del(settings, "type") < 0)
                type = NULL;
        for (size_t i = 0; type && i < ELEMENTSOF(kinds); i++) {
                if (!streq(kinds[i].type, type))
                        continue;
                if (json_object_set_new(to, "containment", json_string(kinds[i].word)) < 0)
                        return -ENOMEM;
                if (kinds[i].section && json_object_size(settings) > 0 &&
                                json_object_set(to, kinds[i].section, settings) < 0)
                        return -ENOMEM;
                return 0;
        }
        return mxc_refuse(c->error, MXC_MALFORMED_REQUEST,
                        "failed to parse request JSON: containment has no known type");
}

/* From 0.9 on a configuration says more, and nothing of the old. */
static bool is_new(const json_t *policy) {
        const char *version = json_string_value(json_object_get(policy, "version"));
        unsigned major, minor;
        return version && sscanf(version, "%u.%u", &major, &minor) == 2 && (major > 0 || minor >= 9);
}

int spec_to_config(const char *spec, char **ret, MxcError *error) {
        json_error_t e;
        json_auto_t *root = json_loads(spec, JSON_REJECT_DUPLICATES, &e), *config = json_object();
        if (!root)
                return mxc_refuse(error, MXC_MALFORMED_REQUEST,
                                "failed to parse request JSON: %s at line %d column %d", e.text, e.line,
                                e.column);
        json_t *policy = json_object_get(root, "policy"), *filesystem;
        if (!json_is_object(policy) || !json_is_string(json_object_get(root, "command")))
                return mxc_refuse(error, MXC_MALFORMED_REQUEST,
                                "failed to parse request JSON: missing field `%s`",
                                json_is_object(policy) ? "command" : "policy");
        if (!config)
                return -ENOMEM;
        const Conversion c = { is_new(policy), error };
        int r = convert(&c, NULL, root, root_fields, config);
        if (r == 0)
                r = convert(&c, "policy", policy, policy_fields, config);
        if (r == 0)
                r = convert_process(&c, root, policy, config);
        if (r == 0)
                r = convert_section(&c, policy, "filesystem", filesystem_fields, config, &filesystem);
        if (r == 0)
                r = convert_network(&c, policy, config);
        if (r == 0)
                r = convert_ui(&c, policy, config);
        if (r == 0)
                r = convert_containment(&c, json_object_get(root, "containment"), config);
        if (r < 0)
                return r;
        *ret = json_dumps(config, JSON_COMPACT);
        return *ret ? 0 : -ENOMEM;
}
