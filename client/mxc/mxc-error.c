/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mxc-error.h"

#include <stdarg.h>

#include "json-text.h"
#include "names.h"

static const char *const words[_MXC_STATUS_MAX] = {
        [MXC_OK] = "ok",
        [MXC_MALFORMED_REQUEST] = "malformed_request",
        [MXC_UNSUPPORTED_CONTAINMENT] = "unsupported_containment",
        [MXC_UNSUPPORTED_PHASE] = "unsupported_phase",
        [MXC_BACKEND_UNAVAILABLE] = "backend_unavailable",
        [MXC_MALFORMED_ID] = "malformed_id",
        [MXC_STALE_ID] = "stale_id",
        [MXC_NOT_PROVISIONED] = "not_provisioned",
        [MXC_NOT_STARTED] = "not_started",
        [MXC_ALREADY_STARTED] = "already_started",
        [MXC_ALREADY_STOPPED] = "already_stopped",
        [MXC_POLICY_VALIDATION] = "policy_validation",
        [MXC_BACKEND_ERROR] = "backend_error",
};

const char *mxc_status_word(MxcStatus status) {
        return words[status < _MXC_STATUS_MAX ? status : MXC_BACKEND_ERROR];
}

static const struct {
        const char *name;
        MxcStatus status;
} refusals[] = {
        { MXC_ERROR_DENIED, MXC_POLICY_VALIDATION },
        { MXC_ERROR_POLICY_INVALID, MXC_POLICY_VALIDATION },
        { MXC_ERROR_UNSUPPORTED, MXC_POLICY_VALIDATION },
        { MXC_ERROR_INVALID_ARGUMENT, MXC_MALFORMED_REQUEST },
        { MXC_ERROR_NO_SUCH_AGENT, MXC_STALE_ID },
        { MXC_ERROR_NO_SUCH_SANDBOX, MXC_STALE_ID },
        { "org.freedesktop.DBus.Error.ServiceUnknown", MXC_BACKEND_UNAVAILABLE },
        { "org.freedesktop.DBus.Error.NameHasNoOwner", MXC_BACKEND_UNAVAILABLE },
};

MxcStatus mxc_status_of(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                if (streq(name, refusals[i].name))
                        return refusals[i].status;
        return MXC_BACKEND_ERROR;
}

void mxc_error_clear(MxcError *e) {
        free(e->message);
        free(e->operation);
        free(e->native_code);
        free(e->remediation);
        *e = (MxcError){ 0 };
}

static int fill(MxcError *e, MxcStatus status, int code, const char *format, va_list arguments) {
        _cleanup_free_ char *message = NULL;
        if (!e || e->status != MXC_OK)
                return -EINVAL;
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL; /* what vasprintf() leaves there then is not said */
        char *shown = message ? mxc_escape(message) : NULL;
        *e = (MxcError){ .status = shown ? status : MXC_BACKEND_ERROR,
                .exit = shown ? code : MXC_EXIT_BACKEND,
                .message = shown };
        return shown ? -EINVAL : -ENOMEM;
}

int mxc_refuse_config(MxcError *e, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        int r = fill(e, MXC_MALFORMED_REQUEST, MXC_EXIT_CONFIG, format, arguments);
        va_end(arguments);
        return r;
}

int mxc_refuse(MxcError *e, MxcStatus status, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        int r = fill(e, status, MXC_EXIT_BACKEND, format, arguments);
        va_end(arguments);
        return r;
}

char *mxc_error_envelope(const MxcError *e) {
        JsonText j = { 0 };
        char *text = NULL;
        json_text_open(&j, '{');
        json_text_key(&j, "error");
        json_text_open(&j, '{');
        json_text_member(&j, "code", mxc_status_word(e->status));
        json_text_member(&j, "message", e->message ? e->message : "out of memory");
        json_text_member(&j, "operation", e->operation);
        json_text_member(&j, "nativeCode", e->native_code);
        json_text_member(&j, "remediation", e->remediation);
        json_text_close(&j, '}');
        json_text_close(&j, '}');
        return json_text_end(&j, &text) == 0 ? text : NULL;
}

/* C0, DEL, and C1 in UTF-8; *ret_size: of how many bytes. */
static bool is_control(const unsigned char *p, unsigned *ret_code, size_t *ret_size) {
        *ret_size = 1;
        *ret_code = p[0];
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
                *ret_size = 2;
                *ret_code = p[1];
                return true;
        }
        return p[0] < 0x20 || p[0] == 0x7f;
}

char *mxc_escape(const char *text) {
        char *made = malloc(strlen(text) * 6 + 1), *to = made; /* a byte becomes "\u{1b}" at most */
        if (!made)
                return NULL;
        for (const unsigned char *p = (const unsigned char *)text; *p;) {
                unsigned code;
                size_t size;
                if (!is_control(p, &code, &size))
                        *to++ = (char)code;
                else if (code == '\n' || code == '\r' || code == '\t') {
                        *to++ = '\\';
                        *to++ = code == '\n' ? 'n' : code == '\r' ? 'r' : 't';
                } else
                        to += sprintf(to, "\\u{%x}", code);
                p += size;
        }
        *to = '\0';
        return made;
}
