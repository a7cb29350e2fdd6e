/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "say.h"

#include <stdarg.h>

#include "escape.h"

_printf_(1, 0) static void say_list(const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL, *safe = NULL;
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        safe = text ? escape_text(text) : NULL;
        fprintf(stderr, "mxcctl: %s\n", safe ? safe : "out of memory");
}

void say(const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        say_list(format, ap);
        va_end(ap);
}

int fail(int status, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        say_list(format, ap);
        va_end(ap);
        return status;
}
