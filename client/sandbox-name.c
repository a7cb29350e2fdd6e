/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox-name.h"

#include "cleanup.h"
#include "names.h"
#include "say.h"

#define ID_LENGTH 32 /* hexadecimal digits */
#define PREFIX MXC_SANDBOX_PATH_PREFIX "/"

const char *sandbox_id_of(const char *path) {
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

char *sandbox_path_of(const char *text) {
        char *path = NULL;
        if (text[0] == '/')
                return strdup(text);
        if (strlen(text) != ID_LENGTH || strspn(text, "0123456789abcdef") != ID_LENGTH)
                return NULL;
        return asprintf(&path, PREFIX "%s", text) < 0 ? NULL : path;
}

bool sandbox_path_matches(const char *path, const char *text) {
        const char *id = sandbox_id_of(path);
        return *text && strncmp(id, text, strlen(text)) == 0;
}

void sandbox_search(SandboxSearch *s, const char *path) {
        if (sandbox_path_matches(path, s->text) && s->n++ == 0)
                s->found = strdup(path);
}

int sandbox_search_end(SandboxSearch *s, int status, char **ret) {
        _cleanup_free_ char *found = TAKE_PTR(s->found);
        if (s->n != 1)
                return fail(status, "there are %zu sandboxes whose id begins with %s; see `mxcctl list%s`",
                                s->n, s->text, s->n > 1 ? " --full" : "");
        if (!found)
                return fail(status, "out of memory");
        *ret = TAKE_PTR(found);
        return 0;
}
