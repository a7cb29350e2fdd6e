/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox-name.h"

#include "cleanup.h"
#include "names.h"

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
