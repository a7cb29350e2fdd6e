/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-test.h"

#include <check.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

void test_bus_open(TestBus *b, sd_bus_message_handler_t answer, void *userdata) {
        int ends[2];
        *b = (TestBus){ 0 };
        ck_assert_int_ge(sd_event_new(&b->event), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        ck_assert_int_ge(sd_bus_new(&b->server), 0);
        ck_assert_int_ge(sd_bus_set_fd(b->server, ends[0], ends[0]), 0);
        ck_assert_int_ge(sd_bus_set_server(b->server, 1,
                                         SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d,
                                                         0e, 0f, 10)),
                        0);
        ck_assert_int_ge(sd_bus_negotiate_fds(b->server, 1), 0);
        ck_assert_int_ge(sd_bus_new(&b->client), 0);
        ck_assert_int_ge(sd_bus_set_fd(b->client, ends[1], ends[1]), 0);
        ck_assert_int_ge(sd_bus_negotiate_fds(b->client, 1), 0);
        ck_assert_int_ge(sd_bus_add_filter(b->server, NULL, answer, userdata), 0);
        ck_assert_int_ge(sd_bus_start(b->server), 0);
        ck_assert_int_ge(sd_bus_start(b->client), 0);
        ck_assert_int_ge(sd_bus_attach_event(b->server, b->event, 0), 0);
        ck_assert_int_ge(sd_bus_attach_event(b->client, b->event, 0), 0);
        test_bus_settle(b);
}

void test_bus_close(TestBus *b) {
        sd_bus_flush_close_unref(b->client);
        sd_bus_flush_close_unref(b->server);
        sd_event_unref(b->event);
}

void test_bus_run(TestBus *b, const int *done) {
        while (!*done) {
                int r = sd_event_run(b->event, UINT64_C(20) * 1000000);
                ck_assert_msg(r > 0, "what was waited for does not happen");
        }
}

void test_bus_settle(TestBus *b) {
        for (unsigned quiet = 0; quiet < 3;) {
                int r = sd_event_run(b->event, 1000);
                ck_assert_int_ge(r, 0);
                quiet = r > 0 ? 0 : quiet + 1;
        }
}

void test_bus_signal(TestBus *b, const char *sender, const char *path, const char *interface,
                const char *member, const char *types, ...) {
        sd_bus_message *m = NULL;
        va_list ap;
        ck_assert_int_ge(sd_bus_message_new_signal(b->server, &m, path, interface, member), 0);
        va_start(ap, types);
        ck_assert_int_ge(sd_bus_message_appendv(m, types, ap), 0);
        va_end(ap);
        ck_assert_int_ge(sd_bus_message_set_sender(m, sender), 0);
        ck_assert_int_ge(sd_bus_send(b->server, m, NULL), 0);
        sd_bus_message_unref(m);
        test_bus_settle(b);
}
