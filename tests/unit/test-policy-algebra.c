/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>

#include "policy-random.h"

/* The algebra, on every request of a small universe, for thousands of random policies:
 * meet is "and", within implies, the canonical form is a fixpoint, and what is parsed is what the document says. */

#define ROUNDS 1000

static Verdict allows(const Policy *p, const PolicyRequest *q) {
        return policy_allows(p, q, NULL);
}

static Policy *meet(const Policy *a, const Policy *b) {
        Policy *m = NULL;
        ck_assert_int_eq(policy_meet(a, b, &m), 0);
        return m;
}

/* Everything that is needed to see it again; check's own messages are too short for two documents. */
_printf_(4, 5) static void report(const Random *r, const char *a, const char *b, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        fprintf(stderr, "MXC_TEST_SEED=%" PRIu64 ": ", r->seed);
        vfprintf(stderr, format, ap);
        fprintf(stderr, "\na = %s\nb = %s\n", a, b ? b : "");
        va_end(ap);
}

#define CHECK(condition, what, q)                                                                           \
        do {                                                                                                \
                if (!(condition)) {                                                                         \
                        _cleanup_free_ char *t_ = request_text(q);                                          \
                        report(&r, ta, tb, "%s: %s", what, t_);                                             \
                        ck_abort_msg("MXC_TEST_SEED=%" PRIu64 ": %s: %s", r.seed, what, t_);                \
                }                                                                                           \
        } while (false)

#define HOLDS(condition)                                                                                    \
        do {                                                                                                \
                if (!(condition)) {                                                                         \
                        report(&r, ta, tb, "%s", #condition);                                               \
                        ck_abort_msg("MXC_TEST_SEED=%" PRIu64 ": %s", r.seed, #condition);                  \
                }                                                                                           \
        } while (false)

START_TEST(test_meet_is_and) {
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta),
                                                *b = random_policy(&r, true, &tb), *ab = meet(a, b),
                                                *ba = meet(b, a), *aa = meet(a, a), *aba = meet(ab, a);
                PolicyRequest q;
                HOLDS(ab->dns == (a->dns == DNS_SYNTHETIC ? a->dns : b->dns) && ba->dns == ab->dns);
                for (size_t i = 0; universe_request(i, &q); i++) {
                        Verdict both = allows(a, &q) == VERDICT_ALLOW ? allows(b, &q) : VERDICT_DENY;
                        CHECK(allows(ab, &q) == both, "meet is not and", &q);
                        CHECK(allows(ba, &q) == both, "meet does not commute", &q);
                        CHECK(allows(aa, &q) == allows(a, &q), "meet(a, a) is not a", &q);
                        CHECK(allows(aba, &q) == both, "meet does not absorb", &q);
                }
        }
}
END_TEST

/* Of connections, both ways, it is the meet, of everything else it is a. */
START_TEST(test_meet_of_the_network_alone) {
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta),
                                                *b = random_policy(&r, true, &tb), *m = NULL;
                PolicyRequest q;
                HOLDS(policy_meet_network(a, b, &m) == 0);
                for (size_t i = 0; universe_request(i, &q); i++) {
                        Verdict want = allows(a, &q);
                        bool network = q.kind == REQUEST_CONNECT || q.kind == REQUEST_PUBLISH;
                        for (size_t k = 0; k < _EGRESS_LIMIT_MAX && q.kind == REQUEST_RESOURCE; k++)
                                network |= streq(q.target, egress_limit_keys[k]);
                        if (network && want == VERDICT_ALLOW)
                                want = allows(b, &q);
                        CHECK(allows(m, &q) == want, "the meet of networks is another", &q);
                }
                HOLDS(policy_network_within(m, a, NULL) && policy_network_within(m, b, NULL));
        }
}
END_TEST

