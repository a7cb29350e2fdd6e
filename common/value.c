/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value.h"

#include "cleanup.h"

/* Digits at *s; advances. */
static int take_number(const char **s, uint64_t *ret) {
        uint64_t n = 0;
        const char *p = *s;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
                        return -ERANGE;
        if (p == *s)
                return -EINVAL;
        *s = p;
        *ret = n;
        return 0;
}

static int scale(uint64_t n, uint64_t unit, uint64_t *ret) {
        if (__builtin_mul_overflow(n, unit, &n) || n > INT64_MAX)
                return -ERANGE; /* what JSON can say as a number again */
        *ret = n;
        return 0;
}

int parse_size(const char *s, uint64_t *ret) {
        static const char units[] = "KMGTPE";

        if (streq(s, "infinity")) {
                *ret = VALUE_INFINITY;
                return 0;
        }
        uint64_t n;
        int r = take_number(&s, &n);
        if (r < 0)
                return r;
        if (!*s)
                return scale(n, 1, ret);
        const char *unit = strchr(units, *s);
        if (!unit || s[1])
                return -EINVAL;
        return scale(n, UINT64_C(1) << (10 * (unit - units + 1)), ret);
}

int parse_percent(const char *s, uint64_t *ret_usec_per_sec) {
        if (streq(s, "infinity")) {
                *ret_usec_per_sec = VALUE_INFINITY;
                return 0;
        }
        uint64_t n;
        int r = take_number(&s, &n);
        if (r < 0)
                return r;
        if (!streq(s, "%"))
                return -EINVAL;
        return scale(n, 10000, ret_usec_per_sec);
}

static uint64_t take_unit(const char **s) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "us", 1 },
                { "usec", 1 },
                { "ms", 1000 },
                { "msec", 1000 },
                { "s", 1000000 },
                { "sec", 1000000 },
                { "second", 1000000 },
                { "seconds", 1000000 },
                { "m", UINT64_C(60) * 1000000 },
                { "min", UINT64_C(60) * 1000000 },
                { "minute", UINT64_C(60) * 1000000 },
                { "minutes", UINT64_C(60) * 1000000 },
                { "h", UINT64_C(3600) * 1000000 },
                { "hr", UINT64_C(3600) * 1000000 },
                { "hour", UINT64_C(3600) * 1000000 },
                { "hours", UINT64_C(3600) * 1000000 },
                { "d", UINT64_C(86400) * 1000000 },
                { "day", UINT64_C(86400) * 1000000 },
                { "days", UINT64_C(86400) * 1000000 },
                { "w", UINT64_C(604800) * 1000000 },
                { "week", UINT64_C(604800) * 1000000 },
                { "weeks", UINT64_C(604800) * 1000000 },
        };
        size_t length = strspn(*s, "abcdefghijklmnopqrstuvwxyz");
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == length && memcmp(units[i].name, *s, length) == 0) {
                        *s += length;
                        return units[i].usec;
                }
        return 0;
}

int parse_timespan(const char *s, uint64_t *ret_usec) {
        if (streq(s, "infinity")) {
                *ret_usec = VALUE_INFINITY;
                return 0;
        }
        uint64_t total = 0;
        for (bool first = true;; first = false) {
                uint64_t n, part;
                int r = take_number(&s, &n);
                if (r < 0)
                        return r;
                if (first && !*s)
                        return scale(n, 1000000, ret_usec); /* a bare number is seconds */
                uint64_t unit = take_unit(&s);
                if (unit == 0)
                        return -EINVAL;
                r = scale(n, unit, &part);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(total, part, &total) || total > INT64_MAX)
                        return -ERANGE;
                if (!*s)
                        break;
                if (*s == ' ')
                        s++;
        }
        *ret_usec = total;
        return 0;
}
