/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cleanup.h"
#include "git-command.h"

#define DEPTH_MAX 8 /* of commands in each other: nobody writes that */

typedef enum Token { TOKEN_END, TOKEN_BREAK, TOKEN_OUTPUT, TOKEN_WORD } Token;

/* What the next word is. */
typedef enum Place {
        AT_COMMAND,
        AT_PREFIX,      /* options, settings, and then a command */
        AT_SHELL,       /* options, and then a file of commands */
        AT_SCRIPT,      /* commands */
        AT_INTERPRETER, /* options, and then a program */
        AT_FILTER,      /* awk, sed: a program behind -f */
        AT_FILE,        /* that program */
        AT_REST,        /* nothing that is executed */
} Place;

typedef struct Reader {
        const char *at;
        char *word;
        size_t n;
        bool known; /* the word is all there is of it */
        Place place;
        bool skip, more; /* the next word is no program; it is one, and another comes */
        unsigned depth;
        GitCommandFound found;
        void *data;
} Reader;

static int parse(const char *command, size_t size, unsigned depth, GitCommandFound found, void *data);

/* ---- words ---- */

static void put(Reader *r, char c) {
        r->word[r->n++] = c;
}

/* Behind the one that opens: the one that closes, or the end. */
static const char *closing(const char *at, char open, char close) {
        for (unsigned depth = 0; *at; at++) {
                if (*at == '\\' && at[1])
                        at++;
                else if (*at == close && depth-- == 0)
                        break;
                else if (*at == open && open != close)
                        depth++;
        }
        return at;
}

static bool says(const char *text, size_t size, const char *what) {
        while (size > 0 && isspace((unsigned char)*text)) {
                text++;
                size--;
        }
        while (size > 0 && isspace((unsigned char)text[size - 1]))
                size--;
        return size == strlen(what) && memcmp(text, what, size) == 0;
}

/* $(…) and `…`: what it says is known where it is where we are. */
static int take_substitution(Reader *r, char open, char close) {
        const char *end = closing(r->at, open, close);
        const size_t size = (size_t)(end - r->at);
        const bool here = says(r->at, size, "git rev-parse --show-toplevel") || says(r->at, size, "pwd");
        int q = here ? 0 : parse(r->at, size, r->depth + 1, r->found, r->data);
        if (here)
                put(r, '.');
        r->known = r->known && here;
        r->at = end + (*end != 0);
        return q;
}

/* Behind the "$". */
static int take_variable(Reader *r) {
        if (*r->at == '(') {
                r->at++;
                return take_substitution(r, '(', ')');
        }
        const bool braced = *r->at == '{';
        const char *name = r->at + braced, *end = name;
        while (isalnum((unsigned char)*end) || *end == '_')
                end++;
        const size_t size = (size_t)(end - name);
        const bool whole = !braced || *end == '}';
        if (braced)
                end = closing(name, '{', '}');
        r->at = end + (*end && (braced || (end == name && strchr("@*#?$!-", *end))));
        if (whole && (says(name, size, "PWD") || says(name, size, "GIT_WORK_TREE")))
                put(r, '.');
        else if (whole && says(name, size, "HOME") && r->n == 0)
                put(r, '~');
        else
                r->known = false;
        return 0;
}

static int take_quoted(Reader *r) {
        int q = 0;
        while (q == 0 && *r->at && *r->at != '"') {
                char c = *r->at++;
                if (c == '$')
                        q = take_variable(r);
                else if (c == '`')
                        q = take_substitution(r, '`', '`');
                else if (c == '\\' && *r->at && strchr("\\\"$`", *r->at))
                        put(r, *r->at++);
                else
                        put(r, c);
        }
        r->at += *r->at == '"';
        return q;
}

static int take_word(Reader *r) {
        int q = 0;
        r->n = 0;
        r->known = true;
        while (q == 0 && *r->at && !isspace((unsigned char)*r->at) && !strchr(";&|()<>", *r->at)) {
                char c = *r->at++;
                if (c == '\'') {
                        while (*r->at && *r->at != '\'')
                                put(r, *r->at++);
                        r->at += *r->at == '\'';
                } else if (c == '"')
                        q = take_quoted(r);
                else if (c == '$')
                        q = take_variable(r);
                else if (c == '`')
                        q = take_substitution(r, '`', '`');
                else if (c == '\\' && *r->at) {
                        if (*r->at != '\n')
                                put(r, *r->at);
                        r->at++;
                } else
                        put(r, c);
        }
        r->word[r->n] = 0;
        return q;
}

/* Negative: an error. What is read by a program is like what it is given. */
static int next(Reader *r) {
        while ((isspace((unsigned char)*r->at) && *r->at != '\n') || *r->at == '<')
                r->at++;
        switch (*r->at) {
        case 0:
                return TOKEN_END;
        case '\n':
        case ';':
        case '&':
        case '|':
        case '(':
        case ')':
                r->at++;
                return TOKEN_BREAK;
        case '>':
                while (*r->at && strchr(">&|", *r->at))
                        r->at++;
                return TOKEN_OUTPUT;
        default: {
                int q = take_word(r);
                return q < 0 ? q : TOKEN_WORD;
        }
        }
}

/* ---- commands ---- */

static bool is_one_of(const char *const *list, const char *word, size_t n) {
        for (; *list; list++)
                if (strlen(*list) == n && memcmp(*list, word, n) == 0)
                        return true;
        return false;
}

