/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <stdarg.h>

#include "cleanup.h"
#include "names.h"
#include "plan.h"

_printf_(3, 4) static int refuse(sd_bus_error *error, const char *option, const char *format, ...) {
        va_list args;
        _cleanup_free_ char *sentence = NULL;
        va_start(args, format);
        int n = vasprintf(&sentence, format, args);
        va_end(args);
        return n < 0 ? -ENOMEM
                     : sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT, "%s: %s.", option, sentence);
}

static int refuse_limit(sd_bus_error *error, const char *option, size_t limit, const char *unit) {
        return sd_bus_error_setf(
                        error, MXC_ERROR_LIMIT_REACHED, "%s: more than %zu %s.", option, limit, unit);
}

static void free_words(char **words) {
        for (char **w = words; w && *w; w++)
                free(*w);
        free(words);
}

void spawn_request_clear(SpawnRequest *q) {
        free(q->agent);
        free_words(q->argv);
        free(q->policy);
        free(q->workspace);
        free(q->cwd);
        free_words(q->env);
        free_words(q->labels);
        for (size_t i = 0; i < q->n_needs; i++)
                free((char *)q->needs[i].target);
        free(q->needs);
        *q = (SpawnRequest){ .stdio = { -EBADF, -EBADF, -EBADF } };
}

static int check_words(char **words, const char *option, size_t max, size_t max_bytes, sd_bus_error *error) {
        size_t n = 0, bytes = 0;
        for (; words && words[n]; n++)
                bytes += strlen(words[n]) + 1;
        if (n > max)
                return refuse_limit(error, option, max, "words");
        return bytes > max_bytes ? refuse_limit(error, option, max_bytes, "bytes") : 0;
}

static int read_argv(sd_bus_message *m, char ***ret, sd_bus_error *error) {
        int r = sd_bus_message_read_strv(m, ret);
        if (r < 0)
                return r;
        if (!*ret || !(*ret)[0] || (*ret)[0][0] == 0)
                return refuse(error, "argv", "a command is needed");
        return check_words(*ret, "argv", LIMIT_ARGV, LIMIT_ARGV_BYTES, error);
}

/* ---- options; each is entered at its variant ---- */

static int read_path(sd_bus_message *m, const char *name, char **ret, sd_bus_error *error) {
        const char *path;
        int r = sd_bus_message_read(m, "v", "s", &path);
        if (r < 0)
                return r;
        if (!path_is_normal(path))
                return refuse(error, name,
                                "'%s' is not an absolute path without '.', '..', '//' or a slash at its end",
                                path);
        return (*ret = strdup(path)) ? 0 : -ENOMEM;
}

static int option_policy(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        const char *policy;
        int r = sd_bus_message_read(m, "v", "s", &policy);
        if (r < 0)
                return r;
        if (strlen(policy) > LIMIT_POLICY_BYTES)
                return refuse_limit(error, "policy", LIMIT_POLICY_BYTES, "bytes");
        return (q->policy = strdup(policy)) ? 0 : -ENOMEM;
}

static int option_workspace(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_path(m, "workspace", &q->workspace, error);
}

static int option_cwd(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_path(m, "cwd", &q->cwd, error);
}

static int option_env(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        int r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &q->env);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        for (char **e = q->env; e && *e; e++)
                if (**e == '=' || !strchr(*e, '='))
                        return refuse(error, "env", "each word is NAME=value; '%s' is not", *e);
        return check_words(q->env, "env", LIMIT_ENV, LIMIT_ENV_BYTES, error);
}

static int read_fd(sd_bus_message *m, int *ret) {
        return sd_bus_message_read(m, "v", "h", ret);
}

static int option_stdin(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_fd(m, &q->stdio[0]);
}

static int option_stdout(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_fd(m, &q->stdio[1]);
}

static int option_stderr(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_fd(m, &q->stdio[2]);
}

static int read_bool(sd_bus_message *m, bool *ret) {
        int value, r = sd_bus_message_read(m, "v", "b", &value);
        if (r >= 0)
                *ret = value;
        return r;
}

static int option_pty(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_bool(m, &q->pty);
}

static int option_clamp(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_bool(m, &q->clamp);
}

static int option_tie(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_bool(m, &q->tie);
}

static int read_size(sd_bus_message *m, const char *name, uint32_t *ret, sd_bus_error *error) {
        int r = sd_bus_message_read(m, "v", "u", ret);
        return r >= 0 && *ret > LIMIT_TTY_ROWS ? refuse(error, name, "at most %u", LIMIT_TTY_ROWS) : r;
}

