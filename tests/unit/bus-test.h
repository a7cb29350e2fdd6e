/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A system bus for one: what the daemon asks of it is answered by the test, over a socket pair, in one event loop. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct TestBus {
        sd_event *event;
        sd_bus *client; /* the daemon's connection */
        sd_bus *server; /* the other end */
} TestBus;

/* answer is called for every method call; it replies, now or later, or not. */
void test_bus_open(TestBus *b, sd_bus_message_handler_t answer, void *userdata);
void test_bus_close(TestBus *b);

/* Runs the loop until *done is not 0; fails the test where nothing more happens. */
void test_bus_run(TestBus *b, const int *done);
/* Until everything that was sent has been handled on both ends. */
void test_bus_settle(TestBus *b);

/* From somebody of the bus to the daemon. */
void test_bus_signal(TestBus *b, const char *sender, const char *path, const char *interface, const char *member,
                const char *types, ...);
