/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle-policy.h"

#include <jansson.h>

#include "cleanup.h"
#include "text-list.h"

void lifecycle_policy_clear(LifecyclePolicy *p) {
        free(p->text);
        mxc_strings_clear(&p->warnings);
        mxc_request_free(p->request);
}

/* What MXC demands of each isolation session, word for word. */
static bool acknowledges_all(const MxcNetwork *n) {
        if (n->proxy.kind != MXC_PROXY_NONE)
                return false;
        if (n->directional)
                return n->egress.allow && n->ingress_allow && n->host_loopback_allow &&
                       n->egress.n_allow_rules == 0 && n->egress.n_deny_rules == 0;
        return n->allow && n->local && n->enforcement == MXC_CAPABILITIES && n->allowed_hosts.n == 0 &&
               n->blocked_hosts.n == 0;
}

/* Of that the way out is what is meant: nobody comes in here, and that is said. */
static int open_the_way_out(MxcConfig *c) {
        c->network.directional = true;
        c->network.said = true;
        c->network.egress.allow = true;
        c->network.ingress_allow = c->network.host_loopback_allow = false;
        return mxc_strings_add(&c->warnings, "nobody reaches it from outside: of the network that it was "
                                             "provisioned with, the way out is open, as far as this host's "
                                             "ceiling allows");
}

/* MXC takes the acknowledgement and nothing else. Here all that is said of the way out holds; what is said of a way in, or of a proxy, which each command
 * would have to be told, does not. */
static int settle_network(MxcConfig *c, MxcError *error) {
        MxcNetwork *n = &c->network;
        if (acknowledges_all(n))
                return open_the_way_out(c);
        if (n->proxy.kind != MXC_PROXY_NONE)
                return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                "the network of an isolation session cannot be routed through a proxy; "
                                "remove it");
        if (n->ingress_allow || n->host_loopback_allow)
                return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                "nobody reaches an isolation session from outside: network.ingress 'allow' "
                                "is taken only where network.egress.default, network.ingress.default and "
                                "network.ingress.hostLoopback are all 'allow', without rules");
        if (n->local)
                return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                "nobody reaches an isolation session from outside: "
                                "network.allowLocalNetwork "
                                "is taken only with network.defaultPolicy 'allow', without hosts and with "
                                "default enforcement");
        return 0;
}

/* Whose environment is offered is known when it is: of each exec. */
static char *for_any_environment(const char *policy) {
        json_auto_t *p = json_loads(policy, 0, NULL);
        json_t *process = p ? json_object_get(p, "process") : NULL;
        if (p && !process) {
                process = json_object();
                if (json_object_set_new(p, "process", process) < 0)
                        return NULL;
        }
        if (!process || json_object_set_new(process, "environment", json_pack("{s:s}", "pass", "all")) < 0)
                return NULL;
        return json_dumps(p, JSON_COMPACT);
}

int lifecycle_policy_of(
                const char *provision, const char *workspace, LifecyclePolicy *ret, MxcError *error) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        int r = mxc_config_parse(provision, strlen(provision), &c, error);
        if (r < 0)
                return r;
        if (c->wslc_image || c->wslc_image_tar)
                return mxc_refuse(error, MXC_BACKEND_UNAVAILABLE,
                                "images are not to be had from this version of mxcd: leave %s out, and the "
                                "sandbox has "
                                "this host's own system directories, read-only",
                                c->wslc_image ? "'image'" : "'imageTarPath'");
        if (c->wslc_ports)
                return mxc_refuse(error, MXC_BACKEND_UNAVAILABLE,
                                "no port of this host leads into a sandbox of the lifecycle: leave "
                                "'portMappings' out");
        if (c->containment == MXC_ISOLATION_SESSION)
                r = settle_network(c, error);
        if (r == 0 && workspace)
                r = mxc_strings_add(&c->readwrite, workspace);
        const MxcCaller caller = { .cwd = "/", .home = getenv("HOME") };
        if (r == 0)
                r = mxc_request_make(c, &caller, &request, error);
        if (r < 0)
                return r;
        if (workspace && mxc_request_need_writing(request, workspace,
                                         "the directory that its commands work in is not to be had") < 0)
                return -ENOMEM;
        char *text = for_any_environment(request->policy);
        if (!text)
                return -ENOMEM;
        *ret = (LifecyclePolicy){ .text = text, .warnings = request->warnings };
        request->warnings = (MxcStrings){ 0 }; /* taken over */
        ret->request = TAKE_PTR(request);
        return 0;
}
