/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask.h"

#include <poll.h>

#include "cleanup.h"
#include "say.h"
#include "status.h"

DEFINE_CLEANUP(Door *, door_free);

int ask_say_no_connection(int error) {
        switch (-error) {
        case EILSEQ:
                return fail(STATUS_RUN_FAILED, "a word of the command or an option is not UTF-8, and D-Bus "
                                               "carries nothing else");
        case EACCES:
        case EPERM:
                return fail(STATUS_RUN_FAILED, "mxcd does not let you in (%s): is this a sandbox already?",
                                strerror(-error));
        case ECONNRESET:
                return fail(STATUS_RUN_FAILED, "mxcd went away before it answered, and what was asked may "
                                               "not have happened: try again");
        case ECONNABORTED:
                return fail(STATUS_RUN_FAILED, "%s", door_why_aborted(geteuid()));
        case ETIMEDOUT:
                return fail(STATUS_RUN_FAILED, "mxcd lets nobody in, or too many wait there before you; see "
                                               "`systemctl status mxcd.service`, or try again");
        default:
                return fail(STATUS_RUN_FAILED, "cannot reach mxcd: %s; see `systemctl status mxcd.service`",
                                strerror(-error));
        }
}

int ask_say_error(const char *what, const WireMessage *m) {
        WireReader r = m->body;
        const char *sentence = m->signature[0] == 's' ? wire_read_string(&r) : "";
        const char *hint = hint_of_error(m->error, sentence);
        if (!*sentence)
                sentence = m->error;
        if (what)
                say("cannot run %s: %s", what, sentence);
        else
                say("%s", sentence);
        if (hint)
                say("%s", hint);
        return status_of_run_error(m->error);
}

int ask_until_ready(Door *d) {
        int r = door_is_ready(d) ? 0 : door_wait_ready(d, ASK_CONNECT_MSEC);
        return r < 0 ? ask_say_no_connection(r) : 0;
}

int ask_connect(Door **ret) {
        _cleanup_(door_freep) Door *d = NULL;
        int r = door_open(NULL, NULL, ASK_CONNECT_MSEC, &d);
        if (r < 0)
                return ask_say_no_connection(r);
        int status = ask_until_ready(d);
        if (status == 0)
                *ret = TAKE_PTR(d);
        return status;
}

int ask_wait(Door *d, WireWriter *w, uint32_t serial, WireMessage *ret) {
        int r = door_send(d, w);
        while (r >= 0) {
                r = door_receive(d, ret);
                if (r > 0 && ret->reply_serial == serial)
                        return ret->type == WIRE_ERROR ? ask_say_error(NULL, ret) : 0;
                struct pollfd p = { .fd = door_fd(d), .events = POLLIN };
                int n = r == 0 ? poll(&p, 1, door_lets_in(d) ? -1 : ASK_CONNECT_MSEC) : 1;
                if (n == 0 || (n < 0 && errno != EINTR))
                        r = n == 0 ? -ETIMEDOUT : -errno;
        }
        return ask_say_no_connection(r);
}
