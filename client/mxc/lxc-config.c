/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lxc-config.h"

#include <fcntl.h>

#include "base64.h"
#include "fd.h"
#include "mxc-config.h"
#include "utf8.h"

static int read_file(const char *path, char **ret, size_t *ret_size, MxcError *e) {
        _cleanup_free_ char *safe = mxc_escape(path);
        if (!safe)
                return -ENOMEM;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r = fd < 0 ? -errno : fd_read_all(fd, LIMIT_MXC_CONFIG_BYTES, ret, ret_size);
        if (r == -ENOENT || r == -ENOTDIR)
                return mxc_refuse_config(e, "Configuration file not found: %s", safe);
        return r < 0 ? mxc_refuse_config(e, "Failed to read configuration file '%s': %s (os error %d)", safe,
                                       strerror(-r), -r)
                     : 0;
}

static int decode(const char *base64, char **ret, size_t *ret_size, MxcError *e) {
        if (strlen(base64) / 4 * 3 > LIMIT_MXC_CONFIG_BYTES + 3)
                return mxc_refuse_config(
                                e, "Base64 configuration is larger than %u bytes", LIMIT_MXC_CONFIG_BYTES);
        _cleanup_free_ char *text = NULL;
        int r = base64_decode(base64, &text, ret_size);
        if (r == -EINVAL)
                return mxc_refuse_config(e, "Failed to decode base64 configuration");
        if (r < 0)
                return r;
        if (!utf8_is_valid(text, *ret_size))
                return mxc_refuse_config(e, "Base64 decoded content is not valid UTF-8");
        *ret = TAKE_PTR(text);
        return 0;
}

int lxc_config_text(const LxcOptions *o, char **ret, size_t *ret_size, MxcError *e) {
        return o->config_base64 ? decode(o->config_base64, ret, ret_size, e)
                                : read_file(o->config ? o->config : o->path, ret, ret_size, e);
}
