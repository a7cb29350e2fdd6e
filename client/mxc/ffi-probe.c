/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "backends.h"
#include "cleanup.h"
#include "ffi-own.h"

char *mxc_available_backends_json(void) {
        char *text;
        return mxc_backends_json(&text) < 0 ? NULL : own_text(text);
}

/* Of the one backend that there is, or NULL. */
static json_t *support(const json_t *backend) {
        const json_t *capabilities = json_object_get(backend, "capabilities"), *capability;
        json_t *warnings = json_object_get(backend, "warnings");
        bool proxy = false;
        size_t i;
        json_array_foreach(capabilities, i, capability)
                proxy |= json_is_string(capability) &&
                         streq(json_string_value(capability), "proxyEnforcement");
        return json_pack("{s:b, s:o, s:[s*], s:{s:s, s:o}}", "isSupported", backend != NULL, "reason",
                        backend ? json_null()
                                : json_string("mxcd cannot be reached: see `systemctl status mxcd.service`"),
                        "availableMethods", backend ? "bubblewrap" : NULL, "bubblewrapNetwork",
                        "proxyEnforcement", proxy ? "supported" : "unsupported", "warnings",
                        warnings ? json_incref(warnings) : json_array());
}

char *mxc_platform_support_json(void) {
        _cleanup_free_ char *text = NULL;
        if (mxc_backends_json(&text) < 0)
                return NULL;
        json_auto_t *backends = json_loads(text, 0, NULL);
        json_auto_t *answer = backends ? support(json_array_get(backends, 0)) : NULL;
        return answer ? own_text(json_dumps(answer, JSON_COMPACT)) : NULL;
}
