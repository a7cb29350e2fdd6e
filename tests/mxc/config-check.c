/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-config-check [FILE...]: says of each configuration what is made of it, one JSON object a line, as the differential test compares it with the released
 * parsers: {"status":"malformed_request","exit":1,"message":"…"}, or {"status":"ok","exit":0,"request":{…}}. */
#include <jansson.h>

#include "mxc-request.h"

static char *read_file(const char *name, size_t *ret_size) {
        _cleanup_fclose_ FILE *f = fopen(name, "re");
        char *text = malloc(LIMIT_MXC_CONFIG_BYTES + 2);
        if (!f || !text) {
                free(text);
                return NULL;
        }
        *ret_size = fread(text, 1, LIMIT_MXC_CONFIG_BYTES + 1, f);
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

static int check(const char *name) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_(mxc_request_freep) MxcRequest *q = NULL;
        MxcError error = { 0 };
        size_t size = 0;
        _cleanup_free_ char *text = read_file(name, &size);
        if (!text)
                return -EIO;
        int r = mxc_config_parse(text, size, &c, &error);
        if (r == 0 && (c->phase == MXC_ONE_SHOT || c->phase == MXC_PROVISION || c->phase == MXC_EXEC))
                r = mxc_request_make(
                                c, &(MxcCaller){ .cwd = "/", .home = "/root", .testing = true }, &q, &error);
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
