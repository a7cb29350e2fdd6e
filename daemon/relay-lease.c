/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another lease for a relay that runs: for the process that is there, and for whichever is started after it. */

#include <fcntl.h>

#include "audit-net.h"
#include "cleanup.h"
#include "codec.h"
#include "egress-net.h"
#include "fd.h"
#include "lease.h"
#include "log.h"
#include "refusal-table.h"
#include "relay.h"

/* Only then is the host's proxy asked for anything: judge_connect(). */
static bool reaches_names(const NetDirection *d) {
        for (size_t i = 0; i < d->n_allow; i++)
                for (size_t k = 0; k < d->allow[i].n_peers; k++)
                        if (!d->allow[i].peers[k].has_cidr) /* a name, or any destination */
                                return true;
        return d->fallback == VERDICT_ALLOW;
}

int relay_lease_new(const char *id, const RelayTerms *terms, int *ret, int *ret_table) {
        const Policy *live = terms->policy;
        Upstream upstream = *terms->upstream; /* borrowed */
        if (upstream.set &&
                        !reaches_names(&live->egress)) /* who asks is nothing for a relay that does not */
                upstream.authorization = (char *)"";
        const EgressLease lease = {
                .id = (char *)id,
                .egress = live->egress, /* borrowed */
                .host_loopback = live->host_loopback,
                .dns = live->dns,
                .bytes_out = live->bytes_out,
                .bytes_in = live->bytes_in,
                .spent_out = terms->spent_out,
                .spent_in = terms->spent_in,
                .connections = live->connections,
                .connection_rate = live->connection_rate,
                .owner = terms->owner,
                .publish = live->publish,
                .n_publish = live->n_publish,
                .upstream = upstream,
        };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        _cleanup_close_ int table = -EBADF;
        int r = egress_lease_encode(&lease, &data, &size);
        if (r == 0)
                r = refusal_table_new(&lease, &table);
        if (r == 0)
                r = sealed_memfd_new(data, size, ret);
        if (r == 0)
                *ret_table = TAKE_FD(table);
        return r;
}

RelayTerms relay_terms(const Manager *m, const Policy *policy, uid_t owner) {
        RelayTerms t = { .policy = policy, .owner = owner };
        t.upstream = policy_store_upstream(m->policies, &t.upstream_number);
        return t;
}

/* ---- who waits for it ---- */

void relay_settle(Relay *r, bool anyhow) {
        if (!anyhow && (r->late || r->asking))
                return;
        for (RelayWaiter *w; (w = STAILQ_FIRST(&r->waiters));) {
                STAILQ_REMOVE_HEAD(&r->waiters, entries);
                (void)sd_bus_reply_method_return(w->message, w->number > 0 ? "u" : NULL,
                                w->number); /* who has gone needs no answer */
                sd_bus_message_unref(w->message);
                free(w);
        }
}

void relay_when_leased(Relay *r, sd_bus_message *message, uint32_t number) {
        RelayWaiter *w = calloc(1, sizeof(RelayWaiter)), now = { .message = message, .number = number };
        if (!w) { /* too early is better than never */
                (void)sd_bus_reply_method_return(message, number > 0 ? "u" : NULL, number);
                sd_bus_message_unref(message);
                return;
        }
        *w = now;
        STAILQ_INSERT_TAIL(&r->waiters, w, entries);
        relay_settle(r, false);
}

/* ---- its leaf ---- */

static char *leaf_file(const Relay *r, const char *file) {
        const Sandbox *s = r->sandbox;
        char *path;
        if (!s->leaf || asprintf(&path, "%s%s" EGRESS_LEAF_SUFFIX "/%s", s->manager->cgroup_path, s->leaf,
                                        file) < 0)
                return NULL;
        return path;
}

bool relay_has_process(const Relay *r) {
        _cleanup_free_ char *path = leaf_file(r, "cgroup.procs"), *text = NULL;
        size_t size = 0;
        return path && fd_read_file_at(AT_FDCWD, path, 4096, &text, &size) == 0 && size > 0;
}

static void kill_process(Relay *r) {
        _cleanup_free_ char *path = leaf_file(r, "cgroup.kill");
        int k = path ? fd_write_file_at(AT_FDCWD, path, "1") : -ENOMEM;
        if (k < 0 && k != -ENOENT && k != -ENODEV) /* there is none */
                log_error("The relay of sandbox %s cannot be killed: %s", r->sandbox->id, strerror(-k));
        r->late = sd_event_source_disable_unref(r->late);
        r->serves = false;
        relay_tell_ends(r, EGRESS_REVOKED, 0);
        relay_settle(r, false);
}

void relay_shut(Relay *r) {
        r->shut = true;
        kill_process(r);
}

/* ---- the lease ---- */

static void give_up(Relay *r, const char *why) {
        const AuditSubject subject = sandbox_subject(r->sandbox, NULL);
        log_warning("The relay of sandbox %s does not go by its new lease (%s), and is killed.",
                        r->sandbox->id, why);
        if (audit_lease(r->sandbox->manager->audit, &subject, "late") < 0)
                log_error("That the relay of sandbox %s is killed is not on record.", r->sandbox->id);
        kill_process(r);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        give_up(userdata, "it does not answer");
        return 0;
}

