/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "release.h"

#include <sys/epoll.h>

#include "audit-net.h"
#include "cleanup.h"
#include "egress-channel.h"
#include "log.h"

#define AGAIN_USEC (UINT64_C(1) * 1000000)
#define REPORTS_AT_ONCE 64U /* then others have their turn */
#define AGAIN_MAX_USEC (UINT64_C(300) * 1000000)

typedef struct Release {
        LIST_ENTRY(Release) entries;
        Manager *manager; /* not owned */
        LaunchRequest request;
        char *agent, *user;
        char uuid[37];
        uid_t owner;
        uint64_t delay;
        bool told;
        bool asked;             /* an answer is on its way */
        sd_event_source *again; /* neither of both: there is no launcher */
        int channel;            /* of its relay; -EBADF: none */
        sd_event_source *io;
} Release;

static void release_free(Release *e) {
        LIST_REMOVE(e, entries);
        sd_event_source_disable_unref(e->again);
        sd_event_source_disable_unref(e->io);
        cleanup_closep(&e->channel);
        free(e->agent);
        free(e->user);
        free(e);
}

static AuditSubject subject_of(const Release *e) {
        return (AuditSubject){ .agent = e->agent,
                .agent_uuid = e->uuid,
                .sandbox = e->request.id,
                .on_behalf_uid = e->owner,
                .on_behalf_user = e->user };
}

/* Nothing else is left to be decided. False: nobody says anything any more. */
static bool take_ends(Release *e, size_t most) {
        const AuditSubject s = subject_of(e);
        for (size_t i = 0; i < most; i++) {
                EgressReport report;
                int k = egress_receive_report(e->channel, &report);
                if (k <= 0)
                        return k == -EAGAIN;
                if ((report.kind == EGRESS_FAIL || report.kind == EGRESS_CLOSE) &&
                                audit_disconnect(e->manager->audit, &s, &report) < 0)
                        log_error("The end of a connection of sandbox %s is not on record.", e->request.id);
        }
        return true;
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Release *e = userdata;
        if (!take_ends(e, REPORTS_AT_ONCE))
                e->io = sd_event_source_disable_unref(e->io);
        return 0;
}

static void record_stuck(const Release *e) {
        const AuditSubject s = subject_of(e);
        if (audit_stuck(e->manager->audit, &s) < 0)
                log_error("That sandbox %s does not finish dying is not on record.", e->request.id);
}

static void ask(Release *e);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Release *e = userdata;
        e->again = sd_event_source_disable_unref(e->again);
        ask(e);
        return 0;
}

static void ask_later(Release *e) {
        int r = sd_event_add_time_relative(
                        e->manager->event, &e->again, CLOCK_BOOTTIME, e->delay, 0, on_again, e);
        e->delay = 2 * e->delay < AGAIN_MAX_USEC ? 2 * e->delay : AGAIN_MAX_USEC;
        if (r >= 0)
                return;
        e->again = NULL;
        log_error("The leaf of sandbox %s stays until mxc-launch is restarted: %s", e->request.id,
                        strerror(-r));
}

static void on_released(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Release *e = userdata;
        int error = report->event == LAUNCH_EVENT_FAILED ? report->error : 0;
        e->asked = false;
        if (error == ENOTCONN) /* until release_resume() */
                return;
        if (error == 0 || error == ENOENT) {
                if (e->told)
                        log_info("Sandbox %s has finished dying.", e->request.id);
                if (e->io) /* its relay is dead: what it said is all there */
                        (void)take_ends(e, SIZE_MAX);
                release_free(e);
                return;
        }
        if (error == EBUSY && !e->told) {
                record_stuck(e);
                e->told = true;
        } else if (error != EBUSY && error != EAGAIN)
                log_warning("The leaf of sandbox %s stays for now: %s", e->request.id, strerror(error));
        ask_later(e);
}

static void ask(Release *e) {
        int r = launch_channel_call(e->manager->launch, &e->request, NULL, 0, on_released, e);
        e->asked = r >= 0;
        if (r < 0 && r != -ENOTCONN)
                ask_later(e);
}

bool release_knows(const Manager *m, const char *id, uint32_t exec) {
        const Release *e;
        LIST_FOREACH(e, &m->releases, entries)
                if (e->request.exec == exec && streq(e->request.id, id))
                        return true;
        return false;
}

void release_begin(Manager *m, const char *scope, const char *id, uint32_t exec, const AuditSubject *s) {
        Release *e = calloc(1, sizeof(Release));
        LaunchRequest q = { .verb = LAUNCH_RELEASE, .exec = exec };
        (void)snprintf(q.id, sizeof(q.id), "%s", id);
        (void)snprintf(q.path, sizeof(q.path), "%s", scope);
        if (!e) { /* once, then, and no more */
                (void)launch_channel_call(m->launch, &q, NULL, 0, NULL, NULL);
                return;
        }
        e->manager = m;
        e->channel = -EBADF;
        e->request = q;
        e->owner = s ? s->on_behalf_uid : AUDIT_NO_UID;
        e->delay = AGAIN_USEC;
        if (s) { /* what there is no memory for is left out of the record */
                e->agent = s->agent ? strdup(s->agent) : NULL;
                e->user = s->on_behalf_user ? strdup(s->on_behalf_user) : NULL;
                (void)snprintf(e->uuid, sizeof(e->uuid), "%s", s->agent_uuid ? s->agent_uuid : "");
        }
        LIST_INSERT_HEAD(&m->releases, e, entries);
        ask(e);
}

void release_listen(Manager *m, const char *id, int channel) {
        _cleanup_close_ int fd = channel;
        Release *e;
        LIST_FOREACH(e, &m->releases, entries)
                if (e->request.exec == 0 && streq(e->request.id, id))
                        break;
        if (!e || e->channel >= 0 || sd_event_add_io(m->event, &e->io, fd, EPOLLIN, on_report, e) < 0)
                return; /* its last words are lost */
        e->channel = TAKE_FD(fd);
}

void release_resume(Manager *m) {
        Release *e;
        LIST_FOREACH(e, &m->releases, entries)
                if (!e->asked && !e->again)
                        ask(e);
}

void release_free_all(Manager *m) {
        while (!LIST_EMPTY(&m->releases))
                release_free(LIST_FIRST(&m->releases));
}
