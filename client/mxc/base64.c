/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base64.h"

#include <stdint.h>

#include "cleanup.h"

static int value_of(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -EINVAL;
}

int base64_decode(const char *text, char **ret, size_t *ret_size) {
        size_t n = strlen(text), size = 0, pad = 0;
        if (n % 4 != 0)
                return -EINVAL;
        while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
                pad++;
        _cleanup_free_ char *bytes = malloc(n / 4 * 3 + 1);
        if (!bytes)
                return -ENOMEM;
        uint32_t bits = 0;
        for (size_t i = 0; i < n - pad; i++) {
                int value = value_of(text[i]);
                if (value < 0)
                        return value;
                bits = bits << 6 | (uint32_t)value;
                if (i % 4 != 0)
                        bytes[size++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        }
        if (pad > 0 && (bits & (pad == 1 ? 0x3U : 0xfU)) != 0)
                return -EINVAL;
        bytes[size] = '\0';
        *ret = TAKE_PTR(bytes);
        *ret_size = size;
        return 0;
}
