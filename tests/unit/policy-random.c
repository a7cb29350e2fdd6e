/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <sys/random.h>

#include "policy-random.h"

Random random_new(void) {
        uint64_t seed = 0;
        const char *text = getenv("MXC_TEST_SEED");
        if (!text || sscanf(text, "%" SCNu64, &seed) != 1)
                ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
        return (Random){ .state = seed, .seed = seed };
}

/* splitmix64: every state is good, so every seed is */
static uint64_t next(Random *r) {
        uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

unsigned random_below(Random *r, unsigned n) {
        return (unsigned)(next(r) % n);
}

static bool chance(Random *r, unsigned one_in) {
        return random_below(r, one_in) == 0;
}

static const char *const paths[] = { "/", "/a", "/a/a", "/a/b", "/b", "/b/a", "/b/a/a", "/a/a/b", "/ab",
        "${workspace}", "${workspace}/a", "${home}", "${home}/a/b", "${runtime}" };
#define N_PLAIN_PATHS 9
static const char *const hosts[] = { "b", "a.b", "*.b", "*.a.b", "x.a.b", "*.x.a.b", "A.C.", "*.c" };
static const char *const cidrs[] = { "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16",
        "10.1.2.0/24", "10.1.2.3", "::/0", "fd00::/8", "fd00:1::/32", "fd00:1::1", "::ffff:10.0.0.0/104",
        "64:ff9b::a01:200/120", "2002:a01::/32", "11.0.0.0/8" };
static const char *const calls[] = { "read", "socket", "bpf", "ptrace", "kcmp", "unshare", "vmsplice" };
static const char *const names[] = { "A", "B", "C" };
static const char *const values[] = { "1", "2" };

#define PICK(r, list) ((list)[random_below(r, ELEMENTSOF(list))])

/* A comma, a key and what follows, where the key is not the first. */
static void key(FILE *f, bool *first, const char *name) {
        fprintf(f, "%s\"%s\": ", *first ? "" : ", ", name);
        *first = false;
}

/* Some of a list of words, each at most once; nothing where none was chosen. */
static void some(Random *r, FILE *f, bool *first, const char *name, const char *const *words, size_t n,
                unsigned one_in) {
        bool any = false;
        for (size_t i = 0; i < n; i++) {
                if (!chance(r, one_in))
                        continue;
                if (!any)
                        key(f, first, name);
                fprintf(f, "%s\"%s\"", any ? ", " : "[", words[i]);
                any = true;
        }
        if (any)
                fputc(']', f);
}

static void word(Random *r, FILE *f, bool *first, const char *name, const char *const *words, size_t n) {
        if (chance(r, 2))
                return;
        key(f, first, name);
        fprintf(f, "\"%s\"", words[random_below(r, (unsigned)n)]);
}

static void filesystem(Random *r, FILE *f, bool variables) {
        static const char *const exec[] = { "readable", "none" }, *const modes[] = { "direct", "overlay" },
                                 *const handoffs[] = { "protect", "allow" };
        size_t n = variables ? ELEMENTSOF(paths) : N_PLAIN_PATHS;
        bool first = true;
        fputc('{', f);
        some(r, f, &first, "readonlyPaths", paths, n, 3);
        some(r, f, &first, "readwritePaths", paths, n, 3);
        some(r, f, &first, "deniedPaths", paths, n, 5);
        if (chance(r, 2))
                some(r, f, &first, "executePaths", paths, n, 4);
        else
                word(r, f, &first, "executePaths", exec, ELEMENTSOF(exec));
        word(r, f, &first, "workspace", modes, ELEMENTSOF(modes));
        word(r, f, &first, "handoff", handoffs, ELEMENTSOF(handoffs));
        fputc('}', f);
}

static void environment(Random *r, FILE *f) {
        unsigned fate[ELEMENTSOF(names)];
        bool first = true, any = false, all = chance(r, 5);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                fate[i] = random_below(r, 4); /* a mask: passed, set */
        fputc('{', f);
        if (all) {
                key(f, &first, "pass");
                fputs("\"all\"", f);
        }
        for (size_t i = 0; i < ELEMENTSOF(names) && !all; i++)
                if (fate[i] & 1) {
                        if (!any)
                                key(f, &first, "pass");
                        fprintf(f, "%s\"%s\"", any ? ", " : "[", names[i]);
                        any = true;
                }
        if (any)
                fputc(']', f);
        key(f, &first, "set");
        any = false;
        fputc('{', f);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (fate[i] & 2) {
                        fprintf(f, "%s\"%s\": \"%s\"", any ? ", " : "", names[i], PICK(r, values));
                        any = true;
                }
        fputs("}}", f);
}

static void process(Random *r, FILE *f) {
        static const char *const profiles[] = { "none", "strict", "agent", "build", "debug" };
        bool first = true, debugging = chance(r, 3), none = true;
        unsigned fate[ELEMENTSOF(calls)];
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                bool needs_debugging = streq(calls[i], "ptrace") || streq(calls[i], "kcmp");
                fate[i] = needs_debugging && !debugging ? 0 : random_below(r, 4);
        }
        fputc('{', f);
        key(f, &first, "environment");
        environment(r, f);
        key(f, &first, "debugging");
        fputs(debugging ? "true" : "false", f);
        key(f, &first, "syscalls");
        fprintf(f, "{\"profile\": \"%s\"", profiles[random_below(r, debugging ? 5 : 4)]);
        for (unsigned list = 1; list <= 2; list++, none = true) {
                for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                        if (fate[i] == list) {
                                fprintf(f, "%s\"%s\"",
                                                none ? (list == 1 ? ", \"allow\": [" : ", \"deny\": [")
                                                     : ", ",
                                                calls[i]);
                                none = false;
                        }
                if (!none)
                        fputc(']', f);
        }
        fputs("}}", f);
}