/* Never more than either allows, and all that one does where the other denies nothing by a rule. */
START_TEST(test_join_of_egress) {
        Random r = random_new();
        unsigned more = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL, *td = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta),
                                                *b = random_policy(&r, true, &tb),
                                                *d = random_policy(&r, true, &td), *m = NULL;
                PolicyRequest q;
                HOLDS(policy_join_egress(a, b, 4711, d, &m) == 0);
                for (size_t i = 0; universe_request(i, &q); i++) {
                        const char *clause = "";
                        bool mine = allows(a, &q) == VERDICT_ALLOW,
                             theirs = policy_allows(b, &q, &clause) == VERDICT_ALLOW &&
                                      strstr(clause, "/egress/allow/"),
                             denied = strstr(clause, "/egress/deny/") != NULL;
                        (void)policy_allows(a, &q, &clause);
                        denied |= strstr(clause, "/egress/deny/") != NULL;
                        (void)policy_allows(d, &q, &clause);
                        denied |= strstr(clause, "/egress/deny/") != NULL;
                        if (q.kind != REQUEST_CONNECT) {
                                CHECK(allows(m, &q) == allows(a, &q), "what is no connection is another",
                                                &q);
                                continue;
                        }
                        bool joined = policy_allows(m, &q, &clause) == VERDICT_ALLOW;
                        if (strstr(q.target, "10.0.2.2") ||
                                        strstr(q.target,
                                                        "6d78")) /* needs more than a rule, and of a alone */
                                continue;
                        more += theirs && !mine && !denied;
                        CHECK(joined == ((mine || theirs) && !denied), "join is not or", &q);
                }
                for (size_t i = 0; i < m->egress.n_allow; i++)
                        HOLDS(m->egress.allow[i].until == (i < a->egress.n_allow ? 0 : 4711));
        }
        ck_assert_msg(more > ROUNDS, "something is added %u times: this proves little", more);
}
END_TEST

/* Of the universe, and so may be told an address. */
static bool reaches_names(const Policy *p) {
        PolicyRequest q;
        NetCidr address;
        for (size_t i = 0; universe_request(i, &q); i++)
                if (q.kind == REQUEST_CONNECT && !cidr_parse_address(q.target, &address) &&
                                allows(p, &q) == VERDICT_ALLOW)
                        return true;
        return false;
}

START_TEST(test_within_implies) {
        Random r = random_new();
        unsigned within = 0, pairs = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta),
                                                *b = random_policy(&r, true, &tb), *m = meet(a, b);
                const Policy *sides[][2] = { { a, b }, { b, a }, { m, a }, { m, b }, { a, m } };
                for (size_t s = 0; s < ELEMENTSOF(sides); s++) {
                        pairs++;
                        Widening w = { 0 }, some[2] = { { 0 }, { 0 } };
                        size_t n;
                        HOLDS(policy_beyond(sides[s][0], sides[s][1], some, ELEMENTSOF(some), &n) == 0);
                        HOLDS((n == 0) ==
                                        policy_within(sides[s][0], sides[s][1], NULL)); /* one comparison */
                        for (size_t i = 0; i < ELEMENTSOF(some); i++) {
                                HOLDS(!some[i].clause == (i >= n));
                                widening_clear(&some[i]);
                        }
                        if (!policy_within(sides[s][0], sides[s][1], &w)) {
                                HOLDS(w.clause && w.sentence);
                                HOLDS(s != 2 && s != 3); /* a meet is within both */
                                widening_clear(&w);
                                continue;
                        }
                        within++;
                        PolicyRequest q;
                        HOLDS(sides[s][0]->dns >= sides[s][1]->dns || !reaches_names(sides[s][0]));
                        for (size_t i = 0; universe_request(i, &q); i++)
                                CHECK(allows(sides[s][0], &q) == VERDICT_DENY ||
                                                                allows(sides[s][1], &q) == VERDICT_ALLOW,
                                                "within is wrong", &q);
                }
        }
        ck_assert_msg(within > pairs / 3 && within < pairs,
                        "within said yes %u of %u times: this proves little", within, pairs);
}
END_TEST

