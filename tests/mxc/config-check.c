/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-config-check [FILE...]: says of each configuration what is made of it, one JSON object a line, as the differential test compares it with the released
 * parsers: {"status":"malformed_request","exit":1,"message":"…"}, or {"status":"ok","exit":0,"request":{…}}. Of a phase it looks as far as can be
 * seen without mxcd: whether it could be done, and not whether there is such a sandbox. */
#include <jansson.h>

#include "lifecycle-id.h"
#include "lifecycle-policy.h"
#include "mxc-request.h"

static char *read_file(const char *name, size_t *ret_size) {
        _cleanup_fclose_ FILE *f = fopen(name, "re");
        char *text = malloc(LIMIT_MXC_CONFIG_BYTES + 2);
        if (!f || !text) {
                free(text);
                return NULL;
        }
        *ret_size = fread(text, 1, LIMIT_MXC_CONFIG_BYTES + 1, f);
        text[*ret_size] = '\0';
        return text;
}

static json_t *strings_json(char *const *strings, size_t n) {
        json_t *list = json_array();
        for (size_t i = 0; list && strings && i < n && strings[i]; i++)
                if (json_array_append_new(list, json_string(strings[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *request_json(const MxcRequest *q) {
        json_t *policy = q && q->policy ? json_loads(q->policy, 0, NULL) : NULL;
        return q ? json_pack("{s:o*, s:o, s:o, s:s*, s:I, s:o}", "policy", policy, "argv",
                                   strings_json(q->argv, SIZE_MAX), "env", strings_json(q->env, SIZE_MAX),
                                   "cwd", q->cwd, "timeout", (json_int_t)q->timeout_usec, "warnings",
                                   strings_json(q->warnings.items, q->warnings.n))
                 : NULL;
}

static int print(const MxcError *error, const MxcRequest *q) {
        json_auto_t *said = json_pack("{s:s, s:i, s:s*, s:o*}", "status", mxc_status_word(error->status),
                        "exit", error->exit, "message", error->message, "request", request_json(q));
        char *line = said ? json_dumps(said, JSON_COMPACT) : NULL;
        if (!line)
                return -ENOMEM;
        puts(line);
        free(line);
        return 0;
}

static int check_provision(const MxcConfig *c, const char *text, MxcError *error) {
        _cleanup_(lifecycle_policy_clear) LifecyclePolicy policy = { 0 };
        LifecycleId id;
        int r = lifecycle_id_new(c->containment, &id, error);
        return r < 0 ? r : lifecycle_policy_of(text, NULL, &policy, error);
}

static int check_one(const MxcConfig *c, const char *text, MxcRequest **ret, MxcError *error) {
        const MxcCaller caller = { .cwd = "/", .home = "/root", .testing = true };
        LifecycleId id;
        int r = 0;
        if (c->phase == MXC_PROVISION)
                return check_provision(c, text, error);
        if (c->phase != MXC_ONE_SHOT)
                r = lifecycle_id_parse(c->sandbox_id ? c->sandbox_id : "", &id, error);
        if (r == 0 && (c->phase == MXC_ONE_SHOT || c->phase == MXC_EXEC))
                r = mxc_request_make(c, &caller, ret, error);
        return r;
}

static int check(const char *name) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_(mxc_request_freep) MxcRequest *q = NULL;
        MxcError error = { 0 };
        size_t size = 0;
        _cleanup_free_ char *text = read_file(name, &size);
        if (!text)
                return -EIO;
        int r = mxc_config_parse(text, size, &c, &error);
        if (r == 0)
                r = check_one(c, text, &q, &error);
        if (r == 0 || r == -EINVAL)
                r = print(&error, q);
        mxc_error_clear(&error);
        return r;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                int r = check(argv[i]);
                if (r < 0) {
                        (void)fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return 1;
                }
        }
        return 0;
}
