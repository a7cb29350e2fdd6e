/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cleanup.h"
#include "git-command.h"
#include "limits.h"

#define DEPTH_MAX 8 /* of commands in each other: nobody writes that */

typedef enum Token { TOKEN_END, TOKEN_BREAK, TOKEN_OUTPUT, TOKEN_WORD } Token;

/* What the next word is. */
typedef enum Place {
        AT_COMMAND,
        AT_PREFIX,      /* options, settings, and then a command */
        AT_SHELL,       /* options, and then a file of commands, or commands */
        AT_SCRIPT,      /* commands */
        AT_INTERPRETER, /* options, and then a program */
        AT_FILTER,      /* awk, sed: a program only behind an option */
        AT_DIRECTORY,   /* where the commands from here on are executed */
        AT_REST,        /* nothing that is executed */
} Place;

/* What a command makes of the words behind it. Letters of options; NULL: none. */
typedef struct Command {
        const char *name;
        Place place;
        const char *takes; /* with a word that is no program: what is left of this one, or the next */
        const char *rest;  /* with what is left of this word */
        const char *files; /* as takes, and that is a program */
        const char *code;  /* as takes, and that is the program itself: of a prefix, a command */
} Command;

typedef struct Reader {
        const char *at;
        char *word;
        size_t n;
        bool known; /* the word is all there is of it */
        Place place;
        const Command *command; /* whose words these are */
        bool skip, more;        /* the next word is no program; it is one, and another comes */
        bool unsure;            /* the next word may be the command, or of an option */
        bool script;            /* instead of a file there are commands */
        char *dir;              /* "cd" was told; NULL: not, or where to is not known */
        unsigned depth;
        GitCommandFound found;
        void *data;
} Reader;

static int parse(const Reader *outer, const char *command, size_t size);

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
        int q = here ? 0 : parse(r, r->at, size);
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

static const Command commands[] = {
        { ".", AT_SHELL, NULL, NULL, NULL, NULL },
        { "Rscript", AT_INTERPRETER, "g", NULL, NULL, "e" },
        { "ash", AT_SHELL, NULL, NULL, NULL, NULL },
        { "awk", AT_FILTER, "Fev", NULL, "Efil", NULL },
        { "bash", AT_SHELL, NULL, NULL, NULL, NULL },
        { "builtin", AT_PREFIX, NULL, NULL, NULL, NULL },
        { "bun", AT_INTERPRETER, "c", NULL, "r", "ep" },
        { "busybox", AT_PREFIX, NULL, NULL, NULL, NULL },
        { "cd", AT_DIRECTORY, NULL, NULL, NULL, NULL },
        { "chrt", AT_PREFIX, "DPT", NULL, NULL, NULL },
        { "command", AT_PREFIX, NULL, NULL, NULL, NULL },
        { "dash", AT_SHELL, NULL, NULL, NULL, NULL },
        { "deno", AT_INTERPRETER, "Lc", NULL, NULL, NULL },
        { "doas", AT_PREFIX, "Cu", NULL, NULL, NULL },
        { "env", AT_PREFIX, "CPu", NULL, NULL, "S" },
        { "eval", AT_SCRIPT, NULL, NULL, NULL, NULL },
        { "exec", AT_PREFIX, "a", NULL, NULL, NULL },
        { "expect", AT_INTERPRETER, "c", NULL, "bf", NULL },
        { "fish", AT_SHELL, NULL, NULL, NULL, NULL },
        { "gawk", AT_FILTER, "Fev", NULL, "Efil", NULL },
        { "groovy", AT_INTERPRETER, NULL, "Dil", NULL, "e" },
        { "guile", AT_INTERPRETER, "Lex", NULL, "l", "c" },
        { "ionice", AT_PREFIX, "cnp", NULL, NULL, NULL },
        { "java", AT_INTERPRETER, NULL, NULL, NULL, NULL },
        { "ksh", AT_SHELL, NULL, NULL, NULL, NULL },
        { "lua", AT_INTERPRETER, "el", NULL, NULL, NULL },
        { "luajit", AT_INTERPRETER, "ejl", "Ob", NULL, NULL },
        { "mawk", AT_FILTER, "Fev", NULL, "Efil", NULL },
        { "mksh", AT_SHELL, NULL, NULL, NULL, NULL },
        { "nawk", AT_FILTER, "Fev", NULL, "Efil", NULL },
        { "nice", AT_PREFIX, "n", NULL, NULL, NULL },
        { "node", AT_INTERPRETER, "C", NULL, "r", "ep" },
        { "nodejs", AT_INTERPRETER, "C", NULL, "r", "ep" },
        { "nohup", AT_PREFIX, NULL, NULL, NULL, NULL },
        { "osascript", AT_INTERPRETER, "ls", NULL, NULL, "e" },
        { "perl", AT_INTERPRETER, "I", ":CDFMVimx", NULL, "Ee" },
        { "php", AT_INTERPRETER, "Scdgtz", NULL, "Ff", "BERr" },
        { "pushd", AT_DIRECTORY, NULL, NULL, NULL, NULL },
        { "pwsh", AT_INTERPRETER, NULL, NULL, NULL, NULL },
        { "pypy", AT_INTERPRETER, "QWX", NULL, NULL, "cm" },
        { "python", AT_INTERPRETER, "QWX", NULL, NULL, "cm" },
        { "racket", AT_INTERPRETER, "IXlp", NULL, "fkrtu", "e" },
        { "rbash", AT_SHELL, NULL, NULL, NULL, NULL },
        { "ruby", AT_INTERPRETER, "CEI", "FKTWix", "r", "e" },
        { "sed", AT_FILTER, "el", "i", "f", NULL },
        { "setsid", AT_PREFIX, NULL, NULL, NULL, NULL },
        { "sh", AT_SHELL, NULL, NULL, NULL, NULL },
        { "source", AT_SHELL, NULL, NULL, NULL, NULL },
        { "stdbuf", AT_PREFIX, "eio", NULL, NULL, NULL },
        { "sudo", AT_PREFIX, "CDRTUacghprtu", NULL, NULL, NULL },
        { "tclsh", AT_INTERPRETER, NULL, NULL, NULL, NULL },
        { "time", AT_PREFIX, "fo", NULL, NULL, NULL },
        { "timeout", AT_PREFIX, "ks", NULL, NULL, NULL },
        { "ts-node", AT_INTERPRETER, "CDOP", NULL, "r", "ep" },
        { "tsx", AT_INTERPRETER, "C", NULL, "r", "ep" },
        { "wish", AT_INTERPRETER, NULL, NULL, NULL, NULL },
        { "xargs", AT_PREFIX, "EILPadns", "eil", NULL, NULL },
        { "zsh", AT_SHELL, NULL, NULL, NULL, NULL },
};

