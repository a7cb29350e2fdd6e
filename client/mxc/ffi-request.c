/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-request.h"

#include <jansson.h>

#include "cleanup.h"
#include "escape.h"
#include "ffi-spec.h"
#include "mxc-caller.h"

#define PARSE_ERROR "Configuration parse error: "

int32_t request_text(const char *json, MxcErrorDetail *d) {
        if (!json)
                return own_fail(d, MXC_NULL_ARGUMENT, "request JSON pointer is null");
        if (!text_is_utf8(json))
                return own_fail(d, MXC_NOT_UTF8, "request JSON is not UTF-8");
        return MXC_OK;
}

/* MXC says of a text that asks for no phase, and of no other, that it is that. */
static void say_parse_error(const char *json, MxcError *e) {
        char *message;
        if (e->exit != MXC_EXIT_CONFIG || !e->message || mxc_config_asks_for_phase(json, strlen(json)))
                return;
        if (asprintf(&message, PARSE_ERROR "%s", e->message) < 0)
                return; /* the message is there all the same */
        free(e->message);
        e->message = message;
}

int32_t request_config(const char *json, MxcConfig **ret, MxcErrorDetail *d) {
        int32_t status = request_text(json, d);
        if (status != MXC_OK)
                return status;
        MxcError error = { 0 };
        int r = mxc_config_parse(json, strlen(json), ret, &error);
        if (r < 0)
                say_parse_error(json, &error);
        return r < 0 ? own_fail_with(d, r, &error) : MXC_OK;
}

int32_t request_of(const char *json, RequestLook look, void *userdata, MxcRequest **ret, MxcErrorDetail *d) {
        _cleanup_(mxc_config_freep) MxcConfig *config = NULL;
        int32_t status = request_config(json, &config, d);
        if (status != MXC_OK)
                return status;
        _cleanup_(caller_here_clear) CallerHere who;
        MxcError error = { 0 };
        caller_here(&who);
        int r = look(config, userdata, &error);
        if (r == 0)
                r = mxc_request_make(config, &who.caller, ret, &error);
        return r < 0 ? own_fail_with(d, r, &error) : MXC_OK;
}

static int is_of_run(const MxcConfig *config, void *userdata, MxcError *error) {
        return config->phase == MXC_ONE_SHOT
                               ? 0
                               : mxc_refuse_config(error, "expected a one-shot request; lifecycle requests "
                                                          "use the state-aware JSON entry points");
}

int32_t request_of_run(const char *json, MxcRequest **ret, MxcErrorDetail *d) {
        return request_of(json, is_of_run, NULL, ret, d);
}

int32_t request_of_spec(const char *spec, MxcRequest **ret, MxcErrorDetail *d) {
        int32_t status = request_text(spec, d);
        if (status != MXC_OK)
                return status;
        _cleanup_free_ char *config = NULL;
        MxcError error = { 0 };
        int r = spec_to_config(spec, &config, &error);
        return r < 0 ? own_fail_with(d, r, &error) : request_of_run(config, ret, d);
}

char *request_warnings(
                const MxcStrings *warnings, const MxcStrings *cut, const char *const *more, size_t n_more) {
        json_auto_t *list = json_array();
        const MxcStrings *const both[] = { warnings, cut };
        for (size_t k = 0; k < ELEMENTSOF(both); k++)
                for (size_t i = 0; i < both[k]->n; i++)
                        if (json_array_append_new(list, json_string(both[k]->items[i])) < 0)
                                return NULL;
        for (size_t i = 0; i < n_more; i++)
                if (more[i] && json_array_append_new(list, json_string(more[i])) < 0)
                        return NULL;
        return json_array_size(list) > 0 ? own_text(json_dumps(list, JSON_COMPACT)) : NULL;
}
