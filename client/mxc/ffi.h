/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The C interface of libmxc_ffi.so, which Microsoft's MXC SDK loads: the names and shapes are its, see mxc-sdk(7). Both sets of names are
 * there, of its 0.9 and of its 1.x.
 *
 * What is common to all of it. It lives in a stranger's process: nothing here ends that, raises a signal in it, prints, or changes what it
 * has (its signal mask, its descriptors, its environment). Any function may be called from any thread at any time, the free() of a thing while
 * another thread is in a call on it too: that call ends, and only then is the thing gone. What is given back must have come from here,
 * and is passed over where it has not (or was given back before). Texts are UTF-8. A text that is given out is freed by the function that
 * belongs to its struct, else by mxc_string_free(). On failure outputs are NULL or zero, and tell the failure. */

#include <stddef.h>
#include <stdint.h>

#include "mxc-error.h"

#define MXC_ABI __attribute__((visibility("default")))

/* What functions give: a MxcStatus of error.h, or, of a call that is wrong in itself: */
enum { MXC_NULL_ARGUMENT = 100, MXC_NOT_UTF8 = 101 };

typedef struct MxcErrorDetail {
        char *message, *operation, *native_code, *remediation; /* each may be NULL */
} MxcErrorDetail;

typedef struct MxcReadStream MxcReadStream;
typedef struct MxcWriteStream MxcWriteStream;
typedef struct MxcStreamCloser MxcStreamCloser;

MXC_ABI const char *mxc_version(void); /* for ever; not freed */
MXC_ABI void mxc_string_free(char *s);
MXC_ABI void mxc_error_detail_free(MxcErrorDetail *d); /* what it points to */

/* Bytes as they come; *ret_n 0 is the end. They wait. One that is closed meanwhile is at its end. */
MXC_ABI int32_t mxc_stream_read(MxcReadStream *s, uint8_t *data, size_t size, size_t *ret_n);
MXC_ABI int32_t mxc_stream_write(MxcWriteStream *s, const uint8_t *data, size_t size, size_t *ret_n);
MXC_ABI int32_t mxc_stream_flush(MxcWriteStream *s); /* nothing is held back: it has been written already */
MXC_ABI void mxc_read_stream_free(MxcReadStream *s);
MXC_ABI void mxc_write_stream_free(MxcWriteStream *s); /* the command's input ends */
MXC_ABI int32_t mxc_stream_closer_close(MxcStreamCloser *c);
MXC_ABI void mxc_stream_closer_free(MxcStreamCloser *c);
MXC_ABI void mxc_native_pipe_close(intptr_t handle);

/* MXC sends telemetry from Windows alone, and this sends none: there is nothing to agree to. The presenter is never called. */
MXC_ABI int32_t mxc_telemetry_get_consent(char **ret);
MXC_ABI int32_t mxc_telemetry_get_policy(char **ret);
MXC_ABI int32_t mxc_telemetry_get_consent_status(char **ret_json);
MXC_ABI int32_t mxc_telemetry_needs_consent_prompt(int32_t *ret);
MXC_ABI int32_t mxc_telemetry_withdraw_consent(char **ret_json);
MXC_ABI int32_t mxc_telemetry_request_consent(const char *locale, int32_t (*presenter)(const char *prompt_json, void *context),
                void *context, char **ret_json);