/* The first deadline counts: who is told something new every second has no longer for that. */
static void send_lease(Relay *r) {
        EgressOrder order = { .kind = EGRESS_LEASE, .verdict = VERDICT_ALLOW, .serial = r->leased };
        int k = egress_send_order(r->channel, &order, r->lease);
        if (k == 0 && !r->late)
                k = sd_event_add_time_relative(r->sandbox->manager->event, &r->late, CLOCK_MONOTONIC,
                                RELAY_LEASE_USEC, 1, on_late, r);
        if (k < 0)
                give_up(r, strerror(-k));
}

/* A question to the launcher: the relay may have gone when it answers. */
typedef struct Asked {
        Manager *manager;
        char id[33];
        uint64_t leased;
} Asked;

static void on_launcher(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        _cleanup_free_ Asked *asked = userdata;
        Sandbox *s = sandbox_find(asked->manager, asked->id);
        if (s && s->relay && s->relay->leased == asked->leased) {
                s->relay->asking = false;
                relay_settle(s->relay, false);
        }
        if (report->event != LAUNCH_EVENT_OK)
                log_warning("mxc-launch does not take a lease: %s. The next mxc-egress is told when it "
                            "comes.",
                                strerror(report->error));
}

/* Whatever comes of it: one that begins with an older lease says hello first, and is sent this one before anything it asks is answered. */
static void tell_launcher(Relay *r, int table) {
        _cleanup_free_ Asked *asked = calloc(1, sizeof(Asked));
        LaunchRequest q = { .verb = LAUNCH_LEASE };
        (void)snprintf(q.id, sizeof(q.id), "%s", r->sandbox->id);
        int k = asked ? 0 : -ENOMEM;
        if (k == 0) {
                *asked = (Asked){ .manager = r->sandbox->manager, .leased = r->leased };
                memcpy(asked->id, r->sandbox->id, sizeof(asked->id));
                const int fds[] = { r->lease, table };
                k = launch_channel_call(
                                r->sandbox->manager->launch, &q, fds, ELEMENTSOF(fds), on_launcher, asked);
        }
        r->asking = k >= 0;
        if (k >= 0)
                (void)TAKE_PTR(asked); /* on_launcher() has it */
        else
                log_warning("mxc-launch cannot be told the lease of sandbox %s: %s", r->sandbox->id,
                                strerror(-k));
}

int relay_set_lease(Relay *r, const Policy *live) {
        _cleanup_close_ int lease = -EBADF, table = -EBADF;
        RelayTerms terms = relay_terms(r->sandbox->manager, live, r->sandbox->owner.uid);
        terms.spent_out = r->spent_out;
        terms.spent_in = r->spent_in;
        int k = relay_lease_new(r->sandbox->id, &terms, &lease, &table);
        if (k < 0) {
                relay_shut(r);
                return k;
        }
        const uint64_t now = now_boottime();
        r->upstream = terms.upstream_number;
        cleanup_closep(&r->lease);
        r->lease = TAKE_FD(lease);
        r->leased = now > r->leased ? now : r->leased + 1; /* no number of an earlier mxcd */
        r->shut = false;
        tell_launcher(r, table);
        if (r->serves)
                send_lease(r);
        return 0;
}

/* A step that a relay of ours tells of, or the whole: whatever one that is not ours says, it is not written more often. */
static bool is_due(uint64_t limit, uint64_t spent, uint64_t kept) {
        if (limit == RESOURCE_UNLIMITED || kept >= limit)
                return false;
        return spent >= limit || spent - kept > limit / EGRESS_SPENT_STEPS;
}

/* For the next mxcd, when there may be no relay that knows. */
static void keep_spent(Relay *r) {
        Sandbox *s = r->sandbox;
        if (s->state == SANDBOX_STARTING ||
                        s->state == SANDBOX_EXITED) /* it has no record yet, or none any more */
                return;
        const Policy *live = s->live ? s->live : s->effective->policy;
        if (!is_due(live->bytes_out, r->spent_out, s->spent_out) &&
                        !is_due(live->bytes_in, r->spent_in, s->spent_in))
                return;
        s->spent_out = r->spent_out;
        s->spent_in = r->spent_in;
        int k = runtime_save(s);
        if (k < 0)
                log_warning("The record of sandbox %s is not kept: %s", s->id, strerror(-k));
}

void relay_spent(Relay *r, const EgressReport *report) {
        r->spent_out = report->bytes_out > r->spent_out ? report->bytes_out : r->spent_out;
        r->spent_in = report->bytes_in > r->spent_in ? report->bytes_in : r->spent_in;
        keep_spent(r);
}

/* It hears this before the answer to anything that it asks. */
void relay_begun(Relay *r) {
        const Sandbox *s = r->sandbox;
        r->serves = true;
        r->late = sd_event_source_disable_unref(r->late);        /* that was another one's */
        if ((r->spent_out > 0 || r->spent_in > 0) && !r->shut) { /* a relay before it has spent that */
                if (relay_set_lease(r, s->live ? s->live : s->effective->policy) < 0)
                        log_error("Sandbox %s has no network any more: what it has spent cannot be told.",
                                        s->id);
        } else if (r->lease >= 0) {
                send_lease(r);
        }
}

void relay_leased(Relay *r, uint64_t serial) {
        if (serial != r->leased)
                return;
        r->late = sd_event_source_disable_unref(r->late);
        relay_settle(r, false);
}
