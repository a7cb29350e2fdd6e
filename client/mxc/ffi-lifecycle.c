/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "channels.h"
#include "cleanup.h"
#include "clock.h"
#include "ffi-request.h"
#include "ffi-run.h"
#include "lifecycle.h"

/* ---- the phases that have an answer ---- */

int32_t mxc_run_state_aware_json(
                const char *json, int32_t dry_run, int32_t experimental, MxcStateAwareResult *ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = (MxcStateAwareResult){ 0 };
        _cleanup_(mxc_config_freep) MxcConfig *config = NULL;
        ret->status = request_config(json, &config, &ret->error);
        if (ret->status != MXC_OK)
                return ret->status;
        MxcError error = { 0 };
        char *response = NULL;
        int r = lifecycle_run(config, json, dry_run != 0, &response, &error);
        if (r < 0)
                return ret->status = own_fail_with(&ret->error, r, &error);
        ret->response_json = own_text(response);
        if (!ret->response_json)
                return ret->status = own_fail(&ret->error, MXC_BACKEND_ERROR, strerror(ENOMEM));
        return MXC_OK;
}

int32_t mxc_state_aware(const char *json, int32_t dry_run, int32_t experimental, MxcStateAwareResult *ret) {
        return mxc_run_state_aware_json(json, dry_run, experimental, ret);
}

void mxc_state_aware_result_free(MxcStateAwareResult *r) {
        if (!r)
                return;
        char *response = TAKE_PTR(r->response_json);
        mxc_string_free(response);
        mxc_error_detail_free(&r->error);
}

/* ---- exec ---- */

/* A command for a sandbox that there is. */
typedef struct Exec {
        MxcRequest *request;
        LifecyclePlace place;
        SandboxStart start; /* borrows of both */
} Exec;

static void exec_clear(Exec *e) {
        mxc_request_free(e->request);
        lifecycle_place_clear(&e->place);
}

static int find_place(const MxcConfig *config, void *userdata, MxcError *error) {
        return lifecycle_place(config, userdata, error);
}

static int32_t exec_of(const char *json, Exec *ret, MxcErrorDetail *d) {
        int32_t status = request_of(json, find_place, &ret->place, &ret->request, d);
        ret->start = (SandboxStart){ .request = ret->request, .sandbox = ret->place.sandbox };
        return status;
}

static int32_t exec_streaming(const char *json, bool pty, uint16_t rows, uint16_t columns, MxcSandbox **ret,
                MxcErrorDetail *ret_error) {
        if (ret_error)
                *ret_error = (MxcErrorDetail){ 0 };
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = NULL;
        _cleanup_(exec_clear) Exec e = { 0 };
        int32_t status = exec_of(json, &e, ret_error);
        if (status != MXC_OK)
                return status;
        e.start.pty = pty;
        e.start.rows = rows;
        e.start.columns = columns;
        return start_streaming(&e.start, ret, ret_error);
}

int32_t mxc_exec_state_aware_json(
                const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error) {
        return exec_streaming(json, false, 0, 0, ret, ret_error);
}

int32_t mxc_state_aware_exec(
                const char *json, int32_t experimental, MxcSandbox **ret, MxcErrorDetail *ret_error) {
        return exec_streaming(json, false, 0, 0, ret, ret_error);
}

int32_t mxc_state_aware_exec_pty(const char *json, int32_t experimental, uint16_t rows, uint16_t columns,
                MxcSandbox **ret, MxcErrorDetail *ret_error) {
        return exec_streaming(json, true, rows, columns, ret, ret_error);
}

int32_t mxc_run_state_aware_exec_json(const char *json, int32_t experimental, MxcRunResult *ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = (MxcRunResult){ 0 };
        _cleanup_(exec_clear) Exec e = { 0 };
        ret->status = exec_of(json, &e, &ret->error);
        return ret->status == MXC_OK ? run_captured(&e.start, ret) : ret->status;
}

/* ---- on this process's terminal ---- */

static void restore(struct termios *t) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, t); /* it may have gone */
}

static void write_all(int fd, const uint8_t *data, size_t n) {
        while (n > 0) {
                ssize_t k = write(fd, data, n);
                if (k < 0 && errno != EINTR && errno != EAGAIN)
                        return; /* nobody looks any more; the command goes on */
                if (k > 0) {
                        data += k;
                        n -= (size_t)k;
                }
        }
}

