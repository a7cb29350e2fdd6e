/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lxc-exec, as Microsoft's MXC SDK calls it: reads a configuration, has mxcd run what it asks for, and exits as that does. */

#include <fcntl.h>
#include <time.h>

#include "backends.h"
#include "base64.h"
#include "channels.h"
#include "escape.h"
#include "lxc-log.h"
#include "lxc-options.h"
#include "lxc-run.h"
#include "utf8.h"

#define EXIT_OK 0
#define EXIT_TROUBLE 1

/* ---- the configuration as text ---- */

static int read_all(int fd, char **ret, size_t *ret_size) {
        _cleanup_free_ char *text = malloc(LIMIT_MXC_CONFIG_BYTES + 1);
        size_t size = 0;
        if (!text)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, text + size, LIMIT_MXC_CONFIG_BYTES + 1 - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                size += (size_t)n;
                if (size > LIMIT_MXC_CONFIG_BYTES)
                        return -EFBIG;
                if (n == 0)
                        break;
        }
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_size, MxcError *e) {
        _cleanup_free_ char *safe = mxc_escape(path);
        if (!safe)
                return -ENOMEM;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        int r = fd < 0 ? -errno : read_all(fd, ret, ret_size);
        if (r == -ENOENT || r == -ENOTDIR)
                return mxc_refuse_config(e, "Configuration file not found: %s", safe);
        return r < 0 ? mxc_refuse_config(e, "Failed to read configuration file '%s': %s (os error %d)", safe,
                                       strerror(-r), -r)
                     : 0;
}

static int decode(const char *base64, char **ret, size_t *ret_size, MxcError *e) {
        if (strlen(base64) / 4 * 3 > LIMIT_MXC_CONFIG_BYTES + 3)
                return mxc_refuse_config(
                                e, "Base64 configuration is larger than %u bytes", LIMIT_MXC_CONFIG_BYTES);
        _cleanup_free_ char *text = NULL;
        int r = base64_decode(base64, &text, ret_size);
        if (r == -EINVAL)
                return mxc_refuse_config(e, "Failed to decode base64 configuration");
        if (r < 0)
                return r;
        if (!utf8_is_valid(text, *ret_size))
                return mxc_refuse_config(e, "Base64 decoded content is not valid UTF-8");
        *ret = TAKE_PTR(text);
        return 0;
}

static int config_load(const LxcOptions *o, MxcConfig **ret, MxcError *e) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = o->config_base64 ? decode(o->config_base64, &text, &size, e)
                                 : read_file(o->config ? o->config : o->path, &text, &size, e);
        return r < 0 ? r : mxc_config_parse(text, size, ret, e);
}

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
        _cleanup_free_ char *cwd = getcwd(NULL, 0); /* NULL: it was removed */
        const char *home = getenv("HOME");
        const MxcCaller caller = { .cwd = cwd && cwd[0] == '/' ? cwd : NULL,
                .home = home && home[0] == '/' ? home : NULL,
                .testing = o->allow_testing_features };
        int r = c->phase != MXC_ONE_SHOT ? mxc_refuse_config(&e, "expected a one-shot request, got a "
                                                                 "state-aware lifecycle request")
                                         : mxc_request_make(c, &caller, &request, &e);
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
        struct timespec from = { 0 }, to = { 0 };
        (void)clock_gettime(CLOCK_MONOTONIC, &from); /* cannot fail */
        int status = lxc_run(request, log);
        (void)clock_gettime(CLOCK_MONOTONIC, &to);
        lxc_log(log, "Runner completed in %lldms",
                        (long long)(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
        lxc_log(log, "Exit code: %d (0x%08X)", status, (unsigned)status);
        return status;
}

static int run(const LxcOptions *o, LxcLog *log) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        if (!o->config_base64 && !o->config && !o->path) {
                fputs("Error: No config provided. Use a positional path, --config, or --config-base64\n",
                                stderr);
                return EXIT_TROUBLE;
        }
        return config_load(o, &c, &e) < 0 ? lxc_log_error(log, &e) : run_config(c, o, log);
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
