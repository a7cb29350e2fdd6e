/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-text.h"

#include <inttypes.h>

#include "cleanup.h"
#include "utf8.h"

static void put(JsonText *j, const char *data, size_t n) {
        if (j->error < 0)
                return;
        if (n > j->allocated - j->size) {
                size_t allocated = 2 * j->allocated + n + 256;
                char *text = realloc(j->text, allocated);
                if (!text) {
                        j->error = -ENOMEM;
                        return;
                }
                j->text = text;
                j->allocated = allocated;
        }
        memcpy(j->text + j->size, data, n);
        j->size += n;
}

static void begin_value(JsonText *j) {
        if (j->follows)
                put(j, ",", 1);
        j->follows = true;
}

void json_text_open(JsonText *j, char bracket) {
        begin_value(j);
        put(j, &bracket, 1);
        j->follows = false;
}

void json_text_close(JsonText *j, char bracket) {
        put(j, &bracket, 1);
        j->follows = true;
}

static bool is_plain(unsigned char c) {
        return c >= 0x20 && c != '"' && c != '\\';
}

static void put_escaped(JsonText *j, unsigned char c) {
        static const char meant[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
        char text[8];
        const char *letter = c ? strchr(meant, c) : NULL;
        if (letter)
                (void)snprintf(text, sizeof text, "\\%c", names[letter - meant]);
        else
                (void)snprintf(text, sizeof text, "\\u%04X", c);
        put(j, text, strlen(text));
}

static void put_string(JsonText *j, const char *s, size_t n) {
        if (j->error == 0 && !utf8_is_valid(s, n))
                j->error = -EILSEQ;
        put(j, "\"", 1);
        for (size_t at = 0; at < n;) {
                size_t plain = 0;
                while (at + plain < n && is_plain((unsigned char)s[at + plain]))
                        plain++;
                put(j, s + at, plain);
                at += plain;
                if (at < n)
                        put_escaped(j, (unsigned char)s[at++]);
        }
        put(j, "\"", 1);
}

void json_text_key(JsonText *j, const char *key) {
        begin_value(j);
        put_string(j, key, strlen(key));
        put(j, ":", 1);
        j->follows = false;
}

void json_text_string(JsonText *j, const char *s, size_t n) {
        begin_value(j);
        put_string(j, s, n);
}

void json_text_number(JsonText *j, uint64_t number) {
        char text[24];
        begin_value(j);
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
        put(j, text, strlen(text));
}

void json_text_bool(JsonText *j, bool truth) {
        begin_value(j);
        put(j, truth ? "true" : "false", truth ? 4 : 5);
}

void json_text_put(JsonText *j, const JsonText *part) {
        if (part->error < 0 && j->error == 0)
                j->error = part->error;
        if (part->size == 0)
                return;
        begin_value(j);
        put(j, part->text, part->size);
}

void json_text_member(JsonText *j, const char *key, const char *value) {
        if (!value)
                return;
        json_text_key(j, key);
        json_text_string(j, value, strlen(value));
}

int json_text_end(JsonText *j, char **ret) {
        put(j, "", 1);
        int error = j->error;
        if (error == 0)
                *ret = TAKE_PTR(j->text);
        json_text_clear(j);
        return error;
}

void json_text_clear(JsonText *j) {
        free(j->text);
        *j = (JsonText){ 0 };
}
