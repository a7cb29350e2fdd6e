/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hand-made end of D-Bus against libsystemd's: what one writes the other reads, descriptors included. */

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "cleanup.h"
#include "door.h"

DEFINE_CLEANUP(Door *, door_free);

#define PATIENCE 20000

static char directory[] = "/tmp/mxc-door.XXXXXX", path[64];
static pid_t peer_pid;

static void must(bool holds) {
        if (!holds)
                abort(); /* of the peer: end_peer() sees it */
}

/* The peer answers "Everything" after looking at each argument, sends a signal, then closes. */
static int everything(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *s, *key;
        uint64_t t;
        int b, fd;
        char **words;
        must(sd_bus_message_read(m, "s", &s) >= 0 && streq(s, "gr\xc3\xbc\xc3\x9f"));
        must(sd_bus_message_read_strv(m, &words) >= 0 && streq(words[0], "") && streq(words[1], "a b") &&
                        !words[2]);
        must(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
        must(sd_bus_message_read(m, "{sv}", &key, "t", &t) >= 0 && streq(key, "t") &&
                        t == UINT64_C(0x123456789abcdef0));
        must(sd_bus_message_read(m, "{sv}", &key, "b", &b) >= 0 && streq(key, "b") && b == 1);
        must(sd_bus_message_read(m, "{sv}", &key, "h", &fd) >= 0 && streq(key, "h"));
        const char *k1, *v1, *k2, *v2;
        must(sd_bus_message_read(m, "{sv}", &key, "a{ss}", 2, &k1, &v1, &k2, &v2) >= 0);
        must(streq(k1, "k") && streq(v1, "v=w") && streq(k2, "empty") && streq(v2, ""));
        must(sd_bus_message_exit_container(m) >= 0 && sd_bus_message_at_end(m, true) > 0);
        must(write(fd, "here", 4) == 4);

        sd_bus_message *reply;
        must(sd_bus_message_new_method_return(m, &reply) >= 0);
        must(sd_bus_message_append(reply, "oa{sv}", "/o", 4, "skipped", "(ya(sv)d)", 7, 1, "x", "as", 1, "y",
                             2.5, "empty", "aat", 0, "pty", "h", fd, "yes", "b", 1) >= 0);
        must(sd_bus_send(NULL, reply, NULL) >= 0);
        sd_bus_message_unref(reply);
        must(sd_bus_emit_signal(sd_bus_message_get_bus(m), "/o", "x.y", "Gone", "uis", 1, -2, "z") >= 0);
        free(words[0]);
        free(words[1]);
        free(words);
        return 1;
}

static int refuse(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return sd_bus_error_set(error, "x.y.Error.No", "because");
}

static int leave(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _exit(EXIT_SUCCESS);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Everything", "sasa{sv}", "oa{sv}", everything, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Refuse", "", "", refuse, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Leave", "", "", leave, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static _Noreturn void peer(int listener) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        sd_bus *bus;
        sd_id128_t id = { .bytes = { 1 } };
        must(fd >= 0 && sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fd, fd) >= 0);
        must(sd_bus_set_server(bus, true, id) >= 0 && sd_bus_negotiate_fds(bus, true) >= 0);
        must(sd_bus_add_object_vtable(bus, NULL, "/o", "x.y", vtable, NULL) >= 0 && sd_bus_start(bus) >= 0);
        for (;;) {
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        _exit(EXIT_SUCCESS); /* the other side has gone */
                if (r == 0)
                        must(sd_bus_wait(bus, UINT64_MAX) >= 0);
        }
}

static void start_peer(void) {
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)snprintf(path, sizeof path, "%s/door", directory);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                        listen(listener, 1) == 0);
        peer_pid = fork();
        if (peer_pid == 0)
                peer(listener);
        (void)close(listener);
}

static void end_peer(void) {
        int status = 0;
        ck_assert_int_eq(waitpid(peer_pid, &status, 0), peer_pid);
        ck_assert_int_eq(status, 0);
        (void)unlink(path);
        (void)rmdir(directory);
}

/* The next message, however long it takes. */
static int receive(Door *d, WireMessage *m) {
        for (;;) {
                int r = door_receive(d, m);
                if (r != 0)
                        return r;
                struct pollfd p = { .fd = door_fd(d), .events = POLLIN };
                ck_assert_int_ge(poll(&p, 1, 20000), 1);
        }
}

