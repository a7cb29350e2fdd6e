/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lxc-options.h"

#include <stdarg.h>
#include <stddef.h>

#include "escape.h"
#include "options.h"

#define USAGE "Usage: lxc-exec [OPTIONS] [CONFIG_PATH]"

static const struct Known {
        const char *name, *value; /* value NULL: takes none; "[…]": only as --name=value */
        size_t at;                /* in LxcOptions */
        const char *help;
} known[] = {
        { "config", "CONFIG", offsetof(LxcOptions, config), "Path to config JSON file" },
        { "config-base64", "CONFIG_BASE64", offsetof(LxcOptions, config_base64),
                        "Base64-encoded JSON config" },
        { "debug", NULL, offsetof(LxcOptions, debug), "Tell on standard output what is done" },
        { "delete", NULL, offsetof(LxcOptions, delete), "Delete container mode; mxcd keeps no containers" },
        { "containername", "CONTAINERNAME", offsetof(LxcOptions, container_name),
                        "Container name (required with --delete)" },
        { "experimental", NULL, offsetof(LxcOptions, experimental), "Enable experimental features" },
        { "allow-testing-features", NULL, offsetof(LxcOptions, allow_testing_features),
                        "Allow testing-only features, which must never run in production" },
        { "available-backends", NULL, offsetof(LxcOptions, available_backends),
                        "Report host backend availability as JSON and exit" },
        { "dry-run", NULL, offsetof(LxcOptions, dry_run),
                        "Parse and validate config then exit without executing" },
        { "log-file", "LOG_FILE", offsetof(LxcOptions, log_file),
                        "Path to diagnostic log file (appends, creates if missing)" },
        { "setup-hyperlight", "[RUNTIMES]", offsetof(LxcOptions, setup_hyperlight),
                        "Is refused: mxcd has no Hyperlight" },
        { "force", NULL, offsetof(LxcOptions, force), "Requires --setup-hyperlight" },
        { "help", NULL, offsetof(LxcOptions, help), "Print help" },
};

void lxc_options_print_help(FILE *f) {
        fputs("Linux Container Executor, of mxcd\n\n" USAGE "\n\nArguments:\n"
              "  [CONFIG_PATH]  Path to config JSON file (positional)\n\nOptions:\n",
                        f);
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                char left[64];
                const char *v = known[i].value;
                (void)snprintf(left, sizeof left,
                                v && v[0] == '[' ? "--%s[=<%.*s>]"
                                : v              ? "--%s <%.*s>"
                                                 : "--%s",
                                known[i].name, v ? (int)(strlen(v) - (v[0] == '[' ? 2 : 0)) : 0,
                                v && v[0] == '[' ? v + 1 : v);
                fprintf(f, "  %s %-31s  %s\n", streq(known[i].name, "help") ? "-h," : "   ", left,
                                known[i].help);
        }
}

/* clap's, with its empty lines. */
_printf_(2, 3) static int misuse(bool usage, const char *format, ...) {
        va_list ap;
        _cleanup_free_ char *text = NULL, *safe = NULL;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        safe = text ? escape_text(text) : NULL;
        fprintf(stderr, "error: %s\n\n%sFor more information, try '--help'.\n",
                        safe ? safe : "out of memory", usage ? USAGE "\n\n" : "");
        return -EINVAL;
}

static int misuse_unexpected(const char *argument, const char *near) {
        _cleanup_free_ char *safe = escape_text(argument);
        fprintf(stderr, "error: unexpected argument '%s' found\n\n", safe ? safe : "");
        if (near)
                fprintf(stderr, "  tip: a similar argument exists: '--%s'\n\n", near);
        else if (argument[0] == '-')
                fprintf(stderr, "  tip: to pass '%s' as a value, use '-- %s'\n\n", safe ? safe : "",
                                safe ? safe : "");
        fputs(USAGE "\n\nFor more information, try '--help'.\n", stderr);
        return -EINVAL;
}

static int unknown(const char *word) {
        const char *names[ELEMENTSOF(known) + 1] = { NULL };
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                names[i] = known[i].name;
        _cleanup_free_ char *name = strndup(word, strcspn(word, "="));
        if (!name)
                return -ENOMEM;
        return misuse_unexpected(name, nearest_name(name + 2, names));
}

static const struct Known *find(const char *name, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0)
                        return &known[i];
        return NULL;
}

/* A word that begins with a hyphen is no value, unless it is nothing else. */
static int take_value(const struct Known *k, char *const **argv, LxcOptions *o) {
        const char **slot = (const char **)(void *)((char *)o + k->at);
        if (*slot)
                return misuse(true, "the argument '--%s <%s>' cannot be used multiple times", k->name,
                                k->value);
        const char *word = **argv;
        if (!word || (word[0] == '-' && word[1] &&
                                     (streq(word, "--") ||
                                                     (word[1] == '-' &&
                                                                     find(word + 2, strcspn(word + 2,
                                                                                                    "="))))))
                return misuse(false, "a value is required for '--%s <%s>' but none was supplied", k->name,
                                k->value);
        if (word[0] == '-' && word[1])
                return word[1] == '-' ? unknown(word) : misuse_unexpected(word, NULL);
        *slot = word;
        (*argv)++;
        return 0;
}

static int take_long(const char *word, char *const **argv, LxcOptions *o) {
        size_t n = strcspn(word + 2, "=");
        const char *value = word[2 + n] ? word + 2 + n + 1 : NULL;
        const struct Known *k = find(word + 2, n);
        if (!k)
                return unknown(word);
        if (k->value && k->value[0] != '[') {
                if (!value)
                        return take_value(k, argv, o);
                char *const one[] = { (char *)value, NULL };
                char *const *list = one;
                const char **slot = (const char **)(void *)((char *)o + k->at);
                if (*slot)
                        return take_value(k, &list, o); /* which says so */
                *slot = value;
                return 0;
        }
        if (value && !k->value)
                return misuse(true, "unexpected value '%s' for '--%s' found; no more were expected", value,
                                k->name);
        bool *flag = (bool *)((char *)o + k->at);
        if (*flag)
                return misuse(true, "the argument '--%s' cannot be used multiple times", k->name);
        *flag = true;
        return 0;
}

static int take_word(const char *word, LxcOptions *o) {
        if (o->path)
                return misuse_unexpected(word, NULL);
        o->path = word;
        return 0;
}

int lxc_options_parse(char *const *argv, LxcOptions *ret) {
        LxcOptions o = { 0 };
        bool ended = false;
        while (*argv && !o.help) {
                const char *word = *argv++;
                int r = 0;
                if (ended || word[0] != '-' || !word[1])
                        r = take_word(word, &o);
                else if (streq(word, "--"))
                        ended = true;
                else if (word[1] == '-')
                        r = take_long(word, &argv, &o);
                else if (word[1] == 'h')
                        o.help = true;
                else
                        r = misuse_unexpected(word, NULL);
                if (r < 0)
                        return r;
        }
        if (o.force && !o.setup_hyperlight && !o.help) {
                fputs("error: the following required arguments were not provided:\n  "
                      "--setup-hyperlight[=<RUNTIMES>]\n\n" USAGE
                      "\n\nFor more information, try '--help'.\n",
                                stderr);
                return -EINVAL;
        }
        *ret = o;
        return 0;
}
