/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-lifecycle, which lxc-exec becomes for a request with a phase: sandboxes that outlive a call, as SDKs up to 0.8 ask for them. Every phase
 * but exec is answered by one object on standard output, {"result":…} or {"error":…}; an exec is the command's own output. */

#include "channels.h"
#include "escape.h"
#include "lifecycle.h"
#include "lxc-config.h"
#include "lxc-log.h"
#include "lxc-run.h"
#include "mxc-caller.h"

#define EXIT_OK 0
#define EXIT_TROUBLE 1

static int answer(const MxcConfig *c, const char *text, const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_free_ char *json = NULL;
        if (lifecycle_run(c, text, o->dry_run, &json, &e) < 0)
                return lxc_log_error(log, &e);
        puts(json);
        return EXIT_OK;
}

static int exec(const MxcConfig *c, const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_(lifecycle_place_clear) LifecyclePlace place = { 0 };
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        _cleanup_(caller_here_clear) CallerHere who;
        caller_here(&who);
        who.caller.testing = o->allow_testing_features;
        int r = lifecycle_place(c, &place, &e);
        if (r == 0)
                r = mxc_request_make(c, &who.caller, &request, &e);
        if (r < 0)
                return lxc_log_error(log, &e);
        if (o->dry_run) {
                puts("{\"result\":{}}");
                return EXIT_OK;
        }
        if (!request->cwd) {
                request->cwd = place.cwd;
                place.cwd = NULL;
        }
        int status = lxc_run(request, place.sandbox, NULL, log);
        lxc_log(log, "Exit code: %d (0x%08X)", status, (unsigned)status);
        return status;
}

static int run(const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = lxc_config_text(o, &text, &size, &e);
        if (r == 0)
                r = mxc_config_parse(text, size, &c, &e);
        if (r < 0)
                return lxc_log_error(log, &e);
        return c->phase == MXC_EXEC ? exec(c, o, log) : answer(c, text, o, log);
}

int main(int argc, char **argv) {
        static const char fds[] = "/proc/self/fd/";
        LxcOptions o;
        LxcLog log;
        if (channels_fill_gaps() < 0)
                return EXIT_TROUBLE;
        escape_begin();
        if (lxc_options_parse(argc > 0 ? argv + 1 : argv, &o) < 0 || !o.config)
                return LXC_EXIT_USAGE;
        lxc_log_open(&log, o.log_file, o.debug);
        log.answers = true;
        int status = run(&o, &log);
        if (strncmp(o.config, fds, sizeof fds - 1) == 0)
                (void)close(atoi(o.config + sizeof fds -
                                 1)); /* lxc-exec's; it is no command's, since none inherits anything */
        lxc_log_close(&log);
        return status;
}
