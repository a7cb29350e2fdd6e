/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include <fcntl.h>

#include "ask.h"
#include "cleanup.h"
#include "document.h"
#include "json-indent.h"
#include "names.h"
#include "say.h"
#include "session.h"
#include "status.h"
#include "value.h"

DEFINE_CLEANUP(Door *, door_free);

enum {
        RUN_AGENT = COMMAND_OPTIONS,
        RUN_POLICY,
        RUN_WORKSPACE,
        RUN_TIMEOUT,
        RUN_CLAMP,
        RUN_LABEL,
        RUN_CONTAINMENT,
        RUN_DRY_RUN
};

static const Option options[] = {
        { RUN_AGENT, 'a', "agent", "NAME", "Run as this agent (default: your own, user-UID)" },
        { RUN_POLICY, 'p', "policy", "NAME|FILE", "Under this policy, as far as the agent's own allows it" },
        { RUN_WORKSPACE, 'w', "workspace", "DIR", "The directory to work in (default: the current one)" },
        { RUN_TIMEOUT, '\0', "timeout", "SPAN", "End it when it has run that long: 90s, 10min, 2h" },
        { RUN_CLAMP, '\0', "clamp", NULL, "Cut a policy that asks for too much down to what is allowed" },
        { RUN_LABEL, '\0', "label", "KEY=VALUE", "Note this with the sandbox and in the audit" },
        { RUN_CONTAINMENT, '\0', "containment", "TIER", "Accept no weaker wall than this" },
        { RUN_DRY_RUN, '\0', "dry-run", NULL,
                        "Print what would be decided and done, as JSON, and do nothing" },
        { 0 },
};

bool policy_is_file(const char *policy) {
        size_t n = strlen(policy);
        return strchr(policy, '/') || streq(policy, "-") || (n > 5 && streq(policy + n - 5, ".json"));
}

static int take_timeout(const Verb *v, RunOptions *run, const char *value) {
        uint64_t usec;
        if (parse_timespan(value, &usec) < 0 || usec == 0)
                return verb_misused(
                                v, "--timeout=%s: it is a span of time, as in 90s, 10min or 1h30min", value);
        run->timeout = usec == VALUE_INFINITY ? 0 : usec;
        if (run->timeout > LIMIT_TIMEOUT_USEC)
                return verb_misused(v, "--timeout=%s: 30 days is the longest", value);
        return 0;
}

static int take_label(const Verb *v, RunOptions *run, const char *value) {
        if (*value == '=' || !strchr(value, '='))
                return verb_misused(v, "--label=%s: it is KEY=VALUE", value);
        if (run->n_labels == LIMIT_LABELS)
                return verb_misused(v, "--label is given more than %u times", LIMIT_LABELS);
        run->labels[run->n_labels++] = value;
        return 0;
}

static int take_option(const Verb *v, RunOptions *run, int id, const char *value) {
        switch (id) {
        case RUN_AGENT:
                run->agent = value;
                break;
        case RUN_POLICY:
                run->policy = value;
                break;
        case RUN_WORKSPACE:
                run->workspace = value;
                break;
        case RUN_TIMEOUT:
                return take_timeout(v, run, value);
        case RUN_CLAMP:
                run->clamp = true;
                break;
        case RUN_LABEL:
                return take_label(v, run, value);
        case RUN_CONTAINMENT:
                run->containment = value;
                break;
        case RUN_DRY_RUN:
                run->dry_run = true;
                break;
        default:
                return command_option(v, &run->command, id, value);
        }
        return 0;
}

int run_options_parse(const Verb *v, Options *o, RunOptions *ret, int *ret_status) {
        RunOptions run = { .agent = "" };
        int id;
        while ((id = verb_next(v, o, ret_status)) > 0) {
                int status = take_option(v, &run, id, o->value);
                if (status != 0) {
                        *ret_status = status;
                        return -EINVAL;
                }
        }
        if (id < 0)
                return id;
        if (o->n_words == 0) {
                *ret_status = verb_misused(v, "no command; write it after --");
                return -EINVAL;
        }
        run.command.argv = o->argv;
        *ret = run;
        return 0;
}

int workspace_resolve(const char *dir, char **ret) {
        char *path = realpath(dir ? dir : ".", NULL);
        if (!path)
                return -errno;
        *ret = path;
        return 0;
}

const char *cwd_within(const char *workspace, const char *directory) {
        size_t n = strlen(workspace);
        if (n == 1)
                n = 0; /* everything is below "/" */
        return strncmp(workspace, directory, n) == 0 && directory[n] == '/' && directory[n + 1] ? directory
                                                                                                : NULL;
}

/* What Spawn and Plan are given. */
typedef struct Spawn {
        RunOptions run;
        char *policy; /* a name, or a document */
        char *workspace, *here;
        const char **env;
} Spawn;

static void spawn_clear(Spawn *s) {
        free(s->policy);
        free(s->workspace);
        free(s->here);
        free(s->env);
}

static void write_labels(const RunOptions *run, WireWriter *w) {
        wire_entry(w, "labels", "a{ss}");
        WireArray labels = wire_array(w, 8);
        for (size_t i = 0; i < run->n_labels; i++) {
                size_t n = strcspn(run->labels[i], "=");
                wire_pair(w, run->labels[i], n, run->labels[i] + n + 1);
        }
        wire_array_end(w, labels);
}

