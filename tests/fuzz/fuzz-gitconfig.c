/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "git-command.h"
#include "gitconfig.h"
#include "limits.h"

/* A configuration file of git. Properties: nothing crashes, nothing beyond the data is read; what is found is a value that the kernel would take
 * for a path, or a command, no longer than the file; it is found again when it is written by itself, quoted; and programs that a command
 * names are no longer than it is. */

typedef struct Seen {
        size_t n, bytes;
        char *last;
        GitconfigKey key;
} Seen;

static int see_program(void *data, const char *path) {
        fuzz_holds(path[0] && strlen(path) <= *(size_t *)data, "a program is a part of the command");
        return 0;
}

static int see(void *data, GitconfigKey key, const char *value) {
        Seen *s = data;
        fuzz_holds(key >= 0 && key < _GITCONFIG_KEY_MAX && value[0], "something was found");
        if (key == GITCONFIG_COMMAND || key == GITCONFIG_BANG) {
                size_t size = strlen(value);
                fuzz_holds(git_command_parse(value, see_program, &size) == 0, "a command is read");
        } else
                fuzz_holds(strlen(value) <= LIMIT_PATH_BYTES, "the kernel would take it");
        s->n++;
        s->bytes += strlen(value);
        free(s->last);
        s->last = strdup(value);
        s->key = key;
        return 0;
}

static void put_quoted(FILE *f, const char *value) {
        fputc('"', f);
        for (; *value; value++)
                switch (*value) {
                case '\n':
                        fputs("\\n", f);
                        break;
                case '"':
                case '\\':
                        fputc('\\', f);
                        fputc(*value, f);
                        break;
                case '\r': /* might be one with a line end */
                default:
                        fputc(*value, f);
                }
        fputs("\"\n", f);
}

static void find_again(const Seen *s) {
        static const char *const names[_GITCONFIG_KEY_MAX] = { "[core]\nhookspath = ", "[include]\npath = ",
                "[CORE]\n\tWorkTree=", "[core]\npager = ", "[alias]\nx = ", "[gpg]\nprogram = " };
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return;
        fputs(names[s->key], f);
        put_quoted(f, s->last);
        if (fclose(f) != 0)
                return;
        Seen again = { 0 };
        fuzz_holds(gitconfig_parse(text, size, see, &again) == 0, "it is read");
        fuzz_holds(again.n == 1 && again.key == s->key && streq(again.last, s->last), "it is found again");
        free(again.last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        /* a copy that ends where the data does, so that a sanitiser sees a byte too many */
        _cleanup_free_ char *copy = malloc(size + (size == 0));
        if (!copy)
                return 0;
        memcpy(copy, data, size);
        Seen s = { 0 };
        fuzz_holds(gitconfig_parse(copy, size, see, &s) == 0, "it is read, or not");
        fuzz_holds(s.bytes <= size, "no more than was written");
        if (s.last)
                find_again(&s);
        free(s.last);
        return 0;
}
