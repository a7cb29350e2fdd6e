/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifecycle-bus.h"

#include <jansson.h>

#include "cleanup.h"
#include "cut.h"
#include "names.h"

#define CALL_USEC (UINT64_C(90) * 1000000) /* a scope may have to be started, a command given its grace */

/* What mxcd says to it, or what keeps it from being asked: error holds it where it came as a message. */
static int refuse(int r, const char *method, const sd_bus_error *e, MxcError *error) {
        if (r == -ENOMEM)
                return r;
        r = mxc_refuse(error, mxc_status_of(e->name ? e->name : ""), "%s",
                        e->message ? e->message : strerror(-r));
        if (r != -EINVAL || !error || error->native_code)
                return r;
        error->operation = strdup(method);
        error->native_code = strdup(e->name ? e->name : "");
        return error->operation && error->native_code ? -EINVAL : -ENOMEM;
}

static int not_understood(MxcError *error) {
        return mxc_refuse(error, MXC_BACKEND_ERROR,
                        "mxcd's answer cannot be understood; is it of another version?");
}

int lifecycle_bus_open(sd_bus **ret, MxcError *error) {
        int r = sd_bus_open_system(ret);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(*ret, CALL_USEC);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? mxc_refuse(error, MXC_BACKEND_UNAVAILABLE,
                                       "cannot reach the system bus, and mxcd there: %s", strerror(-r))
                     : 0;
}

int lifecycle_agent_register(sd_bus *bus, const char *agent, const char *description, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        json_auto_t *document = json_pack(
                        "{s:s, s:s, s:s}", "name", agent, "policy", "workspace", "description", description);
        _cleanup_free_ char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        int r = sd_bus_call_method(bus, MXC_BUS_NAME, MXC_BUS_PATH, MXC_IFACE_MANAGER, "RegisterAgent", &e,
                        NULL, "s", text);
        return r < 0 ? refuse(r, MXC_IFACE_MANAGER ".RegisterAgent", &e, error) : 0;
}

int lifecycle_agent_revoke(sd_bus *bus, const char *agent, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, MXC_BUS_NAME, MXC_BUS_PATH, MXC_IFACE_MANAGER, "RevokeAgent", &e,
                        NULL, "ss", agent, "deprovisioned");
        return r < 0 ? refuse(r, MXC_IFACE_MANAGER ".RevokeAgent", &e, error) : 0;
}

int lifecycle_agent_is(sd_bus *bus, const char *agent, bool *ret, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *state = NULL;
        int r = sd_bus_path_encode(MXC_BUS_PATH "/agent", agent, &path);
        if (r < 0)
                return r;
        r = sd_bus_get_property_string(bus, MXC_BUS_NAME, path, MXC_IFACE_AGENT, "State", &e, &state);
        if (r < 0 && !sd_bus_error_has_name(&e, MXC_ERROR_NO_SUCH_AGENT) &&
                        !sd_bus_error_has_name(&e, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return refuse(r, MXC_IFACE_AGENT ".State", &e, error);
        *ret = r >= 0 && !streq(state, "revoked");
        return 0;
}

/* One of ListSandboxes: whether it is of that agent and has not ended. */
static int read_sandbox(sd_bus_message *m, const char *agent, bool *ret) {
        bool ours = false, over = false;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key, *value;
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0 && (streq(key, "Agent") || streq(key, "State"))) {
                        r = sd_bus_message_read(m, "v", "s", &value);
                        if (r >= 0 && streq(key, "Agent"))
                                ours = streq(value, agent);
                        else if (r >= 0)
                                over = streq(value, "exited");
                } else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        *ret = ours && !over;
        return r;
}

int lifecycle_sandbox_of(sd_bus *bus, const char *agent, char **ret, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_call_method(
                        bus, MXC_BUS_NAME, MXC_BUS_PATH, MXC_IFACE_MANAGER, "ListSandboxes", &e, &m, "");
        if (r < 0)
                return refuse(r, MXC_IFACE_MANAGER ".ListSandboxes", &e, error);
        _cleanup_free_ char *found = NULL;
        r = sd_bus_message_enter_container(m, 'a', "(oa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "oa{sv}")) > 0) {
                const char *path;
                bool is;
                r = sd_bus_message_read(m, "o", &path);
                if (r >= 0)
                        r = read_sandbox(m, agent, &is);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r >= 0 && is && !found && !(found = strdup(path)))
                        return -ENOMEM;
        }
        if (r < 0)
                return r == -ENOMEM ? r : not_understood(error);
        *ret = TAKE_PTR(found);
        return 0;
}