/* Whether it is a name. */
static bool peer(Random *r, FILE *f) {
        if (chance(r, 2)) {
                fprintf(f, "{\"host\": \"%s\"}", PICK(r, hosts));
                return true;
        }
        /* of those below 10.0.0.0/8 and fd00::/8, now and then one taken out */
        static const char *const nested[][2] = { { "10.0.0.0/8", "10.1.0.0/16" },
                { "10.0.0.0/8", "10.128.0.0/9" }, { "10.1.0.0/16", "10.1.2.0/24" },
                { "fd00::/8", "fd00:1::/32" }, { "0.0.0.0/0", "10.1.2.3" },
                { "10.1.2.0/24", "10.1.2.3/32" } };
        if (chance(r, 3)) {
                const char *const *pair = nested[random_below(r, ELEMENTSOF(nested))];
                fprintf(f, "{\"cidr\": \"%s\", \"except\": [\"%s\"]}", pair[0], pair[1]);
        } else
                fprintf(f, "{\"cidr\": \"%s\"}", PICK(r, cidrs));
        return false;
}

/* On what names allow. */
static void speech(Random *r, FILE *f) {
        static const char *const said[] = { "", "", ", \"tls\": \"inspect\", \"ech\": \"allow\"",
                ", \"ech\": \"refuse\"", ", \"tls\": \"opaque\"",
                ", \"tls\": \"opaque\", \"ech\": \"allow\"" };
        fputs(PICK(r, said), f);
}

static void port(Random *r, FILE *f) {
        static const char *const protocols[] = { "any", "tcp", "udp" };
        if (chance(r, 6)) {
                fputs("{\"protocol\": \"icmp\"}", f);
                return;
        }
        fprintf(f, "{\"protocol\": \"%s\"", PICK(r, protocols));
        if (!chance(r, 3)) {
                unsigned from = 1 + random_below(r, 4);
                fprintf(f, ", \"port\": %u", from);
                if (chance(r, 2))
                        fprintf(f, ", \"endPort\": %u", from + random_below(r, 3));
        }
        fputc('}', f);
}

