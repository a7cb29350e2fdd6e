/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "when.h"

#include <inttypes.h>
#include <time.h>

#include "cleanup.h"
#include "value.h"

#define USEC UINT64_C(1000000)

/* n digits exactly. */
static int take_digits(const char **s, size_t n, int *ret) {
        int v = 0;
        for (size_t i = 0; i < n; i++, ++*s) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                v = 10 * v + (**s - '0');
        }
        *ret = v;
        return 0;
}

static bool take(const char **s, char c) {
        if (**s != c)
                return false;
        ++*s;
        return true;
}

static int take_fraction(const char **s, uint64_t *ret) {
        uint64_t v = 0, unit = USEC / 10;
        if (**s < '0' || **s > '9')
                return -EINVAL;
        for (; **s >= '0' && **s <= '9'; ++*s, unit /= 10)
                v += (uint64_t)(**s - '0') * unit;
        *ret = v;
        return 0;
}

/* HH:MM[:SS[.FRACTION]], to the end. */
static int parse_clock(const char *s, struct tm *tm, uint64_t *ret_usec) {
        tm->tm_sec = 0;
        *ret_usec = 0;
        if (take_digits(&s, 2, &tm->tm_hour) < 0 || !take(&s, ':') || take_digits(&s, 2, &tm->tm_min) < 0)
                return -EINVAL;
        if (take(&s, ':')) {
                if (take_digits(&s, 2, &tm->tm_sec) < 0)
                        return -EINVAL;
                if (take(&s, '.') && take_fraction(&s, ret_usec) < 0)
                        return -EINVAL;
        }
        return *s || tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 59 ? -EINVAL : 0;
}

static int parse_date(const char **s, struct tm *tm) {
        int year, month, day;
        if (take_digits(s, 4, &year) < 0 || !take(s, '-') || take_digits(s, 2, &month) < 0 ||
                        !take(s, '-') || take_digits(s, 2, &day) < 0 || month < 1 || month > 12 || day < 1 ||
                        day > 31)
                return -EINVAL;
        tm->tm_year = year - 1900;
        tm->tm_mon = month - 1;
        tm->tm_mday = day;
        return 0;
}

static int finish(struct tm *tm, uint64_t usec, uint64_t *ret) {
        struct tm wanted = *tm;
        tm->tm_isdst = -1; /* whatever was in force then */
        time_t t = mktime(tm);
        if (t < 0 || tm->tm_mday != wanted.tm_mday) /* before 1970; the 31st of a short month */
                return -ERANGE;
        *ret = (uint64_t)t * USEC + usec;
        return 0;
}

static int parse_day(const char *s, struct tm *tm, uint64_t *ret) {
        static const struct {
                const char *name;
                int days;
        } words[] = { { "today", 0 }, { "yesterday", -1 }, { "tomorrow", 1 } };
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i].name, s)) {
                        tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
                        tm->tm_isdst = -1;
                        tm->tm_mday += words[i].days; /* mktime() carries it */
                        *ret = (uint64_t)mktime(tm) * USEC;
                        return 0;
                }
        return -EINVAL;
}

static int parse_span_from(const char *s, uint64_t now, bool back, uint64_t *ret) {
        uint64_t span;
        int r = parse_timespan(s, &span);
        if (r < 0)
                return r;
        if (span == VALUE_INFINITY || (back && span > now) || (!back && span > INT64_MAX - now))
                return -ERANGE;
        *ret = back ? now - span : now + span;
        return 0;
}

static int parse_relative(const char *s, uint64_t now, uint64_t *ret) {
        static const char ago[] = " ago";
        size_t n = strlen(s);
        if (*s == '-' || *s == '+')
                return parse_span_from(s + 1, now, *s == '-', ret);
        if (n > strlen(ago) && streq(s + n - strlen(ago), ago)) {
                _cleanup_free_ char *span = strndup(s, n - strlen(ago));
                return span ? parse_span_from(span, now, true, ret) : -ENOMEM;
        }
        return -EINVAL;
}