static uint32_t call(Door *d, const char *member) {
        WireWriter w;
        uint32_t serial = door_begin(d, &w,
                        &(DoorCall){ .path = "/o", .interface = "x.y", .member = member, .signature = "" });
        ck_assert_int_eq(door_send(d, &w), 0);
        return serial;
}

static void send_everything(Door *d, int fd, uint32_t *ret_serial) {
        WireWriter w;
        *ret_serial = door_begin(d, &w,
                        &(DoorCall){ .path = "/o",
                                        .interface = "x.y",
                                        .member = "Everything",
                                        .signature = "sasa{sv}",
                                        .n_fds = 1 });
        wire_string(&w, "gr\xc3\xbc\xc3\x9f");
        wire_strings(&w, (const char *const[]){ "", "a b", NULL });
        WireArray a = wire_array(&w, 8);
        wire_entry(&w, "t", "t");
        wire_u64(&w, UINT64_C(0x123456789abcdef0));
        wire_entry(&w, "b", "b");
        wire_bool(&w, true);
        wire_entry(&w, "h", "h");
        wire_fd(&w, fd);
        wire_entry(&w, "map", "a{ss}");
        WireArray map = wire_array(&w, 8);
        wire_pair(&w, "k=", 1, "v=w");
        wire_pair(&w, "empty", 5, "");
        wire_array_end(&w, map);
        wire_array_end(&w, a);
        ck_assert_int_eq(door_send(d, &w), 0);
}

static void read_everything(Door *d, uint32_t serial) {
        WireMessage m;
        ck_assert_int_eq(receive(d, &m), 1);
        ck_assert_uint_eq(m.type, WIRE_RETURN);
        ck_assert_uint_eq(m.reply_serial, serial);
        ck_assert_str_eq(m.signature, "oa{sv}");
        ck_assert_str_eq(wire_read_string(&m.body), "/o");
        unsigned n = 0;
        int fd = -EBADF;
        bool yes = false;
        for (size_t stop = wire_read_array(&m.body, 8); wire_more(&m.body, stop); n++) {
                wire_align(&m.body, 8);
                const char *key = wire_read_string(&m.body), *signature = wire_read_signature(&m.body);
                if (streq(key, "pty"))
                        fd = door_take_fd(d, wire_read_u32(&m.body));
                else if (streq(key, "yes"))
                        yes = wire_read_bool(&m.body);
                else
                        wire_skip(&m.body, &signature);
        }
        ck_assert(!m.body.failed && n == 4 && yes && fd >= 0);
        ck_assert_uint_eq(m.body.at, m.body.size);
        ck_assert_int_eq(door_take_fd(d, 0), -EBADF); /* taken */
        ck_assert_int_eq(write(fd, "!", 1), 1);
        (void)close(fd);
}

/* Who listened last is not there any more, as systemd's socket is without mxcd: nothing is sent to nobody. */
START_TEST(test_a_door_that_nobody_attends) {
        _cleanup_(door_freep) Door *nobody = NULL, *somebody = NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/door", directory);
        ck_assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
        pid_t pid = fork();
        if (pid == 0)
                _exit(listen(listener, 1) < 0);
        int status = -1;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(door_open(address.sun_path, NULL, PATIENCE, &nobody), 0);
        ck_assert(!door_is_ready(nobody));
        ck_assert_int_eq(listen(listener, 4), 0);
        ck_assert_int_eq(door_open(address.sun_path, NULL, PATIENCE, &somebody), 0);
        ck_assert(door_is_ready(somebody));
        (void)close(listener);
        (void)unlink(address.sun_path);
        (void)rmdir(directory);
}
END_TEST

static int listen_at(struct sockaddr_un *ret) {
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)snprintf(ret->sun_path, sizeof ret->sun_path, "%s/door", directory);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)ret, sizeof *ret) == 0 && listen(fd, 0) == 0);
        return fd;
}

/* As many wait already as there is room for, and nobody accepts: it is given up, not tried on the bus, and what comes later is sent
 * without a limit. */
