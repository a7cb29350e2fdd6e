/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "fuzz.h"
#include "mxc-request.h"
#include "policy.h"

/* A configuration of MXC, from whoever starts an agent. Properties: nothing crashes; a refusal is one line that can be shown on a terminal,
 * and says nothing of the variables; what is accepted becomes a request, or a refusal, and the request's policy is JSON that mxcd can judge. */

DEFINE_CLEANUP(Policy *, policy_unref);

static void check_error(const MxcError *e) {
        fuzz_holds(e->status != MXC_OK && e->message, "a refusal has a code and a sentence");
        fuzz_holds(e->exit == MXC_EXIT_CONFIG || e->exit == MXC_EXIT_BACKEND, "and a status");
        for (const char *p = e->message; *p; p++)
                fuzz_holds((unsigned char)*p >= 0x20 && *p != 0x7f, "no control character is shown");
        _cleanup_free_ char *envelope = mxc_error_envelope(e);
        json_auto_t *object = envelope ? json_loads(envelope, 0, NULL) : NULL;
        fuzz_holds(object != NULL, "the envelope is JSON");
}

static void check_request(const MxcConfig *c, const MxcRequest *q) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        PolicyError complaint = { 0 };
        fuzz_holds(!q->argv == (c->phase == MXC_PROVISION), "what runs is said");
        fuzz_holds(!q->argv || streq(q->argv[2], c->command_line), "it is the command line");
        for (char **e = q->env; e && *e; e++)
                fuzz_holds(strchr(*e, '=') > *e, "each variable has a name");
        if (!q->policy)
                return;
        int r = policy_parse(q->policy, strlen(q->policy), NULL, NULL, &p, &complaint);
        fuzz_holds(r == 0 || complaint.sentence, "mxcd takes the policy, or says why not");
        if (p && c->network.directional && c->network.proxy.kind == MXC_PROXY_NONE)
                fuzz_holds(p->host_loopback == VERDICT_DENY, "no rule opens the host's loopback");
        policy_error_clear(&complaint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const MxcCaller caller = { .cwd = "/", .home = "/", .testing = true };
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_(mxc_request_freep) MxcRequest *q = NULL;
        MxcError error = { 0 };
        int r = mxc_config_parse((const char *)data, size, &c, &error);
        if (r == 0)
                r = mxc_request_make(c, &caller, &q, &error);
        if (r < 0)
                check_error(&error);
        else if (q)
                check_request(c, q);
        mxc_error_clear(&error);
        return 0;
}
