/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exec.h"

#include "ask.h"
#include "cleanup.h"
#include "command.h"
#include "names.h"
#include "sandbox-name.h"
#include "say.h"
#include "session.h"
#include "status.h"

DEFINE_CLEANUP(Door *, door_free);

typedef struct Exec {
        Command command;
        char *path;
        const char **env;
} Exec;

static void exec_clear(Exec *e) {
        free(e->path);
        free(e->env);
}

static uint32_t request(Door *d, WireWriter *w, uint8_t flags, const Channels *c, const void *userdata) {
        const Exec *e = userdata;
        uint32_t serial = door_begin(d, w,
                        &(DoorCall){ .path = e->path,
                                        .interface = MXC_IFACE_SANDBOX,
                                        .member = "Exec",
                                        .signature = "asa{sv}",
                                        .flags = flags,
                                        .n_fds = command_n_fds(c) });
        wire_strings(w, (const char *const *)e->command.argv);
        WireArray options_array = wire_array(w, 8);
        command_write(&e->command, e->env, c, w);
        wire_array_end(w, options_array);
        return serial;
}

static void answer(WireReader *r, const void *userdata, const char **ret_path, uint32_t *ret_exec) {
        const Exec *e = userdata;
        *ret_path = e->path;
        *ret_exec = wire_read_u32(r);
}

/* Among the sandboxes that the caller may see. */
static int search(Door *d, const char *text, char **ret) {
        WireWriter w;
        WireMessage m;
        uint32_t serial = door_begin(d, &w,
                        &(DoorCall){ .path = MXC_BUS_PATH,
                                        .interface = MXC_IFACE_MANAGER,
                                        .member = "ListSandboxes",
                                        .signature = "" });
        int status = ask_wait(d, &w, serial, &m);
        if (status != 0)
                return status;
        SandboxSearch s = { .text = text };
        WireReader *r = &m.body;
        for (size_t stop = wire_read_array(r, 8); wire_more(r, stop);) {
                wire_align(r, 8);
                const char *path = wire_read_string(r), *rest = "a{sv}";
                wire_skip(r, &rest);
                sandbox_search(&s, path);
        }
        if (!r->failed)
                return sandbox_search_end(&s, STATUS_RUN_FAILED, ret);
        free(s.found);
        return fail(STATUS_RUN_FAILED, "mxcd's answer cannot be understood; is it of another version?");
}

static int exec_options_parse(
                const Verb *v, Options *o, Command *ret, const char **ret_sandbox, int *ret_status) {
        int id;
        *ret = (Command){ 0 };
        while ((id = verb_next(v, o, ret_status)) > 0) {
                int status = command_option(v, ret, id, o->value);
                if (status != 0) {
                        *ret_status = status;
                        return -EINVAL;
                }
        }
        if (id < 0)
                return id;
        size_t command = o->n_words > 1 && streq(o->argv[1], "--") ? 2 : 1;
        if (o->n_words <= command) {
                *ret_status = verb_misused(v, o->n_words == 0 ? "no sandbox, and no command"
                                                              : "no command; write it after --");
                return -EINVAL;
        }
        *ret_sandbox = o->argv[0];
        ret->argv = o->argv + command;
        return 0;
}

static int exec_command(const Verb *v, Options *o) {
        _cleanup_(exec_clear) Exec e = { 0 };
        _cleanup_(door_freep) Door *d = NULL;
        const char *sandbox;
        size_t left_out;
        int status;
        if (exec_options_parse(v, o, &e.command, &sandbox, &status) < 0)
                return status;
        if (settings.host)
                return fail(STATUS_RUN_FAILED, "exec works on this machine only; use ssh %s mxcctl exec …",
                                settings.host);
        status = ask_connect(&d);
        e.path = sandbox_path_of(sandbox);
        if (status == 0 && !e.path)
                status = search(d, sandbox, &e.path);
        if (status != 0)
                return status;
        if (command_environment(&e.command, environ, &e.env, &left_out) < 0)
                return fail(STATUS_RUN_FAILED, "out of memory");
        command_say_left_out(&e.command, environ, left_out);
        return session_run(TAKE_PTR(d), &(SessionCall){ .request = request,
                                                        .answer = answer,
                                                        .userdata = &e,
                                                        .what = e.command.argv[0],
                                                        .pty = e.command.pty,
                                                        .ask_password = !settings.no_ask_password,
                                                        .json = settings.json });
}

const Verb verb_exec_command = {
        .name = "exec",
        .arguments = "SANDBOX [--] COMMAND…",
        .summary = "Run a further command in a sandbox, and exit as it does",
        .details = "The sandbox is named by its id, or by the beginning of it. Its policy holds for this "
                   "command too.",
        .options = command_options,
        .takes = VERB_ASKS | VERB_RUNS,
        .in_order = true,
        .trouble = STATUS_RUN_FAILED,
        .run = exec_command,
};
