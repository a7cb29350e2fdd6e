/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lxc-log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <time.h>

#include "escape.h"

void lxc_log_open(LxcLog *l, const char *path, bool debug) {
        *l = (LxcLog){ .debug = debug };
        if (!path)
                return;
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
        l->file = fd < 0 ? NULL : fdopen(fd, "a");
        if (l->file) {
                (void)setvbuf(l->file, NULL, _IOLBF, 0); /* a line is whole, also among those of another */
                return;
        }
        int error = errno;
        _cleanup_free_ char *safe = escape_text(path);
        fprintf(stderr, "Warning: could not open log file '%s': %s\n", safe ? safe : "", strerror(error));
        if (fd >= 0)
                (void)close(fd); /* nothing was written */
}

void lxc_log_close(LxcLog *l) {
        if (l->file)
                (void)fclose(l->file); /* a log is a courtesy */
        l->file = NULL;
}

static void note(LxcLog *l, const char *text) {
        if (l->file)
                fprintf(l->file, "[%lld] %s\n", (long long)time(NULL), text);
}

void lxc_log(LxcLog *l, const char *format, ...) {
        va_list ap;
        _cleanup_free_ char *text = NULL, *safe = NULL;
        if (!l->debug && !l->file)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        safe = text ? escape_text(text) : NULL;
        if (!safe)
                return; /* a courtesy */
        note(l, safe);
        if (l->debug) {
                puts(safe);
                (void)fflush(stdout); /* in its place among what the command writes */
        }
}

void lxc_log_warning(LxcLog *l, const char *text) {
        _cleanup_free_ char *safe = escape_text(text);
        fprintf(stderr, "WARNING: %s\n", safe ? safe : "out of memory");
        if (safe)
                note(l, safe);
}

int lxc_log_error(LxcLog *l, const MxcError *e) {
        static const MxcError no_memory = {
                .status = MXC_BACKEND_ERROR, .exit = MXC_EXIT_BACKEND, .message = (char *)"out of memory"
        };
        if (!e->message)
                e = &no_memory;
        note(l, e->message);
        if (l->answers) {
                _cleanup_free_ char *answer = mxc_error_envelope(e);
                puts(answer ? answer
                            : "{\"error\":{\"code\":\"backend_error\",\"message\":\"out of memory\"}}");
                return e->exit;
        }
        if (e->exit == MXC_EXIT_CONFIG) {
                fprintf(stderr, "Request error\nConfiguration parse error: %s\n", e->message);
                return e->exit;
        }
        _cleanup_free_ char *envelope = mxc_error_envelope(e);
        fprintf(stderr, "%s\n%s\n", e->message, envelope ? envelope : "");
        return e->exit;
}
