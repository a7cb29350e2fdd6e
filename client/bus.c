/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus.h"

#include <stdarg.h>

#include "cleanup.h"
#include "names.h"
#include "polkit-agent.h"
#include "sandbox-name.h"
#include "say.h"
#include "status.h"
#include "terminal.h"
#include "value-read.h"
#include "verb.h"

#define CALL_USEC                                                                                           \
        (UINT64_C(300) * 1000000) /* somebody may have to find a password; Stop waits for a grace period */

int bus_open_quietly(sd_bus **ret) {
        return settings.host ? sd_bus_open_system_remote(ret, settings.host) : sd_bus_open_system(ret);
}

static int say_no_host(int r) {
        return fail(STATUS_TROUBLE,
                        "cannot reach the system bus of %s: %s; does `ssh %s true` work, and is systemd "
                        "there?",
                        settings.host, strerror(-r), settings.host);
}

int bus_open(sd_bus **ret) {
        int r = bus_open_quietly(ret);
        if (r >= 0)
                return 0;
        if (settings.host)
                return say_no_host(r);
        return fail(STATUS_TROUBLE, "cannot reach the system bus: %s; is dbus.service running?",
                        strerror(-r));
}

int bus_not_understood(void) {
        return fail(STATUS_TROUBLE, "mxcd's answer cannot be understood; is it of another version?");
}

static int say_failed(int r, const sd_bus_error *error) {
        const char *name = error->name ? error->name : "",
                   *hint = hint_of_error(name, error->message ? error->message : "");
        if (settings.host && (r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)) /* ssh has said more */
                return say_no_host(r);
        if (error->message && *error->message)
                say("%s", error->message);
        else if (r == -ETIMEDOUT)
                say("mxcd does not answer; see `systemctl status mxcd.service`");
        else
                say("mxcd cannot be asked: %s", *name ? name : strerror(-r));
        if (hint)
                say("%s", hint);
        return strncmp(name, "org.mxc1.", strlen("org.mxc1.")) == 0 ? STATUS_NO : STATUS_TROUBLE;
}

typedef struct Call {
        sd_bus *bus;
        const char *path, *interface, *method;
        bool interactive, may_be_over, as_administrator;
        int (*append)(sd_bus_message *m, void *userdata); /* may be called twice */
        void *userdata;
} Call;

static int call_once(const Call *c, sd_bus_message **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(c->bus, &m, MXC_BUS_NAME, c->path, c->interface, c->method);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, c->interactive);
        if (r >= 0)
                r = c->append(m, c->userdata);
        return r < 0 ? r : sd_bus_call(c->bus, m, CALL_USEC, error, ret);
}

static bool is_over(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, MXC_ERROR_NO_SUCH_SANDBOX) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT);
}

static int call_interactively(Call *c, sd_bus_message **ret, sd_bus_error *error) {
        PolkitAgent agent = { 0 };
        if (!settings.host && terminal_is_ours())
                polkit_agent_start(&agent);
        c->interactive = true;
        int r = call_once(c, ret, error);
        polkit_agent_stop(&agent);
        return r;
}

/* Where mxcd wants an administrator's word it is asked for, once, if there is a terminal to do it on. */
static int call(Call *c, sd_bus_message **ret) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = c->as_administrator && !settings.no_ask_password ? call_interactively(c, ret, &error)
                                                                 : call_once(c, ret, &error);
        if (sd_bus_error_has_name(&error, MXC_ERROR_INTERACTIVE_AUTH) && !settings.no_ask_password) {
                sd_bus_error_free(&error);
                r = call_interactively(c, ret, &error);
        }
        int status = r >= 0 || (c->may_be_over && is_over(&error)) ? 0 : say_failed(r, &error);
        sd_bus_error_free(&error);
        return status;
}

typedef struct Arguments {
        const char *types;
        va_list list;
} Arguments;

