/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grant and ungrant: what a running sandbox may reach for a while besides its policy. */

#include "grant.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "bus.h"
#include "cleanup.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "say.h"
#include "status.h"
#include "value.h"

#define PORT_MAX 65535

/* Where the port begins in it, or its end; NULL: it is of no form. */
static const char *port_of(const char *s) {
        const char *colon = strchr(s, ':');
        if (*s == '[') {
                const char *end = strchr(s, ']');
                return end && (end[1] == ':' || !end[1]) ? end + 1 : NULL;
        }
        if (colon && strchr(colon + 1, ':')) /* an IPv6 address, which has none without brackets */
                return s + strlen(s);
        return colon ? colon : s + strlen(s);
}

static bool is_address(const char *s) {
        unsigned char bytes[sizeof(struct in6_addr)];
        return strchr(s, '/') || inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static int port_parse(const char *s, int *ret) {
        size_t digits = strspn(s, "0123456789");
        long port = digits > 0 && digits <= 5 && !s[digits] ? strtol(s, NULL, 10) : 0;
        if (port < 1 || port > PORT_MAX)
                return -EINVAL;
        *ret = (int)port;
        return 0;
}

json_t *grant_rule(const char *destination) {
        const char *colon = port_of(destination);
        int port = 0;
        if (!colon || (*colon == ':' && port_parse(colon + 1, &port) < 0))
                return NULL;
        bool brackets = *destination == '[';
        const char *begin = destination + brackets;
        _cleanup_free_ char *host = strndup(begin, (size_t)(colon - begin) - brackets);
        if (!host || !*host)
                return NULL;
        const char *key = is_address(host) ? "cidr" : "host";
        if (port > 0)
                return json_pack("{s:[{s:s}], s:[{s:s, s:i}]}", "to", key, host, "ports", "protocol", "tcp",
                                "port", port);
        return json_pack("{s:[{s:s}], s:[{s:s}]}", "to", key, host, "ports", "protocol", "tcp");
}

char *grant_text(const json_t *rule) {
        const json_t *to = json_object_get(rule, "to"), *ports = json_object_get(rule, "ports");
        const json_t *peer = json_array_get(to, 0), *port = json_array_get(ports, 0);
        const char *protocol = member_text(port, "protocol"), *host = member_text(peer, "host");
        const int number = (int)member_number(port, "port");
        char *text = NULL;
        if (!*host)
                host = member_text(peer, "cidr");
        if (json_array_size(to) != 1 || json_array_size(ports) != 1 || json_object_size(peer) != 1 ||
                        json_object_get(port, "endPort") || !*host || !*protocol)
                return json_dumps(rule, JSON_COMPACT);
        const bool brackets = number > 0 && strchr(host, ':');
        if (asprintf(&text, "%s/%s%s%s", protocol, brackets ? "[" : "", host, brackets ? "]" : "") < 0)
                return NULL;
        if (number == 0)
                return text;
        _cleanup_free_ char *before = text;
        return asprintf(&text, "%s:%d", before, number) < 0 ? NULL : text;
}

int grant_destination(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL, *text = NULL;
        json_auto_t *answer = NULL;
        uint64_t usec;
        int status;
        if (verb_words(v, o, 3, 3, &status) < 0)
                return status;
        json_auto_t *rule = grant_rule(o->argv[1]);
        if (!rule)
                return verb_misused(v, "%s is neither HOST:PORT nor CIDR[:PORT]", o->argv[1]);
        if (parse_timespan(o->argv[2], &usec) < 0 || usec == VALUE_INFINITY)
                return verb_misused(v, "%s is no time, such as 10min", o->argv[2]);
        text = json_dumps(rule, JSON_COMPACT);
        if (!text)
                return fail(STATUS_TROUBLE, "out of memory");
        status = bus_open(&bus);
        if (status == 0)
                status = bus_sandbox_path(bus, o->argv[0], &path);
        if (status == 0)
                status = bus_call_json(bus, path, MXC_IFACE_SANDBOX, "Grant", &answer, "st", text, usec);
        if (status != 0)
                return status;
        if (!json_is_integer(answer))
                return bus_not_understood();
        printf("%" PRIu64 "\n", (uint64_t)json_integer_value(answer));
        return pager_close(); /* there is none; it tells of what cannot be written */
}

int grant_revoke(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL;
        int status;
        if (verb_words(v, o, 2, 2, &status) < 0)
                return status;
        const char *s = o->argv[1];
        size_t digits = strspn(s, "0123456789");
        if (digits == 0 || digits > 9 || s[digits])
                return verb_misused(v, "%s is no number of a grant; see mxcctl net", s);
        status = bus_open(&bus);
        if (status == 0)
                status = bus_sandbox_path(bus, o->argv[0], &path);
        return status == 0 ? bus_call(bus, path, MXC_IFACE_SANDBOX, "RevokeGrant", NULL, "u",
                                             (uint32_t)strtoul(s, NULL, 10))
                           : status;
}