static int read_cut(sd_bus_message *m, const MxcRequest *request, MxcStrings *ret) {
        MxcCut rows[MXC_CUT_ROWS_MAX], row;
        size_t n = 0;
        int r = sd_bus_message_enter_container(m, 'v', "a(ssss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ssss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssss)", &row.field, &row.asked, &row.held, &row.by)) >
                                         0)
                if (n < ELEMENTSOF(rows))
                        rows[n++] = row;
        if (r >= 0)
                r = mxc_cut_say(request, rows, n, ret);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

/* The answer of CreateSandbox. */
static int read_created(sd_bus_message *m, const MxcRequest *request, MxcStrings *ret) {
        int r = sd_bus_message_skip(m, "o");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key;
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = streq(key, "cut") ? read_cut(m, request, ret) : sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int append_needs(sd_bus_message *m, const MxcRequest *request) {
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "needs");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(ssu)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ssu)");
        for (size_t i = 0; i < request->n_needs && r >= 0; i++)
                r = sd_bus_message_append(m, "(ssu)", request->needs[i].action, request->needs[i].target,
                                (uint32_t)request->needs[i].port);
        for (size_t i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int refuse_create(int r, const sd_bus_error *e, const MxcRequest *request, MxcError *error) {
        const MxcNeed *need = sd_bus_error_has_name(e, MXC_ERROR_DENIED) && e->message
                                              ? mxc_cut_need(request, e->message)
                                              : NULL;
        _cleanup_free_ char *sentence = NULL;
        if (need && asprintf(&sentence, "%s: %s", need->said, e->message) < 0) {
                sentence = NULL;
                return -ENOMEM;
        }
        const sd_bus_error told = { .name = e->name, .message = sentence ? sentence : e->message };
        return refuse(r, MXC_IFACE_MANAGER ".CreateSandbox", &told, error);
}

int lifecycle_sandbox_create(
                sd_bus *bus, const LifecycleCreate *create, MxcStrings *ret_cut, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r = sd_bus_message_new_method_call(
                        bus, &m, MXC_BUS_NAME, MXC_BUS_PATH, MXC_IFACE_MANAGER, "CreateSandbox");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", create->agent);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}", "policy", "s", create->policy, "clamp", "b", 1,
                                "labels", "a{ss}", 1, "mxc", create->id);
        if (r >= 0 && create->workspace)
                r = sd_bus_message_append(m, "{sv}", "workspace", "s", create->workspace);
        if (r >= 0)
                r = append_needs(m, create->request);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call(bus, m, CALL_USEC, &e, &reply);
        if (r < 0)
                return refuse_create(r, &e, create->request, error);
        return read_created(reply, create->request, ret_cut) == -ENOMEM
                               ? -ENOMEM
                               : 0; /* it runs, whatever is not understood */
}

int lifecycle_sandbox_stop(sd_bus *bus, const char *path, MxcError *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, MXC_BUS_NAME, path, MXC_IFACE_SANDBOX, "Stop", &e, NULL, "");
        if (r < 0 && sd_bus_error_has_name(&e, MXC_ERROR_NO_SUCH_SANDBOX))
                return 0;
        return r < 0 ? refuse(r, MXC_IFACE_SANDBOX ".Stop", &e, error) : 0;
}
