/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lxc-exec, as Microsoft's MXC SDK calls it: reads a configuration, has mxcd run what it asks for, and exits as that does. */

#include <sys/mman.h>

#include "backends.h"
#include "channels.h"
#include "clock.h"
#include "escape.h"
#include "fd.h"
#include "lxc-config.h"
#include "lxc-log.h"
#include "lxc-run.h"
#include "mxc-caller.h"

DEFINE_CLEANUP(Door *, door_free);

#define EXIT_OK 0
#define EXIT_TROUBLE 1

/* ---- what is done with it ---- */

static const char *or_none(const char *text) {
        return text ? text : "";
}

static void tell_config(LxcLog *log, const MxcConfig *c) {
        lxc_log(log, "Script code length: %zu", strlen(or_none(c->command_line)));
        lxc_log(log, "Working directory: %s", or_none(c->cwd));
        lxc_log(log, "Script timeout: %u", c->timeout_ms);
        lxc_log(log, "Container name: %s", or_none(c->container_id));
}

static int dry_run(LxcLog *log, const MxcError *e) {
        lxc_log(log, "Runner completed in 0ms");
        lxc_log(log, "Dry run completed. Result: validation %s%s%s", e->message ? "failed" : "passed",
                        e->message ? ": " : "", or_none(e->message));
        return e->message ? MXC_EXIT_BACKEND : EXIT_OK;
}

static int run_config(const MxcConfig *c, const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_(mxc_request_freep) MxcRequest *request = NULL;
        _cleanup_(caller_here_clear) CallerHere who;
        _cleanup_(door_freep) Door *door = NULL;
        if (!o->dry_run)
                (void)door_open(NULL, NULL, 1,
                                &door); /* mxcd lets us in meanwhile; that it does not is said later */
        caller_here(&who);
        who.caller.testing = o->allow_testing_features;
        int r = mxc_request_make(c, &who.caller, &request, &e);
        bool told = log->debug;
        log->debug |= o->dry_run; /* there it is the answer */
        tell_config(log, c);
        if (r < 0 && !(o->dry_run && e.message && e.exit == MXC_EXIT_BACKEND))
                return lxc_log_error(log, &e);
        if (o->dry_run)
                return dry_run(log, &e);
        log->debug = told;
        for (size_t i = 0; i < request->warnings.n; i++)
                lxc_log_warning(log, request->warnings.items[i]);
        uint64_t from = now_msec();
        int status = lxc_run(request, NULL, TAKE_PTR(door), log);
        lxc_log(log, "Runner completed in %llums", (unsigned long long)(now_msec() - from));
        lxc_log(log, "Exit code: %d (0x%08X)", status, (unsigned)status);
        return status;
}

/* Sandboxes that outlive a call are another program's, which needs a library that takes longer to load than a refusal may. It has the
 * text, since a pipe can be read once. Returns where it cannot be started. */
static int hand_on(const LxcOptions *o, const char *text, size_t size, LxcLog *log) {
        char path[32];
        const char *argv[8] = { "mxc-lifecycle", "--config", path };
        size_t n = 3;
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_close_ int fd = memfd_create("config", 0); /* inherited on purpose; it closes it */
        int r = fd < 0 ? -errno : fd_write_all(fd, text, size);
        if (r == 0) {
                (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
                if (o->dry_run)
                        argv[n++] = "--dry-run";
                if (o->debug)
                        argv[n++] = "--debug";
                if (o->log_file) {
                        argv[n++] = "--log-file";
                        argv[n++] = o->log_file;
                }
                (void)execv(MXC_LIBDIR "/mxc-lifecycle", (char *const *)(void *)argv);
                r = -errno;
        }
        (void)mxc_refuse(&e, MXC_BACKEND_ERROR, "cannot start %s: %s; is mxcd installed whole?",
                        MXC_LIBDIR "/mxc-lifecycle", strerror(-r));
        return lxc_log_error(log, &e);
}

static int run(const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        if (!o->config_base64 && !o->config && !o->path) {
                fputs("Error: No config provided. Use a positional path, --config, or --config-base64\n",
                                stderr);
                return EXIT_TROUBLE;
        }
        int r = lxc_config_text(o, &text, &size, &e);
        if (r == 0) {
                r = mxc_config_parse(text, size, &c, &e);
                log->answers = r < 0 && mxc_config_asks_for_phase(text, size);
        }
        if (r < 0)
                return lxc_log_error(log, &e);
        return c->phase == MXC_ONE_SHOT ? run_config(c, o, log) : hand_on(o, text, size, log);
}

/* ---- what needs none ---- */

static int print_backends(void) {
        _cleanup_free_ char *text = NULL;
        if (mxc_backends_json(&text) < 0) {
                fputs("Error: out of memory\n", stderr);
                return EXIT_TROUBLE;
        }
        puts(text);
        return EXIT_OK;
}

/* Sandboxes of mxcd end with their command: there never is one to delete. */
static int delete_container(const LxcOptions *o) {
        if (!o->container_name) {
                fputs("Error: --containername is required with --delete\n", stderr);
                return EXIT_TROUBLE;
        }
        _cleanup_free_ char *safe = mxc_escape(o->container_name);
        printf("Container '%s' does not exist.\n", or_none(safe));
        return EXIT_TROUBLE;
}

int main(int argc, char **argv) {
        LxcOptions o;
        LxcLog log;
        if (channels_fill_gaps() < 0)
                return EXIT_TROUBLE;
        escape_begin();
        if (lxc_options_parse(argc > 0 ? argv + 1 : argv, &o) < 0)
                return LXC_EXIT_USAGE;
        if (o.help) {
                lxc_options_print_help(stdout);
                return EXIT_OK;
        }
        if (o.setup_hyperlight) {
                fputs("Error: mxcd has no Hyperlight to set up\n", stderr);
                return EXIT_TROUBLE;
        }
        if (o.available_backends)
                return print_backends();
        if (o.delete)
                return delete_container(&o);
        lxc_log_open(&log, o.log_file, o.debug);
        int status = run(&o, &log);
        lxc_log_close(&log);
        return status;
}