/* Two policies that differ in one place: where within is nearly true, it is easily wrong. */
static char *mutate(Random *r, const char *text) {
        json_auto_t *document = json_loads(text, 0, NULL);
        _cleanup_free_ char *other_text = random_document(r, true);
        json_auto_t *other = json_loads(other_text, 0, NULL);
        static const char *const sections[] = { "filesystem", "process", "network", "resources", "ui",
                "delegation" };
        const char *section = sections[random_below(r, ELEMENTSOF(sections))];
        json_t *mine = json_object_get(document, section), *theirs = json_object_get(other, section);
        if (!mine || !theirs || streq(section, "process") || streq(section, "delegation")) {
                json_object_del(document, section);
                if (theirs)
                        json_object_set(document, section, theirs);
                return json_dumps(document, 0);
        }
        const char *name;
        json_t *value;
        json_object_foreach(theirs, name, value) {
                json_t *inner = json_object_get(mine, name);
                const char *key;
                json_t *deep;
                if (!json_is_object(value) || !inner) {
                        if (random_below(r, 3) == 0)
                                json_object_set(mine, name, value);
                        continue;
                }
                json_object_foreach(value, key, deep) {
                        if (random_below(r, 3) == 0)
                                json_object_set(inner, key, deep);
                }
        }
        return json_dumps(document, 0);
}

START_TEST(test_within_implies_for_neighbours) {
        Random r = random_new();
        unsigned within = 0;
        for (unsigned round = 0; round < 2 * ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta), *b = NULL;
                tb = mutate(&r, ta);
                PolicyError error = { 0 };
                int status = policy_parse(tb, strlen(tb), NULL, NULL, &b, &error);
                HOLDS(status == 0);
                const Policy *sides[][2] = { { a, b }, { b, a } };
                for (size_t s = 0; s < 2; s++) {
                        if (!policy_within(sides[s][0], sides[s][1], NULL))
                                continue;
                        within++;
                        PolicyRequest q;
                        for (size_t i = 0; universe_request(i, &q); i++)
                                CHECK(allows(sides[s][0], &q) == VERDICT_DENY ||
                                                                allows(sides[s][1], &q) == VERDICT_ALLOW,
                                                "within is wrong", &q);
                }
        }
        ck_assert_msg(within > ROUNDS / 4, "within said yes %u times: this proves little", within);
}
END_TEST

static void check_fixpoint(const Policy *p, const Random *seed) {
        const Random r = *seed;
        _cleanup_free_ char *ta = policy_canonical(p), *tb = NULL;
        json_auto_t *object = policy_to_json(p);
        _cleanup_free_ char *dumped = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
        HOLDS(dumped && streq(ta, dumped));

        _cleanup_(policy_unrefp) Policy *again = NULL;
        PolicyError error = { 0 };
        int status = policy_parse(ta, strlen(ta), NULL, NULL, &again, &error);
        if (status < 0)
                report(&r, ta, NULL, "%s: %s", error.pointer, error.sentence);
        ck_assert_int_eq(status, 0);
        tb = policy_canonical(again);
        HOLDS(streq(ta, tb));
        HOLDS(streq(p->digest, again->digest));
        PolicyRequest q; /* equal digests prove nothing about what the form leaves out */
        for (size_t i = 0; universe_request(i, &q); i++)
                CHECK(allows(p, &q) == allows(again, &q), "the canonical form means something else", &q);
        HOLDS(p->handoff_allowed == again->handoff_allowed && p->workspace_mode == again->workspace_mode &&
                        p->containment == again->containment && p->ui_disabled == again->ui_disabled &&
                        p->clipboard == again->clipboard && p->injection == again->injection &&
                        p->host_loopback == again->host_loopback && p->dns == again->dns &&
                        p->ingress.fallback == again->ingress.fallback && p->debugging == again->debugging &&
                        p->audit_files == again->audit_files && p->audit_exec == again->audit_exec &&
                        p->audit_network == again->audit_network &&
                        p->violation_action == again->violation_action &&
                        p->violation_threshold == again->violation_threshold &&
                        p->violation_window_usec == again->violation_window_usec);
}

