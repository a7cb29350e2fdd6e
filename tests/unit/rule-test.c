/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "carried.h"
#include "plan-property.h"
#include "rule-test.h"

static const HostLink links[] = { { (char *)"/bin", (char *)"usr/bin" },
        { (char *)"/lib", (char *)"usr/lib" }, { (char *)"/lib64", (char *)"usr/lib64" },
        { (char *)"/sbin", (char *)"usr/sbin" } };

const HostFacts test_host = {
        .features = { .landlock_abi = 7,
                        .guard = 1,
                        .mediate = 1,
                        .memory = 1,
                        .cpu = 1,
                        .io = 1,
                        .pids = 1,
                        .cgroup_kill = 1,
                        .recursive_mount_attr = 1,
                        .net_pool = 4,
                        .egress = 1 },
        .links = (HostLink *)links,
        .n_links = ELEMENTSOF(links),
        .relay_uid = 990,
        .relay_gid = 991,
};

const User test_owner = { .uid = 1000, .gid = 1001, .name = (char *)"u", .home = (char *)"/home/u" };

static json_t *vendor_json(const char *directory, const char *name) {
        _cleanup_free_ char *path = NULL;
        const char *source = getenv("MXC_TEST_SOURCE");
        ck_assert_msg(source, "set MXC_TEST_SOURCE to the source tree");
        ck_assert_int_ge(asprintf(&path, "%s/policy-schema/%s%s.json", source, directory, name), 0);
        return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static json_t *lookup(const char *name, void *userdata) {
        return vendor_json("policies/", name);
}

Policy *vendor_policy(const char *name) {
        json_auto_t *value = vendor_json(streq(name, "ceiling") ? "" : "policies/", name);
        ck_assert_msg(value, "%s", name);
        _cleanup_free_ char *text = json_dumps(value, 0);
        PolicyError error = { 0 };
        Policy *p = NULL;
        int r = policy_parse(text, strlen(text), lookup, NULL, &p, &error);
        ck_assert_msg(r == 0, "%s: %s: %s", name, error.pointer, error.sentence);
        return p;
}

Handoff *vendor_handoff(void) {
        json_auto_t *value = vendor_json("", "handoff");
        ck_assert_ptr_nonnull(value);
        _cleanup_free_ char *text = json_dumps(value, 0);
        Handoff *h = NULL;
        ck_assert_int_eq(handoff_parse(text, strlen(text), &h, NULL), 0);
        return h;
}

Decision decision_of(const DecideInput *in) {
        Decision d = { 0 };
        ck_assert_int_eq(decide(in, &d), 0);
        ck_assert_ptr_nonnull(d.clause);
        ck_assert_ptr_nonnull(d.bound);
        ck_assert((d.verdict == VERDICT_ALLOW) == (d.reason == REASON_ALLOWED));
        ck_assert((d.verdict == VERDICT_ALLOW) == (d.effective != NULL));
        ck_assert((d.verdict == VERDICT_ALLOW) == (d.literal != NULL));
        ck_assert((d.verdict == VERDICT_ALLOW) == (d.sentence == NULL));
        ck_assert((d.verdict == VERDICT_ALLOW) == streq(d.bound, ""));
        return d;
}

bool is_carried(const Policy *p, const Policy *requested) {
        const char *what, *why;
        if (uncarried_rule(&p->egress, &requested->egress, &what, &why))
                return false;
        return p->ingress.n_allow == 0 && p->ingress.fallback == VERDICT_DENY &&
               p->n_publish <= LIMIT_PUBLISHED;
}

Decision allowed(const DecideInput *in) {
        Decision d = decision_of(in);
        ck_assert_msg(d.verdict == VERDICT_ALLOW, "%s: %s: %s", d.bound, d.clause, d.sentence);
        return d;
}

PlanInput plan_input(const Decision *d, const Policy *stored, const char *workspace) {
        return (PlanInput){
                .decision = d,
                .stored = stored,
                .host = &test_host,
                .owner = &test_owner,
                .id = "0123456789abcdef0123456789abcdef",
                .scope = "/mxc.slice/mxc-u1000.slice/mxc-coder.scope",
                .agent = "coder",
                .workspace = workspace,
        };
}

LaunchPlan *plan_of(const PlanInput *in) {
        LaunchPlan *p = NULL;
        DecisionReason reason = REASON_ALLOWED;
        char *sentence = NULL;
        int r = plan_make(in, &p, &reason, &sentence);
        ck_assert_msg(r == 0, "%d: %s", r, sentence);

        _cleanup_free_ uint8_t *data = NULL, *again = NULL;
        _cleanup_(launch_plan_freep) LaunchPlan *decoded = NULL;
        size_t size, n_again, offset, length;
        const char *where = "";
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        ck_assert_msg(launch_plan_decode(data, size, &decoded, &offset, &length, &where) == 0, "%s", where);
        ck_assert_int_eq(launch_plan_encode(decoded, &again, &n_again), 0);
        ck_assert(size == n_again && memcmp(data, again, size) == 0);
        return p;
}

static const PlanMount *find(const PlanMount *mounts, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (streq(mounts[i].path, path))
                        return &mounts[i];
        return NULL;
}

const PlanMount *template_mount_of(const LaunchPlan *p, const char *path) {
        return find(p->template.mounts, p->template.n_mounts, path);
}

const PlanMount *mount_of(const LaunchPlan *p, const char *path) {
        const PlanMount *m = find(p->mounts, p->n_mounts, path);
        return m ? m : template_mount_of(p, path);
}

void made_clear(Made *m) {
        launch_plan_free(m->plan);
        decision_clear(&m->decision);
        handoff_free(m->handoff);
        policy_unref(m->policy);
}

void made_prepare(Made *m, Policy *p, const char *workspace, const char *home) {
        m->policy = p;
        m->handoff = vendor_handoff();
        const DecideInput in = { .requested = p, .ceiling = p, .binding = { workspace, home, NULL } };
        m->decision = allowed(&in);
        m->input = plan_input(&m->decision, p, workspace);
        m->input.handoff = m->handoff;
}

void made_make(Made *m, const char *body, const char *workspace, bool stored) {
        made_prepare(m, policy_of(body), workspace, "/home/u");
        if (!stored)
                m->input.stored = NULL;
        m->plan = plan_of(&m->input);
        const char *path = "", *fault = plan_fault(m->plan, &m->input, &path);
        ck_assert_msg(!fault, "%s: %s", path, fault);
}

void made_refuses(const PlanInput *in, int error, DecisionReason reason, const char *fragment) {
        LaunchPlan *p = NULL;
        DecisionReason got = REASON_ALLOWED;
        _cleanup_free_ char *sentence = NULL;
        int r = plan_make(in, &p, &got, &sentence);
        ck_assert_msg(r == error, "%d, not %d (%s): %s", r, error, fragment, sentence ? sentence : "");
        ck_assert_ptr_null(p);
        ck_assert_str_eq(decision_reason_to_string(got), decision_reason_to_string(reason));
        ck_assert_msg(sentence && strstr(sentence, fragment), "%s", sentence);
}

char *many_paths(unsigned n, const char *list, const char *format) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        fprintf(f, "'filesystem': {'handoff': 'allow', '%s': [", list);
        for (unsigned i = 0; i < n; i++) {
                fputs(i == 0 ? "'" : ", '", f);
                for (const char *c = format; *c; c++) {
                        if (*c == '#')
                                fprintf(f, "%05u", i);
                        else
                                fputc(*c, f);
                }
                fputc('\'', f);
        }
        fputs("]}", f);
        ck_assert_int_eq(fclose(f), 0);
        return text;
}
