/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "policy-internal.h"

/* The canonical form, written directly: a spawn makes several policies and each has a digest, so this is on the way of every
 * request. Keys are written in sorted order by hand; a test compares the text with jansson's sorted, compact dump of it. */

static bool is_plain(char c) {
        return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void put_string(FILE *f, const char *s) {
        static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        putc_unlocked('"', f);
        while (*s) {
                size_t n = 0;
                while (is_plain(s[n]))
                        n++;
                fwrite_unlocked(s, 1, n, f);
                s += n;
                if (!*s)
                        break;
                const char *found = strchr(special, *s);
                if (found) {
                        putc_unlocked('\\', f);
                        putc_unlocked(letters[found - special], f);
                } else
                        fprintf(f, "\\u%04X", (unsigned char)*s);
                s++;
        }
        putc_unlocked('"', f);
}

static void put_key(FILE *f, const char *key, bool *first) {
        if (!*first)
                putc_unlocked(',', f);
        *first = false;
        put_string(f, key);
        putc_unlocked(':', f);
}

static void put_word(FILE *f, const char *key, const char *word, bool *first) {
        put_key(f, key, first);
        put_string(f, word);
}

static void put_bool(FILE *f, const char *key, bool value, bool *first) {
        put_key(f, key, first);
        fputs_unlocked(value ? "true" : "false", f);
}

static void put_amount(FILE *f, const char *key, uint64_t value, const char *unit, bool *first) {
        put_key(f, key, first);
        if (value == RESOURCE_UNLIMITED)
                put_string(f, "infinity");
        else if (unit)
                fprintf(f, "\"%" PRIu64 "%s\"", value, unit);
        else
                fprintf(f, "%" PRIu64, value);
}

static void put_strings(FILE *f, const char *key, char *const *strings, size_t n, bool *first) {
        if (n == 0)
                return;
        put_key(f, key, first);
        for (size_t i = 0; i < n; i++) {
                putc_unlocked(i == 0 ? '[' : ',', f);
                put_string(f, strings[i]);
        }
        putc_unlocked(']', f);
}

static void put_paths(FILE *f, const char *key, const Policy *p, PathAccess access, bool *first) {
        bool any = false;
        for (size_t i = 0; i < p->n_paths; i++) {
                if (p->paths[i].access != access)
                        continue;
                if (!any)
                        put_key(f, key, first);
                putc_unlocked(any ? ',' : '[', f);
                put_string(f, p->paths[i].path);
                any = true;
        }
        if (any)
                putc_unlocked(']', f);
}

static void put_filesystem(FILE *f, const Policy *p) {
        bool first = true;
        putc_unlocked('{', f);
        put_paths(f, "deniedPaths", p, PATH_DENIED, &first);
        if (p->n_exec == 0)
                put_word(f, "executePaths", "none", &first);
        else if (exec_is_all(p->exec, p->n_exec))
                put_word(f, "executePaths", "readable", &first);
        else
                put_strings(f, "executePaths", p->exec, p->n_exec, &first);
        put_word(f, "handoff", handoff_words[p->handoff_allowed], &first);
        put_paths(f, "readonlyPaths", p, PATH_READONLY, &first);
        put_paths(f, "readwritePaths", p, PATH_READWRITE, &first);
        put_word(f, "workspace", workspace_mode_words[p->workspace_mode], &first);
        putc_unlocked('}', f);
}

static void put_environment(FILE *f, const Policy *p) {
        bool first = true, first_set = true;
        putc_unlocked('{', f);
        if (p->pass_all_env)
                put_word(f, "pass", "all", &first);
        else
                put_strings(f, "pass", p->pass_env, p->n_pass_env, &first);
        put_key(f, "set", &first);
        putc_unlocked('{', f);
        for (size_t i = 0; i < p->n_set_env; i++)
                put_word(f, p->set_env[i].name, p->set_env[i].value, &first_set);
        fputs_unlocked("}}", f);
}

static void put_calls(FILE *f, const char *key, const SyscallSet *calls, bool *first) {
        bool any = false;
        for (size_t i = 0; i < n_syscall_table; i++) {
                if (!syscall_set_has(calls, (int)i))
                        continue;
                if (!any)
                        put_key(f, key, first);
                putc_unlocked(any ? ',' : '[', f);
                put_string(f, syscall_table[i]);
                any = true;
        }
        if (any)
                putc_unlocked(']', f);
}

/* Expanded, so that the digest names what is enforced and not what a later version may mean by a profile's name. */
static void put_syscalls(FILE *f, const Policy *p) {
        bool first = true;
        putc_unlocked('{', f);
        put_calls(f, "allow", &p->syscalls, &first);
        if (p->debugging) { /* which adds its calls, but for these */
                SyscallSet denied = syscall_set_debugging();
                for (size_t i = 0; i < SYSCALL_WORDS; i++)
                        denied.bits[i] &= ~p->syscalls.bits[i];
                put_calls(f, "deny", &denied, &first);
        }
        put_word(f, "profile", "none", &first);
        putc_unlocked('}', f);
}

static void put_process(FILE *f, const Policy *p) {
        bool first = true;
        putc_unlocked('{', f);
        put_bool(f, "debugging", p->debugging, &first);
        put_key(f, "environment", &first);
        put_environment(f, p);
        put_key(f, "syscalls", &first);
        put_syscalls(f, p);
        putc_unlocked('}', f);
}

static void put_cidr(FILE *f, const NetCidr *c) {
        char s[CIDR_TEXT_SIZE];
        cidr_format(c, s);
        put_string(f, s);
}

static void put_peer(FILE *f, const NetPeer *peer) {
        bool first = true;
        putc_unlocked('{', f);
        if (peer->host)
                put_word(f, "host", peer->host, &first);
        else {
                put_key(f, "cidr", &first);
                put_cidr(f, &peer->cidr);
                for (size_t i = 0; i < peer->n_except; i++) {
                        if (i == 0)
                                put_key(f, "except", &first);
                        putc_unlocked(i == 0 ? '[' : ',', f);
                        put_cidr(f, &peer->except[i]);
                }
                if (peer->n_except > 0)
                        putc_unlocked(']', f);
        }
        putc_unlocked('}', f);
}

static void put_port(FILE *f, const NetPort *port) {
        bool first = true;
        putc_unlocked('{', f);
        if (port->from > 0)
                put_amount(f, "endPort", port->to, NULL, &first);
        if (port->from > 0)
                put_amount(f, "port", port->from, NULL, &first);
        const char *word = port->protocol == PROTOCOL_TCP    ? "tcp"
                           : port->protocol == PROTOCOL_UDP  ? "udp"
                           : port->protocol == PROTOCOL_ICMP ? "icmp"
                                                             : "any";
        put_word(f, "protocol", word, &first);
        putc_unlocked('}', f);
}

static void put_rule(FILE *f, const NetRule *rule, bool allow) {
        const bool says = allow && net_rule_has_host(rule);
        bool first = true;
        putc_unlocked('{', f);
        if (says)
                put_word(f, "ech", rule->speech == SPEECH_PLAIN ? "refuse" : "allow", &first);
        put_key(f, "ports", &first);
        for (size_t i = 0; i < rule->n_ports; i++) {
                putc_unlocked(i == 0 ? '[' : ',', f);
                put_port(f, &rule->ports[i]);
        }
        putc_unlocked(']', f);
        if (says)
                put_word(f, "tls", rule->speech == SPEECH_OPAQUE ? "opaque" : "inspect", &first);
        if (rule->peers[0].host || rule->peers[0].has_cidr) { /* otherwise "any", which is alone */
                put_key(f, "to", &first);
                for (size_t i = 0; i < rule->n_peers; i++) {
                        putc_unlocked(i == 0 ? '[' : ',', f);
                        put_peer(f, &rule->peers[i]);
                }
                putc_unlocked(']', f);
        }
        putc_unlocked('}', f);
}

static void put_rules(FILE *f, const char *key, const NetRule *rules, size_t n, bool allow, bool *first) {
        if (n == 0)
                return;
        put_key(f, key, first);
        for (size_t i = 0; i < n; i++) {
                putc_unlocked(i == 0 ? '[' : ',', f);
                put_rule(f, &rules[i], allow);
        }
        putc_unlocked(']', f);
}

static void put_publish(FILE *f, const Policy *p, bool *first) {
        for (size_t i = 0; i < p->n_publish; i++) {
                const NetPublish *e = &p->publish[i];
                bool first_part = true;
                if (i == 0)
                        put_key(f, "publish", first);
                fputs_unlocked(i == 0 ? "[{" : ",{", f);
                put_key(f, "address", &first_part);
                put_cidr(f, &e->address);
                put_word(f, "clients", publish_clients_words[e->clients], &first_part);
                put_amount(f, "endHostPort", e->host.to, NULL, &first_part);
                put_amount(f, "endPort", e->sandbox.to, NULL, &first_part);
                put_amount(f, "hostPort", e->host.from, NULL, &first_part);
                put_amount(f, "port", e->sandbox.from, NULL, &first_part);
                putc_unlocked('}', f);
        }
        if (p->n_publish > 0)
                putc_unlocked(']', f);
}

static void put_network(FILE *f, const Policy *p) {
        bool first = true, first_limit = true, first_ingress = true;
        fprintf(f, "{\"dns\":\"%s\",\"egress\":{", dns_words[p->dns]);
        put_rules(f, "allow", p->egress.allow, p->egress.n_allow, true, &first);
        put_word(f, "default", verdict_words[p->egress.fallback], &first);
        put_rules(f, "deny", p->egress.deny, p->egress.n_deny, false, &first);
        put_key(f, "limits", &first);
        putc_unlocked('{', f);
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                put_amount(f, egress_limit_keys[i], policy_egress_limit_get(p, (EgressLimit)i), NULL,
                                &first_limit);
        fputs_unlocked("}},\"ingress\":{", f);
        put_word(f, "default", verdict_words[p->ingress.fallback], &first_ingress);
        put_word(f, "hostLoopback", verdict_words[p->host_loopback], &first_ingress);
        put_publish(f, p, &first_ingress);
        fputs_unlocked("}}", f);
}

static void put_resources(FILE *f, const Policy *p) {
        static const ResourceKind sorted[_RESOURCE_MAX] = { RESOURCE_CPU_QUOTA, RESOURCE_CPU_WEIGHT,
                RESOURCE_FILES_MAX, RESOURCE_IO_WEIGHT, RESOURCE_MEMORY_MAX, RESOURCE_SWAP_MAX,
                RESOURCE_RUNTIME_MAX, RESOURCE_TASKS_MAX };
        bool first = true;
        putc_unlocked('{', f);
        for (size_t i = 0; i < _RESOURCE_MAX; i++) {
                ResourceKind kind = sorted[i];
                uint64_t value = p->resources[kind];
                if (kind == RESOURCE_CPU_QUOTA)
                        put_amount(f, resource_keys[kind],
                                        value == RESOURCE_UNLIMITED ? value : value / 10000, "%", &first);
                else
                        put_amount(f, resource_keys[kind], value, kind == RESOURCE_RUNTIME_MAX ? "us" : NULL,
                                        &first);
        }
        putc_unlocked('}', f);
}

static void put_duties(FILE *f, const Policy *p, bool *first) {
        bool first_audit = true;
        put_key(f, "audit", first);
        putc_unlocked('{', f);
        put_word(f, "exec", audit_level_words[p->audit_exec], &first_audit);
        put_word(f, "files", audit_level_words[p->audit_files], &first_audit);
        put_word(f, "network", audit_level_words[p->audit_network], &first_audit);
        putc_unlocked('}', f);
        put_word(f, "containment", containment_words[p->containment], first);

        bool first_delegation = true;
        put_key(f, "delegation", first);
        putc_unlocked('{', f);
        if (p->delegation_spawn)
                put_amount(f, "depth", p->delegation_depth, NULL, &first_delegation);
        put_bool(f, "spawn", p->delegation_spawn, &first_delegation);
        putc_unlocked('}', f);
}

static void put_ui(FILE *f, const Policy *p, bool *first) {
        bool first_ui = true;
        put_key(f, "ui", first);
        putc_unlocked('{', f);
        put_word(f, "clipboard", clipboard_words[p->clipboard], &first_ui);
        put_bool(f, "disable", p->ui_disabled, &first_ui);
        put_bool(f, "injection", p->injection, &first_ui);
        putc_unlocked('}', f);
}

static void put_violations(FILE *f, const Policy *p, bool *first) {
        bool first_violation = true;
        put_key(f, "violations", first);
        putc_unlocked('{', f);
        put_word(f, "action", violation_action_words[p->violation_action], &first_violation);
        if (p->violation_action != VIOLATION_NONE) {
                put_amount(f, "threshold", p->violation_threshold, NULL, &first_violation);
                put_amount(f, "window", p->violation_window_usec, "us", &first_violation);
        }
        putc_unlocked('}', f);
}

static void put_policy(FILE *f, const Policy *p) {
        bool first = true;
        putc_unlocked('{', f);
        put_duties(f, p, &first);
        if (*p->description)
                put_word(f, "description", p->description, &first);
        put_key(f, "filesystem", &first);
        put_filesystem(f, p);
        if (*p->name)
                put_word(f, "name", p->name, &first);
        put_key(f, "network", &first);
        put_network(f, p);
        put_key(f, "process", &first);
        put_process(f, p);
        put_key(f, "resources", &first);
        put_resources(f, p);
        put_word(f, "schema", "mxc-policy/1", &first);
        put_ui(f, p, &first);
        put_violations(f, p, &first);
        putc_unlocked('}', f);
}

char *policy_canonical(const Policy *p) {
        char *s = NULL;
        size_t n;
        FILE *f = open_memstream(&s, &n);
        if (!f)
                return NULL;
        put_policy(f, p);
        bool failed = ferror(f) != 0;
        if (fclose(f) != 0 || failed) {
                free(s);
                return NULL;
        }
        return s;
}

json_t *policy_to_json(const Policy *p) {
        _cleanup_free_ char *text = policy_canonical(p);
        return text ? json_loads(text, 0, NULL) : NULL;
}