START_TEST(test_canonical_form_is_a_fixpoint) {
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta),
                                                *b = random_policy(&r, true, &tb), *m = meet(a, b);
                check_fixpoint(a, &r);
                check_fixpoint(m, &r);
                _cleanup_free_ char *ca = policy_canonical(a), *cb = policy_canonical(b),
                                    *cm = policy_canonical(m);
                HOLDS(streq(ca, cb) == streq(a->digest, b->digest));
                HOLDS(streq(ca, cm) == streq(a->digest, m->digest));
        }
}
END_TEST

/* The longest entry that covers a path, by trying each of them: nothing of the implementation is used. */
static PathAccess naive_access(json_t *filesystem, const char *path) {
        static const char *const lists[] = { "deniedPaths", "readonlyPaths", "readwritePaths" };
        PathAccess best = PATH_DENIED;
        size_t longest = 0;
        for (size_t l = 0; l < ELEMENTSOF(lists); l++) {
                size_t i;
                json_t *entry;
                json_array_foreach(json_object_get(filesystem, lists[l]), i, entry) {
                        const char *s = json_string_value(entry);
                        size_t n = strlen(s);
                        bool covers = streq(s, "/") ? path[0] == '/'
                                                    : strncmp(s, path, n) == 0 && strchr("/", path[n]);
                        if (covers && n > longest) { /* a tie keeps the earlier list: the stricter */
                                longest = n;
                                best = (PathAccess)l;
                        }
                }
        }
        return best;
}

static bool naive_exec(json_t *filesystem, const char *path) {
        json_t *exec = json_object_get(filesystem, "executePaths");
        if (naive_access(filesystem, path) == PATH_DENIED)
                return false;
        if (!json_is_array(exec))
                return !exec || streq(json_string_value(exec), "readable");
        size_t i;
        json_t *entry;
        json_array_foreach(exec, i, entry) {
                const char *s = json_string_value(entry);
                if (streq(s, "/") ? path[0] == '/'
                                  : strncmp(s, path, strlen(s)) == 0 && strchr("/", path[strlen(s)]))
                        return true;
        }
        return false;
}

static bool naive_env(json_t *environment, const PolicyRequest *q) {
        json_t *pass = json_object_get(environment, "pass");
        const char *set = json_string_value(json_object_get(json_object_get(environment, "set"), q->target));
        if (json_is_string(pass) || (set && streq(set, q->value ? q->value : "")))
                return true;
        size_t i;
        json_t *entry;
        json_array_foreach(pass, i, entry) {
                if (streq(json_string_value(entry), q->target))
                        return true;
        }
        return false;
}

START_TEST(test_a_policy_allows_what_its_document_says) {
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *ta = NULL;
                const char *tb = "";
                _cleanup_(policy_unrefp) Policy *a = random_policy(&r, true, &ta);
                json_auto_t *document = json_loads(ta, 0, NULL);
                json_t *filesystem = json_object_get(document, "filesystem");
                json_t *environment = json_object_get(json_object_get(document, "process"), "environment");
                PolicyRequest q;
                for (size_t i = 0; universe_request(i, &q); i++) {
                        bool allowed = allows(a, &q) == VERDICT_ALLOW;
                        if (q.kind == REQUEST_READ)
                                CHECK(allowed == (naive_access(filesystem, q.target) != PATH_DENIED),
                                                "not as written", &q);
                        else if (q.kind == REQUEST_WRITE)
                                CHECK(allowed == (naive_access(filesystem, q.target) == PATH_READWRITE),
                                                "not as written", &q);
                        else if (q.kind == REQUEST_EXEC)
                                CHECK(allowed == naive_exec(filesystem, q.target), "not as written", &q);
                        else if (q.kind == REQUEST_ENV)
                                CHECK(allowed == naive_env(environment, &q), "not as written", &q);
                }
                json_object_set_new(document, "name",
                                json_string("twin")); /* another digest, so it is worked out */
                _cleanup_free_ char *renamed = json_dumps(document, 0);
                _cleanup_(policy_unrefp) Policy *twin = NULL, *both = NULL;
                ck_assert_int_eq(policy_parse(renamed, strlen(renamed), NULL, NULL, &twin, NULL), 0);
                HOLDS(policy_within(a, twin, NULL) && policy_within(twin, a, NULL));
                both = meet(a, twin);
                for (size_t i = 0; universe_request(i, &q); i++)
                        CHECK(allows(both, &q) == allows(a, &q), "meeting oneself changes something", &q);
        }
}
END_TEST

