/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-run.h"
#include "cleanup.h"
#include "ffi-request.h"
#include "text-list.h"

#define CUT(what) "what the command printed on its standard " what " after the first 64 MiB is left out"
_Static_assert(LIMIT_MXC_OUTPUT_BYTES == 64U << 20, "what is said of it");

int32_t run_captured(const SandboxStart *start, MxcRunResult *ret) {
        Captured c = { 0 };
        MxcError error = { 0 };
        int r = sandbox_capture(start, &c, &error);
        if (r < 0)
                return ret->status = own_fail_with(&ret->error, r, &error);
        ret->out = own_text(c.out);
        ret->err = own_text(c.err);
        ret->timed_out = c.end.timed_out;
        ret->exit_code = c.end.timed_out ? -1 : c.end.exit_code;
        const char *const more[] = { c.end.why, c.out_is_cut ? CUT("output") : NULL,
                c.err_is_cut ? CUT("error") : NULL };
        ret->warnings_json = request_warnings(&start->request->warnings, &c.cut, more, ELEMENTSOF(more));
        mxc_strings_clear(&c.cut);
        if (!ret->out || !ret->err)
                return ret->status = own_fail(&ret->error, MXC_BACKEND_ERROR, strerror(ENOMEM));
        return ret->status = MXC_OK;
}

/* What is asked for, of either kind of text. */
typedef int32_t (*Read)(const char *text, MxcRequest **ret, MxcErrorDetail *d);

static int32_t run(const char *text, Read read_it, MxcRunResult *ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = (MxcRunResult){ 0 };
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        ret->status = read_it(text, &request, &ret->error);
        if (ret->status != MXC_OK)
                return ret->status;
        const SandboxStart start = { .request = request };
        return run_captured(&start, ret);
}

int32_t mxc_run_json(const char *json, int32_t experimental, MxcRunResult *ret) {
        return run(json, request_of_run, ret);
}

int32_t mxc_run_request(const char *spec, MxcRunResult *ret) {
        return run(spec, request_of_spec, ret);
}

void mxc_run_result_free(MxcRunResult *r) {
        if (!r)
                return;
        char *const texts[] = { r->out, r->err, r->output_metadata_json, r->warnings_json };
        r->out = r->err = r->output_metadata_json = r->warnings_json = NULL;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                mxc_string_free(texts[i]);
        mxc_error_detail_free(&r->error);
}

int32_t start_streaming(const SandboxStart *start, MxcSandbox **ret, MxcErrorDetail *ret_error) {
        MxcError error = { 0 };
        int r = sandbox_start(start, ret, &error);
        return r < 0 ? own_fail_with(ret_error, r, &error) : MXC_OK;
}

static int32_t spawn(const char *text, Read read_it, SandboxStart *start, MxcSandbox **ret,
                MxcErrorDetail *ret_error) {
        if (ret_error)
                *ret_error = (MxcErrorDetail){ 0 };
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = NULL;
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        int32_t status = read_it(text, &request, ret_error);
        start->request = request;
        return status == MXC_OK ? start_streaming(start, ret, ret_error) : status;
}

int32_t mxc_spawn_json(const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error) {
        SandboxStart start = { 0 };
        return spawn(json, request_of_run, &start, ret, ret_error);
}

int32_t mxc_spawn_request(const char *spec, MxcSandbox **ret, MxcErrorDetail *ret_error) {
        SandboxStart start = { 0 };
        return spawn(spec, request_of_spec, &start, ret, ret_error);
}

int32_t mxc_spawn_pty_json(const char *json, int32_t experimental, uint16_t rows, uint16_t columns,
                MxcSandbox **ret, MxcErrorDetail *ret_error) {
        SandboxStart start = { .pty = true, .rows = rows, .columns = columns };
        return spawn(json, request_of_run, &start, ret, ret_error);
}