/* NULL: what comes behind it is not executed, as far as we know. Versions are a part of its name: python3.11. */
static const Command *find(const char *command) {
        const char *slash = strrchr(command, '/'), *base = slash ? slash + 1 : command;
        size_t n = strlen(base), all = n;
        while (n > 0 && (isdigit((unsigned char)base[n - 1]) || base[n - 1] == '.'))
                n--;
        n = n ? n : all;
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strlen(commands[i].name) == n && memcmp(commands[i].name, base, n) == 0)
                        return &commands[i];
        return NULL;
}

static bool is_setting(const char *word) {
        size_t n = 0;
        while (isalnum((unsigned char)word[n]) || word[n] == '_')
                n++;
        return n > 0 && word[n] == '=' && !isdigit((unsigned char)word[0]);
}

static bool is_number(const char *word) {
        const size_t n = strspn(word, "0123456789.");
        return n > 0 && word[n + (word[n] && strchr("smhd", word[n]))] == 0;
}

static bool is_relative(const char *path) {
        return path[0] != '/' && path[0] != '~';
}

/* NULL in *ret: longer than the kernel would take. */
static int join(const char *dir, const char *path, char **ret) {
        if (strlen(dir) + 1 + strlen(path) > LIMIT_PATH_BYTES)
                return 0;
        if (asprintf(ret, "%s/%s", dir, path) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* Behind a "cd" both count: it may be one of a group of commands, or never come to it. */
static int tell_path(const Reader *r, const char *path) {
        _cleanup_free_ char *joined = NULL;
        if (!r->known || !path[0])
                return 0;
        int q = r->dir && is_relative(path) ? join(r->dir, path, &joined) : 0;
        if (q == 0 && joined)
                q = r->found(r->data, joined);
        return q < 0 ? q : r->found(r->data, path);
}

static int tell(const Reader *r) {
        return tell_path(r, r->word);
}

static int take_directory(Reader *r) {
        const char *w = r->word;
        char *dir = NULL;
        if (w[0] == '-')
                return 0;
        int q = 0;
        if (r->known && r->dir && is_relative(w))
                q = join(r->dir, w, &dir);
        else if (r->known && w[0] && strlen(w) <= LIMIT_PATH_BYTES) {
                dir = strdup(w);
                q = dir ? 0 : -ENOMEM;
        }
        free(r->dir);
        r->dir = dir;
        r->place = AT_REST;
        return q;
}

static int take_command(Reader *r) {
        static const char *const reserved[] = { "!", "do", "done", "elif", "else", "fi", "if", "then",
                "until", "while", "{", "}", NULL };
        const char *w = r->word;
        const bool unsure = r->unsure;
        r->unsure = false;
        if (is_setting(w) || is_one_of(reserved, w, strlen(w)) || (r->place == AT_PREFIX && is_number(w)))
                return 0;
        const Command *c = r->known ? find(w) : NULL;
        if (c || !unsure) {
                r->command = c;
                r->place = c ? c->place : AT_REST;
        }
        return strchr(w, '/') ? tell(r) : 0;
}

/* "-o" has a word, wherever it is in the option; of zsh that may be what is left of it. */
static void take_shell_option(Reader *r) {
        const char *w = r->word, *named = strpbrk(w, "Oo");
        r->script = r->script || (w[0] == '-' && strchr(w, 'c'));
        r->skip = named && w[strlen(w) - 1] == *named;
        r->more = named && !r->skip;
}

static bool is_letter_of(const char *letters, char c) {
        return letters && strchr(letters, c);
}

static int take_letters(Reader *r) {
        const Command *c = r->command;
        for (const char *p = r->word + 1; *p; p++) {
                if (is_letter_of(c->rest, *p))
                        break;
                if (is_letter_of(c->takes, *p)) {
                        r->skip = !p[1];
                        break;
                }
                if (is_letter_of(c->files, *p)) {
                        const bool is_library = *p == 'r' && !strchr(p + 1, '/'); /* -rjson */
                        r->more = !p[1];
                        return is_library ? 0 : tell_path(r, p + 1);
                }
                if (is_letter_of(c->code, *p)) {
                        const bool is_command = r->place == AT_PREFIX;
                        r->place = is_command && !p[1] ? AT_SCRIPT : AT_REST;
                        return is_command && p[1] ? parse(r, p + 1, strlen(p + 1)) : 0;
                }
        }
        return 0;
}

static int take_option(Reader *r) {
        static const char *const files[] = { "--class-path", "--experimental-loader", "--file", "--import",
                "--init-file", "--loader", "--module-path", "--preload", "--rcfile", "--require",
                "-classpath", "-cp", NULL };
        const char *w = r->word;
        const size_t n = strcspn(w, "=");
        if (is_one_of(files, w, n)) {
                r->more = !w[n];
                return w[n] ? tell_path(r, w + n + 1) : 0;
        }
        if (w[0] == '-' && w[1] == '-') {
                r->unsure = r->place == AT_PREFIX && w[2] && !w[n];
                return 0;
        }
        if (r->place != AT_SHELL)
                return take_letters(r);
        take_shell_option(r);
        return 0;
}

static int take_operand(Reader *r) {
        const char *w = r->word;
        if (r->place == AT_FILTER || (r->place == AT_INTERPRETER && streq(w, "run")))
                return 0;
        const bool script = r->place == AT_SHELL && r->script;
        r->place = AT_REST;
        return script ? parse(r, w, strlen(w)) : tell(r);
}

static int take_argument(Reader *r) {
        const char *w = r->word;
        if (r->skip) {
                r->skip = false;
                return 0;
        }
        if (r->more) {
                r->more = false;
                return tell(r);
        }
        if (w[0] == '-' || (w[0] == '+' && r->place == AT_SHELL))
                return take_option(r);
        return r->place == AT_PREFIX ? take_command(r) : take_operand(r);
}

static int take(Reader *r) {
        switch (r->place) {
        case AT_COMMAND:
                return take_command(r);
        case AT_PREFIX:
        case AT_SHELL:
        case AT_INTERPRETER:
        case AT_FILTER:
                return take_argument(r);
        case AT_SCRIPT:
                r->place = AT_REST;
                return parse(r, r->word, strlen(r->word));
        case AT_DIRECTORY:
                return take_directory(r);
        case AT_REST:
                break;
        }
        return 0;
}

static int parse_all(Reader *r) {
        bool output = false;
        int q = 0;
        for (int token; q >= 0 && (token = next(r)) != TOKEN_END;) {
                q = token < 0 ? token : 0;
                if (token == TOKEN_BREAK) {
                        r->place = AT_COMMAND;
                        r->skip = r->more = r->unsure = r->script = false;
                } else if (token == TOKEN_WORD && !output)
                        q = take(r);
                output = token == TOKEN_OUTPUT;
        }
        return q;
}

/* outer: what this is written in. */
static int parse(const Reader *outer, const char *command, size_t size) {
        if (outer->depth == DEPTH_MAX)
                return 0;
        _cleanup_free_ char *text = strndup(command, size);
        _cleanup_free_ char *word = malloc(size + 1); /* nothing is longer when it is expanded */
        Reader r = { .at = text,
                .word = word,
                .depth = outer->depth + 1,
                .found = outer->found,
                .data = outer->data,
                .dir = outer->dir ? strdup(outer->dir) : NULL };
        int q = text && word && (r.dir || !outer->dir) ? parse_all(&r) : -ENOMEM;
        free(r.dir);
        return q;
}

int git_command_parse(const char *command, GitCommandFound found, void *data) {
        const Reader none = { .found = found, .data = data };
        return parse(&none, command, strlen(command));
}
