/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-egress: the way of one sandbox to the network. Begun by mxc-launch, with nothing but the descriptors of egress-net.h. */

#include <signal.h>

#include "cleanup.h"
#include "egress.h"
#include "log.h"
#include "promise.h"
#include "reports.h"

DEFINE_CLEANUP(Egress *, egress_free);

static int say_hello(Egress *e) {
        EgressReport hello = { .kind = EGRESS_HELLO, .verdict = VERDICT_ALLOW, .count = 1 };
        return report_send(e, &hello);
}

int main(int argc, char **argv) {
        _cleanup_(egress_freep) Egress *e = NULL;
        (void)signal(SIGPIPE, SIG_IGN);
        int r = promise_check();
        if (r < 0) {
                log_error("mxc-egress is begun by mxc-launch, as nobody in particular; see mxc-egress(8).");
                return EXIT_FAILURE;
        }
        r = egress_new(&e);
        if (r == 0)
                r = promise_keep();
        if (r == 0)
                r = say_hello(e);
        if (r == 0)
                r = sd_event_loop(e->event);
        if (r < 0)
                log_error("The relay cannot go on: %s", strerror(-r));
        return r < 0 ? EXIT_FAILURE : r;
}
