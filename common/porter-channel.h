/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What mxcd says to mxc-porter, over a SOCK_SEQPACKET socket that root alone can connect to: one message of one byte, a PorterJob, for each
 * connection that somebody has to stand at, with its descriptors in this order, and behind them the end of a pipe: until that is at its end mxcd has
 * outside, too, and a porter who ended before would leave it to mxcd to close what lies in there. There are no answers: of what is sent the porter is the owner, and that a
 * connection is over is seen at its inside. */

#include <stdint.h>

typedef enum PorterJob {
        PORTER_VISITOR = 'v', /* outside, inside, budget, life: who came to the second door. It is greeted, and what it says is passed on, message by
                               * message. budget: a memfd of PorterBudget, the same for all connections of one uid. life: the end of a pipe
                               * that is held until the porter is no more: he may be kept waiting when the connection is long over */
        PORTER_BUS = 'b',     /* outside, inside: the system bus, connected to by mxcd and not greeted yet */
        PORTER_AWAY = 'a',    /* outside: who is not let in */
} PorterJob;

#define PORTER_MAX_FDS 5U

/* Shared between the porters of one uid's connections. */
typedef struct PorterBudget {
        uint64_t held; /* bytes of messages that are not whole; atomic */
} PorterBudget;