static int option_rows(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_size(m, "rows", &q->rows, error);
}

static int option_columns(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        return read_size(m, "columns", &q->columns, error);
}

static int option_timeout(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        int r = sd_bus_message_read(m, "v", "t", &q->timeout);
        if (r < 0)
                return r;
        if (q->timeout == 0 || q->timeout > LIMIT_TIMEOUT_USEC)
                return refuse(error, "timeout", "more than 0 and at most 30 days, in microseconds");
        return 0;
}

static int option_containment(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        static const char *const words[_CONTAINMENT_MAX] = { "auto", "process", "session", "container",
                "microvm" };
        const char *word;
        int r = sd_bus_message_read(m, "v", "s", &word);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(word, words[i])) {
                        q->containment = (Containment)i;
                        return 0;
                }
        return refuse(error, "containment", "one of auto, process, session, container, microvm; not '%s'",
                        word);
}

static int add_label(SpawnRequest *q, size_t n, const char *key, const char *value, sd_bus_error *error) {
        if (!policy_name_is_valid(key))
                return refuse(error, "labels", "a key is letters a-z, digits and '-', at most %u; not '%s'",
                                LIMIT_NAME_BYTES, key);
        if (strlen(value) > LIMIT_LABEL_VALUE_BYTES)
                return refuse_limit(error, "labels", LIMIT_LABEL_VALUE_BYTES, "bytes in a value");
        for (size_t i = 0; i < n; i += 2)
                if (streq(q->labels[i], key))
                        return refuse(error, "labels", "'%s' is there twice", key);
        q->labels[n] = strdup(key);
        q->labels[n + 1] = q->labels[n] ? strdup(value) : NULL;
        return q->labels[n + 1] ? 0 : -ENOMEM;
}