START_TEST(test_a_door_with_no_room) {
        _cleanup_(door_freep) Door *first = NULL, *d = NULL;
        struct sockaddr_un address;
        int listener = listen_at(&address), accepted;
        struct timeval limit;
        socklen_t size = sizeof limit;
        ck_assert_int_eq(door_open(address.sun_path, NULL, PATIENCE, &first), 0);
        ck_assert_int_eq(getsockopt(door_fd(first), SOL_SOCKET, SO_SNDTIMEO, &limit, &size), 0);
        ck_assert(limit.tv_sec == 0 && limit.tv_usec == 0);
        ck_assert_int_eq(door_open(address.sun_path, "unix:path=/nonexistent", 50, &d), -ETIMEDOUT);
        ck_assert_ptr_null(d);
        accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(accepted, 0);
        ck_assert_int_eq(door_open(address.sun_path, NULL, PATIENCE, &d), 0);
        (void)close(accepted);
        (void)close(listener);
        (void)unlink(address.sun_path);
        (void)rmdir(directory);
}
END_TEST

/* Who hangs up without a word has read who we are: that is told apart from one who goes away later. With and without what we said unread. */
START_TEST(test_a_door_that_is_closed_on_us) {
        _cleanup_(door_freep) Door *d = NULL;
        struct sockaddr_un address;
        int listener = listen_at(&address);
        char said[256];
        ck_assert_int_eq(door_open(address.sun_path, NULL, PATIENCE, &d), 0);
        int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ck_assert(accepted >= 0 && (_i == 0 || read(accepted, said, sizeof said) > 0));
        (void)close(accepted);
        ck_assert_int_eq(door_wait_ready(d, PATIENCE), -ECONNABORTED);
        WireWriter w;
        (void)door_begin(d, &w,
                        &(DoorCall){ .path = "/o", .interface = "x.y", .member = "M", .signature = "" });
        ck_assert_int_eq(door_send(d, &w), -ECONNABORTED);
        ck_assert_ptr_nonnull(strstr(door_why_aborted(65534), "as another user"));
        ck_assert_ptr_null(strstr(door_why_aborted(1000), "65534"));
        (void)close(listener);
        (void)unlink(address.sun_path);
        (void)rmdir(directory);
}
END_TEST

START_TEST(test_calls_are_answered) {
        _cleanup_(door_freep) Door *d = NULL;
        int ends[2];
        uint32_t serial;
        WireMessage m;
        start_peer();
        ck_assert_int_eq(door_open(path, NULL, PATIENCE, &d), 0);
        ck_assert(door_is_ready(d)); /* mxcd reads on; this peer is sd-bus, which wants no descriptors yet */
        ck_assert(!door_lets_in(d)); /* so it is not waited for for ever */
        ck_assert_int_eq(door_wait_ready(d, 20000), 0);
        ck_assert(door_lets_in(d));
        ck_assert_int_eq(pipe(ends), 0);
        send_everything(d, ends[1], &serial);
        (void)close(ends[1]);
        read_everything(d, serial);

        ck_assert_int_eq(receive(d, &m), 1);
        ck_assert_uint_eq(m.type, WIRE_SIGNAL);
        ck_assert_str_eq(m.path, "/o");
        ck_assert_str_eq(m.interface, "x.y");
        ck_assert_str_eq(m.member, "Gone");
        ck_assert(wire_read_u32(&m.body) == 1 && (int)wire_read_u32(&m.body) == -2 &&
                        streq(wire_read_string(&m.body), "z"));

        char got[8] = "";
        ck_assert_int_eq(read(ends[0], got, sizeof got), 5);
        ck_assert_str_eq(got, "here!");
        (void)close(ends[0]);

        serial = call(d, "Refuse");
        ck_assert_int_eq(receive(d, &m), 1);
        ck_assert(m.type == WIRE_ERROR && m.reply_serial == serial);
        ck_assert_str_eq(m.error, "x.y.Error.No");
        ck_assert_str_eq(wire_read_string(&m.body), "because");

        (void)call(d, "Leave");
        ck_assert_int_eq(receive(d, &m), -ECONNRESET);
        end_peer();
}
END_TEST

