/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second half of a Spawn: a sandbox in the agent's scope, of the plan that is on record. */
#include <fcntl.h>

#include "admit.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "codec.h"
#include "live.h"
#include "log.h"
#include "names.h"
#include "release.h"
#include "spawn-info.h"
#include "spawn-internal.h"

/* As many as fit in max bytes, and then "…": it is for showing, stays in memory, and is in a record in /run for as long as the sandbox
 * lives. */
static char **copy_words(char *const *words, size_t max) {
        size_t n = 0, bytes = 0;
        while (words && words[n] && (bytes += strlen(words[n]) + 1) <= max)
                n++;
        char **copy = calloc(n + 2, sizeof(char *));
        for (size_t i = 0; copy && i < n; i++)
                copy[i] = strdup(words[i]); /* a missing one ends the list */
        if (copy && words && words[n])
                copy[n] = strdup("\xe2\x80\xa6");
        return copy;
}

static uint64_t deadline_of(const Spawn *w) {
        uint64_t limit = w->decision.effective->resources[RESOURCE_RUNTIME_MAX];
        if (w->request.timeout > 0 && w->request.timeout < limit)
                limit = w->request.timeout;
        return limit == RESOURCE_UNLIMITED ? 0 : now_boottime() + limit;
}

static int fill_sandbox(Act *a, Sandbox *s) {
        Spawn *w = a->data;
        int r = user_copy(&w->owner, &s->owner);
        if (r < 0)
                return r;
        free(s->owner.groups); /* only for opening what a request names */
        s->owner.groups = NULL;
        s->owner.n_groups = 0;
        s->caller = a->caller->uid;
        s->scope = w->scope;
        w->scope = NULL; /* the hold goes along */
        s->policy = strdup(w->requested->name);
        s->workspace = strdup(w->request.workspace ? w->request.workspace : "");
        s->walls = strdup(w->walls);
        s->unheld = strdup(w->unheld);
        s->cut = strdup(w->decision.cut ? w->decision.cut : "");
        s->argv = copy_words(w->request.argv, LIMIT_SHOWN_ARGV_BYTES);
        s->labels = copy_words(w->request.labels, SIZE_MAX); /* bounded as they are */
        if (!s->policy || !s->workspace || !s->walls || !s->unheld || !s->cut || !s->argv || !s->labels ||
                        asprintf(&s->leaf, "%s/%s", s->scope->path, s->id) < 0)
                return -ENOMEM;
        s->has_command = w->request.argv != NULL;
        s->origin = !w->stored                                          ? ORIGIN_DOCUMENT
                    : w->request.policy && w->request.policy[0] != '\0' ? ORIGIN_STORE
                                                                        : ORIGIN_AGENT;
        uint64_t number;
        s->leased = w->plan->relay_uid != 0 && policy_store_upstream(a->manager->policies, &number)->set;
        s->tied = w->request.tie;
        s->started = now_realtime();
        s->started_boottime = now_boottime();
        s->deadline = deadline_of(w);
        r = runtime_effective_new(w->decision.effective, &s->effective);
        if (r == 0)
                r = command_new(s, 0, a->caller->bus, a->caller->sender, s->tied, NULL);
        return r < 0 ? r : runtime_save(s);
}