static void follow_size(int master, struct winsize *last) {
        struct winsize now;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) < 0 || memcmp(&now, last, sizeof now) == 0)
                return;
        *last = now;
        (void)ioctl(master, TIOCSWINSZ, last); /* a courtesy */
}

/* Until the command has ended and what it wrote is shown, or should have been. The size is looked for: the signal that tells of it is the process's own. */
static void relay(MxcSession *session, int master, MxcEnd *end) {
        struct winsize size = { 0 };
        uint8_t data[4096];
        bool typing = true, over = false;
        for (uint64_t ended_at = 0, quiet_since = 0;;) {
                follow_size(master, &size);
                struct pollfd p[] = { { .fd = master, .events = POLLIN },
                        { .fd = typing ? STDIN_FILENO : -1, .events = POLLIN },
                        { .fd = over ? -1 : mxc_session_fd(session), .events = POLLIN } };
                int n = poll(p, ELEMENTSOF(p), (int)OUTPUT_QUIET_MSEC);
                if (!over && mxc_session_try_wait(session, end) > 0) {
                        over = true;
                        ended_at = quiet_since = now_msec();
                }
                if (over && channels_output_is_over(now_msec(), ended_at, quiet_since))
                        return;
                ssize_t k = n > 0 && p[0].revents ? read(master, data, sizeof data) : -1;
                if (k > 0) {
                        write_all(STDOUT_FILENO, data, (size_t)k);
                        quiet_since = now_msec();
                } else if (n > 0 && p[0].revents && errno != EINTR && errno != EAGAIN)
                        break; /* nobody has the other side any more */
                if (n > 0 && p[1].revents) {
                        k = read(STDIN_FILENO, data, sizeof data);
                        typing = k > 0;
                        if (k > 0)
                                write_all(master, data, (size_t)k);
                }
        }
        (void)mxc_session_wait(session, -1, end); /* gives what it gave */
}

static int attached(const SandboxStart *start, MxcExecOutcome *ret, MxcError *error) {
        _cleanup_(mxc_session_freep) MxcSession *session = NULL;
        struct winsize size = { 0 };
        struct termios before, raw;
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* zero: not known */
        const MxcSpawn how = { .sandbox = start->sandbox,
                .stdio = { -EBADF, -EBADF, -EBADF },
                .pty = true,
                .rows = size.ws_row,
                .columns = size.ws_col,
                .cancel = -EBADF };
        int r = mxc_session_spawn(start->request, &how, &session, error);
        if (r < 0)
                return r;
        _cleanup_close_ int master = mxc_session_take_pty(session);
        if (master < 0 || tcgetattr(STDIN_FILENO, &before) < 0)
                return mxc_refuse(error, MXC_BACKEND_ERROR, "the terminal of the command cannot be shown");
        _cleanup_(restore) _unused_ struct termios back = before;
        raw = before;
        cfmakeraw(&raw);
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw); /* else it is typed line by line */
        MxcEnd end = { .exit_code = -1 };
        relay(session, master, &end);
        *ret = (MxcExecOutcome){ .timed_out = end.timed_out,
                .exit_code = end.timed_out ? -1 : end.exit_code };
        return 0;
}

int32_t mxc_exec_state_aware_attached_json(
                const char *json, int32_t experimental, MxcExecOutcome *ret, MxcErrorDetail *ret_error) {
        if (ret_error)
                *ret_error = (MxcErrorDetail){ 0 };
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = (MxcExecOutcome){ 0 };
        int32_t status = request_text(json, ret_error);
        if (status != MXC_OK)
                return status;
        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
                return own_fail(ret_error, MXC_MALFORMED_REQUEST,
                                "an attached exec requires this process's stdout and stdin to both be "
                                "terminals. "
                                "Drive the workload through the streaming exec entry point instead. Nothing "
                                "has "
                                "been run.");
        _cleanup_(exec_clear) Exec e = { 0 };
        status = exec_of(json, &e, ret_error);
        if (status != MXC_OK)
                return status;
        MxcError error = { 0 };
        int r = attached(&e.start, ret, &error);
        return r < 0 ? own_fail_with(ret_error, r, &error) : MXC_OK;
}

int32_t mxc_state_aware_exec_attached(
                const char *json, int32_t experimental, MxcExecOutcome *ret, MxcErrorDetail *ret_error) {
        return mxc_exec_state_aware_attached_json(json, experimental, ret, ret_error);
}
