/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kill, freeze, thaw and stop: what is done to sandboxes. Each of several is tried, whatever becomes of the others. */

#include <signal.h>
#include <strings.h>

#include "bus.h"
#include "control.h"
#include "names.h"
#include "nouns.h"
#include "say.h"
#include "signal-name.h"
#include "status.h"

enum { KILL_SIGNAL = 1, KILL_WHOM };

const Option kill_options[] = {
        { KILL_SIGNAL, 's', "signal", "SIGNAL", "Send this signal (default: KILL, which ends all of it)" },
        { KILL_WHOM, '\0', "whom", "WHOM",
                        "To all processes, to main, the command, or to exec:N (default: all)" },
        { 0 },
};

int signal_parse(const char *s) {
        const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
        int number = 0;
        size_t digits = strspn(s, "0123456789");
        if (digits > 0 && digits <= 2 && !s[digits]) {
                for (; *s; s++)
                        number = 10 * number + (*s - '0');
                return number > 0 && number <= SIGRTMAX ? number : -EINVAL;
        }
        for (number = 1; number < SIGRTMIN; number++) {
                const char *known = signal_name(number);
                if (known && strcasecmp(known, name) == 0)
                        return number;
        }
        return -EINVAL;
}

/* Calls what has no arguments, or kills, on each. */
static int act(Options *o, const char *method, const char *whom, int number) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int status = bus_open(&bus), worst = status;
        for (size_t i = 0; status == 0 && i < o->n_words; i++) {
                _cleanup_free_ char *path = NULL;
                int one = bus_sandbox_path(bus, o->argv[i], &path);
                if (one == 0 && whom)
                        one = bus_call(bus, path, MXC_IFACE_SANDBOX, method, NULL, "si", whom, number);
                else if (one == 0)
                        one = bus_call(bus, path, MXC_IFACE_SANDBOX, method, NULL, "");
                if (one != 0 && o->n_words > 1)
                        say("that was %s", o->argv[i]);
                worst = one > worst ? one : worst;
        }
        return worst;
}

int kill_sandboxes(const Verb *v, Options *o) {
        int number = SIGKILL, id, status;
        const char *whom = "all";
        while ((id = verb_next(v, o, &status)) > 0)
                if (id == KILL_WHOM)
                        whom = o->value;
                else {
                        number = signal_parse(o->value);
                        if (number < 0)
                                return verb_misused(v, "--signal=%s: there is no such signal", o->value);
                }
        if (id < 0)
                return status;
        if (o->n_words == 0)
                return verb_misused(v, "which sandbox?");
        return act(o, "Kill", whom, number);
}

static int act_plainly(const Verb *v, Options *o, const char *method) {
        int status;
        return verb_words(v, o, 1, SIZE_MAX, &status) < 0 ? status : act(o, method, NULL, 0);
}

int freeze_sandboxes(const Verb *v, Options *o) {
        return act_plainly(v, o, "Freeze");
}

int thaw_sandboxes(const Verb *v, Options *o) {
        return act_plainly(v, o, "Thaw");
}

int stop_sandboxes(const Verb *v, Options *o) {
        return act_plainly(v, o, "Stop");
}
