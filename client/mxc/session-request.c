/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-request.h"

#include "cut.h"
#include "names.h"

static void write_text(WireWriter *w, const char *key, const char *value) {
        wire_entry(w, key, "s");
        wire_string(w, value);
}

static void write_number(WireWriter *w, const char *key, uint32_t value) {
        wire_entry(w, key, "u");
        wire_u32(w, value);
}

static void write_stdio(WireWriter *w, const MxcSpawn *spawn) {
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        for (size_t i = 0; i < ELEMENTSOF(names) && !spawn->pty; i++)
                if (spawn->stdio[i] >= 0) {
                        wire_entry(w, names[i], "h");
                        wire_fd(w, spawn->stdio[i]);
                }
        if (!spawn->pty)
                return;
        wire_entry(w, "pty", "b");
        wire_bool(w, true);
        if (spawn->rows > 0 && spawn->columns > 0) {
                write_number(w, "rows", spawn->rows);
                write_number(w, "columns", spawn->columns);
        }
}

static void write_needs(WireWriter *w, const MxcRequest *request) {
        wire_entry(w, "needs", "a(ssu)");
        WireArray all = wire_array(w, 8);
        for (size_t i = 0; i < request->n_needs; i++) {
                wire_struct(w);
                wire_string(w, request->needs[i].action);
                wire_string(w, request->needs[i].target);
                wire_u32(w, request->needs[i].port);
        }
        wire_array_end(w, all);
}

uint32_t session_write_request(Door *d, WireWriter *w, const MxcRequest *request, const MxcSpawn *spawn) {
        uint32_t n_fds = 0;
        for (size_t i = 0; i < ELEMENTSOF(spawn->stdio) && !spawn->pty; i++)
                n_fds += spawn->stdio[i] >= 0;
        uint32_t serial = door_begin(d, w,
                        &(DoorCall){ .path = spawn->sandbox ? spawn->sandbox : MXC_BUS_PATH,
                                        .interface = spawn->sandbox ? MXC_IFACE_SANDBOX : MXC_IFACE_MANAGER,
                                        .member = spawn->sandbox ? "Exec" : "Spawn",
                                        .signature = spawn->sandbox ? "asa{sv}" : "sasa{sv}",
                                        .n_fds = n_fds });
        if (!spawn->sandbox)
                wire_string(w, spawn->agent ? spawn->agent : "");
        wire_strings(w, (const char *const *)request->argv);
        WireArray options = wire_array(w, 8);
        if (request->env) {
                wire_entry(w, "env", "as");
                wire_strings(w, (const char *const *)request->env);
        }
        if (request->cwd)
                write_text(w, "cwd", request->cwd);
        if (!spawn->sandbox) {
                write_text(w, "policy", request->policy);
                wire_entry(w, "clamp", "b");
                wire_bool(w, true);
                write_needs(w, request);
        }
        if (!spawn->sandbox && request->timeout_usec > 0) {
                wire_entry(w, "timeout", "t");
                wire_u64(w, request->timeout_usec);
        }
        wire_entry(w, "tie", "b");
        wire_bool(w, true);
        write_stdio(w, spawn);
        wire_array_end(w, options);
        return serial;
}

/* ---- why not ---- */

int session_refuse_connection(int error, MxcError *e) {
        switch (-error) {
        case EILSEQ:
                return mxc_refuse(e, MXC_MALFORMED_REQUEST,
                                "a word of the command or of its environment is not UTF-8");
        case E2BIG:
                return mxc_refuse(e, MXC_MALFORMED_REQUEST, "the request is larger than a message may be");
        case EACCES:
        case EPERM:
                return mxc_refuse(e, MXC_BACKEND_UNAVAILABLE,
                                "mxcd does not let you in (%s): is this a sandbox already?",
                                strerror(-error));
        case ECONNRESET:
                return mxc_refuse(e, MXC_BACKEND_ERROR,
                                "mxcd went away before it answered, and what was asked may not have "
                                "happened: try again");
        case ECONNABORTED:
                return mxc_refuse(e, MXC_BACKEND_UNAVAILABLE, "%s", door_why_aborted(geteuid()));
        case ETIMEDOUT:
                return mxc_refuse(e, MXC_BACKEND_UNAVAILABLE,
                                "mxcd lets nobody in, or too many wait there before you; see `systemctl "
                                "status mxcd.service`, or try again");
        default:
                return mxc_refuse(e, MXC_BACKEND_UNAVAILABLE,
                                "cannot reach mxcd: %s; see `systemctl status mxcd.service`",
                                strerror(-error));
        }
}

int session_refuse_answer(
                const WireMessage *m, const MxcRequest *request, const MxcSpawn *spawn, MxcError *e) {
        WireReader r = m->body;
        const char *said = m->signature[0] == 's' ? wire_read_string(&r) : "";
        _cleanup_free_ char *sentence = mxc_escape(said);
        if (!sentence)
                return -ENOMEM;
        const MxcNeed *need = spawn->sandbox || !streq(m->error, MXC_ERROR_DENIED)
                                              ? NULL
                                              : mxc_cut_need(request, said);
        int err = mxc_refuse(e, mxc_status_of(m->error), "%s%s%s", need ? need->said : "", need ? ": " : "",
                        *sentence ? sentence : m->error);
        if (err != -EINVAL || !e || e->native_code)
                return err;
        e->native_code = strdup(m->error);
        e->operation = strdup(spawn->sandbox ? MXC_IFACE_SANDBOX ".Exec" : MXC_IFACE_MANAGER ".Spawn");
        return e->native_code && e->operation ? -EINVAL : -ENOMEM;
}