/* What a command makes of what comes behind it. Versions are a part of its name: python3.11. */
static Place behind(const char *command) {
        static const char *const prefixes[] = { "builtin", "busybox", "chrt", "command", "doas", "env",
                "exec", "ionice", "nice", "nohup", "setsid", "stdbuf", "sudo", "time", "timeout", "xargs",
                NULL };
        static const char *const shells[] = { ".", "ash", "bash", "dash", "fish", "ksh", "mksh", "rbash",
                "sh", "source", "zsh", NULL };
        static const char *const interpreters[] = { "Rscript", "bun", "deno", "expect", "groovy", "guile",
                "java", "lua", "luajit", "node", "nodejs", "osascript", "perl", "php", "pwsh", "pypy",
                "python", "racket", "ruby", "tclsh", "ts-node", "tsx", "wish", NULL };
        static const char *const filters[] = { "awk", "gawk", "mawk", "nawk", "sed", NULL };
        const char *slash = strrchr(command, '/'), *base = slash ? slash + 1 : command;
        size_t n = strlen(base), all = n;
        while (n > 0 && (isdigit((unsigned char)base[n - 1]) || base[n - 1] == '.'))
                n--;
        if (is_one_of(prefixes, base, all))
                return AT_PREFIX;
        if (streq(base, "eval"))
                return AT_SCRIPT;
        return is_one_of(shells, base, all)                 ? AT_SHELL
               : is_one_of(interpreters, base, n ? n : all) ? AT_INTERPRETER
               : is_one_of(filters, base, all)              ? AT_FILTER
                                                            : AT_REST;
}

static bool is_setting(const char *word) {
        size_t n = 0;
        while (isalnum((unsigned char)word[n]) || word[n] == '_')
                n++;
        return n > 0 && word[n] == '=' && !isdigit((unsigned char)word[0]);
}

static bool is_number(const char *word) {
        return word[0] && word[strspn(word, "0123456789.smhd")] == 0;
}

static int tell(const Reader *r) {
        return r->known && r->word[0] ? r->found(r->data, r->word) : 0;
}

static int take_command(Reader *r) {
        static const char *const reserved[] = { "!", "do", "done", "elif", "else", "fi", "if", "then",
                "until", "while", "{", "}", NULL };
        const char *w = r->word;
        if (is_setting(w) || is_one_of(reserved, w, strlen(w)) ||
                        (r->place == AT_PREFIX && (w[0] == '-' || is_number(w))))
                return 0;
        r->place = r->known ? behind(w) : AT_REST;
        return strchr(w, '/') ? tell(r) : 0;
}

/* An option of a shell or an interpreter. */
static void take_option(Reader *r) {
        const char *w = r->word;
        const bool is_short = w[0] == '-' && w[1] && w[1] != '-';
        if (r->place == AT_SHELL) {
                r->skip = streq(w, "-o") || streq(w, "+o");
                if (is_short && strchr(w, 'c'))
                        r->place = AT_SCRIPT;
        } else if (is_short && strchr("eEc", w[strlen(w) - 1]))
                r->place = AT_REST; /* the program is written here */
        else
                r->more = is_short && !w[2] && strchr("IWXfr", w[1]);
}

static int take_operand(Reader *r) {
        const char *w = r->word;
        if (r->skip || (r->place == AT_INTERPRETER && streq(w, "run"))) {
                r->skip = false;
                return 0;
        }
        if (!r->more)
                r->place = AT_REST;
        r->more = false;
        return tell(r);
}

static int take(Reader *r) {
        const char *w = r->word;
        switch (r->place) {
        case AT_COMMAND:
        case AT_PREFIX:
                return take_command(r);
        case AT_SHELL:
        case AT_INTERPRETER:
                if (!r->skip && !r->more && (w[0] == '-' || w[0] == '+')) {
                        take_option(r);
                        return 0;
                }
                return take_operand(r);
        case AT_SCRIPT:
                r->place = AT_REST;
                return parse(w, strlen(w), r->depth + 1, r->found, r->data);
        case AT_FILTER:
                r->place = streq(w, "-f") ? AT_FILE : AT_FILTER;
                return 0;
        case AT_FILE:
                r->place = AT_FILTER;
                return tell(r);
        case AT_REST:
                break;
        }
        return 0;
}

static int parse(const char *command, size_t size, unsigned depth, GitCommandFound found, void *data) {
        _cleanup_free_ char *text = strndup(command, size);
        _cleanup_free_ char *word = malloc(size + 1); /* nothing is longer when it is expanded */
        if (!text || !word)
                return -ENOMEM;
        Reader r = { .at = text, .word = word, .depth = depth, .found = found, .data = data };
        bool output = false;
        int q = 0;
        for (int token; q >= 0 && depth < DEPTH_MAX && (token = next(&r)) != TOKEN_END;) {
                q = token < 0 ? token : 0;
                if (token == TOKEN_BREAK) {
                        r.place = AT_COMMAND;
                        r.skip = r.more = false;
                } else if (token == TOKEN_WORD && !output)
                        q = take(&r);
                output = token == TOKEN_OUTPUT;
        }
        return q;
}

int git_command_parse(const char *command, GitCommandFound found, void *data) {
        return parse(command, strlen(command), 0, found, data);
}
