/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gitlink.h"
#include "cleanup.h"
#include "limits.h"

int gitlink_parse(const char *data, size_t size, GitlinkKind kind, char **ret) {
        static const char word[] = "gitdir: ";
        const size_t skip = kind == GITLINK_DOT_GIT ? sizeof(word) - 1 : 0;
        if (size < skip || memcmp(data, word, skip) != 0)
                return -EBADMSG;
        data += skip;
        size -= skip;
        while (size > 0 && (data[size - 1] == '\n' || data[size - 1] == '\r'))
                size--;
        size = strnlen(data, size);
        if (size == 0 || size > LIMIT_PATH_BYTES)
                return -EBADMSG;
        char *path = strndup(data, size);
        if (!path)
                return -ENOMEM;
        *ret = path;
        return 0;
}
