/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is said to who speaks MXC when something is refused or fails: one of its closed set of codes, a sentence, and with which status the
 * command line ends. The sentence of a refused configuration is the one of MXC's own parser, with path, line and column, since tools and tests read
 * those. */

#include <stdbool.h>

#include "cleanup.h"

typedef enum MxcStatus { /* the C ABI's numbers */
        MXC_OK,
        MXC_MALFORMED_REQUEST,
        MXC_UNSUPPORTED_CONTAINMENT,
        MXC_UNSUPPORTED_PHASE,
        MXC_BACKEND_UNAVAILABLE,
        MXC_MALFORMED_ID,
        MXC_STALE_ID,
        MXC_NOT_PROVISIONED,
        MXC_NOT_STARTED,
        MXC_ALREADY_STARTED,
        MXC_ALREADY_STOPPED,
        MXC_POLICY_VALIDATION,
        MXC_BACKEND_ERROR,
        _MXC_STATUS_MAX,
} MxcStatus;

enum {
        MXC_EXIT_CONFIG = 1,    /* the configuration is refused: "Request error", then the sentence, and no envelope */
        MXC_EXIT_BACKEND = 255, /* what it asks for is refused, or fails: the sentence, and the envelope on a line of its own */
};

typedef struct MxcError {
        MxcStatus status;  /* MXC_OK: nothing is wrong, and the rest is empty */
        int exit;          /* MXC_EXIT_*: what lxc-exec ends with */
        char *message;     /* one line: control characters of what it quotes are escaped, and it quotes nothing secret */
        char *operation, *native_code, *remediation; /* of a call that failed; each may be NULL */
} MxcError;
void mxc_error_clear(MxcError *e);

/* "policy_validation". Static. */
const char *mxc_status_word(MxcStatus status);
/* Of an error of mxcd's, or of the bus, by its name; MXC_BACKEND_ERROR of any other, as MXC says of whatever goes wrong with a sandbox. */
MxcStatus mxc_status_of(const char *name);

/* Fill an error (the first one stays; e may be NULL) and return -EINVAL; or -ENOMEM, with e's status MXC_BACKEND_ERROR and no message. */
_printf_(2, 3) int mxc_refuse_config(MxcError *e, const char *format, ...);            /* malformed_request, exit 1 */
_printf_(3, 4) int mxc_refuse(MxcError *e, MxcStatus status, const char *format, ...); /* exit 255 */

/* {"error":{"code":"…","message":"…"}} with operation, nativeCode and remediation where they are. One line without its end. NULL when out of
 * memory; the caller frees. */
char *mxc_error_envelope(const MxcError *e);

/* A copy with each control character (C0, DEL, C1) as \n, \t, \r or \u{1b}, as MXC shows them. NULL when out of memory. */
char *mxc_escape(const char *text);
