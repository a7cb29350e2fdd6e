/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration of MXC as a policy: what it asks for, by the translator that lxc-exec and the library have. */

#include "document.h"
#include "escape.h"
#include "mxc-request.h"
#include "nouns.h"
#include "output.h"
#include "say.h"
#include "status.h"

/* Its own words, which are those of MXC, where editors look for them. */
static int refuse(const char *file, const MxcError *error) {
        _cleanup_free_ char *name = escape_text(file),
                            *message = error->message ? escape_text(error->message) : NULL;
        return fail(STATUS_NO, "%s: %s", name ? name : "?", message ? message : "out of memory");
}

static int translate(const char *text, size_t size, MxcRequest **ret, MxcError *error) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_free_ char *here = get_current_dir_name();
        int r = mxc_config_parse(text, size, &c, error);
        if (r < 0)
                return r;
        if (c->phase != MXC_ONE_SHOT) /* what a sandbox's life is under comes of its phases together */
                return mxc_refuse(error, MXC_UNSUPPORTED_PHASE,
                                "a '%s' request has no policy by itself; what runs a command at once has",
                                mxc_phase_word(c->phase));
        return mxc_request_make(c, &(MxcCaller){ .cwd = here, .home = getenv("HOME") }, ret, error);
}

static int print(const MxcRequest *request) {
        json_auto_t *policy = json_loads(request->policy, JSON_REJECT_DUPLICATES, NULL);
        if (!policy)
                return fail(STATUS_TROUBLE, "out of memory");
        for (size_t i = 0; i < request->warnings.n; i++) {
                _cleanup_free_ char *warning = escape_text(request->warnings.items[i]);
                say("%s", warning ? warning : "?");
        }
        if (settings.json == JSON_OFF)
                settings.json = JSON_PRETTY; /* it is nothing else */
        return output_json(policy);
}

int policy_translate(const Verb *v, Options *o) {
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        _cleanup_free_ char *text = NULL;
        MxcError error = { 0 };
        size_t size;
        int status;
        if (verb_words(v, o, 1, 1, &status) < 0)
                return status;
        if (document_read(o->argv[0], &text, &size) < 0)
                return STATUS_TROUBLE;
        if (translate(text, size, &request, &error) < 0)
                status = refuse(o->argv[0], &error);
        else
                status = print(request);
        mxc_error_clear(&error);
        return status;
}
