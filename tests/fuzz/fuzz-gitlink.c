/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "gitlink.h"
#include "limits.h"

/* The first byte says which of the files it is, the rest is its content. Properties: nothing crashes, nothing beyond the data is
 * read; a path that is found is one that the kernel would take, stands in the data where git looks for it, and is found
 * again when it is written alone. */

static void check(const char *data, size_t size, GitlinkKind kind) {
        const size_t skip = kind == GITLINK_DOT_GIT ? 8 : 0;
        _cleanup_free_ char *path = NULL, *again = NULL, *alone = NULL;
        int r = gitlink_parse(data, size, kind, &path);
        fuzz_holds(r == 0 || r == -EBADMSG || r == -ENOMEM, "it is read or refused");
        fuzz_holds((r == 0) == (path != NULL), "there is a path only when it is read");
        if (r < 0)
                return;
        size_t n = strlen(path);
        fuzz_holds(n > 0 && n <= LIMIT_PATH_BYTES, "the kernel would take it");
        fuzz_holds(skip + n <= size && memcmp(data + skip, path, n) == 0, "it stands where git looks");
        int length = asprintf(&alone, "%s%s", kind == GITLINK_DOT_GIT ? "gitdir: " : "", path);
        /* a path that ends in what is cut off stood before a NUL */
        bool ends = path[n - 1] == '\n' || path[n - 1] == '\r';
        if (length > 0 && !ends)
                fuzz_holds(gitlink_parse(alone, (size_t)length, kind, &again) == 0 && streq(again, path),
                                "it is found again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 1)
                return 0;
        /* a copy that ends where the data does, so that a sanitiser sees a byte too many */
        _cleanup_free_ char *copy = malloc(size - 1 + (size == 1));
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        check(copy, size - 1, data[0] & 1 ? GITLINK_COMMONDIR : GITLINK_DOT_GIT);
        return 0;
}