static int parse_epoch(const char *s, uint64_t *ret) {
        uint64_t seconds = 0, usec = 0;
        if (*s < '0' || *s > '9')
                return -EINVAL;
        for (; *s >= '0' && *s <= '9'; s++) {
                seconds = 10 * seconds + (uint64_t)(*s - '0');
                if (seconds > INT64_MAX / USEC / 10)
                        return -ERANGE;
        }
        if (take(&s, '.') && take_fraction(&s, &usec) < 0)
                return -EINVAL;
        if (*s)
                return -EINVAL;
        *ret = seconds * USEC + usec;
        return 0;
}

int when_parse(const char *s, uint64_t now, uint64_t *ret) {
        time_t seconds = (time_t)(now / USEC);
        struct tm tm;
        uint64_t usec = 0;
        if (streq(s, "now")) {
                *ret = now;
                return 0;
        }
        if (*s == '@')
                return parse_epoch(s + 1, ret);
        int r = parse_relative(s, now, ret);
        if (r != -EINVAL)
                return r;
        if (!localtime_r(&seconds, &tm))
                return -ERANGE;
        if (parse_day(s, &tm, ret) == 0)
                return 0;
        if (parse_clock(s, &tm, &usec) == 0)
                return finish(&tm, usec, ret);
        if (parse_date(&s, &tm) < 0)
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        if (*s && ((*s != ' ' && *s != 'T') || parse_clock(s + 1, &tm, &usec) < 0))
                return -EINVAL;
        return finish(&tm, usec, ret);
}

const char *when_format(char buffer[static WHEN_SIZE], uint64_t usec) {
        time_t t = (time_t)(usec / USEC);
        struct tm tm;
        if (usec == 0 || !localtime_r(&t, &tm) ||
                        strftime(buffer, WHEN_SIZE, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return "-";
        return buffer;
}

const char *when_format_short(char buffer[static WHEN_SIZE], uint64_t usec) {
        time_t t = (time_t)(usec / USEC);
        struct tm tm;
        if (usec == 0 || !localtime_r(&t, &tm) || strftime(buffer, WHEN_SIZE, "%b %d %H:%M:%S", &tm) == 0)
                return "-";
        return buffer;
}

const char *when_format_utc(char buffer[static WHEN_SIZE], uint64_t usec) {
        time_t t = (time_t)(usec / USEC);
        struct tm tm;
        size_t n = gmtime_r(&t, &tm) ? strftime(buffer, WHEN_SIZE, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
        if (n == 0)
                return "-";
        (void)snprintf(buffer + n, WHEN_SIZE - n, ".%06" PRIu64 "Z", usec % USEC); /* fits */
        return buffer;
}

const char *span_format(char buffer[static WHEN_SIZE], uint64_t usec) {
        static const struct {
                const char *name, *rest;
                uint64_t usec, rest_usec;
        } units[] = {
                { "d", "h", 86400 * USEC, 3600 * USEC },
                { "h", "min", 3600 * USEC, 60 * USEC },
                { "min", "s", 60 * USEC, USEC },
                { "s", NULL, USEC, 1 },
                { "ms", NULL, 1000, 1 },
        };
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (usec < units[i].usec)
                        continue;
                uint64_t rest = usec % units[i].usec / units[i].rest_usec;
                if (units[i].rest && rest > 0)
                        (void)snprintf(buffer, WHEN_SIZE, "%" PRIu64 "%s %" PRIu64 "%s",
                                        usec / units[i].usec, units[i].name, rest, units[i].rest);
                else
                        (void)snprintf(buffer, WHEN_SIZE, "%" PRIu64 "%s", usec / units[i].usec,
                                        units[i].name);
                return buffer;
        }
        (void)snprintf(buffer, WHEN_SIZE, "%" PRIu64 "us", usec); /* fits */
        return buffer;
}
