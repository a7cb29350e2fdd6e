/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcd's end of the channel, with a launcher that answers as it is told to: answers that come late or are late to be read, and
 * releases that are refused until a pid 1 has died. */

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "audit.h"
#include "daemon-test.h"
#include "launch-channel.h"
#include "release.h"

#define N_EXITED 200U
#define ANSWER_USEC 2000000U /* the greeting must be answered within it, too */

typedef struct Host {
        sd_event *event;
        int listener, launcher, journal;
        Manager manager;
        unsigned n_up, n_down, n_exited, n_answers;
        LaunchReport answer; /* the last one */
        uint64_t asked;
} Host;

static void on_up(const LaunchFeatures *features, void *userdata) {
        ((Host *)userdata)->n_up++;
}

static void on_down(void *userdata) {
        ((Host *)userdata)->n_down++;
}

static void on_answer(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Host *h = userdata;
        h->answer = *report;
        h->n_answers++;
}

static void turn(Host *h) {
        ck_assert_int_ge(sd_event_run(h->event, UINT64_C(10) * 1000000), 0);
}

static LaunchRequest next_request(const Host *h) {
        LaunchRequest q;
        int fds[LAUNCH_MAX_FDS];
        size_t n = 0;
        ck_assert_int_gt(launch_receive(h->launcher, &q, sizeof(q), fds, &n), 0);
        ck_assert_uint_eq(n, 0);
        return q;
}

static void send_report(const Host *h, LaunchEvent event, uint64_t serial, int error) {
        const LaunchReport r = { .magic = LAUNCH_MAGIC,
                .version = LAUNCH_VERSION,
                .event = event,
                .serial = serial,
                .error = error };
        ck_assert_int_eq(launch_send(h->launcher, &r, sizeof(r), NULL, 0), 0);
}

/* Each end is followed by another, and the last one by the answer: there is always something to read. */
static void on_exited(const LaunchReport *report, void *userdata) {
        Host *h = userdata;
        if (++h->n_exited < N_EXITED)
                send_report(h, LAUNCH_EVENT_EXITED, 0, 0);
        else
                send_report(h, LAUNCH_EVENT_OK, h->asked, 0);
}

static void greet(Host *h) {
        struct pollfd caller = { .fd = h->listener, .events = POLLIN };
        while (poll(&caller, 1, 0) == 0)
                turn(h);
        h->launcher = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(h->launcher, 0);
        const LaunchRequest hello = next_request(h);
        ck_assert_uint_eq(hello.verb, LAUNCH_HELLO);
        send_report(h, LAUNCH_EVENT_READY, hello.serial, 0);
        send_report(h, LAUNCH_EVENT_OK, hello.serial, 0);
        while (h->n_up == 0)
                turn(h);
}

static void host_open(Host *h, uint64_t answer_usec) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *path = path_of("launch.sock"), *journal = path_of("journal");
        *h = (Host){ .launcher = -EBADF, .journal = journal_listen() };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        h->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(h->listener, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(listen(h->listener, 1), 0);
        ck_assert_int_ge(sd_event_new(&h->event), 0);
        h->manager.event = h->event;
        ck_assert_int_eq(audit_new(journal, &h->manager.audit), 0);
        const LaunchOwner owner = {
                .up = on_up, .down = on_down, .exited = on_exited, .userdata = h, .answer_usec = answer_usec
        };
        ck_assert_int_ge(launch_channel_new(h->event, path, &owner, &h->manager.launch), 0);
        greet(h);
}

static void host_close(Host *h) {
        launch_channel_free(h->manager.launch);
        release_free_all(&h->manager);
        audit_free(h->manager.audit);
        sd_event_unref(h->event);
        const int fds[] = { h->listener, h->launcher, h->journal };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
}

/* It was answered in time; we were away, and it is not all that is to be read. */
START_TEST(test_an_answer_that_is_late_to_be_read) {
        Host h;
        host_open(&h, ANSWER_USEC);
        const LaunchRequest q = { .verb = LAUNCH_DROP, .path = "/x.scope" };
        ck_assert_int_eq(launch_channel_call(h.manager.launch, &q, NULL, 0, on_answer, &h), 0);
        h.asked = next_request(&h).serial;
        send_report(&h, LAUNCH_EVENT_EXITED, 0, 0);
        (void)usleep(ANSWER_USEC + ANSWER_USEC / 4);
        while (h.n_answers == 0)
                turn(&h);
        ck_assert_uint_eq(h.answer.event, LAUNCH_EVENT_OK);
        ck_assert_uint_eq(h.n_exited, N_EXITED);
        ck_assert_uint_eq(h.n_down, 0);
        host_close(&h);
}
END_TEST

START_TEST(test_an_answer_that_does_not_come) {
        Host h;
        host_open(&h, ANSWER_USEC);
        const LaunchRequest q = { .verb = LAUNCH_DROP, .path = "/x.scope" };
        ck_assert_int_eq(launch_channel_call(h.manager.launch, &q, NULL, 0, on_answer, &h), 0);
        while (h.n_answers == 0)
                turn(&h);
        ck_assert_uint_eq(h.answer.event, LAUNCH_EVENT_FAILED);
        ck_assert_int_eq(h.answer.error, ENOTCONN);
        ck_assert_uint_eq(h.n_down, 1);
        host_close(&h);
}
END_TEST

static LaunchRequest released(Host *h) {
        const LaunchRequest q = next_request(h);
        ck_assert_uint_eq(q.verb, LAUNCH_RELEASE);
        ck_assert_str_eq(q.id, "7f3a");
        ck_assert_str_eq(q.path, "/x.scope");
        return q;
}

