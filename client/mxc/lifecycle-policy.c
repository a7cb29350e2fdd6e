/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle-policy.h"

#include <jansson.h>

#include "cleanup.h"
#include "mxc-request.h"
#include "text-list.h"

void lifecycle_policy_clear(LifecyclePolicy *p) {
        free(p->text);
        mxc_strings_clear(&p->warnings);
}

/* It has to say that all is open, and means the way out by it: nobody comes in here. */
static void open_the_way_out(MxcConfig *c) {
        c->network.directional = true;
        c->network.said = true;
        c->network.egress.allow = true;
        c->network.ingress_allow = c->network.host_loopback_allow = false;
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
        if (c->containment == MXC_ISOLATION_SESSION)
                open_the_way_out(c);
        if (workspace)
                r = mxc_strings_add(&c->readwrite, workspace);
        const MxcCaller caller = { .cwd = "/", .home = getenv("HOME") };
        if (r == 0)
                r = mxc_request_make(c, &caller, &request, error);
        if (r < 0)
                return r;
        char *text = for_any_environment(request->policy);
        if (!text)
                return -ENOMEM;
        *ret = (LifecyclePolicy){ .text = text, .warnings = request->warnings };
        request->warnings = (MxcStrings){ 0 }; /* taken over */
        return 0;
}