/* Bound policies obey the algebra too, with variables that fall onto and into each other's places. */
START_TEST(test_bind_then_meet) {
        static const char *const places[] = { "/", "/a", "/a/a", "/b", "/c", "/b/a/a", NULL };
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                const PolicyBinding binding = { .workspace = places[random_below(&r, ELEMENTSOF(places))],
                        .home = places[random_below(&r, ELEMENTSOF(places))],
                        .runtime = places[random_below(&r, ELEMENTSOF(places))] };
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *ua = random_policy(&r, true, &ta),
                                                *ub = random_policy(&r, true, &tb), *a = NULL, *b = NULL,
                                                *m = NULL;
                ck_assert_int_eq(policy_bind(ua, &binding, &a, NULL), 0);
                ck_assert_int_eq(policy_bind(ub, &binding, &b, NULL), 0);
                m = meet(a, b);
                check_fixpoint(a, &r);
                check_fixpoint(m, &r);
                for (size_t i = 0; i < a->n_paths; i++)
                        HOLDS(a->paths[i].path[0] == '/');
                HOLDS(policy_within(m, a, NULL) && policy_within(m, b, NULL));
                PolicyRequest q;
                for (size_t i = 0; universe_request(i, &q); i++) {
                        Verdict both = allows(a, &q) == VERDICT_ALLOW ? allows(b, &q) : VERDICT_DENY;
                        CHECK(allows(m, &q) == both, "meet of bound policies is not and", &q);
                }
        }
}
END_TEST

/* What a bound policy allows, by binding the document's text and reading that: collisions are refused there as doubles, so
 * only bindings without any are compared. */
START_TEST(test_bind_is_substitution) {
        Random r = random_new();
        for (unsigned round = 0; round < ROUNDS; round++) {
                const PolicyBinding binding = { .workspace = "/w", .home = "/home/u", .runtime = "/run/u" };
                static const char *const variables[][2] = { { "${workspace}", "/w" },
                        { "${home}", "/home/u" }, { "${runtime}", "/run/u" } };
                _cleanup_free_ char *ta = NULL, *tb = NULL;
                _cleanup_(policy_unrefp) Policy *unbound = random_policy(&r, true, &ta), *a = NULL,
                                                *b = NULL;
                tb = strdup(ta);
                for (size_t v = 0; v < ELEMENTSOF(variables); v++)
                        for (char *found; (found = strstr(tb, variables[v][0]));) {
                                char *longer;
                                ck_assert_int_ge(asprintf(&longer, "%.*s%s%s", (int)(found - tb), tb,
                                                                 variables[v][1],
                                                                 found + strlen(variables[v][0])),
                                                0);
                                free(tb);
                                tb = longer;
                        }
                ck_assert_int_eq(policy_bind(unbound, &binding, &a, NULL), 0);
                ck_assert_int_eq(policy_parse(tb, strlen(tb), NULL, NULL, &b, NULL), 0);
                _cleanup_(policy_unrefp) Policy *bound =
                                NULL; /* "readable" still names the variables in b */
                ck_assert_int_eq(policy_bind(b, &binding, &bound, NULL), 0);
                HOLDS(streq(a->digest, bound->digest));
        }
}
END_TEST

