/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include "cleanup.h"
#include "escape.h"
#include "limits.h"
#include "say.h"

const Option command_options[] = {
        { COMMAND_CWD, '\0', "cwd", "DIR", "Start in DIR of the sandbox" },
        { COMMAND_ENV, 'E', "env", "NAME[=VALUE]",
                        "Offer this variable, which the policy passes on or not" },
        { COMMAND_PTY, 't', "pty", NULL, "Give the command a terminal of its own" },
        { COMMAND_NO_PTY, 'T', "no-pty", NULL, "Give it pipes where you have a terminal" },
        { 0 },
};

int command_option(const Verb *v, Command *c, int id, const char *value) {
        switch (id) {
        case COMMAND_CWD:
                c->cwd = value;
                break;
        case COMMAND_ENV:
                if (!*value || *value == '=')
                        return verb_misused(v,
                                        "--env=%s: it is NAME=VALUE, or the NAME of a variable you have",
                                        value);
                if (c->n_env == COMMAND_ENV_OPTIONS)
                        return verb_misused(v, "--env is given more than %u times", COMMAND_ENV_OPTIONS);
                c->env[c->n_env++] = value;
                break;
        case COMMAND_PTY:
                c->pty = PTY_YES;
                break;
        case COMMAND_NO_PTY:
                c->pty = PTY_NO;
                break;
        default:
                return verb_misused(v, "it takes no such option");
        }
        return 0;
}

static bool same_name(const char *a, const char *b) {
        size_t n = strcspn(a, "=");
        return strcspn(b, "=") == n && memcmp(a, b, n) == 0;
}

typedef struct Environment {
        const char **list;
        size_t n, bytes, left_out;
} Environment;

static void offer(Environment *e, const char *assignment) {
        size_t size = strlen(assignment) + 1;
        if (e->n == LIMIT_ENV || size > LIMIT_ENV_BYTES - e->bytes) {
                e->left_out++;
                return;
        }
        e->list[e->n++] = assignment;
        e->bytes += size;
}

/* What --env says last of this name: NAME=VALUE, or NAME, the caller's own. NULL: nothing. */
static const char *last_said(const Command *c, const char *name) {
        for (size_t i = c->n_env; i > 0; i--)
                if (same_name(c->env[i - 1], name))
                        return c->env[i - 1];
        return NULL;
}

static bool is_assigned(const Command *c, const char *name) {
        const char *said = last_said(c, name);
        return said && strchr(said, '=');
}

int command_environment(const Command *c, char *const *own, const char ***ret, size_t *ret_left_out) {
        Environment e = { .list = calloc(LIMIT_ENV + 1, sizeof(char *)) };
        if (!e.list)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_env; i++) /* of one name the last holds */
                if (strchr(c->env[i], '=') && last_said(c, c->env[i]) == c->env[i])
                        offer(&e, c->env[i]);
        for (; *own; own++)
                if (strchr(*own, '=') && **own != '=' && !is_assigned(c, *own) && text_is_utf8(*own))
                        offer(&e, *own);
        *ret = e.list;
        *ret_left_out = e.left_out;
        return 0;
}

static const char *find_own(char *const *own, const char *name) {
        for (; *own; own++)
                if (strchr(*own, '=') && same_name(*own, name))
                        return *own;
        return NULL;
}

void command_say_left_out(const Command *c, char *const *own, size_t n) {
        for (size_t i = 0; i < c->n_env; i++) {
                if (strchr(c->env[i], '=') || last_said(c, c->env[i]) != c->env[i])
                        continue;
                const char *assignment = find_own(own, c->env[i]);
                if (!assignment)
                        say("--env=%s: you have no such variable, so it is not offered; --env=%s= is an "
                            "empty one",
                                        c->env[i], c->env[i]);
                else if (!text_is_utf8(assignment))
                        say("--env=%s: yours is not UTF-8, so it is not offered", c->env[i]);
        }
        if (n > 0)
                say("%zu variables of the environment are not offered: it is larger than %u variables and "
                    "%u bytes",
                                n, LIMIT_ENV, LIMIT_ENV_BYTES);
}

uint32_t command_n_fds(const Channels *channels) {
        uint32_t n = 0;
        for (size_t i = 0; i < ELEMENTSOF(channels->give); i++)
                n += channels->give[i] >= 0;
        return n;
}

void command_write(const Command *c, const char *const *env, const Channels *channels, WireWriter *w) {
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        wire_entry(w, "env", "as");
        wire_strings(w, env);
        if (c->cwd) {
                wire_entry(w, "cwd", "s");
                wire_string(w, c->cwd);
        }
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (channels->give[i] >= 0) {
                        wire_entry(w, names[i], "h");
                        wire_fd(w, channels->give[i]);
                }
        wire_entry(w, "tie", "b");
        wire_bool(w, true);
        if (!channels->pty)
                return;
        wire_entry(w, "pty", "b");
        wire_bool(w, true);
        uint32_t rows, columns;
        if (terminal_size(&rows, &columns)) {
                wire_entry(w, "rows", "u");
                wire_u32(w, rows);
                wire_entry(w, "columns", "u");
                wire_u32(w, columns);
        }
}