static int append_arguments(sd_bus_message *m, void *userdata) {
        Arguments *a = userdata;
        va_list again;
        if (!*a->types)
                return 0;
        va_copy(again, a->list);
        int r = sd_bus_message_appendv(m, a->types, again);
        va_end(again);
        return r;
}

static int read_answer(sd_bus_message *m, json_t **ret) {
        return value_read(m, ret) < 0 ? bus_not_understood() : 0;
}

int bus_call(sd_bus *bus, const char *path, const char *interface, const char *method, sd_bus_message **ret,
                const char *types, ...) {
        Arguments a = { .types = types };
        Call c = { bus, path, interface, method, .append = append_arguments, .userdata = &a };
        va_start(a.list, types);
        int status = call(&c, ret);
        va_end(a.list);
        return status;
}

int bus_call_json(sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret,
                const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Arguments a = { .types = types };
        Call c = { bus, path, interface, method, .append = append_arguments, .userdata = &a };
        va_start(a.list, types);
        int status = call(&c, &m);
        va_end(a.list);
        return status != 0 ? status : read_answer(m, ret);
}

int bus_call_while_there(sd_bus *bus, const char *path, const char *method, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Arguments a = { .types = "" };
        Call c = { bus, path, MXC_IFACE_SANDBOX, method, .may_be_over = true, .append = append_arguments,
                .userdata = &a };
        int status = call(&c, &m);
        *ret = NULL;
        return status != 0 || !m ? status : read_answer(m, ret);
}

int bus_call_json_as_administrator(
                sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Arguments a = { .types = "" };
        Call c = { bus, path, interface, method, .as_administrator = true, .append = append_arguments,
                .userdata = &a };
        int status = call(&c, &m);
        return status != 0 ? status : read_answer(m, ret);
}

typedef struct TextsAndOptions {
        const char *const *texts;
        const BusOption *options;
        size_t n_options;
} TextsAndOptions;

static int append_texts_and_options(sd_bus_message *m, void *userdata) {
        const TextsAndOptions *a = userdata;
        int r = 0;
        for (size_t i = 0; r >= 0 && a->texts[i]; i++)
                r = sd_bus_message_append(m, "s", a->texts[i]);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < a->n_options; i++) {
                const BusOption *o = &a->options[i];
                r = o->type == 'q'   ? sd_bus_message_append(m, "{sv}", o->key, "q", (uint16_t)o->number)
                    : o->type == 't' ? sd_bus_message_append(m, "{sv}", o->key, "t", o->number)
                                     : sd_bus_message_append(m, "{sv}", o->key, "s", o->text);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_call_options(sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret,
                const char *const *texts, const BusOption *options, size_t n_options) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        TextsAndOptions a = { texts, options, n_options };
        Call c = { bus, path, interface, method, .append = append_texts_and_options, .userdata = &a };
        int status = call(&c, &m);
        return status != 0 ? status : read_answer(m, ret);
}

int bus_properties(sd_bus *bus, const char *path, const char *interface, json_t **ret) {
        return bus_call_json(bus, path, "org.freedesktop.DBus.Properties", "GetAll", ret, "s", interface);
}

int bus_agent_path(const char *name, char **ret) {
        int r = sd_bus_path_encode(MXC_AGENT_PATH_PREFIX, name, ret);
        return r < 0 ? fail(STATUS_TROUBLE, "%s: %s", name, strerror(-r)) : 0;
}

int bus_sandbox_path(sd_bus *bus, const char *text, char **ret) {
        *ret = sandbox_path_of(text);
        if (*ret)
                return 0;
        json_auto_t *list = NULL;
        int status = bus_call_json(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "ListSandboxes", &list, "");
        if (status != 0)
                return status;
        SandboxSearch s = { .text = text };
        size_t i;
        json_t *row;
        json_array_foreach(list, i, row) {
                const char *path = json_string_value(json_array_get(row, 0));
                if (path)
                        sandbox_search(&s, path);
        }
        return sandbox_search_end(&s, STATUS_NO, ret);
}