START_TEST(test_clauses_after_a_meet) {
        _cleanup_(policy_unrefp) Policy
                        *a = policy_of("'name': 'wide', 'filesystem': {'readwritePaths': ['/w'], "
                                       "'deniedPaths': ['/w/s']},"
                                       "'network': {'egress': {'allow': [{'to': [{'host': '*.b'}]}]}}"),
                        *b = policy_of("'name': 'narrow', 'filesystem': {'readonlyPaths': ['/w/x'], "
                                       "'readwritePaths': ['/w']},"
                                       "'network': {'egress': {'allow': [{'to': [{'host': 'a.b'}]}]}}"),
                        *m = meet(a, b), *again = meet(m, a);
        const PathRule *rule;
        ck_assert_int_eq(policy_path_access(m, "/w/x/y", &rule), PATH_READONLY);
        ck_assert_str_eq(rule->clause, "narrow#/filesystem/readonlyPaths/0");
        ck_assert_int_eq(policy_path_access(m, "/w/s", &rule), PATH_DENIED);
        ck_assert_str_eq(rule->clause, "wide#/filesystem/deniedPaths/0");
        ck_assert_str_eq(m->egress.allow[0].clause, "narrow#/network/egress/allow/0");
        policy_path_access(again, "/w/x", &rule);
        ck_assert_str_eq(rule->clause, "narrow#/filesystem/readonlyPaths/0");
        ck_assert_str_eq(m->name, "");
}
END_TEST

START_TEST(test_explicit_denials_survive_a_meet) {
        _cleanup_(policy_unrefp) Policy
                        *a = policy_of("'filesystem': {'deniedPaths': ['/k'], 'readonlyPaths': ['/usr']}"),
                        *b = policy_of("'filesystem': {'readonlyPaths': ['/usr', '/usr/lib', '/etc']}"),
                        *m = meet(a, b);
        const PathRule *rule;
        policy_path_access(m, "/k", &rule);
        ck_assert_ptr_nonnull(rule); /* by other names of the same object it is denied still */
        policy_path_access(m, "/etc", &rule);
        ck_assert_ptr_null(rule); /* never was there */
        ck_assert_uint_eq(m->n_paths, 2);
}
END_TEST

START_TEST(test_duties_are_the_stricter) {
        _cleanup_(policy_unrefp) Policy *
                        a = policy_of("'containment': 'session', 'audit': {'files': 'denied', 'exec': "
                                      "'all'},"
                                      "'violations': {'action': 'freeze', 'threshold': 20, 'window': "
                                      "'10s'}"),
                       *b = policy_of("'containment': 'process', 'audit': {'files': 'all'},"
                                      "'violations': {'action': 'record', 'threshold': 5, 'window': '60s'}"),
                       *m = meet(a, b);
        ck_assert_int_eq(m->containment, CONTAINMENT_SESSION);
        ck_assert(m->audit_files == AUDIT_ALL && m->audit_exec == AUDIT_ALL &&
                        m->audit_network == AUDIT_NONE);
        ck_assert_int_eq(m->violation_action, VIOLATION_FREEZE);
        ck_assert_uint_eq(m->violation_threshold, 5);
        ck_assert_uint_eq(m->violation_window_usec, 60000000);
        ck_assert(policy_within(b, a, NULL)); /* duties are not permissions */
}
END_TEST

int main(void) {
        TCase *t = tcase_create("algebra");
        tcase_add_test(t, test_meet_is_and);
        tcase_add_test(t, test_meet_of_the_network_alone);
        tcase_add_test(t, test_join_of_egress);
        tcase_add_test(t, test_within_implies);
        tcase_add_test(t, test_within_implies_for_neighbours);
        tcase_add_test(t, test_canonical_form_is_a_fixpoint);
        tcase_add_test(t, test_a_policy_allows_what_its_document_says);
        tcase_add_test(t, test_bind_then_meet);
        tcase_add_test(t, test_bind_is_substitution);
        tcase_add_test(t, test_clauses_after_a_meet);
        tcase_add_test(t, test_explicit_denials_survive_a_meet);
        tcase_add_test(t, test_duties_are_the_stricter);
        return run_case("policy-algebra", t);
}
