/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcd: see mxcd(8). */

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "bus-error.h"
#include "cleanup.h"
#include "door.h"
#include "log.h"
#include "manager.h"
#include "names.h"
#include "sandbox.h"

#define STOP_STEP_USEC (UINT64_C(10) * 1000)
#define STOP_TRIES 150U

DEFINE_CLEANUP(Manager *, manager_free);

static int listening_door = -EBADF;

/* Nobody is served before what was there before us has been adopted: neither by name nor at the second door. */
static void on_ready(Manager *m) {
        int r = listening_door >= 0 ? door_new(m, TAKE_FD(listening_door), &m->door) : 0;
        if (r >= 0)
                r = sd_bus_request_name_async(m->bus, NULL, MXC_BUS_NAME, 0, NULL, NULL);
        if (r < 0) {
                log_error("Nobody can be served: %s", strerror(-r));
                (void)sd_event_exit(m->event, EXIT_FAILURE); /* only fails for what is no loop */
                return;
        }
        (void)sd_notifyf(false, "READY=1\nSTATUS=%zu sandboxes adopted",
                        m->n_sandboxes); /* nobody to tell without systemd */
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void)sd_notify(false, "RELOADING=1");
        manager_reload(userdata);
        (void)sd_notify(false, "READY=1");
        return 0;
}

/* At shutdown scopes are stopped before us: what is on its way to its end is told to the journal before we go. */
static size_t patience;

static void count_stopping(Sandbox *s, void *userdata) {
        size_t *n = userdata;
        *n += s->state == SANDBOX_STOPPING;
}

static int on_wait(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        size_t n = 0;
        sandbox_for_each(m, count_stopping, &n);
        if (n == 0 || ++patience > STOP_TRIES)
                return sd_event_exit(m->event, EXIT_SUCCESS);
        int r = sd_event_source_set_time_relative(source, STOP_STEP_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;
        int r = sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, 0, 1, on_wait, m);
        return r < 0 ? sd_event_exit(m->event, EXIT_SUCCESS) : r;
}

static int block_signals(void) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* Standard error is a stream to journald, and one that does not read would have us wait in the middle of a sentence. */
static void never_wait_to_log(void) {
        int flags = fcntl(STDERR_FILENO, F_GETFL);
        struct stat st;
        if (flags >= 0 && fstat(STDERR_FILENO, &st) == 0 && S_ISSOCK(st.st_mode))
                (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK); /* as it was, then */
}

static int prepare(sd_event **ret) {
        never_wait_to_log();
        (void)umask(0077);
        (void)signal(SIGPIPE, SIG_IGN);
        struct rlimit files; /* two descriptors for each sandbox, one for each client */
        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        int r = block_signals();
        if (r >= 0)
                r = sd_event_default(ret);
        return r >= 0 ? sd_event_set_watchdog(*ret, true) : r;
}

static int serve(void) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(manager_freep) Manager *m = NULL;
        int n = sd_listen_fds(true);
        if (n > 1) {
                log_error("There is one door, not %d.", n);
                return -EINVAL;
        }
        listening_door = n == 1 ? SD_LISTEN_FDS_START : -EBADF;
        int r = prepare(&event);
        if (r >= 0)
                r = manager_new(event, &m);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGHUP, on_hup, m);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, on_term, m);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_term, m);
        if (r < 0) {
                log_error("Cannot start: %s", strerror(-r));
                return r;
        }
        m->ready = on_ready;
        if (audit_daemon(m->audit, true, "started") < 0)
                log_warning("The journal takes no records; until it does every request is refused.");
        r = sd_event_loop(event);
        (void)sd_notify(false, "STOPPING=1");
        audit_settle(m->audit);
        if (audit_daemon(m->audit, false, r == 0 ? "asked to" : "failed") < 0)
                log_warning("The end of mxcd is not on record.");
        audit_flush(m->audit);
        return r;
}

int main(int argc, char **argv) {
        if (argc == 2 && streq(argv[1], "--version")) {
                printf("mxcd %s\n", MXC_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1) {
                fprintf(stderr,
                                "Usage: %s [--version]\nConfines AI agents; started by systemd, see "
                                "mxcd(8).\n",
                                argv[0]);
                return EXIT_FAILURE;
        }
        return serve() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
