/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle-id.h"

#include <sys/random.h>

static const struct {
        const char *prefix;
        MxcContainment containment;
} kinds[] = { { "iso", MXC_ISOLATION_SESSION }, { "wslc", MXC_WSLC } };

static void fill(LifecycleId *id, size_t kind, const char *tail) {
        id->containment = kinds[kind].containment;
        (void)snprintf(id->id, sizeof id->id, "%s:%s", kinds[kind].prefix, tail);
        (void)snprintf(id->agent, sizeof id->agent, "user-%u-%s-%s", geteuid(), kinds[kind].prefix, tail);
}

static bool is_tail(const char *s) {
        return strlen(s) == LIFECYCLE_TAIL && strspn(s, "0123456789abcdef") == LIFECYCLE_TAIL;
}

int lifecycle_id_parse(const char *id, LifecycleId *ret, MxcError *error) {
        const char *colon = strchr(id, ':');
        if (!colon || colon == id)
                return mxc_refuse(error, MXC_MALFORMED_ID,
                                "sandbox_id \"%s\" is missing the `<prefix>:...` form", id);
        size_t n = (size_t)(colon - id);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (strlen(kinds[i].prefix) != n || strncmp(kinds[i].prefix, id, n) != 0)
                        continue;
                if (!is_tail(colon + 1))
                        return mxc_refuse(error, MXC_MALFORMED_ID,
                                        "sandbox_id \"%s\" is none that mxcd gave out: after `%s:` there "
                                        "are %u of 0-9 and a-f",
                                        id, kinds[i].prefix, LIFECYCLE_TAIL);
                fill(ret, i, colon + 1);
                return 0;
        }
        if (n == 3 && strncmp(id, "wsb", n) == 0)
                return mxc_refuse(error, MXC_BACKEND_UNAVAILABLE,
                                "the 'windows_sandbox' backend is not available on Linux");
        return mxc_refuse(error, MXC_UNSUPPORTED_CONTAINMENT,
                        "no state-aware backend registered for prefix \"%.*s\"", (int)n, id);
}

int lifecycle_id_new(MxcContainment containment, LifecycleId *ret, MxcError *error) {
        uint8_t bytes[LIFECYCLE_TAIL / 2];
        char tail[LIFECYCLE_TAIL + 1];
        if (containment == MXC_WINDOWS_SANDBOX)
                return mxc_refuse(error, MXC_BACKEND_UNAVAILABLE,
                                "the 'windows_sandbox' backend is not available on Linux");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (kinds[i].containment != containment)
                        continue;
                if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
                        return -errno;
                for (size_t k = 0; k < sizeof bytes; k++)
                        (void)snprintf(tail + 2 * k, 3, "%02x", bytes[k]);
                fill(ret, i, tail);
                return 0;
        }
        return mxc_refuse(error, MXC_MALFORMED_REQUEST, "Unsupported containment for provision phase");
}