static void write_option(WireWriter *w, const char *key, const char *value) {
        if (!value)
                return;
        wire_entry(w, key, "s");
        wire_string(w, value);
}

static uint32_t write_call(Door *d, WireWriter *w, const char *member, uint8_t flags, const Channels *c,
                const Spawn *s) {
        const RunOptions *run = &s->run;
        uint32_t serial = door_begin(d, w,
                        &(DoorCall){ .path = MXC_BUS_PATH,
                                        .interface = MXC_IFACE_MANAGER,
                                        .member = member,
                                        .signature = "sasa{sv}",
                                        .flags = flags,
                                        .n_fds = command_n_fds(c) });
        wire_string(w, run->agent);
        wire_strings(w, (const char *const *)run->command.argv);
        WireArray options_array = wire_array(w, 8);
        write_option(w, "policy", s->policy);
        write_option(w, "workspace", s->workspace);
        write_option(w, "containment", run->containment);
        command_write(&run->command, s->env, c, w);
        if (run->timeout > 0) {
                wire_entry(w, "timeout", "t");
                wire_u64(w, run->timeout);
        }
        if (run->clamp) {
                wire_entry(w, "clamp", "b");
                wire_bool(w, true);
        }
        if (run->n_labels > 0)
                write_labels(run, w);
        wire_array_end(w, options_array);
        return serial;
}

static uint32_t request(Door *d, WireWriter *w, uint8_t flags, const Channels *c, const void *userdata) {
        return write_call(d, w, "Spawn", flags, c, userdata);
}

static void answer(WireReader *r, const void *userdata, const char **ret_path, uint32_t *ret_exec) {
        *ret_path = wire_read_string(r);
        *ret_exec = 0;
}

static int dry_run(Door *d, const Spawn *s) {
        static const Channels none = { .give = { -EBADF, -EBADF, -EBADF } };
        WireWriter w;
        WireMessage m;
        uint32_t serial = write_call(d, &w, "Plan", 0, &none, s);
        int status = ask_wait(d, &w, serial, &m);
        if (status != 0)
                return status;
        const char *answer = wire_read_string(&m.body);
        _cleanup_free_ char *text = settings.json == JSON_SHORT ? json_short(answer) : json_indent(answer);
        if (!text || m.body.failed)
                return fail(STATUS_RUN_FAILED,
                                "mxcd's answer cannot be understood; is it of another version?");
        if (puts(text) < 0 || fflush(stdout) != 0)
                return fail(STATUS_RUN_FAILED, "cannot write the output: %s", strerror(errno));
        return STATUS_OK;
}

/* Everything of the request that needs a look at this machine. 0, or a status with the reason printed. */
static int spawn_prepare(Spawn *s, char *const *environment) {
        const RunOptions *run = &s->run;
        int r = workspace_resolve(run->workspace, &s->workspace);
        if (r < 0)
                return fail(STATUS_RUN_FAILED, "cannot find the workspace %s: %s",
                                run->workspace ? run->workspace : "(the current directory)", strerror(-r));
        if (!run->command.cwd && workspace_resolve(NULL, &s->here) == 0)
                s->run.command.cwd = cwd_within(s->workspace,
                                s->here); /* the workspace itself is where mxcd begins anyway */
        if (run->policy && policy_is_file(run->policy)) {
                if (document_read_policy(run->policy, &s->policy) < 0)
                        return STATUS_RUN_FAILED;
        } else if (run->policy)
                s->policy = strdup(run->policy);
        size_t left_out;
        if ((run->policy && !s->policy) ||
                        command_environment(&run->command, environment, &s->env, &left_out) < 0)
                return fail(STATUS_RUN_FAILED, "out of memory");
        command_say_left_out(&run->command, environment, left_out);
        return 0;
}

static int run_command(const Verb *v, Options *o) {
        _cleanup_(spawn_clear) Spawn s = { 0 };
        _cleanup_(door_freep) Door *d = NULL;
        int status;
        if (run_options_parse(v, o, &s.run, &status) < 0)
                return status;
        if (settings.host)
                return fail(STATUS_RUN_FAILED, "run works on this machine only; use ssh %s mxcctl run …",
                                settings.host);
        int connecting = door_open(NULL, NULL, ASK_CONNECT_MSEC,
                        &d); /* mxcd lets us in while the request is prepared */
        status = spawn_prepare(&s, environ);
        if (status == 0)
                status = connecting < 0 ? ask_say_no_connection(connecting) : ask_until_ready(d);
        if (status != 0)
                return status;
        if (s.run.dry_run)
                return dry_run(d, &s);
        return session_run(TAKE_PTR(d), &(SessionCall){ .request = request,
                                                        .answer = answer,
                                                        .userdata = &s,
                                                        .what = s.run.command.argv[0],
                                                        .pty = s.run.command.pty,
                                                        .ask_password = !settings.no_ask_password,
                                                        .json = settings.json });
}

const Verb verb_run_command = {
        .name = "run",
        .arguments = "[--] COMMAND…",
        .summary = "Run a command for an agent, confined, and exit as it does",
        .details = "Without --agent it is your own default agent, without --policy that agent's policy. On "
                   "a terminal\n"
                   "the command has a terminal of its own; otherwise it has your standard input, output and "
                   "error.",
        .options = options,
        .more_options = command_options,
        .takes = VERB_ASKS | VERB_RUNS,
        .in_order = true,
        .trouble = STATUS_RUN_FAILED,
        .run = run_command,
};