static void reply_started(Act *a, Sandbox *s, int pty) {
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(a->message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", s->object);
        if (r >= 0)
                r = spawn_info_append(reply, s, pty);
        if (r >= 0) {
                act_reply_message(a, reply);
                return;
        }
        sd_bus_message_unref(reply);
        (void)sandbox_kill_all(s); /* nobody knows of it; logs itself */
        spawn_fail(a, r, "The answer cannot be made");
}

static void give_up(Act *a, const LaunchReport *report) {
        Spawn *w = a->data;
        Sandbox *s = w->sandbox;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const AuditSubject subject = sandbox_subject(s, a->caller);
        const char *step = report->step < _LAUNCH_STEP_MAX ? launch_step_to_string((LaunchStep)report->step)
                                                           : "unknown";
        if (audit_fail(a->manager->audit, &subject, step, report->error, report->detail) < 0)
                log_error("The failure of sandbox %s is not on record.", s->id);
        (void)sandbox_kill_all(s);     /* a launcher that died may have begun it; logs itself */
        if (report->error != ENOTCONN) /* of what one that stands still begins later, its HELLO tells */
                release_begin(s->manager, s->scope->path, s->id, 0, &subject);
        runtime_remove(s->id);
        sandbox_free(s);
        w->sandbox = NULL;
        (void)bus_error_from_report(&error, report,
                        w->request.argv ? w->request.argv[0] : NULL); /* returns what it sets */
        act_reply_error(a, &error);
}

static void on_launched(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Act *a = userdata;
        Spawn *w = a->data;
        Sandbox *s = w->sandbox;
        size_t expected = w->request.pty ? 3 : 2;
        if (report->event != LAUNCH_EVENT_STARTED || n_fds != expected) {
                LaunchReport broken = *report;
                if (report->event == LAUNCH_EVENT_STARTED) {
                        broken.step = LAUNCH_STEP_FDS;
                        broken.error = EBADF;
                        (void)sandbox_kill_all(s); /* logs itself */
                }
                if (report->step == LAUNCH_STEP_CGROUP && report->error == ENOENT && !w->again) {
                        /* the scope went without a word: its processes were killed from outside */
                        w->again = true;
                        w->scope = s->scope;
                        s->scope = NULL;
                        scope_forget(w->scope);
                        runtime_remove(s->id);
                        sandbox_free(s);
                        w->sandbox = NULL;
                        spawn_begin(a);
                        return;
                }
                give_up(a, &broken);
                return;
        }
        sandbox_started(s, report->pid, TAKE_FD(fds[0]), TAKE_FD(fds[1]));
        const AuditSubject subject = sandbox_subject(s, a->caller);
        if (audit_start(a->manager->audit, &subject, s->leader, now_boottime() - w->began) < 0)
                log_error("The start of sandbox %s is not on record; that it was allowed is.", s->id);
        int r = sandbox_arm_timer(s);
        if (r == 0 && w->relay.ours >= 0)
                r = relay_new(s, TAKE_FD(w->relay.ours), &s->relay);
        if (r == 0 && s->relay)
                s->relay->upstream = w->relay.upstream;
        if (r == 0)
                live_update(s, "policy-load", NULL); /* it may have changed while it was built */
        Command *c = command_find(s, 0);
        /* no timer, or no network; who waits for it went while it was built; or it was to end before it was there to be killed */
        if (r < 0 || (c->tied && !c->bus) || s->reason != END_EXITED)
                (void)sandbox_kill_all(s); /* logs itself */
        bus_emit_sandbox(a->manager, "SandboxNew", s);
        reply_started(a, s, n_fds == 3 ? fds[2] : -EBADF);
}

static int send_plan(Act *a) {
        Spawn *w = a->data;
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int memfd = -EBADF, null = -EBADF;
        size_t size;
        int r = launch_plan_encode(w->plan, &data, &size);
        if (r == 0)
                r = sealed_memfd_new(data, size, &memfd);
        if (r < 0)
                return r;
        int fds[LAUNCH_MAX_FDS] = { memfd };
        size_t n = 1;
        for (size_t i = 0; i < ELEMENTSOF(w->request.stdio) && !w->request.pty; i++) {
                if (w->request.stdio[i] < 0 && null < 0) {
                        null = open("/dev/null", O_RDWR | O_CLOEXEC);
                        if (null < 0)
                                return -errno;
                }
                fds[n++] = w->request.stdio[i] < 0 ? null : w->request.stdio[i];
        }
        if (w->plan->relay_uid != 0) {
                const RelayTerms terms = relay_terms(a->manager, w->decision.effective, w->owner.uid);
                if (w->relay.ours < 0)
                        r = relay_ends_new(w->id, &terms, &w->relay);
                if (r < 0)
                        return r;
                fds[n++] = w->relay.lease;
                fds[n++] = w->relay.table;
                fds[n++] = w->relay.theirs;
                fds[n++] = w->relay.ours; /* the launcher keeps a copy for the next mxcd */
        }
        const LaunchRequest q = { .verb = LAUNCH_SPAWN };
        return launch_channel_call(a->manager->launch, &q, fds, n, on_launched, a);
}

static void on_scope(Scope *scope, int error, const char *sentence, void *userdata) {
        Act *a = userdata;
        Spawn *w = a->data;
        if (error == 0 && !admit(a, scope->agent)) /* it waited for users and scopes meanwhile */
                return;
        int r = error < 0 ? error : sandbox_new(a->manager, w->id, scope->agent, &w->sandbox);
        if (r == 0)
                r = fill_sandbox(a, w->sandbox);
        if (r == 0)
                r = send_plan(a);
        if (r == 0)
                return; /* on_launched() goes on */
        if (w->sandbox) {
                runtime_remove(w->id);
                sandbox_free(w->sandbox);
                w->sandbox = NULL;
        }
        LaunchReport failed = { .event = LAUNCH_EVENT_FAILED, .step = LAUNCH_STEP_CGROUP, .error = -r };
        (void)snprintf(failed.detail, sizeof(failed.detail), "%s",
                        sentence ? sentence : "it could not be asked for");
        const AuditSubject subject = spawn_subject(a, scope->agent);
        if (audit_fail(a->manager->audit, &subject, "scope", -r, failed.detail) < 0)
                log_error("The failure of sandbox %s is not on record.", w->id);
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        (void)bus_error_from_report(&e, &failed, NULL); /* returns what it sets */
        act_reply_error(a, &e);
}

void spawn_begin(Act *a) {
        Spawn *w = a->data;
        int r = scope_when_ready(w->scope, on_scope, a);
        if (r < 0)
                spawn_fail(a, r, "The agent's scope cannot be waited for");
}
