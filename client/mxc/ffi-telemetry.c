/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "escape.h"
#include "ffi-own.h"

#define NOT_APPLICABLE "not-applicable"
#define STATES                                                                                              \
        "\"effectiveState\":\"" NOT_APPLICABLE "\",\"policy\":\"" NOT_APPLICABLE                            \
        "\",\"reason\":\"" NOT_APPLICABLE "\",\"storedState\":\"" NOT_APPLICABLE "\""

static int32_t give(char **ret, const char *text) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = own_text_copy(text);
        return *ret ? MXC_OK : MXC_BACKEND_ERROR;
}

int32_t mxc_telemetry_get_consent(char **ret) {
        return give(ret, NOT_APPLICABLE);
}

int32_t mxc_telemetry_get_policy(char **ret) {
        return give(ret, NOT_APPLICABLE);
}

int32_t mxc_telemetry_get_consent_status(char **ret_json) {
        return give(ret_json, "{" STATES "}");
}

int32_t mxc_telemetry_needs_consent_prompt(int32_t *ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = 0;
        return MXC_OK;
}

int32_t mxc_telemetry_withdraw_consent(char **ret_json) {
        return give(ret_json, "{" STATES ",\"result\":\"notApplicable\"}");
}

int32_t mxc_telemetry_request_consent(const char *locale,
                int32_t (*presenter)(const char *prompt_json, void *context), void *context,
                char **ret_json) {
        if (ret_json)
                *ret_json = NULL;
        if (!presenter || !ret_json)
                return MXC_NULL_ARGUMENT;
        if (locale && !text_is_utf8(locale))
                return MXC_NOT_UTF8;
        return give(ret_json, "{" STATES ",\"result\":\"notApplicable\"}");
}
