/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text-list.h"

#include <stdarg.h>

#include "array.h"

/* Takes text. */
static int add(MxcStrings *list, char *text) {
        char **slot = text ? array_append(&list->items, &list->n, sizeof(char *)) : NULL;
        if (!slot) {
                free(text);
                return -ENOMEM;
        }
        *slot = text;
        return 0;
}

int mxc_strings_add(MxcStrings *list, const char *text) {
        return add(list, strdup(text));
}

int mxc_strings_addf(MxcStrings *list, const char *format, ...) {
        char *text = NULL;
        va_list arguments;
        va_start(arguments, format);
        int n = vasprintf(&text, format, arguments);
        va_end(arguments);
        return n < 0 ? -ENOMEM : add(list, text);
}

bool mxc_strings_has(const MxcStrings *list, const char *text) {
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->items[i], text))
                        return true;
        return false;
}

void mxc_strings_clear(MxcStrings *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i]);
        free(list->items);
        *list = (MxcStrings){ 0 };
}