static int option_labels(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        const char *key, *value;
        q->labels = calloc(2 * LIMIT_LABELS + 1, sizeof(char *));
        if (!q->labels)
                return -ENOMEM;
        int r = sd_bus_message_enter_container(m, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{ss}");
        for (size_t n = 0; r >= 0; n += 2) {
                r = sd_bus_message_read(m, "{ss}", &key, &value);
                if (r <= 0)
                        break;
                r = n == (size_t)2 * LIMIT_LABELS ? refuse_limit(error, "labels", LIMIT_LABELS, "of them")
                                                  : add_label(q, n, key, value, error);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

static int check_need(const PolicyRequest *need, sd_bus_error *error) {
        const bool connects = need->kind == REQUEST_CONNECT;
        if (!connects && !path_is_normal(need->target))
                return refuse(error, "needs",
                                "'%s' is not an absolute path without '.', '..', '//' or a slash at its end",
                                need->target);
        if (connects != (need->port > 0))
                return refuse(error, "needs", "a port belongs to what is connected to, and to nothing else");
        return 0;
}

static int add_need(SpawnRequest *q, const char *action, const char *target, uint32_t port,
                sd_bus_error *error) {
        static const struct {
                const char *word;
                RequestKind kind;
        } kinds[] = { { "read", REQUEST_READ }, { "write", REQUEST_WRITE }, { "exec", REQUEST_EXEC },
                { "connect", REQUEST_CONNECT } };
        size_t i = 0;
        while (i < ELEMENTSOF(kinds) && !streq(kinds[i].word, action))
                i++;
        if (port > UINT16_MAX)
                return refuse(error, "needs", "there is no port %u", port);
        if (i == ELEMENTSOF(kinds))
                return refuse(error, "needs", "one of read, write, exec, connect; not '%s'", action);
        const PolicyRequest need = { .kind = kinds[i].kind,
                .target = strdup(target),
                .protocol = PROTOCOL_TCP,
                .port = (uint16_t)port };
        if (!need.target)
                return -ENOMEM;
        q->needs[q->n_needs++] = need; /* there is room for LIMIT_NEEDS */
        return check_need(&need, error);
}

static int option_needs(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error) {
        const char *action, *target;
        uint32_t port;
        q->needs = calloc(LIMIT_NEEDS, sizeof(PolicyRequest));
        if (!q->needs)
                return -ENOMEM;
        int r = sd_bus_message_enter_container(m, 'v', "a(ssu)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ssu)");
        while (r >= 0) {
                r = sd_bus_message_read(m, "(ssu)", &action, &target, &port);
                if (r <= 0)
                        break;
                r = q->n_needs == LIMIT_NEEDS ? refuse_limit(error, "needs", LIMIT_NEEDS, "of them")
                                              : add_need(q, action, target, port, error);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

#define OF_A_SANDBOX (REQUEST_FOR_SPAWN | REQUEST_FOR_CREATE | REQUEST_FOR_PLAN)
#define OF_A_COMMAND (REQUEST_FOR_SPAWN | REQUEST_FOR_PLAN | REQUEST_FOR_EXEC)

static const struct {
        const char *name, *type;
        unsigned of;
        int (*read)(sd_bus_message *m, SpawnRequest *q, sd_bus_error *error);
} options[] = {
        { "clamp", "b", OF_A_SANDBOX, option_clamp },
        { "columns", "u", OF_A_COMMAND, option_columns },
        { "containment", "s", OF_A_SANDBOX, option_containment },
        { "cwd", "s", OF_A_SANDBOX | OF_A_COMMAND, option_cwd },
        { "env", "as", OF_A_SANDBOX | OF_A_COMMAND, option_env },
        { "labels", "a{ss}", OF_A_SANDBOX, option_labels },
        { "needs", "a(ssu)", OF_A_SANDBOX, option_needs },
        { "policy", "s", OF_A_SANDBOX, option_policy },
        { "pty", "b", OF_A_COMMAND, option_pty },
        { "rows", "u", OF_A_COMMAND, option_rows },
        { "stderr", "h", OF_A_COMMAND, option_stderr },
        { "stdin", "h", OF_A_COMMAND, option_stdin },
        { "stdout", "h", OF_A_COMMAND, option_stdout },
        { "tie", "b", OF_A_SANDBOX | OF_A_COMMAND, option_tie },
        { "timeout", "t", OF_A_SANDBOX, option_timeout },
        { "workspace", "s", OF_A_SANDBOX, option_workspace },
};

static int find_option(const char *name, RequestFor what) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (streq(options[i].name, name) && (options[i].of & (unsigned)what))
                        return (int)i;
        return -ENOENT;
}

static int read_option(
                sd_bus_message *m, RequestFor what, unsigned *seen, SpawnRequest *q, sd_bus_error *error) {
        const char *name, *contents;
        char type;
        int r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        int i = find_option(name, what);
        if (i < 0)
                return refuse(error, name, "there is no such option here; see org.mxc1.xml");
        if (*seen & 1U << i)
                return refuse(error, name, "it is there twice");
        *seen |= 1U << i;
        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (type != 'v' || !streq(contents, options[i].type))
                return refuse(error, name, "it is of type %s, not %s", options[i].type,
                                type == 'v' ? contents : "something else");
        return options[i].read(m, q, error);
}

static int read_options(sd_bus_message *m, RequestFor what, SpawnRequest *q, sd_bus_error *error) {
        unsigned seen = 0;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_option(m, what, &seen, q, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

static int check_whole(const SpawnRequest *q, sd_bus_error *error) {
        if (q->pty && (q->stdio[0] >= 0 || q->stdio[1] >= 0 || q->stdio[2] >= 0))
                return refuse(error, "pty", "a pty takes the place of stdin, stdout and stderr");
        if (!q->pty && (q->rows > 0 || q->columns > 0))
                return refuse(error, "rows", "rows and columns are those of a pty");
        return 0;
}

int spawn_request_read(sd_bus_message *m, RequestFor what, SpawnRequest *ret, sd_bus_error *error) {
        _cleanup_(spawn_request_clear) SpawnRequest q = { .stdio = { -EBADF, -EBADF, -EBADF } };
        const char *agent;
        int r = what == REQUEST_FOR_EXEC ? 0 : sd_bus_message_read(m, "s", &agent);
        if (r >= 0 && what != REQUEST_FOR_EXEC && !(q.agent = strdup(agent)))
                r = -ENOMEM;
        if (r >= 0 && what != REQUEST_FOR_CREATE)
                r = read_argv(m, &q.argv, error);
        if (r >= 0)
                r = read_options(m, what, &q, error);
        if (r >= 0)
                r = check_whole(&q, error);
        if (r < 0)
                return r;
        *ret = q;
        q = (SpawnRequest){ .stdio = { -EBADF, -EBADF, -EBADF } };
        return 0;
}