/* Asked for until it is done, and on record once. */
START_TEST(test_a_release_that_is_refused) {
        Host h;
        host_open(&h, 0);
        const AuditSubject s = { .agent = "web-coder",
                .agent_uuid = "0-1-2",
                .sandbox = "7f3a",
                .on_behalf_uid = 1000,
                .on_behalf_user = "alice" };
        release_begin(&h.manager, "/x.scope", "7f3a", 0, &s);
        for (unsigned i = 0; i < 2; i++) {
                LaunchRequest q = released(&h);
                send_report(&h, LAUNCH_EVENT_FAILED, q.serial, EBUSY);
                struct pollfd asked = { .fd = h.launcher, .events = POLLIN };
                while (poll(&asked, 1, 0) == 0)
                        turn(&h);
                Record r = { 0 };
                ck_assert(journal_read(h.journal, &r) == (i == 0));
                if (i == 0) {
                        record_expect(&r, "MXC_EVENT", "stuck");
                        record_expect(&r, "MXC_SANDBOX", "7f3a");
                        record_expect(&r, "MXC_AGENT", "web-coder");
                        record_expect(&r, "MXC_AGENT_UUID", "0-1-2");
                        record_expect(&r, "MXC_ON_BEHALF_UID", "1000");
                        record_expect(&r, "MXC_ON_BEHALF_USER", "alice");
                }
                record_clear(&r);
        }
        LaunchRequest q = released(&h);
        send_report(&h, LAUNCH_EVENT_OK, q.serial, 0);
        while (!LIST_EMPTY(&h.manager.releases))
                turn(&h);
        host_close(&h);
}
END_TEST

/* Too early, or for a reason that nobody thought of: asked again, and nothing is wrong yet. */
START_TEST(test_a_release_that_is_too_early) {
        static const int errors[] = { EAGAIN, EIO };
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                Host h;
                host_open(&h, 0);
                release_begin(&h.manager, "/x.scope", "7f3a", 0, NULL);
                send_report(&h, LAUNCH_EVENT_FAILED, released(&h).serial, errors[i]);
                struct pollfd asked = { .fd = h.launcher, .events = POLLIN };
                while (poll(&asked, 1, 0) == 0)
                        turn(&h);
                Record r = { 0 };
                ck_assert(!journal_read(h.journal, &r));
                send_report(&h, LAUNCH_EVENT_FAILED, released(&h).serial, ENOENT); /* that is an end, too */
                while (!LIST_EMPTY(&h.manager.releases))
                        turn(&h);
                host_close(&h);
                remove_file("launch.sock");
                remove_file("journal");
        }
}
END_TEST

/* The next one is asked, and whoever asks for the same meanwhile can see that. */
START_TEST(test_a_release_outlives_a_launcher) {
        Host h;
        host_open(&h, 0);
        release_begin(&h.manager, "/x.scope", "7f3a", 0, NULL); /* which it does not answer */
        (void)close(h.launcher);
        while (h.n_down == 0)
                turn(&h);
        release_begin(&h.manager, "/x.scope", "7f3a", 3, NULL); /* nobody is there */
        ck_assert(release_knows(&h.manager, "7f3a", 0) && release_knows(&h.manager, "7f3a", 3));
        ck_assert(!release_knows(&h.manager, "7f3a", 1) && !release_knows(&h.manager, "7f3b", 0));
        h.n_up = 0;
        greet(&h);
        for (unsigned i = 0; i < 2; i++) /* each is asked for once */
                release_resume(&h.manager);
        for (unsigned i = 0; i < 2; i++)
                send_report(&h, LAUNCH_EVENT_OK, released(&h).serial, 0);
        while (!LIST_EMPTY(&h.manager.releases))
                turn(&h);
        struct pollfd more = { .fd = h.launcher, .events = POLLIN };
        ck_assert_int_eq(poll(&more, 1, 0), 0);
        host_close(&h);
}
END_TEST

/* With the daemon, in each of its states. */
START_TEST(test_a_release_goes) {
        Host h;
        host_open(&h, 0);
        release_begin(&h.manager, "/x.scope", "7f3a", 3, NULL);
        ck_assert_uint_eq(released(&h).exec, 3);
        release_begin(&h.manager, "/x.scope", "7f3a", 0, NULL);
        send_report(&h, LAUNCH_EVENT_FAILED, released(&h).serial, EBUSY);
        turn(&h); /* it waits now */
        ck_assert(!LIST_EMPTY(&h.manager.releases));
        host_close(&h);
        remove_file("launch.sock");
        remove_file("journal");
        host_open(&h, 0);
        release_begin(&h.manager, "/x.scope", "7f3a", 0, NULL);
        (void)close(h.launcher);
        while (h.n_down == 0)
                turn(&h);
        ck_assert(!LIST_EMPTY(&h.manager.releases)); /* for the next launcher */
        h.launcher = -EBADF;
        host_close(&h);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("launch-channel");
        tcase_add_test(t, test_an_answer_that_is_late_to_be_read);
        tcase_add_test(t, test_an_answer_that_does_not_come);
        tcase_add_test(t, test_a_release_that_is_refused);
        tcase_add_test(t, test_a_release_that_is_too_early);
        tcase_add_test(t, test_a_release_outlives_a_launcher);
        tcase_add_test(t, test_a_release_goes);
        return run_daemon_case(t);
}