static void rules(Random *r, FILE *f, bool *first, const char *name, bool allow) {
        unsigned n = random_below(r, 4);
        if (n == 0)
                return;
        key(f, first, name);
        for (unsigned i = 0; i < n; i++) {
                fputs(i == 0 ? "[{" : ", {", f);
                unsigned n_peers = random_below(r, 4), n_ports = random_below(r, 3);
                bool named = false;
                for (unsigned j = 0; j < n_peers; j++) {
                        fputs(j == 0 ? "\"to\": [" : ", ", f);
                        named |= peer(r, f);
                }
                fputs(n_peers > 0 ? "]" : "", f);
                for (unsigned j = 0; j < n_ports; j++) {
                        fputs(j > 0 ? ", " : n_peers > 0 ? ", \"ports\": [" : "\"ports\": [", f);
                        port(r, f);
                }
                fputs(n_ports > 0 ? "]" : "", f);
                if (allow && named)
                        speech(r, f);
                fputc('}', f);
        }
        fputc(']', f);
}

/* Of few ports, so that entries of two policies meet. */
static void publish(Random *r, FILE *f, bool *first) {
        static const char *const blocks[] = { "127.0.0.1", "127.0.0.0/8", "0.0.0.0", "0.0.0.0/0", "::1" };
        static const char *const clients[] = { "owner", "any" };
        unsigned n = random_below(r, 4);
        for (unsigned i = 0; i < n; i++) {
                bool first_part = true;
                unsigned port = 1024 + random_below(r, 3), host = 1024 + random_below(r, 3);
                if (i == 0)
                        key(f, first, "publish");
                fputs(i == 0 ? "[{" : ", {", f);
                key(f, &first_part, "port");
                fprintf(f, "%u", port);
                if (chance(r, 2))
                        fprintf(f, ", \"endPort\": %u", port + random_below(r, 3));
                if (chance(r, 2))
                        fprintf(f, ", \"hostPort\": %u, \"endHostPort\": %u", host,
                                        host + random_below(r, 3));
                if (chance(r, 2))
                        word(r, f, &first_part, "address", blocks, ELEMENTSOF(blocks));
                word(r, f, &first_part, "clients", clients, ELEMENTSOF(clients));
                fputc('}', f);
        }
        if (n > 0)
                fputc(']', f);
}

static void network(Random *r, FILE *f) {
        static const char *const verdicts[] = { "deny", "allow" };
        static const char *const answers[] = { "real", "synthetic" };
        bool first_key = true, first = true, first_ingress = true, first_limit = true;
        fputc('{', f);
        word(r, f, &first_key, "dns", answers, ELEMENTSOF(answers));
        key(f, &first_key, "egress");
        fputc('{', f);
        if (chance(r, 3))
                word(r, f, &first, "default", verdicts, ELEMENTSOF(verdicts));
        rules(r, f, &first, "allow", true);
        if (chance(r, 2))
                rules(r, f, &first, "deny", false);
        key(f, &first, "limits");
        fputc('{', f);
        if (chance(r, 2)) {
                key(f, &first_limit, "bytesOut");
                fprintf(f, "%u", random_below(r, 4));
        }
        if (chance(r, 2)) {
                key(f, &first_limit, "connections");
                fprintf(f, "%u", random_below(r, 4));
        }
        fputs("}}, \"ingress\": {", f);
        word(r, f, &first_ingress, "default", verdicts, ELEMENTSOF(verdicts));
        word(r, f, &first_ingress, "hostLoopback", verdicts, ELEMENTSOF(verdicts));
        publish(r, f, &first_ingress);
        fputs("}}", f);
}

