/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* How much of a resource, as people say it. */

static const struct {
        ResourceKind kind;
        int (*parse)(const char *text, uint64_t *ret); /* others are counts */
} spelled[] = {
        { RESOURCE_MEMORY_MAX, parse_size },
        { RESOURCE_SWAP_MAX, parse_size },
        { RESOURCE_CPU_QUOTA, parse_percent },
        { RESOURCE_RUNTIME_MAX, parse_timespan },
};

static int parse_count(const char *text, uint64_t *ret) {
        uint64_t n = 0;
        if (streq(text, "infinity")) {
                *ret = VALUE_INFINITY;
                return 0;
        }
        if (!*text || text[strspn(text, "0123456789")])
                return -EINVAL;
        for (; *text; text++) {
                uint64_t digit = (uint64_t)(*text - '0');
                if (n > (INT64_MAX - digit) / 10)
                        return -ERANGE;
                n = n * 10 + digit;
        }
        *ret = n;
        return 0;
}

static int find(const char *const *names, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(names[i], name))
                        return (int)i;
        return -ENOENT;
}

bool policy_resource_is_known(const char *name) {
        return find(resource_keys, _RESOURCE_MAX, name) >= 0 ||
               find(egress_limit_keys, _EGRESS_LIMIT_MAX, name) >= 0;
}

int policy_amount_parse(const char *name, const char *text, uint64_t *ret) {
        int kind = find(resource_keys, _RESOURCE_MAX, name);
        if (kind < 0) {
                int limit = find(egress_limit_keys, _EGRESS_LIMIT_MAX, name);
                if (limit < 0)
                        return limit;
                return limit == EGRESS_BYTES_IN || limit == EGRESS_BYTES_OUT ? parse_size(text, ret)
                                                                             : parse_count(text, ret);
        }
        for (size_t i = 0; i < ELEMENTSOF(spelled); i++)
                if ((int)spelled[i].kind == kind)
                        return spelled[i].parse(text, ret);
        return parse_count(text, ret);
}
