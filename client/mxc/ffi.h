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

typedef struct MxcNativeStdio {
        intptr_t stdin_handle, stdout_handle, stderr_handle; /* -1: absent */
} MxcNativeStdio;

typedef struct MxcRunResult {
        int32_t status, exit_code, timed_out;
        char *out, *err; /* what it printed, of each the first 64 MiB: where there was more, the warnings say so */
        MxcErrorDetail error;
        char *output_metadata_json, *warnings_json; /* NULL: there is none; an array of texts */
} MxcRunResult;

typedef struct MxcStateAwareResult {
        int32_t status;
        char *response_json; /* {"result":…}; NULL where it failed */
        MxcErrorDetail error;
} MxcStateAwareResult;

typedef struct MxcExecOutcome {
        int32_t timed_out, exit_code;
} MxcExecOutcome;

/* As the bindings of other languages have them. */
_Static_assert(sizeof(void *) != 8 || (sizeof(MxcRunResult) == 80 && sizeof(MxcStateAwareResult) == 48 && sizeof(MxcErrorDetail) == 32 &&
                sizeof(MxcNativeStdio) == 24 && sizeof(MxcExecOutcome) == 8), "the layout of MXC's C interface");

typedef struct MxcSandbox MxcSandbox;
typedef struct MxcReadStream MxcReadStream;
typedef struct MxcWriteStream MxcWriteStream;
typedef struct MxcStreamCloser MxcStreamCloser;

MXC_ABI const char *mxc_version(void); /* for ever; not freed */
MXC_ABI void mxc_string_free(char *s);
MXC_ABI void mxc_error_detail_free(MxcErrorDetail *d); /* what it points to */

/* What this host can do, as JSON; NULL: out of memory. Neither starts anything. */
MXC_ABI char *mxc_available_backends_json(void);
MXC_ABI char *mxc_platform_support_json(void);

/* One command, run to its end, which is its result even where it failed; what this gives, and the result's status, say whether it ran. Its input is
 * empty. experimental opens nothing here: no backend that would need it is there. */
MXC_ABI int32_t mxc_run_json(const char *json, int32_t experimental, MxcRunResult *ret);
MXC_ABI int32_t mxc_run_request(const char *spec, MxcRunResult *ret); /* of 0.9: ffi-spec.h */
MXC_ABI void mxc_run_result_free(MxcRunResult *r);

/* One command that runs, with pipes, or with a terminal of its own (which has no errors apart). */
MXC_ABI int32_t mxc_spawn_json(const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error);
MXC_ABI int32_t mxc_spawn_request(const char *spec, MxcSandbox **ret, MxcErrorDetail *ret_error); /* of 0.9 */
MXC_ABI int32_t mxc_spawn_pty_json(const char *json, int32_t experimental, uint16_t rows, uint16_t columns, MxcSandbox **ret,
                MxcErrorDetail *ret_error);

/* A sandbox that outlives a call (lifecycle.h): all its phases but exec, and exec as commands are run and begun, of 1.x and of 0.9. dry_run: whether it
 * could be done. */
MXC_ABI int32_t mxc_run_state_aware_json(const char *json, int32_t dry_run, int32_t experimental, MxcStateAwareResult *ret);
MXC_ABI int32_t mxc_state_aware(const char *json, int32_t dry_run, int32_t experimental, MxcStateAwareResult *ret);
MXC_ABI void mxc_state_aware_result_free(MxcStateAwareResult *r);
MXC_ABI int32_t mxc_exec_state_aware_json(const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error);
MXC_ABI int32_t mxc_state_aware_exec(const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error);
MXC_ABI int32_t mxc_state_aware_exec_pty(const char *json, int32_t experimental, uint16_t rows, uint16_t columns, MxcSandbox **ret,
                MxcErrorDetail *ret_error);
MXC_ABI int32_t mxc_run_state_aware_exec_json(const char *json, int32_t experimental, MxcRunResult *ret);
/* On this process's own terminal, which standard input and output have to be. */
MXC_ABI int32_t mxc_exec_state_aware_attached_json(const char *json, int32_t experimental, MxcExecOutcome *ret, MxcErrorDetail *ret_error);
MXC_ABI int32_t mxc_state_aware_exec_attached(const char *json, int32_t experimental, MxcExecOutcome *ret, MxcErrorDetail *ret_error);

/* of which: */
MXC_ABI int32_t mxc_sandbox_try_wait(MxcSandbox *s, int32_t *ret_exit, int32_t *ret_running, int32_t *ret_timed_out);
/* Ends its input and reads what it prints away, as far as these were not taken. */
MXC_ABI int32_t mxc_sandbox_wait(MxcSandbox *s, int32_t *ret_exit, int32_t *ret_timed_out);
MXC_ABI int32_t mxc_sandbox_kill(MxcSandbox *s); /* all of the sandbox; of an exec all that it began */
MXC_ABI int32_t mxc_sandbox_kill_for_timeout(MxcSandbox *s);
MXC_ABI int32_t mxc_sandbox_pty_resize(MxcSandbox *s, uint16_t rows, uint16_t columns);
MXC_ABI uint32_t mxc_sandbox_id(MxcSandbox *s); /* its first process, as the host counts; 0: unknown */
MXC_ABI int32_t mxc_sandbox_warnings_json(MxcSandbox *s, char **ret);
MXC_ABI int32_t mxc_sandbox_output_metadata_json(MxcSandbox *s, char **ret);
MXC_ABI void mxc_sandbox_free(MxcSandbox *s); /* ends it */

/* Its pipes, each once: all at one time, as descriptors, or one by one. */
MXC_ABI int32_t mxc_sandbox_take_native_stdio(MxcSandbox *s, MxcNativeStdio *ret);
MXC_ABI MxcWriteStream *mxc_sandbox_take_stdin(MxcSandbox *s);
MXC_ABI MxcReadStream *mxc_sandbox_take_stdout(MxcSandbox *s);
MXC_ABI MxcReadStream *mxc_sandbox_take_stderr(MxcSandbox *s);
MXC_ABI MxcStreamCloser *mxc_sandbox_stdout_closer(MxcSandbox *s);
MXC_ABI MxcStreamCloser *mxc_sandbox_stderr_closer(MxcSandbox *s);

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
