/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-config-check [FILE...]: says of each configuration what is made of it, one JSON object a line, as the differential test compares it with the released
 * parsers: {"status":"malformed_request","exit":1,"message":"…"} or {"status":"ok","exit":0}. */
#include <jansson.h>

#include "mxc-config.h"

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

static int check(const char *name) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        MxcError error = { 0 };
        size_t size = 0;
        _cleanup_free_ char *text = read_file(name, &size);
        if (!text)
                return -EIO;
        int r = mxc_config_parse(text, size, &c, &error);
        if (r == -ENOMEM)
                return r;
        json_t *said = json_pack("{s:s, s:i, s:s*}", "status", mxc_status_word(error.status), "exit",
                        error.exit, "message", error.message);
        char *line = said ? json_dumps(said, JSON_COMPACT) : NULL;
        json_decref(said);
        mxc_error_clear(&error);
        if (!line)
                return -ENOMEM;
        puts(line);
        free(line);
        return 0;
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
