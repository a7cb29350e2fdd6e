/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "document.h"

#include <fcntl.h>

#include "cleanup.h"
#include "escape.h"
#include "limits.h"
#include "say.h"

static int read_all(int fd, char *text, size_t max, size_t *ret) {
        size_t n = 0;
        while (n < max) {
                ssize_t k = read(fd, text + n, max - n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        *ret = n;
        return 0;
}

int document_read(const char *file, char **ret, size_t *ret_size) {
        bool is_stdin = streq(file, "-");
        _cleanup_close_ int opened = is_stdin ? -EBADF : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int fd = is_stdin ? STDIN_FILENO : opened;
        _cleanup_free_ char *text = malloc(LIMIT_POLICY_BYTES + 2);
        size_t n = 0;
        int r = fd < 0 ? -errno : !text ? -ENOMEM : read_all(fd, text, LIMIT_POLICY_BYTES + 1, &n);
        if (r == 0 && n > LIMIT_POLICY_BYTES)
                r = -EFBIG;
        if (r < 0) {
                say("cannot read the policy %s: %s", file,
                                r == -EFBIG ? "a policy has at most 256 KiB" : strerror(-r));
                return r;
        }
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        if (ret_size)
                *ret_size = n;
        return 0;
}

int document_read_policy(const char *file, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r = document_read(file, &text, NULL);
        if (r < 0)
                return r;
        if (text[0] != '{') {
                say("%s is no policy: it does not begin with {", file);
                return -EINVAL;
        }
        if (!text_is_utf8(text)) {
                say("%s is no policy: it is not UTF-8; `mxcctl policy check` tells where", file);
                return -EINVAL;
        }
        *ret = TAKE_PTR(text);
        return 0;
}