/* Many at once: what came glued together is told apart, and every descriptor stays with its message. */
START_TEST(test_messages_in_a_row) {
        _cleanup_(door_freep) Door *d = NULL;
        WireMessage m;
        uint32_t serials[20];
        int ends[2];
        start_peer();
        ck_assert_int_eq(door_open(path, NULL, PATIENCE, &d), 0);
        ck_assert_int_eq(door_wait_ready(d, 20000), 0);
        ck_assert_int_eq(pipe(ends), 0);
        for (size_t i = 0; i < ELEMENTSOF(serials); i++)
                send_everything(d, ends[1], &serials[i]);
        for (size_t i = 0; i < ELEMENTSOF(serials); i++) {
                read_everything(d, serials[i]);
                ck_assert_int_eq(receive(d, &m), 1);
                ck_assert_str_eq(m.member, "Gone");
        }
        (void)close(ends[0]);
        (void)close(ends[1]);
        d = door_free(d);
        end_peer();
}
END_TEST

START_TEST(test_nobody_opens) {
        Door *d = NULL;
        ck_assert_int_eq(door_open("/nonexistent", "unix:path=/nonexistent", PATIENCE, &d), -ENOENT);
        ck_assert_int_eq(door_open("/nonexistent", "tcp:host=x", PATIENCE, &d), -EPROTONOSUPPORT);
        ck_assert_ptr_null(d);
}
END_TEST

static void small_message(WireWriter *w) {
        wire_begin(w, &(WireCall){ .serial = 7,
                                      .destination = "a.b",
                                      .path = "/p",
                                      .interface = "i.j",
                                      .member = "M",
                                      .signature = "sas" });
        wire_string(w, "text");
        wire_strings(w, (const char *const[]){ "one", "two", NULL });
        ck_assert_int_eq(wire_end(w), 0);
}

START_TEST(test_cut_and_changed_messages) {
        WireWriter w;
        WireMessage m;
        small_message(&w);
        ck_assert_int_eq(wire_parse(w.data, w.size, &m), 0);
        ck_assert_uint_eq(m.serial, 7);
        for (size_t n = 0; n < w.size; n++) {
                _cleanup_free_ uint8_t *cut = malloc(n + 1);
                memcpy(cut, w.data, n);
                ck_assert_int_eq(wire_parse(cut, n, &m), -EBADMSG);
        }
        for (size_t i = 0; i < w.size; i++)
                for (unsigned v = 0; v < 256; v++) {
                        _cleanup_free_ uint8_t *changed = malloc(w.size);
                        memcpy(changed, w.data, w.size);
                        changed[i] = (uint8_t)v;
                        if (wire_parse(changed, w.size, &m) < 0)
                                continue;
                        const char *signature = m.signature;
                        while (*signature && !m.body.failed)
                                wire_skip(&m.body, &signature);
                        ck_assert(m.body.at <= m.body.size);
                }
        wire_clear(&w);
}
END_TEST

START_TEST(test_what_cannot_be_written) {
        WireWriter w;
        wire_begin(&w, &(WireCall){ .serial = 1,
                                       .path = "/p",
                                       .interface = "i.j",
                                       .member = "M",
                                       .signature = "s" });
        wire_string(&w, "\xff");
        ck_assert_int_eq(wire_end(&w), -EILSEQ);
        wire_clear(&w);

        _cleanup_free_ char *huge = malloc(WIRE_MESSAGE_MAX + 1);
        memset(huge, 'x', WIRE_MESSAGE_MAX);
        huge[WIRE_MESSAGE_MAX] = '\0';
        wire_begin(&w, &(WireCall){ .serial = 1,
                                       .path = "/p",
                                       .interface = "i.j",
                                       .member = "M",
                                       .signature = "s" });
        wire_string(&w, huge);
        ck_assert_int_eq(wire_end(&w), -E2BIG);
        wire_clear(&w);
}
END_TEST

int main(void) {
        Suite *s = suite_create("client door");
        TCase *t = tcase_create("door");
        tcase_set_timeout(t, 60);
        tcase_add_test(t, test_calls_are_answered);
        tcase_add_test(t, test_a_door_that_nobody_attends);
        tcase_add_test(t, test_a_door_with_no_room);
        tcase_add_loop_test(t, test_a_door_that_is_closed_on_us, 0, 2);
        tcase_add_test(t, test_messages_in_a_row);
        tcase_add_test(t, test_nobody_opens);
        tcase_add_test(t, test_cut_and_changed_messages);
        tcase_add_test(t, test_what_cannot_be_written);
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