static void rest(Random *r, FILE *f) {
        static const char *const clipboards[] = { "none", "read", "write", "all" };
        static const char *const levels[] = { "none", "denied", "all" };
        static const char *const tiers[] = { "auto", "process", "session", "container", "microvm" };
        static const char *const actions[] = { "record", "freeze", "kill", "quarantine" };
        bool first = false, first_ui = true, first_audit = true;
        word(r, f, &first, "containment", tiers, ELEMENTSOF(tiers));
        fprintf(f, ", \"ui\": {");
        word(r, f, &first_ui, "clipboard", clipboards, ELEMENTSOF(clipboards));
        key(f, &first_ui, "disable");
        fprintf(f, "%s, \"injection\": %s}", chance(r, 2) ? "true" : "false",
                        chance(r, 2) ? "true" : "false");
        fputs(", \"audit\": {", f);
        word(r, f, &first_audit, "files", levels, ELEMENTSOF(levels));
        word(r, f, &first_audit, "network", levels, ELEMENTSOF(levels));
        fputs("}, \"resources\": {\"ioWeight\": 50", f);
        if (chance(r, 2))
                fprintf(f, ", \"memoryMax\": %u", 1 + random_below(r, 3));
        if (chance(r, 2))
                fprintf(f, ", \"runtimeMax\": \"%uus\"", 1 + random_below(r, 3));
        if (chance(r, 2))
                fprintf(f, ", \"cpuQuota\": \"%u%%\"", 1 + random_below(r, 3));
        fputc('}', f);
        if (chance(r, 2))
                fprintf(f, ", \"violations\": {\"action\": \"%s\", \"threshold\": %u, \"window\": \"%us\"}",
                                PICK(r, actions), 1 + random_below(r, 3), 1 + random_below(r, 3));
        if (chance(r, 2))
                fprintf(f, ", \"delegation\": {\"spawn\": true, \"depth\": %u}", 1 + random_below(r, 3));
}

char *random_document(Random *r, bool variables) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        ck_assert_ptr_nonnull(f);
        fprintf(f, "{\"schema\": \"mxc-policy/1\", \"name\": \"p%u\"", random_below(r, 3));
        if (!chance(r, 8)) {
                fputs(", \"filesystem\": ", f);
                filesystem(r, f, variables);
        }
        if (!chance(r, 8)) {
                fputs(", \"process\": ", f);
                process(r, f);
        }
        if (!chance(r, 8)) {
                fputs(", \"network\": ", f);
                network(r, f);
        }
        rest(r, f);
        fputc('}', f);
        ck_assert_int_eq(fclose(f), 0);
        return text;
}

Policy *random_policy(Random *r, bool variables, char **ret_text) {
        char *text = random_document(r, variables);
        PolicyError error = { 0 };
        Policy *p = NULL;
        int status = policy_parse(text, strlen(text), NULL, NULL, &p, &error);
        if (status < 0)
                fprintf(stderr, "MXC_TEST_SEED=%" PRIu64 ": %s: %s\n%s\n", r->seed, error.pointer,
                                error.sentence, text);
        ck_assert_int_eq(status, 0);
        *ret_text = text;
        return p;
}

/* Below every path of the universe, and beside: names that no policy says. */
static const char *const suffixes[] = { "", "/a", "/b", "/c", "/a/c", "/a/b/c" };
static const char *const targets[] = { "b", "a.b", "x.a.b", "y.x.a.b", "c", "a.c", "a.c.", "z", "10.0.0.1",
        "10.1.0.1", "10.1.2.3", "10.1.2.4", "10.200.0.1", "11.1.1.1", "fd00::2", "fd00:1::1", "fd00:1::2",
        "10.0.2.2", "::ffff:10.0.2.2", "fd00:6d78:6300::2", "2001:db8::1", "::ffff:10.1.2.3",
        "64:ff9b::a01:203", "2002:a01:203::1", "*.b", "" };
static const char *const amounts[] = { "memoryMax", "runtimeMax", "cpuQuota", "ioWeight", "tasksMax",
        "bytesOut", "connections", "nonsense" };

static size_t n_path_requests(void) {
        return ELEMENTSOF(paths) * ELEMENTSOF(suffixes) * 3;
}

