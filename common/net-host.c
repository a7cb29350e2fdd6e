/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "net-rule.h"

/* The one canonicaliser of host names. What it has not passed is not a name: the relay dials and matches its output only, so a
 * NUL, a trailing dot, upper case or a U-label cannot make the checked name differ from the dialled one (attack N2). */

static bool label_byte(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static const char *label_complaint(const char *label, size_t n) {
        if (n == 0)
                return "has an empty label";
        if (n > LIMIT_LABEL_BYTES)
                return "has a label of more than 63 bytes";
        if (label[0] == '-' || label[n - 1] == '-')
                return "has a label that begins or ends with a hyphen";
        for (size_t i = 0; i < n; i++)
                if (!label_byte(label[i]))
                        return (unsigned char)label[i] >= 0x80
                                               ? "is not ASCII; write an international name in its xn-- form"
                                               : "has a byte that is not a letter, a digit or a hyphen; * "
                                                 "may only be the whole first label";
        return NULL;
}

/* "10.0.0.1", "0x7f.1" and "2130706433" are addresses to some resolvers: the last label must not be a number. */
static bool is_number(const char *label) {
        if (label[0] == '0' && label[1] == 'x')
                return strspn(label + 2, "0123456789abcdef") == strlen(label + 2);
        return strspn(label, "0123456789") == strlen(label);
}

const char *host_canonical(const char *s, bool wildcard, char ret[LIMIT_HOST_BYTES + 1]) {
        size_t n = strlen(s);
        if (n > 0 && s[n - 1] == '.')
                n--;
        if (n == 0)
                return "is empty";
        if (n > LIMIT_HOST_BYTES)
                return "is longer than 253 bytes";
        for (size_t i = 0; i < n; i++)
                ret[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
        ret[n] = '\0';

        const char *label = ret;
        if (wildcard && label[0] == '*' && label[1] == '.')
                label += 2;
        for (;;) {
                size_t length = strcspn(label, ".");
                const char *complaint = label_complaint(label, length);
                if (complaint)
                        return complaint;
                if (!label[length])
                        break;
                label += length + 1;
        }
        return is_number(label) ? "is an address, not a name; write it as \"cidr\"" : NULL;
}

bool host_covers(const char *rule, const char *host) {
        if (streq(rule, host))
                return true;
        if (rule[0] != '*')
                return false;
        /* whole labels, one or more: "*.a.b" covers "x.a.b", "y.x.a.b" and "*.x.a.b", and not "a.b" */
        const char *suffix = rule + 1;
        size_t n = strlen(suffix), m = strlen(host);
        return m > n && streq(host + m - n, suffix);
}