static void path_request(size_t i, PolicyRequest *ret) {
        static char path[128];
        const char *base = paths[i / 3 / ELEMENTSOF(suffixes)],
                   *suffix = suffixes[i / 3 % ELEMENTSOF(suffixes)];
        snprintf(path, sizeof(path), "%s%s", streq(base, "/") && *suffix ? "" : base, suffix);
        *ret = (PolicyRequest){ .kind = (RequestKind)(REQUEST_READ + i % 3), .target = path };
}

static bool connect_request(size_t i, PolicyRequest *ret) {
        static const unsigned protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
        const size_t n_ports = 7, n = ELEMENTSOF(targets) * ELEMENTSOF(protocols) * n_ports;
        if (i >= n * _SPEECH_MAX)
                return false;
        const Speech said = (Speech)(i / n);
        i %= n;
        *ret = (PolicyRequest){ .kind = REQUEST_CONNECT,
                .speech = said,
                .target = targets[i / n_ports / ELEMENTSOF(protocols)],
                .protocol = protocols[i / n_ports % ELEMENTSOF(protocols)],
                .port = (uint16_t)(i % n_ports) };
        return true;
}

#define N_PUBLISH_REQUESTS ((size_t)4 * 6 * 6 * 2)

static bool publish_request(size_t i, PolicyRequest *ret) {
        static const char *const addresses[4] = { "127.0.0.1", "127.0.0.2", "0.0.0.0", "::1" };
        *ret = (PolicyRequest){ .kind = REQUEST_PUBLISH,
                .target = addresses[i % 4],
                .port = (uint16_t)(1023 + i / 4 % 6),
                .amount = i / 24 % 6 == 0 ? 0 : 1023 + i / 24 % 6,
                .value = i / 144 % 2 ? "any" : "owner" };
        return i < N_PUBLISH_REQUESTS;
}

static bool small_request(size_t i, PolicyRequest *ret) {
        static const uint64_t steps[] = { 0, 1, 2, 3, 10000, 20000, 30000, UINT64_MAX - 1 };
        const size_t n_env = ELEMENTSOF(names) * 3, n_calls = ELEMENTSOF(calls), n_steps = ELEMENTSOF(steps);
        if (i < n_env) {
                *ret = (PolicyRequest){ .kind = REQUEST_ENV,
                        .target = names[i / 3],
                        .value = i % 3 < 2 ? values[i % 3] : NULL };
                return true;
        }
        i -= n_env;
        if (i < n_calls) {
                *ret = (PolicyRequest){ .kind = REQUEST_SYSCALL, .target = calls[i] };
                return true;
        }
        i -= n_calls;
        if (i < ELEMENTSOF(amounts) * n_steps) {
                *ret = (PolicyRequest){ .kind = REQUEST_RESOURCE,
                        .target = amounts[i / n_steps],
                        .amount = steps[i % n_steps] };
                return true;
        }
        i -= ELEMENTSOF(amounts) * n_steps;
        if (publish_request(i, ret))
                return true;
        i -= N_PUBLISH_REQUESTS;
        *ret = (PolicyRequest){ .kind = REQUEST_SPAWN, .amount = i };
        return i < 5;
}

bool universe_request(size_t i, PolicyRequest *ret) {
        if (i < n_path_requests()) {
                path_request(i, ret);
                return true;
        }
        i -= n_path_requests();
        if (connect_request(i, ret))
                return true;
        return small_request(i - ELEMENTSOF(targets) * 3 * 7 * _SPEECH_MAX, ret);
}

char *request_text(const PolicyRequest *q) {
        static const char *const kinds[_REQUEST_MAX] = { "read", "write", "exec", "connect", "env",
                "syscall", "resource", "spawn", "publish" };
        char *s;
        ck_assert_int_ge(
                        asprintf(&s, "%s %s %s protocol %u speech %u port %u amount %" PRIu64,
                                        kinds[q->kind], q->target ? q->target : "", q->value ? q->value : "",
                                        q->protocol, q->speech, q->port, q->amount),
                        0);
        return s;
}
